/**
 * Proves that the page stands on its own feet: it heals when its program starts
 * again, says what is wrong when it may not look or does not understand, and
 * opens recordings when there is no program at all.
 */
import { pathToFileURL } from "node:url"
import { join } from "node:path"
import * as Recorder from "kharbranth/Recorder"
import type { Browser, Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { build, folder } from "../../page/build.ts"
import { launch, open, sees, seesRows } from "../rig/chromium.ts"
import { type Program, startProgram } from "../rig/program.ts"
import { renamed, type Stories, tellStories } from "../rig/stories.ts"
import { makeWorld } from "../rig/world.ts"

let browser: Browser
let stories: Stories

beforeAll(async () => {
  await build()
  stories = await tellStories()
  browser = await launch()
})

afterAll(() => browser.close())

const start = (options: Partial<Parameters<typeof startProgram>[0]> = {}): Promise<Program> =>
  startProgram({ world: makeWorld(40), stories, folder, ...options })

const opened = async (url: string, test: (page: Page) => Promise<void>) => {
  const { errors, page } = await open(browser, url)
  await test(page)
  await page.context().close()
  assert.deepStrictEqual(errors, [])
}

const drop = (page: Page, name: string, text: string) =>
  page.evaluate(
    ({ name, text }) => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File([text], name))
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }))
    },
    { name, text }
  )

describe("the link", () => {
  it("heals when the program starts again, and asks for the same view", async () => {
    const first = await start()
    await opened(first.url, async (page) => {
      await seesRows(page)
      await page.fill("#filter", "kraken")
      await sees(page, "of 40")
      await first.stop()
      await sees(page, "the program is away")
      const second = await start({ port: first.port, world: makeWorld(80), hello: { title: "second run" } })
      await sees(page, "second run")
      await sees(page, "of 80")
      assert.strictEqual(await page.inputValue("#filter"), "kraken")
      await page.waitForSelector(".banner", { state: "hidden" })
      await second.stop()
    })
  })

  it("asks for everything again when frames are missing, once", async () => {
    const world = makeWorld(40)
    const program = await start({ world, pace: 0 })
    const [row] = world.window({ sort: "state", descending: true, text: "", states: [], from: 0, to: 1 }).rows
    assert.isDefined(row)
    const { id } = row
    await opened(program.url, async (page) => {
      await seesRows(page)
      program.skip(id, { name: "renamed/while/away" })
      await sees(page, "renamed/while/away")
      const asked = () => program.asked.filter(({ t }) => t === "again").length
      assert.strictEqual(asked(), 1)
      program.change(id, { name: "renamed/once/more" })
      await sees(page, "renamed/once/more")
      assert.strictEqual(asked(), 1)
    })
    await program.stop()
  })

  it("says that page and app differ, and goes on when they agree again", async () => {
    const other = await start({ speaks: "kharbranth.devtools.0" })
    await opened(other.url, async (page) => {
      await sees(page, "page and app differ")
      // It stays so while further dials are turned away.
      await page.waitForTimeout(2500)
      await sees(page, "page and app differ")
      await other.stop()
      const same = await start({ port: other.port })
      await seesRows(page)
      await page.waitForSelector(".banner", { state: "hidden" })
      await same.stop()
    })
  })

  it("says what to do when the program does not know the browser", async () => {
    const closed = await start({ refuses: true })
    await opened(closed.url, (page) => sees(page, "open the address that it printed").then(() => {}))
    await closed.stop()
  })
})

describe("a recording", () => {
  const text = () =>
    Object.entries(stories)
      .map(([name, recording]) => Recorder.toText(renamed(recording, name, "peer.example")))
      .join("")

  it("opens from a folder, without any server", () =>
    opened(pathToFileURL(join(folder, "index.html")).href, async (page) => {
      await sees(page, "There is no program behind this page")
      await drop(page, "night.ndjson", text())
      await sees(page, "refused a fresh token")
      assert.strictEqual(await page.locator("tbody tr").count(), 4)
      await page.click("tbody a >> text=silent")
      await page.waitForSelector(".lanes tbody tr")
      await sees(page, "PongReceiveTimeout")
      await page.keyboard.press("Escape")
      await sees(page, "night.ndjson")
    }))

  it("opens when the program is gone", async () => {
    const program = await start()
    await opened(program.url, async (page) => {
      await seesRows(page)
      await program.stop()
      await drop(page, "one.ndjson", Recorder.toText(stories.silent))
      await sees(page, "PongReceiveTimeout")
      assert.strictEqual(new URL(page.url()).hash, "#file=0")
    })
  })

  it("that is none is said to be none, and damaged ones do no harm", () =>
    opened(pathToFileURL(join(folder, "index.html")).href, async (page) => {
      await drop(page, "letter.txt", "Dear reader,\n")
      await sees(page, "letter.txt: line 1: it is no line of a Kharbranth recording")
      const [header = ""] = text().split("\n")
      await drop(page, "damaged.ndjson", `${header.replace(/"metrics":\{.*?\},"others"/, '"others"')}\n`)
      await page.waitForSelector("[role=alert], .why")
      await drop(page, "odd.ndjson", `${header}\n{"seq":1,"at":5,"event":{"_tag":"FromTheFuture"}}\n`)
      await page.waitForSelector("[role=alert], .events")
    }))
})
