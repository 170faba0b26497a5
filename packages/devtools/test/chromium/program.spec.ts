/**
 * Proves that the page and the real dashboard understand each other: a program
 * with connections over real sockets is looked into, steered, broken and healed
 * by page, and the page survives the program.
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

  it("breaks a socket, and shows the cause and the recovery", () =>
    opened(async (page) => {
      await openConnection(page, "echo-11")
      await page.getByRole("group", { name: "Break echo-11" }).getByRole("button", { name: "cut" }).click()
      await confirm(page)
      await page.waitForSelector(".events li >> text=ConnectionDropped")
      await page.waitForFunction(() => document.querySelectorAll(".lanes tbody tr").length === 2)
      await page.waitForFunction(() => /Connected · session 2/.test(document.querySelector(".why")?.textContent ?? ""))
      await page.waitForSelector(".uplot canvas")
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepStrictEqual(await complaintsOf(page), [], colorScheme)
      }
    }))

  it("shows the dial budget", () =>
    opened(async (page) => {
      await page.click("text=Budget")
      await sees(page, new URL(echo.url).host)
      await sees(page, "Closed")
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
