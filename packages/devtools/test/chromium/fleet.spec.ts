/**
 * Proves that the page shows ten thousand connections as an operator needs them:
 * counted, filtered and sorted by the program, walked by keys alone, scrolled
 * without a stutter, and with hostile names, reasons and urls as plain text.
 */
import type { Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { folder } from "../../page/build.ts"
import { gridOf } from "../../page/fleet/grid.ts"
import { firstRow, open, sees, seesRows } from "../rig/chromium.ts"
import { type Program, startProgram } from "../rig/program.ts"
import { type Stage, stage } from "../rig/stage.ts"
import type { Stories } from "../rig/stories.ts"
import { makeWorld } from "../rig/world.ts"

let on: Stage

beforeAll(async () => {
  on = await stage(10_000)
})

afterAll(() => on.leave())

const opened = async (test: (page: Page) => Promise<void>, at: Program = on.program) => {
  const { errors, page } = await open(on.browser, at.url)
  await seesRows(page)
  await test(page)
  await page.context().close()
  assert.deepStrictEqual(errors, [])
}

const nameOf = (page: Page, row: string) => page.locator(`${row} [data-column=name] b`).innerText()
const selectedIndex = (page: Page) => page.locator("[aria-selected=true]").getAttribute("aria-rowindex").then(Number)

describe("the fleet", () => {
  it("is counted, and drawn one cell a connection", () =>
    opened(async (page) => {
      const failed = on.world.rows.filter(({ state }) => state === "Failed").length
      assert.include(await page.locator(".chip", { hasText: "Failed" }).innerText(), String(failed))
      await sees(page, "10,000 connections")
      const label = await page.locator(".strip canvas").getAttribute("aria-label")
      assert.match(label ?? "", /^10,000 connections: \d/)
      // The cell of a failed connection has the colour of failure.
      const drawn = await page.evaluate((pitch) => {
        const canvas = document.querySelector<HTMLCanvasElement>(".strip canvas")!
        const { data, width } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height)
        const red = new Set<string>()
        for (let at = 0; at < data.length; at += 4)
          if (data[at] === 0xd1 && data[at + 1] === 0x3b && data[at + 2] === 0x32)
            red.add(`${Math.floor(((at / 4) % width) / pitch)} ${Math.floor(at / 4 / width / pitch)}`)
        return red.size
      }, gridOf(10_000, 1400).pitch)
      assert.strictEqual(drawn, failed)
    }))

  it("filters by the state of a clicked cell, and opens the connection of one that is clicked twice", () =>
    opened(async (page) => {
      const { columns, pitch } = gridOf(10_000, 1400)
      const cells = page.locator(".strip canvas")
      const sick = on.world.rows.findIndex(({ state }) => state === "Failed")
      const position = { x: ((sick % columns) + 0.5) * pitch, y: (Math.floor(sick / columns) + 0.5) * pitch }
      const failed = on.world.rows.filter(({ state }) => state === "Failed").length
      await cells.click({ position })
      await sees(page, `${failed} of 10,000`)
      assert.strictEqual(await page.locator(".chip", { hasText: "Failed" }).getAttribute("aria-pressed"), "true")
      await cells.click({ position })
      await page.waitForFunction(() => document.querySelector(".chip[aria-pressed=true]") === null)
      await cells.dblclick({ position: { x: 2.5 * pitch, y: 1 } })
      await sees(page, on.world.rows[2]!.name)
      assert.strictEqual(new URL(page.url()).hash, "#connection=3")
    }))

  it("filters by state and by text, on the program's side", () =>
    opened(async (page) => {
      const chip = page.locator(".chip", { hasText: "Reconnecting" })
      await chip.click()
      assert.strictEqual(await chip.getAttribute("aria-pressed"), "true")
      const waiting = on.world.rows.filter(({ state }) => state === "Reconnecting")
      await sees(page, `${waiting.length} of 10,000`)
      await page.fill("#filter", "KRAKEN/")
      await sees(page, `${waiting.filter(({ name }) => name.startsWith("kraken/")).length} of 10,000`)
      assert.match(await nameOf(page, firstRow), /^kraken\//)
      await page.fill("#filter", "no such name")
      await sees(page, "0 of 10,000")
      await page.click("text=Show all")
      await sees(page, "10,000 connections")
    }))

  it("sorts by any column", () =>
    opened(async (page) => {
      const best = Math.max(...on.world.rows.map(({ epoch }) => epoch))
      await page.click("[role=columnheader] >> text=epoch")
      await page.waitForFunction(
        ({ best, row }) => document.querySelector(`${row} [data-column=epoch]`)?.textContent === String(best),
        { best, row: firstRow }
      )
      const header = page.locator("[role=columnheader]", { hasText: "epoch" })
      assert.strictEqual(await header.getAttribute("aria-sort"), "descending")
      await page.click("[role=columnheader] >> text=epoch")
      await page.waitForFunction(
        (row) => document.querySelector(`${row} [data-column=epoch]`)?.textContent === "1",
        firstRow
      )
      assert.strictEqual(await header.getAttribute("aria-sort"), "ascending")
    }))

  it("shows a change within 250 ms", async () => {
    const small = makeWorld(60)
    const other = await startProgram({ world: small, stories: on.stories, folder, pace: 0 })
    await opened(async (page) => {
      const { id } = small.rows[0]!
      await page.click("[role=columnheader] >> text=epoch")
      await page.waitForSelector("[aria-sort=descending] >> text=epoch")
      const times: Array<number> = []
      for (const epoch of [1001, 1002, 1003, 1004, 1005]) {
        const seen = page.evaluate(
          ({ row, text }) =>
            new Promise<number>((resolve) => {
              const look = () => {
                const isThere = document.querySelector(`${row} [data-column=epoch]`)?.textContent === text
                if (isThere) resolve(Date.now())
                else requestAnimationFrame(look)
              }
              look()
            }),
          { row: firstRow, text: epoch.toLocaleString("en-US") }
        )
        const began = Date.now()
        other.change(id, { epoch })
        times.push((await seen) - began)
      }
      console.log(`a change shows after ${times.join(", ")} ms`)
      assert.isBelow(times.toSorted((a, b) => a - b)[2]!, 250)
    }, other)
    await other.stop()
  })
})

describe("the keys", () => {
  it("lead through every page, without a mouse", () =>
    opened(async (page) => {
      await page.keyboard.press("?")
      await page.waitForSelector("dialog:modal")
      await page.keyboard.press("Escape")
      await page.waitForSelector("dialog", { state: "detached" })

      for (const key of ["j", "j", "j", "k"]) await page.keyboard.press(key)
      assert.strictEqual(await selectedIndex(page), 4)
      await page.keyboard.press("/")
      await page.keyboard.type("okx/btc")
      await page.waitForFunction(
        (row) => document.querySelector(`${row} b`)?.textContent?.startsWith("okx/btc"),
        firstRow
      )
      await page.keyboard.press("Enter")
      await page.keyboard.press("j")
      const name = await nameOf(page, "[aria-selected=true]")
      assert.match(name, /^okx\/btc/)
      await page.keyboard.press("Enter")
      await page.waitForFunction((name) => document.querySelector(".heading h2")?.textContent === name, name)

      await page.keyboard.press("y")
      await sees(page, "copied the explanation")
      const copied = await page.evaluate(() => navigator.clipboard.readText())
      assert.strictEqual(copied.split("\n").length, 5)
      assert.isTrue(copied.startsWith(name), copied)

      const before = on.program.asked.length
      await page.keyboard.press("r")
      await page.waitForSelector("dialog:modal")
      await page.keyboard.press("Escape")
      assert.strictEqual(on.program.asked.length, before, "a question that is turned down asks for nothing")
      for (const [key, command] of Object.entries({ r: "restart", o: "rotate", p: "probe", c: "close" })) {
        await page.keyboard.press(key)
        await page.waitForSelector("dialog:modal")
        await page.keyboard.press("Enter")
        await page.waitForSelector("dialog", { state: "detached" })
        await page.waitForFunction(
          (verb) => document.querySelector(".notice")?.textContent?.toLowerCase().startsWith(verb),
          command
        )
        const asked = on.program.asked.at(-1)
        assert.isTrue(asked?.t === "do" && asked.command === command, JSON.stringify(asked))
      }
      await page.keyboard.press("Escape")
      await seesRows(page)
    }))

  it("that follow a slash at once are typed, and no commands", () =>
    opened(async (page) => {
      const seen = await page.evaluate(() => {
        const press = (key: string) =>
          (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }))
        press("/")
        const { id } = document.activeElement ?? { id: "" }
        press("o")
        return id
      })
      assert.strictEqual(seen, "filter")
      assert.strictEqual(await page.locator("dialog").count(), 0)
    }))

  it("do nothing to connections where the dashboard may only look", async () => {
    const looking = await startProgram({
      world: makeWorld(20),
      stories: on.stories,
      folder,
      hello: { commands: false }
    })
    await opened(async (page) => {
      await page.keyboard.press("c")
      await sees(page, "this dashboard may only look")
      assert.strictEqual(await page.locator("dialog").count(), 0)
    }, looking)
    assert.deepStrictEqual(looking.asked, [])
    await looking.stop()
  })

  it("keep the selection on its connection when the order changes", async () => {
    const small = makeWorld(50)
    const other = await startProgram({ world: small, stories: on.stories, folder, pace: 0 })
    await opened(async (page) => {
      await page.click("[role=columnheader] >> text=epoch")
      await page.waitForSelector("[aria-sort=descending] >> text=epoch")
      for (const key of ["j", "j", "j"]) await page.keyboard.press(key)
      const name = await nameOf(page, "[aria-selected=true]")
      const { id } = small.rows.find((row) => row.name === name)!
      other.change(id, { epoch: 9999 })
      await page.waitForFunction(
        ({ name, row }) => document.querySelector(`${row}[aria-selected=true] b`)?.textContent === name,
        { name, row: firstRow }
      )
    }, other)
    await other.stop()
  })
})

