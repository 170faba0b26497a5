/**
 * Proves that the page of one connection tells its story: the explanation, the
 * sessions, the events with their causes, the figures; that its buttons ask for
 * what they say; and that what it saves, it can open.
 */
import { readFile } from "node:fs/promises"
import * as Recorder from "kharbranth/Recorder"
import * as Why from "kharbranth/Why"
import type { Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { folder } from "../../page/build.ts"
import { open, sees } from "../rig/chromium.ts"
import { startProgram } from "../rig/program.ts"
import { type Stage, stage } from "../rig/stage.ts"
import { makeWorld, type World } from "../rig/world.ts"

let on: Stage

beforeAll(async () => {
  on = await stage(2000)
})

afterAll(() => on.leave())

const rowIn = (state: string) => on.world.rows.find((row) => row.state === state && row.blame !== "your reader")!

const onPage = async (state: string, test: (page: Page) => Promise<void>) => {
  const { errors, page } = await open(on.browser, on.program.url, { hash: `#connection=${rowIn(state).id}` })
  await page.waitForSelector(".heading")
  await test(page)
  await page.context().close()
  assert.deepStrictEqual(errors, [])
}

describe("the story of a connection", () => {
  it("begins with the five lines of its explanation", () =>
    onPage("Reconnecting", async (page) => {
      const said = await page.locator(".why dd").allInnerTexts()
      const { advice, because, next, patterns, what, you } = Why.explain(on.stories.silent)
      // Only times differ: the story is told as if it had just happened.
      assert.deepStrictEqual([said[0], ...said.slice(2, 5)], [what, you, next, advice])
      assert.strictEqual(said.length, 5 + patterns.length)
      const timeless = (text: string) => text.replaceAll(/\d\d:\d\d:\d\d\.\d/g, "<time>")
      assert.strictEqual(timeless(said[1]!), timeless(because))
      assert.include(await page.locator(".heading").innerText(), "network")
    }))

  it("shows its sessions as lanes: dial, life, end", () =>
    onPage("Reconnecting", async (page) => {
      const rows = await page.locator(".lanes tbody tr").allInnerTexts()
      assert.strictEqual(rows.length, 6)
      assert.match(rows[0]!, /^6\b[\s\S]*10\.0 s[\s\S]*DialTimeout: in phase tcp/)
      assert.match(rows[3]!, /^3\b[\s\S]*5 m 57 s[\s\S]*ConnectionClosed: 1000/)
      assert.match(rows[5]!, /^1\b[\s\S]*9 m 00 s[\s\S]*ConnectionDropped/)
      const tcp = page.locator(".lanes tbody tr").first().locator("[data-phase=tcp]")
      assert.isAbove((await tcp.boundingBox())!.width, 60)
    }))

  it("leads from an event to its cause, and from a lane to its end", () =>
    onPage("Reconnecting", async (page) => {
      const because = page.locator(".events button.jump").first()
      const cause = /\d+/.exec(await because.innerText())![0]
      await because.focus()
      await page.keyboard.press("Enter")
      await page.waitForSelector(`#entry-${cause}[data-marked=true]:focus`)
      await page.locator(".lanes button.jump").last().click()
      await page.waitForSelector(".events li[data-marked=true]:focus >> text=ConnectionDropped")
      assert.strictEqual(await page.locator("[data-marked=true]").count(), 1)
    }))

  it("draws its figures over time, by a script that only this page loads", async () => {
    const { page } = await open(on.browser, on.program.url)
    const scripts: Array<string> = []
    page.on("request", (request) => scripts.push(request.url()))
    await page.waitForSelector("[aria-rowindex='2'] b")
    assert.isFalse(scripts.some((url) => url.includes("charts")))
    await page.goto(`${on.program.url}#connection=${rowIn("Connected").id}`)
    await page.waitForSelector(".uplot canvas")
    assert.isTrue(scripts.some((url) => url.includes("charts")))
    await sees(page, "messages a second")
    await page.context().close()
  })

  it("ends when the connection does, and keeps what was seen", async () => {
    const small = makeWorld(5)
    const other = await startProgram({ world: small, stories: on.stories, folder, pace: 200 })
    const [{ id, name }] = small.rows as [World["rows"][number]]
    const { page } = await open(on.browser, other.url, { hash: `#connection=${id}` })
    await page.waitForSelector(".why")
    small.rows.splice(0, 1)
    await sees(page, "This connection has ended.")
    await sees(page, name)
    await page.goto(`${other.url}#connection=77`)
    await page.reload()
    await sees(page, "This connection has ended.")
    await page.context().close()
    await other.stop()
  })
})

describe("the buttons", () => {
  it("break a connection or a whole host, after a question", () =>
    onPage("Connected", async (page) => {
      const { id, name, origin } = rowIn("Connected")
      const asked = async (group: string, fault: string): Promise<object> => {
        await page
          .getByRole("group", { name: `Break ${group}` })
          .getByRole("button", { name: fault, exact: true })
          .click()
        await page.waitForSelector("dialog:modal")
        await page.keyboard.press("Enter")
        await page.waitForSelector("dialog", { state: "detached" })
        const { ask: _, ...request } = on.program.asked.at(-1) as { readonly ask: number }
        return request
      }
      assert.deepStrictEqual(await asked(name, "half-open"), {
        t: "break",
        fault: "half-open",
        where: { id }
      })
      await page.waitForSelector(".notice:not([hidden])")
      assert.deepStrictEqual(await asked(origin!, "1013"), { t: "break", fault: "1013", where: { origin } })
      assert.deepStrictEqual(await asked(origin!, "heal"), { t: "break", fault: "heal", where: { origin } })
    }))

  it("save a recording that the page, and the library, can open", () =>
    onPage("Failed", async (page) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=download recording")])
      assert.match(download.suggestedFilename(), /^[\w.-]+\.ndjson$/)
      const text = await readFile(await download.path(), "utf8")
      const read = Recorder.fromText(text)
      assert.strictEqual(read._tag, "Success")
      await page.goto(`${on.program.url}#file`)
      await page.setInputFiles("input[type=file]", {
        name: "a.ndjson",
        mimeType: "text/plain",
        buffer: Buffer.from(text)
      })
      await sees(page, "refused a fresh token")
      assert.strictEqual(new URL(page.url()).hash, "#file=0")
    }))
})

describe("the budget", () => {
  it("shows each key with its breaker and who waits, the troubled first", async () => {
    const { errors, page } = await open(on.browser, on.program.url, { hash: "#budget" })
    await page.waitForSelector("tbody tr")
    const rows = await page.locator("tbody tr").allInnerTexts()
    assert.match(rows[0]!, /okx[\s\S]*Open · probes in 4\.9 s[\s\S]*213[\s\S]*and 207 more/)
    assert.strictEqual(rows.length, 4)
    await page.context().close()
    assert.deepStrictEqual(errors, [])
  })
})
