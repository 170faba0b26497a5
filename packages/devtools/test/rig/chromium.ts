/** Chromium for the page's tests and pictures. */
import axe from "axe-core"
import { type Browser, chromium, type Page } from "playwright-core"

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"]
  })

/** What axe complains of, a line each. It is brought in by the debugger, which the page's policy does not bind. */
export const complaintsOf = async (page: Page): Promise<ReadonlyArray<string>> => {
  await page.evaluate(axe.source)
  return page.evaluate(async () => {
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
