/** The built page in Chromium: how tests and pictures open it, and what they ask of it. */
import axe from "axe-core"
import { type Browser, chromium, type Page } from "playwright-core"

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"]
  })

export interface Opened {
  readonly page: Page
  /** What went wrong in the page: errors of its scripts, and what the policy of content refused. */
  readonly errors: ReadonlyArray<string>
}

export interface OpenOptions {
  readonly colorScheme?: "light" | "dark" | undefined
  /** Of the address, with its `#`. */
  readonly hash?: string | undefined
}

const size = { width: 1440, height: 900 }

export const open = async (browser: Browser, url: string, options: OpenOptions = {}): Promise<Opened> => {
  const { colorScheme = "light", hash = "" } = options
  const context = await browser.newContext({
    colorScheme,
    viewport: size,
    permissions: url.startsWith("http") ? ["clipboard-read", "clipboard-write"] : []
  })
  const page = await context.newPage()
  const errors: Array<string> = []
  page.on("pageerror", (error) => errors.push(String(error)))
  page.on("console", (message) => {
    // A dial that fails shows too: that the program is away is what some tests are about.
    if (message.type() === "error" && !/WebSocket|Failed to load resource/.test(message.text()))
      errors.push(message.text())
  })
  await page.goto(`${url}${hash}`)
  return { page, errors }
}

/** Waits until the text is somewhere in the page. */
export const sees = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction((text) => document.body.innerText.includes(text), text)

/** The table's first row. */
export const firstRow = "[aria-rowindex='2']"

/** Waits until the table shows rows. */
export const seesRows = (page: Page): Promise<unknown> =>
  page.waitForFunction((row) => document.querySelector(`${row} b`) !== null, firstRow)

/** What axe complains of, a line each. It comes in through the debugger, which the page's policy does not bind. */
export const complaintsOf = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
    // A colour that is on its way to another one is none of the page's.
    await Promise.allSettled(document.getAnimations().map(({ finished }) => finished))
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run()
    return violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ failureSummary, html }) => `${html} ${failureSummary ?? ""}`)
          .join(" | ")}`
    )
  })
}
