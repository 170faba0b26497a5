/**
 * The test's half of a browser test: bundles the pages, starts the server in
 * its own process and Chromium beside it, and calls the pages' verbs.
 */
import * as Esbuild from "esbuild"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { createInterface } from "node:readline"
import { type BrowserContext, type CDPSession, chromium, type Page } from "playwright-core"
import type { Entry, Verb } from "./server.ts"

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0"
]

export interface Tab {
  readonly page: Page
  readonly cdp: CDPSession
  /** Calls a verb of the page. */
  readonly call: <A = unknown>(name: string, ...args: ReadonlyArray<unknown>) => Promise<A>
  /** Calls a verb until what it returns satisfies the predicate. */
  readonly until: <A>(name: string, args: ReadonlyArray<unknown>, predicate: (a: A) => boolean) => Promise<A>
}

export interface Rig {
  readonly context: BrowserContext
  /** A new tab, in front of the others, on one of the bundled pages. */
  readonly tab: (page?: string) => Promise<Tab>
  readonly closeTabs: () => Promise<void>
  readonly http: (path: string) => string
  readonly ws: (path: string) => string
  readonly log: (path: string) => Promise<ReadonlyArray<Entry>>
  /** Open sessions on a path; on all of them for `""`. */
  readonly sessions: (path: string) => Promise<ReadonlyArray<number>>
  readonly perform: (verb: Verb) => Promise<void>
  readonly stop: () => Promise<void>
}

export const start = async (): Promise<Rig> => {
  const folder = await mkdtemp(Path.join(tmpdir(), "kharbranth-chromium-"))
  await bundle(folder)
  const { child, port } = await serve(folder)
  const { context, stop } = await launch(Path.join(folder, "profile"))
  const http = (path: string) => `http://localhost:${port}${path}`
  const json = async <A>(path: string) => (await fetch(http(path))).json() as Promise<A>

  return {
    context,
    http,
    ws: (path) => `ws://localhost:${port}${path}`,
    tab: async (name = "page") => {
      const page = await context.newPage()
      const cdp = await context.newCDPSession(page)
      await page.goto(http(`/${name}.html`))
      await page.waitForFunction(() => "bridge" in globalThis)
      return tabOf(page, cdp)
    },
    closeTabs: async () => {
      // One stays: the browser ends with its last tab.
      const [, ...tabs] = context.pages()
      await Promise.all(tabs.map((page) => page.close()))
    },
    log: async (path) => (await json<ReadonlyArray<Entry>>("/control/log")).filter((entry) => entry.path === path),
    sessions: (path) => json(`/control/sessions${path === "" ? "" : `?path=${path}`}`),
    perform: async (verb) => void (await fetch(http("/control/do"), { method: "POST", body: JSON.stringify(verb) })),
    stop: async () => {
      await stop()
      child.stdin!.end()
      // The browser's helpers may outlive it for a moment, and write.
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  }
}

/**
 * Started by hand and joined without defaults: a browser that a test tool starts
 * calls every tab visible, never slows a timer and keeps no page in its cache.
 */
const launch = async (profile: string) => {
  const child = spawn(executablePath, [...flags, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"]
  })
  const gone = new Promise<void>((resolve) => child.on("exit", () => resolve()))
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.on("error", reject)
    createInterface(child.stderr).on("line", (line) => {
      const found = /ws:\/\/\S+/.exec(line)
      if (found !== null) resolve(found[0])
    })
  })
  const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true })
  return {
    context: browser.contexts()[0]!,
    stop: async () => {
      await browser.close()
      child.kill()
      await gone
    }
  }
}

const tabOf = (page: Page, cdp: CDPSession): Tab => {
  const call = <A>(name: string, ...args: ReadonlyArray<unknown>) =>
    page.evaluate(
      ({ args, name }) =>
        (globalThis as unknown as { bridge: { call: (...args: Array<unknown>) => unknown } }).bridge.call(name, args),
      { name, args }
    ) as Promise<A>
  return {
    page,
    cdp,
    call,
    until: async <A>(name: string, args: ReadonlyArray<unknown>, predicate: (a: A) => boolean) => {
      for (;;) {
        const found = await call<A>(name, ...args)
        if (predicate(found)) return found
      }
    }
  }
}

const pages = [
  "chromium/page",
  "chromium/journeys",
  "chromium/connection",
  "chromium/overflow",
  "../bench/throughputPage",
  "../bench/latencyPage"
]

const bundle = (folder: string) =>
  Esbuild.build({
    entryPoints: pages.map((page) => Path.join(import.meta.dirname, `../${page}.ts`)),
    outdir: folder,
    entryNames: "[name]",
    bundle: true,
    format: "esm",
    platform: "browser",
    sourcemap: "inline",
    logLevel: "error"
  })

const serve = (folder: string) =>
  new Promise<{ readonly child: ChildProcess; readonly port: number }>((resolve, reject) => {
    const child = spawn(process.execPath, [Path.join(import.meta.dirname, "server.ts"), folder], {
      stdio: ["pipe", "pipe", "inherit"]
    })
    child.on("error", reject)
    createInterface(child.stdout).once("line", (line) =>
      resolve({ child, port: (JSON.parse(line) as { port: number }).port })
    )
  })
