/** Takes the pictures of the dashboard, light and dark, from the built page and a made-up fleet. */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import * as Recorder from "kharbranth/Recorder"
import { build, folder } from "../page/build.ts"
import { launch } from "../test/rig/chromium.ts"
import { startProgram } from "../test/rig/program.ts"
import { renamed, tellStories } from "../test/rig/stories.ts"
import { makeWorld } from "../test/rig/world.ts"

const out = process.argv[2] ?? join(import.meta.dirname, "../guide/pictures")

await build()
await mkdir(out, { recursive: true })
const stories = await tellStories()
const world = makeWorld(10_000)
const program = await startProgram({ world, stories, folder })
const browser = await launch()

const sick = world.rows.find(({ state }) => state === "Reconnecting")!
const healthy = world.rows.find(
  ({ blame, inRate, state }) => state === "Connected" && inRate > 30 && blame === undefined
)!

for (const colorScheme of ["light", "dark"] as const) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1440, height: 900 }, deviceScaleFactor: 2 })
  const picture = (name: string) => page.screenshot({ path: join(out, `${name}-${colorScheme}.png`) })
  await page.goto(program.url)
  await page.waitForSelector("[data-column=why]")
  await page.waitForTimeout(1500)
  await picture("fleet")
  await page.goto(`${program.url}#connection=${sick.id}`)
  await page.waitForSelector(".lanes")
  await page.waitForTimeout(1500)
  await picture("connection")
  await page.goto(`${program.url}#connection=${healthy.id}`)
  await page.waitForSelector(".uplot")
  await page.waitForTimeout(9000)
  await picture("healthy")
  await page.goto(`${program.url}#budget`)
  await page.waitForSelector("table")
  await picture("budget")
  await page.goto(`${program.url}#file`)
  const text = Object.values(stories)
    .map((recording, index) => Recorder.toText(renamed(recording, `connection-${index + 1}`, "peer.example")))
    .join("")
  await page.setInputFiles("input[type=file]", {
    name: "night.ndjson",
    mimeType: "text/plain",
    buffer: Buffer.from(text)
  })
  await page.waitForSelector("tbody")
  await picture("file")
  await page.goto(program.url)
  await page.keyboard.press("?")
  await page.waitForSelector("dialog")
  await picture("keys")
  await page.close()
}
await browser.close()
await program.stop()
