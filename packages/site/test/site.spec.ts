/**
 * Proves that the site can be read: it builds from the repository alone, no link
 * or anchor is dead, the search answers without a network, pages satisfy axe in
 * both themes, no name of `internal/` shows, and the connection of "Break it"
 * can be broken in every way that its buttons offer.
 */
import axe from "axe-core"
import { execFileSync } from "node:child_process"
import { globSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { deadLinks } from "./links.ts"
import { launch, open, serve, type Site } from "./rig.ts"

const here = new URL("../", import.meta.url).pathname
const dist = join(here, "dist")

let site: Site
let browser: Browser

beforeAll(async () => {
  const began = performance.now()
  execFileSync("npm", ["run", "build"], {
    cwd: here,
    stdio: "pipe",
    // Vitest's own variables would make Astro build pages for development.
    env: { HOME: process.env["HOME"], PATH: process.env["PATH"], NODE_ENV: "production" }
  })
  console.log(`built in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  site = await serve(dist)
  browser = await launch()
}, 180_000)

afterAll(async () => {
  await browser.close()
  site.close()
})

describe("the site", () => {
  it("has no dead link", () => {
    assert.isAbove(globSync("**/*.html", { cwd: dist }).length, 90)
    assert.deepStrictEqual(deadLinks(dist), [])
  })

  it("would find a dead link", () => {
    const folder = mkdtempSync(join(tmpdir(), "kharbranth-links-"))
    mkdirSync(join(folder, "a"))
    writeFileSync(join(folder, "a/index.html"), `<a href="/b/"></a><a href="#c"></a><a href="/a/#d"></a><p id="d"></p>`)
    assert.deepStrictEqual(deadLinks(folder), ["/a/index.html links to /b/", "/a/index.html links to #c"])
  })

  it("shows no private name", () => {
    const shown = globSync("reference/**/*.html", { cwd: dist }).filter((file) =>
      /import\([^)]*internal|<a href="[^"]*internal|\w_base\b/.test(readFileSync(join(dist, file), "utf8"))
    )
    assert.deepStrictEqual(shown, [])
  })

  it("has texts for language models", () => {
    assert.include(readFileSync(join(dist, "llms.txt"), "utf8"), "/guide/troubleshooting/")
    assert.include(readFileSync(join(dist, "llms-full.txt"), "utf8"), '1006, "was cut without a close frame"')
  })
})

describe("the search", () => {
  const searched = async (words: string) => {
    const { errors, outside, page } = await open(browser, site, "")
    await page.click("button[data-open-modal]")
    await page.fill("input.pagefind-ui__search-input", words)
    await page.waitForSelector(".pagefind-ui__result-link")
    const links = await page.$$eval(".pagefind-ui__result-link", (all) => all.map((link) => link.getAttribute("href")))
    await page.close()
    assert.deepStrictEqual([...outside, ...errors], [])
    return links
  }

  it.each([
    ["1006", "/guide/troubleshooting/"],
    ["half-open", "/guide/ping-or-pong/"],
    ["token expired", "/guide/logging-in/"]
  ])("finds %s", async (words, wanted) => {
    const links = await searched(words)
    // Only the pages, not the headings below each.
    const found = links.filter((link) => link?.includes("#") === false)
    assert.include(found.slice(0, 2), wanted, found.join(" "))
  })
})

describe("accessibility", () => {
  it.each([
    ["", "light"],
    ["guide/troubleshooting/", "dark"],
    ["guide/continuity/", "light"],
    ["guide/continuity/", "dark"],
    ["reference/kharbranth/connection/", "light"],
    ["reference/kharbranth/connection/", "dark"],
    ["break-it/", "light"],
    ["break-it/", "dark"]
  ] as const)("of /%s in the %s theme", async (path, theme) => {
    const { page } = await open(browser, site, path, theme)
    await page.addScriptTag({ content: axe.source })
    const violations = await page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run()
      return violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map(({ html }) => html)
            .join(" ")}`
      )
    })
    await page.close()
    assert.deepStrictEqual(violations, [])
  })
})

describe("Break it", () => {
  it("heals what its buttons break, and marks it", async () => {
    const { errors, outside, page } = await open(browser, site, "break-it/")
    const state = (text: string) =>
      page.waitForFunction((text) => document.querySelector("#state")?.textContent?.includes(text), text)
    const entry = (text: string) =>
      page.waitForFunction((text) => document.querySelector("#entries")?.textContent?.includes(text), text)
    const event = (text: string) =>
      page.waitForFunction((text) => document.querySelector("#events")?.textContent?.includes(text), text)
    await state("Connected, session 1")
    await entry("session 1, price 1")

    await page.click("#cut")
    await entry("Gap: prices may be missing here (ConnectionDropped)")
    await state("Connected, session 2")

    await page.click("#half-open")
    await entry("Gap: prices may be missing here (PongReceiveTimeout)")
    await state("Connected, session 3")

    await page.click("#slow")
    await event("ReaderStalled")
    await event("Dropped")
    await page.click("#slow")
    await entry("Lagged:")

    await page.click("#refuse")
    await state("Failed")
    await page.click("#refuse")
    await page.click("#restart")
    await state("Connected")
    await page.close()
    assert.deepStrictEqual([...outside, ...errors], [])
  })
})
