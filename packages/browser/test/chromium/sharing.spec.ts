/**
 * Proves in a real Chromium what users of one shared socket see of a takeover,
 * with whole connections in five tabs: whether the leading tab closes, is frozen
 * or hangs, the visible tab is Ready again within 2 s, there are never more than
 * two sockets and in the end one, every message reaches every tab or a Gap stands
 * where it is missing, and what a follower had in flight ends Unknown.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import * as Chromium from "../rig/chromium.ts"
import { peak } from "../rig/log.ts"
import type { Record } from "./connection.ts"

let rig: Chromium.Rig

beforeAll(async () => {
  rig = await Chromium.start()
})
afterAll(() => rig?.stop())
afterEach(() => rig.closeTabs())

const count = (entries: ReadonlyArray<string>, entry: string) => entries.filter((one) => one === entry).length
const read = (tab: Chromium.Tab, holds: (record: Record) => boolean) => tab.until<Record>("record", [], holds)

/** Five tabs on one socket; the first of them leads, the last is visible. */
const five = async (path: string) => {
  const tabs: Array<Chromium.Tab> = []
  for (let i = 0; i < 5; i++) {
    const tab = await rig.tab("connection")
    tabs.push(tab)
    await tab.call("make", { url: rig.ws(path), transport: "shared" })
    await tab.until<string>("state", [], (state) => state === "Connected Stable")
  }
  return { leader: tabs[0]!, others: tabs.slice(1), visible: tabs[4]! }
}

/** What is missing between two numbered messages has a Gap between them. */
const isHonest = (entries: ReadonlyArray<string>) => {
  let last = -1
  let gap = false
  for (const entry of entries) {
    if (entry === "<Gap>") gap = true
    const n = /^n(\d+)$/.exec(entry)?.[1]
    if (n === undefined) continue
    assert.isAbove(Number(n), last, `${entry} again or late in ${entries.join(" ")}`)
    if (Number(n) > last + 1) assert.isTrue(gap, `no Gap before ${entry} in ${entries.join(" ")}`)
    last = Number(n)
    gap = false
  }
}

const ways: { readonly [name: string]: (leader: Chromium.Tab) => Promise<unknown> } = {
  closed: (leader) => leader.page.close(),
  frozen: (leader) => leader.cdp.send("Page.setWebLifecycleState", { state: "frozen" }),
  hanging: (leader) => {
    // Not awaited: it comes back in 4 seconds.
    void leader.call("hang", 4000).catch(() => {})
    return Promise.resolve()
  }
}

describe("five connections on one socket", () => {
  for (const [name, leave] of Object.entries(ways)) {
    it(`the leading tab is ${name}`, async () => {
      const path = `/talk/five-${name}`
      const { leader, others, visible } = await five(path)
      let n = 0
      const say = () => rig.perform({ verb: "say", path, text: `n${n++}` })
      for (let i = 0; i < 10; i++) await say()
      for (const tab of others) await read(tab, ({ entries }) => entries.includes("n9"))

      const from = Date.now()
      await leave(leader)
      if (name === "hanging") {
        await visible.call("track", "in flight")
        for (let i = 0; i < 5; i++) await say()
      }
      const { states } = await read(visible, ({ entries }) => count(entries, "<SessionOpened>") === 2)
      const took = states.findLast(({ state }) => state === "Connected Ready")!.at - from
      await Promise.all(others.map((tab) => read(tab, ({ entries }) => count(entries, "<SessionOpened>") === 2)))
      console.log(`${name}: the visible tab was Ready after ${took} ms, all after ${Date.now() - from} ms`)
      assert.isBelow(took, 2000)
      if (name !== "hanging") await visible.call("track", "to the new leader")

      for (let i = 0; i < 10; i++) await say()
      const wanted = name === "hanging" ? "Unknown" : "Confirmed"
      const { deliveries } = await read(visible, ({ deliveries }) => deliveries.length > 0)
      assert.deepStrictEqual(deliveries, [wanted])
      for (const tab of others) {
        const { entries } = await read(tab, ({ entries }) => entries.includes(`n${n - 1}`))
        isHonest(entries)
        assert.strictEqual(count(entries, "<Gap>"), 1)
      }
      while ((await rig.sessions(path)).length > 1);
      assert.isAtMost(peak(await rig.log(path)), name === "hanging" ? 2 : 1)
    })
  }

  it("a follower's message in flight when the leader goes - Unknown, whatever the server got", async () => {
    const path = "/talk/five-flight"
    const { leader, visible } = await five(path)
    await rig.perform({ verb: "stall", path })
    await visible.call("track", "was it?")
    await leader.page.close()
    const { deliveries } = await read(visible, ({ deliveries }) => deliveries.length > 0)
    assert.deepStrictEqual(deliveries, ["Unknown"])
    await rig.perform({ verb: "unstall", path })
  })
})
