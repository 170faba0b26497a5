/**
 * Proves in a real Chromium, with real tabs, that five of them share one
 * socket; that when the leading tab is closed, crashes, is frozen or hangs, the
 * others share a new one within 2 seconds; and that the server never has two
 * sessions, except beside a leader that hangs.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import * as Chromium from "../rig/chromium.ts"
import { peak } from "../rig/log.ts"
import type { Shown } from "./page.ts"

let rig: Chromium.Rig

beforeAll(async () => {
  rig = await Chromium.start()
})
afterAll(() => rig?.stop())
afterEach(() => rig.closeTabs())

/** Five tabs that keep sharing a socket; the first of them leads, the last is visible. */
const five = async (path: string) => {
  const tabs: Array<Chromium.Tab> = []
  for (let i = 0; i < 5; i++) {
    const tab = await rig.tab()
    tabs.push(tab)
    await tab.call("keep", "shared", rig.ws(path))
    await tab.until<Array<Shown>>("all", [], (all) => all.length === 1)
  }
  const [leader, ...others] = tabs
  return { tabs, leader: leader!, others }
}

/** These tabs are on their next session, and hear the server on it. How long it took until they were. */
const rejoined = async (tabs: ReadonlyArray<Chromium.Tab>, path: string) => {
  const from = performance.now()
  const last = (all: Array<Shown>) => all.at(-1)!
  await Promise.all(
    tabs.map((tab) => tab.until<Array<Shown>>("all", [], (all) => all.length > 1 && last(all).ended.length === 0))
  )
  const took = performance.now() - from
  await rig.perform({ verb: "say", path, text: "after" })
  await Promise.all(tabs.map((tab) => tab.until<Array<Shown>>("all", [], (all) => last(all).frames.at(-1) === "after")))
  return took
}

/** The visible tab has a socket again within 2 s. The hidden ones, whose timers run once a second, within 2 more. */
const takenOver = async (tabs: ReadonlyArray<Chromium.Tab>, path: string) => {
  const visible = await rejoined(tabs.slice(-1), path)
  const all = visible + (await rejoined(tabs, path))
  console.log(`${path}: visible tab ${Math.round(visible)} ms, all tabs ${Math.round(all)} ms`)
  assert.isBelow(visible, 2000)
  assert.isBelow(all, 4000)
}

const endings = async (tab: Chromium.Tab) =>
  (await tab.call<Array<Shown>>("all")).flatMap((shown) => shown.ended.map((end) => end.tag))

describe("five tabs", () => {
  it("share one socket, and every frame reaches every tab in order", async () => {
    const { tabs } = await five("/room-share")
    await rig.perform({ verb: "say", path: "/room-share", text: "all", count: 1000 })
    for (const tab of tabs) {
      const [shown] = await tab.until<Array<Shown>>("all", [], ([shown]) => shown!.count === 1000)
      assert.isTrue(shown!.ordered)
    }
    for (const [i, tab] of tabs.entries()) await tab.call("write", 0, [`from ${i}`])
    let said: Array<string> = []
    while (said.length < 5)
      said = (await rig.log("/room-share")).flatMap((e) => (e.event === "message" ? [e.what] : []))
    assert.deepStrictEqual(said.toSorted(), ["from 0", "from 1", "from 2", "from 3", "from 4"])
    assert.strictEqual(peak(await rig.log("/room-share")), 1)
  })

  it("the leading tab is closed - the others go on within 2 s", async () => {
    const { leader, others } = await five("/room-close")
    await leader.page.close()
    await takenOver(others, "/room-close")
    for (const tab of others) assert.deepStrictEqual(await endings(tab), ["ConnectionDropped"])
    assert.strictEqual(peak(await rig.log("/room-close")), 1)
  })

  it("the leading tab crashes - the others go on within 2 s", async () => {
    const { leader, others } = await five("/room-crash")
    leader.cdp.send("Page.crash").catch(() => {})
    await takenOver(others, "/room-crash")
    for (const tab of others) assert.deepStrictEqual(await endings(tab), ["ConnectionDropped"])
    assert.isAtMost(peak(await rig.log("/room-crash")), 2)
  })

  it("the leading tab is frozen by the browser - it hands over first, and follows when it is resumed", async () => {
    const { leader, others } = await five("/room-freeze")
    await leader.cdp.send("Page.setWebLifecycleState", { state: "frozen" })
    await takenOver(others, "/room-freeze")
    assert.strictEqual(peak(await rig.log("/room-freeze")), 1)
    await leader.cdp.send("Page.setWebLifecycleState", { state: "active" })
    await rejoined([leader], "/room-freeze")
    assert.deepStrictEqual((await endings(leader)).slice(0, 1), ["ConnectionDropped"])
    assert.strictEqual((await rig.sessions("/room-freeze")).length, 1)
    assert.strictEqual(peak(await rig.log("/room-freeze")), 1)
  })

  it("the leading tab hangs - it is deposed within 2 s, and gives up its socket when it wakes", async () => {
    const { leader, others } = await five("/room-hang")
    const hanging = leader.call("hang", 4000)
    await takenOver(others, "/room-hang")
    assert.isAtMost(peak(await rig.log("/room-hang")), 2)
    await hanging
    await rejoined([leader], "/room-hang")
    while ((await rig.sessions("/room-hang")).length > 1);
    for (const tab of others) assert.deepStrictEqual(await endings(tab), ["ConnectionDropped"])
  })

  it("a follower is closed, crashes or hangs - nobody else notices", async () => {
    const { leader, others } = await five("/room-follower")
    const [closes, crashes, hangs, stays] = others
    await closes!.page.close()
    crashes!.cdp.send("Page.crash").catch(() => {})
    await hangs!.call("hang", 2000)
    await rig.perform({ verb: "say", path: "/room-follower", text: "still one" })
    for (const tab of [leader, hangs!, stays!]) {
      await tab.until<Array<Shown>>("all", [], (all) => all[0]!.frames.at(-1) === "still one")
      assert.deepStrictEqual(await endings(tab), [])
    }
    assert.strictEqual((await rig.log("/room-follower")).filter((entry) => entry.event === "open").length, 1)
  })

  it("the server kills the socket - all tabs share the next one", async () => {
    const { tabs } = await five("/room-kill")
    await rig.perform({ verb: "kill", path: "/room-kill" })
    await takenOver(tabs, "/room-kill")
    assert.strictEqual(peak(await rig.log("/room-kill")), 1)
  })

  it("a hidden leader with slow timers - still answers, and is not deposed", async () => {
    const { leader, others } = await five("/room-hidden")
    assert.strictEqual(await leader.page.evaluate(() => document.visibilityState), "hidden")
    const from = performance.now()
    while (performance.now() - from < 3000) assert.deepStrictEqual(await endings(others[3]!), [])
    assert.strictEqual((await rig.sessions("/room-hidden")).length, 1)
  })
})
