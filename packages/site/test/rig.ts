/** Serves the built site from its folder, and opens it in Chromium with every other address cut off. */
import { createServer } from "node:http"
import { readFile } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { extname, join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm"
}

export interface Site {
  readonly url: string
  readonly close: () => void
}

export const serve = async (folder: string): Promise<Site> => {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost")
    const file = join(folder, decodeURIComponent(pathname), pathname.endsWith("/") ? "index.html" : "")
    readFile(file).then(
      (body) => response.writeHead(200, { "content-type": types[extname(file)] ?? "text/plain" }).end(body),
      () => response.writeHead(404).end()
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() }
}

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"]
  })

export interface Opened {
  readonly page: Page
  /** Requests to any other address than the site's. */
  readonly outside: ReadonlyArray<string>
  /** What went wrong in the page's own scripts. */
  readonly errors: ReadonlyArray<string>
}

export const open = async (
  browser: Browser,
  site: Site,
  path: string,
  colorScheme: "dark" | "light" = "light"
): Promise<Opened> => {
  const page = await browser.newPage({ colorScheme })
  const outside: Array<string> = []
  const errors: Array<string> = []
  page.on("pageerror", (error) => errors.push(String(error)))
  await page.route("**/*", (route) => {
    const url = route.request().url()
    if (url.startsWith(site.url) || url.startsWith("data:")) return route.continue()
    outside.push(url)
    return route.abort()
  })
  await page.goto(`${site.url}${path}`)
  return { page, outside, errors }
}