/** Scrolls on by a frame at a time: how long each frame took, and how many showed a row without content. */
const scrolled = (page: Page) =>
  page.evaluate(async () => {
    const table = document.querySelector("[role=grid]")!
    const box = table.getBoundingClientRect()
    const times: Array<number> = []
    let empty = 0
    for (let frame = 0; frame < 240; frame++) {
      table.scrollTop += 70
      times.push(await new Promise<number>((resolve) => requestAnimationFrame(resolve)))
      const row = document.elementFromPoint(box.left + 40, box.top + box.height / 2)?.closest("[role=row]")
      if (!row?.querySelector("b")) empty++
    }
    const took = times.slice(1).map((time, index) => time - times[index]!)
    return { took: took.toSorted((a, b) => a - b), empty }
  })

describe("scrolling", () => {
  it("through ten thousand rows keeps about 60 frames a second", () =>
    opened(async (page) => {
      // The best of three: what else runs on the machine takes frames too.
      const medians: Array<number> = []
      for (let run = 0; run < 3; run++) {
        const { empty, took } = await scrolled(page)
        const median = took[Math.floor(took.length / 2)]!
        const late = took[Math.floor(took.length * 0.95)]!
        console.log(`frames: median ${median.toFixed(1)} ms, 95 % within ${late.toFixed(1)} ms, ${empty} of 240 empty`)
        assert.isBelow(empty, 48)
        medians.push(median)
        if (median < 20) break
      }
      assert.isBelow(Math.min(...medians), 20)
    }))

  it("to any place shows its rows", () =>
    opened(async (page) => {
      await page.focus("[role=grid]")
      await page.keyboard.press("End")
      await page.waitForSelector("[aria-rowindex='10001'] b")
      assert.strictEqual(await selectedIndex(page), 10_001)
      await page.evaluate(() => (document.querySelector("[role=grid]")!.scrollTop = 26 * 5000))
      await page.waitForSelector("[aria-rowindex='5010'] b")
      assert.isBelow(await page.locator("[role=grid] [role=row]").count(), 80)
    }))
})

