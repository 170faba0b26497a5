/**
 * Proves that the page and the real dashboard understand each other: a program
 * with connections over real sockets is looked into, steered, broken and healed
 * through the page, by each command and each fault, and the page survives the
 * program.
 */
import type { Browser, Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { build } from "../../page/build.ts"
import { complaintsOf, firstRow, launch, open, sees, seesRows } from "../rig/chromium.ts"
import { type Echo, type RealProgram, startEcho, startRealProgram, token } from "../rig/realProgram.ts"

const names = Array.from({ length: 30 }, (_, index) => `echo-${String(index).padStart(2, "0")}`)
const hostile = `<img src=x onerror="globalThis.hurt=1">`

let browser: Browser
let echo: Echo
let program: RealProgram

beforeAll(async () => {
  await build()
  echo = await startEcho()
  program = await startRealProgram([...names, hostile], echo.url, { title: "real", commands: true, faults: true })
  browser = await launch()
})

afterAll(async () => {
  await browser.close()
  await program.stop()
  await echo.stop()
})

const opened = async (test: (page: Page) => Promise<void>) => {
  const { errors, page } = await open(browser, program.url)
  await seesRows(page)
  await test(page)
  await page.context().close()
  assert.deepStrictEqual(errors, [])
}

const openConnection = async (page: Page, name: string) => {
  await page.keyboard.press("/")
  await page.keyboard.type(name)
  await page.waitForFunction(({ name, row }) => document.querySelector(`${row} b`)?.textContent === name, {
    name,
    row: firstRow
  })
  await page.keyboard.press("Enter")
  await page.keyboard.press("Enter")
  await page.waitForSelector(".why")
}

/** Presses a button to break a connection, or everything to a server, and says yes; waits for what became of it. */
const breaks = async (page: Page, name: string, fault: string, outcome: string) => {
  await page
    .getByRole("group", { name: `Break ${name}` })
    .getByRole("button", { name: fault, exact: true })
    .click()
  await confirm(page)
  await page.locator(".notice", { hasText: outcome }).waitFor()
}

const seesEvent = (page: Page, text: string | RegExp) => page.locator(".events li", { hasText: text }).first().waitFor()

const seesWhy = (page: Page, text: string | RegExp) => page.locator(".why", { hasText: text }).waitFor()

const confirm = async (page: Page) => {
  await page.waitForSelector("dialog:modal")
  await page.keyboard.press("Enter")
  await page.waitForSelector("dialog", { state: "detached" })
}

describe("the dashboard of a real program", () => {
  it("shows its connections, and their round trips", () =>
    opened(async (page) => {
      assert.strictEqual(new URL(page.url()).search, "", "the token is gone from the address")
      await sees(page, "31 connections")
      const chip = page.locator(".chip", { hasText: "Connected" }).first()
      await page.waitForFunction(() => document.querySelector(".chip b")?.textContent === "31")
      assert.include(await chip.innerText(), "31")
      await page.waitForFunction((row) => document.querySelector(`${row} .spark path`) !== null, firstRow)
      await sees(page, hostile)
      assert.strictEqual(await page.locator("img").count(), 0)
    }))

  it("restarts, probes and closes a connection by keys", () =>
    opened(async (page) => {
      await openConnection(page, "echo-07")
      await page.keyboard.press("r")
      await confirm(page)
      await page.waitForFunction(() => document.querySelectorAll(".lanes tbody tr").length === 2)
      await sees(page, "RestartRequested")
      await page.keyboard.press("p")
      await confirm(page)
      await page.waitForFunction(() => document.querySelector(".notice")?.textContent?.startsWith("Probe echo-07"))
      await page.keyboard.press("c")
      await confirm(page)
      await sees(page, "Disconnected · Closed")
      await page.keyboard.press("Escape")
      await page.waitForFunction((row) => /Closed/.test(document.querySelector(row)?.textContent ?? ""), firstRow)
    }))

  it("rotates a connection by its key: the successor takes over, and nobody sees a gap", () =>
    opened(async (page) => {
      await openConnection(page, "echo-03")
      await page.keyboard.press("o")
      await confirm(page)
      await page.locator(".notice", { hasText: "Rotate echo-03: rotated" }).waitFor()
      await seesEvent(page, "session 1 → 2")
      await seesWhy(page, "Connected · session 2")
      await page.locator(".figure", { hasText: /^gaps0$/ }).waitFor()
    }))

  it("shows the dial budget", () =>
    opened(async (page) => {
      await page.click("text=Budget")
      await sees(page, new URL(echo.url).host)
      await sees(page, "Closed")
    }))

  it("cuts a socket, and shows the cause and the recovery", () =>
    opened(async (page) => {
      await openConnection(page, "echo-11")
      await breaks(page, "echo-11", "cut", "1 session cut")
      await seesEvent(page, "ConnectionDropped")
      await page.waitForFunction(() => document.querySelectorAll(".lanes tbody tr").length === 2)
      await seesWhy(page, "Connected · session 2")
      await page.waitForSelector(".uplot canvas")
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepStrictEqual(await complaintsOf(page), [], colorScheme)
      }
    }))

  it("makes a socket half-open: its heartbeat notices", () =>
    opened(async (page) => {
      await openConnection(page, "echo-12")
      await breaks(page, "echo-12", "half-open", "1 session went silent")
      await seesEvent(page, "PongReceiveTimeout")
      await seesWhy(page, "Connected · session 2")
    }))

  it("lets the server close with 1013: the connection comes back", () =>
    opened(async (page) => {
      await openConnection(page, "echo-13")
      await breaks(page, "echo-13", "1013", "closed with code 1013")
      await seesEvent(page, "ConnectionClosed: 1013")
      await seesWhy(page, "Connected · session 2")
    }))

  it("refuses dials with 401 until it is healed: the blame is on the credentials", () =>
    opened(async (page) => {
      await openConnection(page, "echo-14")
      await breaks(page, "echo-14", "401", "dials are refused with HTTP 401")
      await seesEvent(page, "HandshakeRejected: HTTP 401")
      await seesWhy(page, "Failed")
      await page.locator(".heading .blame", { hasText: "credentials" }).waitFor()
      await breaks(page, "echo-14", "heal", "healed")
      await page.keyboard.press("r")
      await confirm(page)
      await seesWhy(page, /Connected · session \d/)
    }))

  it("makes a socket slow until it is healed", () =>
    opened(async (page) => {
      await openConnection(page, "echo-15")
      await breaks(page, "echo-15", "slow", "1500 ms longer")
      await seesEvent(page, /answered after 3\.\d+ s/)
      await breaks(page, "echo-15", "heal", "healed")
      await page
        .locator(".events li", { hasText: /answered after/ })
        .filter({ hasNotText: /after [\d.]+ s/ })
        .waitFor()
      await seesWhy(page, "Connected · session 1")
    }))

  it("breaks everything to one server, and all of it comes back", () =>
    opened(async (page) => {
      const connected = Number(await page.locator(".chip b").first().innerText())
      await openConnection(page, "echo-20")
      await breaks(page, new URL(echo.url).origin, "cut", `${connected} sessions cut`)
      await seesWhy(page, "Connected · session 2")
      await page.keyboard.press("Escape")
      await page.waitForFunction((all) => document.querySelector(".chip b")?.textContent === String(all), connected)
    }))

  it("is refused to a browser that does not know the token", async () => {
    const { page } = await open(browser, new URL(program.url).origin)
    await sees(page, "Open the address that the program gave")
    await page.context().close()
  })

  it("comes back with its program, by the same port and token", async () => {
    const first = await startRealProgram(["one"], echo.url, { title: "first run", token })
    const port = Number(new URL(first.url).port)
    const { errors, page } = await open(browser, first.url)
    await seesRows(page)
    await first.stop()
    await sees(page, "the program is away")
    const second = await startRealProgram(["two"], echo.url, { title: "second run", token, port })
    await sees(page, "second run")
    await page.waitForFunction((row) => document.querySelector(`${row} b`)?.textContent === "two", firstRow)
    await second.stop()
    // A run with another token: the page says where the way in is.
    await sees(page, "the program is away")
    const third = await startRealProgram(["three"], echo.url, { port })
    await sees(page, "open the address that it printed")
    await third.stop()
    await page.context().close()
    assert.deepStrictEqual(errors, [])
  })
})
