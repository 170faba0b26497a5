/**
 * Proves in a real Chromium that what users do with a connection works in a page
 * as it does in a process: the same journeys, and no socket left behind.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { journeys } from "../journeys/programs.ts"
import * as Chromium from "../rig/chromium.ts"

let rig: Chromium.Rig
let tab: Chromium.Tab

beforeAll(async () => {
  rig = await Chromium.start()
  tab = await rig.tab("journeys")
})
afterAll(() => rig?.stop())

describe("journeys in Chromium", () => {
  for (const name of Object.keys(journeys)) {
    it(name, async () => {
      await tab.call("run", name)
      while ((await rig.sessions("")).length > 0);
      assert.deepStrictEqual(await rig.sessions(""), [])
    })
  }
})