describe("a hostile program", () => {
  const attack = `<img src=x onerror="globalThis.hurt=1"><script>globalThis.hurt=1</script>`

  it("cannot put markup into the page", async () => {
    const hostile = makeWorld(3)
    hostile.rows[0] = {
      ...hostile.rows[0]!,
      state: "Failed",
      name: `${attack}name`,
      tags: [`${attack}tag`],
      detail: `${attack}detail`,
      blame: `${attack}blame`,
      why: `${attack}why`,
      origin: `wss://x.example`
    }
    const poisoned = JSON.parse(
      JSON.stringify(on.stories.refused)
        .replaceAll("peer.example", attack.replaceAll('"', '\\"'))
        .replaceAll("HandshakeRejected", `${attack.replaceAll('"', '\\"')}tag`)
    ) as Stories["refused"]
    const program = await startProgram({
      world: hostile,
      stories: { ...on.stories, refused: poisoned },
      folder,
      hello: { title: `${attack}title` }
    })
    const harmless = async (page: Page) => {
      assert.strictEqual(await page.locator("img, #page script").count(), 0)
      assert.isFalse(await page.evaluate(() => "hurt" in globalThis))
    }
    await opened(async (page) => {
      await sees(page, `${attack}name`)
      await sees(page, `${attack}why`)
      await harmless(page)
      await page.keyboard.press("Enter")
      await page.waitForSelector(".events li")
      await sees(page, `${attack}tag`)
      await harmless(page)
      await page.keyboard.press("c")
      await page.waitForSelector("dialog:modal")
      await harmless(page)
    }, program)
    await program.stop()
  })
})
