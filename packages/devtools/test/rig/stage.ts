/** What tests in a real page stand on: a made-up fleet, a program that shows it, the built page, and a browser. */
import type { Browser } from "playwright-core"
import { build, folder } from "../../page/build.ts"
import { launch } from "./chromium.ts"
import { type Program, startProgram } from "./program.ts"
import { type Stories, tellStories } from "./stories.ts"
import { makeWorld, type World } from "./world.ts"

export interface Stage {
  readonly browser: Browser
  readonly program: Program
  readonly stories: Stories
  readonly world: World
  readonly leave: () => Promise<void>
}

/** Sets it up with a fleet of so many connections. */
export const stage = async (connections: number): Promise<Stage> => {
  await build()
  const stories = await tellStories()
  const world = makeWorld(connections)
  const program = await startProgram({ world, stories, folder })
  const browser = await launch()
  const leave = async () => {
    await browser.close()
    await program.stop()
  }
  return { browser, program, stories, world, leave }
}
