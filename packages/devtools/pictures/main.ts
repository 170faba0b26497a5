/**
 * Takes the pictures of the dashboard for its guide, light and dark, from the
 * built page, a made-up fleet and real recordings. With a folder as argument it
 * takes one of every view, sharp enough to judge the page by.
 */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import * as Recorder from "kharbranth/Recorder"
import type { Page } from "playwright-core"
import { build, folder } from "../page/build.ts"
import { launch, seesRows } from "../test/rig/chromium.ts"
import { startProgram } from "../test/rig/program.ts"
import { renamed, tellStories } from "../test/rig/stories.ts"
import { makeWorld } from "../test/rig/world.ts"

const [into] = process.argv.slice(2)
const out = into ?? join(import.meta.dirname, "../guide/pictures")

await build()
await mkdir(out, { recursive: true })
const stories = await tellStories()
const world = makeWorld(10_000)
const program = await startProgram({ world, stories, folder })
const browser = await launch()

const sick = world.rows.find(({ state }) => state === "Reconnecting")!
const well = world.rows.find(({ blame, inRate, state }) => state === "Connected" && inRate > 30 && blame === undefined)!

const night = Object.entries(stories)
  .map(([name, recording]) => Recorder.toText(renamed(recording, name, "peer.example")))
  .join("")

interface View {
  readonly hash: string
  /** Until it shows what a picture of it should show. */
  readonly reach: (page: Page) => Promise<unknown>
}

/** Long enough that the charts have a line. */
const lines = 9000

const forGuide: Readonly<Record<string, View>> = {
  fleet: {
    hash: "",
    reach: async (page) => {
      await seesRows(page)
      await page.waitForTimeout(1500)
    }
  },
  connection: {
    hash: `#connection=${sick.id}`,
    reach: async (page) => {
      await page.waitForSelector(".uplot canvas")
      await page.waitForTimeout(lines)
    }
  }
}

const others: Readonly<Record<string, View>> = {
  well: {
    hash: `#connection=${well.id}`,
    reach: async (page) => {
      await page.waitForSelector(".uplot canvas")
      await page.waitForTimeout(lines)
    }
  },
  events: {
    hash: `#connection=${sick.id}`,
    reach: async (page) => {
      await page.waitForSelector(".lanes")
      await page.click(".events button.jump >> nth=3")
      await page.waitForTimeout(1000)
    }
  },
  filtered: {
    hash: "",
    reach: async (page) => {
      await seesRows(page)
      await page.click(".chip >> nth=0")
      await page.fill("#filter", "btc")
      await page.waitForTimeout(1500)
    }
  },
  budget: { hash: "#budget", reach: (page) => page.waitForSelector("tbody tr") },
  file: {
    hash: "#file",
    reach: async (page) => {
      await page.setInputFiles("input[type=file]", {
        name: "night.ndjson",
        mimeType: "text/plain",
        buffer: Buffer.from(night)
      })
      await page.waitForSelector("tbody tr")
    }
  },
  question: {
    hash: `#connection=${well.id}`,
    reach: async (page) => {
      await page.waitForSelector(".lanes")
      await page.keyboard.press("c")
      await page.waitForSelector("dialog:modal")
    }
  }
}

const views = into === undefined ? forGuide : { ...forGuide, ...others }

for (const colorScheme of ["light", "dark"] as const) {
  for (const [name, { hash, reach }] of Object.entries(views)) {
    const page = await browser.newPage({
      colorScheme,
      viewport: { width: 1440, height: 860 },
      deviceScaleFactor: into === undefined ? 1 : 2
    })
    await page.goto(`${program.url}${hash}`)
    await reach(page)
    await page.screenshot({ path: join(out, `${name}-${colorScheme}.png`) })
    await page.close()
  }
}
await browser.close()
await program.stop()
