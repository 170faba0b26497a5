/** Proves that every view satisfies axe, in light and in dark. */
import * as Recorder from "kharbranth/Recorder"
import type { Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { folder } from "../../page/build.ts"
import { complaintsOf, open, seesRows } from "../rig/chromium.ts"
import { startProgram } from "../rig/program.ts"
import { type Stage, stage } from "../rig/stage.ts"
import { makeWorld } from "../rig/world.ts"

let on: Stage

beforeAll(async () => {
  on = await stage(1000)
})

afterAll(() => on.leave())

const connection = (state: string) => `#connection=${on.world.rows.find((row) => row.state === state)!.id}`

const waits = (selector: string) => async (page: Page) => void (await page.waitForSelector(selector))

const views: Readonly<
  Record<string, { readonly hash: () => string; readonly reach: (page: Page) => Promise<unknown> }>
> = {
  "the fleet": { hash: () => "", reach: seesRows },
  "the fleet, filtered": {
    hash: () => "",
    reach: async (page) => {
      await seesRows(page)
      await page.click(".chip >> nth=2")
      await page.fill("#filter", "o")
      await page.waitForSelector("text=Show all")
    }
  },
  "a connection in trouble": { hash: () => connection("Reconnecting"), reach: waits(".lanes") },
  "a connection that failed": { hash: () => connection("Failed"), reach: waits(".lanes") },
  "a connection that is well": { hash: () => connection("Connected"), reach: waits(".uplot canvas") },
  "the budget": { hash: () => "#budget", reach: waits("tbody tr") },
  "no file": { hash: () => "#file", reach: waits(".drop") },
  "a file": {
    hash: () => "#file",
    reach: async (page) => {
      const text = [on.stories.silent, on.stories.refused].map(Recorder.toText).join("")
      await page.setInputFiles("input[type=file]", {
        name: "a.ndjson",
        mimeType: "text/plain",
        buffer: Buffer.from(text)
      })
      await page.waitForSelector("tbody tr")
    }
  },
  "a file that is none": {
    hash: () => "#file",
    reach: async (page) => {
      await page.setInputFiles("input[type=file]", { name: "a", mimeType: "text/plain", buffer: Buffer.from("a") })
      await page.waitForSelector("[role=alert]")
    }
  },
  "the keys": {
    hash: () => "",
    reach: async (page) => {
      await seesRows(page)
      await page.keyboard.press("?")
      await page.waitForSelector("dialog:modal")
    }
  },
  "a question": {
    hash: () => connection("Connected"),
    reach: async (page) => {
      await page.waitForSelector(".lanes")
      await page.keyboard.press("c")
      await page.waitForSelector("dialog:modal")
    }
  }
}

const complainsOfNothing = async (page: Page) => {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme })
    assert.deepStrictEqual(await complaintsOf(page), [], colorScheme)
  }
}

describe("axe, in both schemes", () => {
  it.each(Object.keys(views))("of %s", async (view) => {
    const { hash, reach } = views[view]!
    const { errors, page } = await open(on.browser, on.program.url, { hash: hash() })
    await reach(page)
    await complainsOfNothing(page)
    await page.context().close()
    assert.deepStrictEqual(errors, [])
  })

  it("of a program that is away", async () => {
    const short = await startProgram({ world: makeWorld(10), stories: on.stories, folder })
    const { page } = await open(on.browser, short.url)
    await seesRows(page)
    await short.stop()
    await page.waitForSelector(".banner:not([hidden])")
    await complainsOfNothing(page)
    await page.context().close()
  })

  it("would find a button without a name", async () => {
    const { page } = await open(on.browser, on.program.url)
    await seesRows(page)
    await page.evaluate(() => document.querySelector("nav")!.append(document.createElement("button")))
    assert.isTrue((await complaintsOf(page)).some((complaint) => complaint.startsWith("button-name")))
    await page.context().close()
  })
})
