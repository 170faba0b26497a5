/**
 * Proves in a real Chromium that the page's own life is seen: offline and
 * online, hidden with slow timers, frozen, put into the back/forward cache and
 * taken out, blocked; and what becomes of a socket that is open then: going
 * offline kills none and loses no frame, a cached page gives its shared socket
 * up and comes back to a new one.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import * as Chromium from "../rig/chromium.ts"
import type { Shown } from "./page.ts"

let rig: Chromium.Rig

beforeAll(async () => {
  rig = await Chromium.start()
})
afterAll(() => rig?.stop())
afterEach(() => rig.closeTabs())

type Signals = Array<{ readonly tag: string; readonly persisted?: boolean }>

const signalled = (tab: Chromium.Tab, tag: string, times = 1) =>
  tab.until<Signals>("signals", [], (signals) => signals.filter((signal) => signal.tag === tag).length >= times)

const network = (tab: Chromium.Tab, offline: boolean) =>
  tab.cdp.send("Network.emulateNetworkConditions", {
    offline,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1
  })

describe("PageLifecycle in Chromium", () => {
  it("offline and online - are told, a socket survives, and its frames arrive once and in order", async () => {
    const tab = await rig.tab()
    await tab.cdp.send("Network.enable")
    const { id } = await tab.call<{ id: number }>("connect", "browser", rig.ws("/offline"))
    await rig.perform({ verb: "say", path: "/offline", text: "before" })
    await network(tab, true)
    await signalled(tab, "Offline")
    await tab.call("write", id, ["said while offline"])
    await rig.perform({ verb: "say", path: "/offline", text: "meanwhile" })
    const refused = await tab.call<object>("connect", "browser", rig.ws("/offline"))
    assert.deepInclude(refused, { _tag: "DialFailed", kind: "unreachable" })
    await network(tab, false)
    await signalled(tab, "Online")
    await rig.perform({ verb: "say", path: "/offline", text: "after" })
    const shown = await tab.call<Shown>("received", id, 3)
    assert.deepStrictEqual(shown.frames, ["before", "meanwhile", "after"])
    assert.deepStrictEqual(shown.ended, [])
    let said: ReadonlyArray<string> = []
    while (said.length === 0) said = (await rig.log("/offline")).flatMap((e) => (e.event === "message" ? [e.what] : []))
    assert.deepStrictEqual(said, ["said while offline"])
  })

  it("hidden - is told, timers are slow, frames still arrive at once", async () => {
    const tab = await rig.tab()
    const { id } = await tab.call<{ id: number }>("connect", "browser", rig.ws("/hidden"))
    await rig.tab()
    await signalled(tab, "Hidden")
    const slow = await tab.page.evaluate(async () => {
      const from = performance.now()
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 10))
      return performance.now() - from
    })
    assert.isAbove(slow, 500)
    await rig.perform({ verb: "say", path: "/hidden", text: "x", count: 1000 })
    assert.isTrue((await tab.call<Shown>("received", id, 1000)).ordered)
    await tab.page.bringToFront()
    await signalled(tab, "Visible")
  })

  it("frozen and resumed - are told, and the socket that the freeze cut ends once, as dropped", async () => {
    const tab = await rig.tab()
    const { id } = await tab.call<{ id: number }>("connect", "browser", rig.ws("/frozen"))
    await rig.tab()
    await signalled(tab, "Hidden")
    await tab.cdp.send("Page.setWebLifecycleState", { state: "frozen" })
    await tab.cdp.send("Page.setWebLifecycleState", { state: "active" })
    const signals = await signalled(tab, "Resume")
    assert.includeMembers(
      signals.map(({ tag }) => tag),
      ["Freeze", "Resume"]
    )
    const shown = await tab.call<Shown>("ended", id)
    assert.deepStrictEqual(
      shown.ended.map((end) => end.tag),
      ["ConnectionDropped"]
    )
  })

  it("back/forward cache - a page gives its shared socket up, is kept, and has a new one when it is back", async () => {
    const tab = await rig.tab()
    await tab.call("keep", "shared", rig.ws("/cached"))
    await tab.until<Array<Shown>>("all", [], (all) => all.length === 1)
    await tab.page.goto(rig.http("/elsewhere.html"))
    while ((await rig.sessions("/cached")).length > 0);
    await tab.page.evaluate(() => history.back())
    await tab.page.waitForFunction(() => "bridge" in globalThis)
    const signals = await signalled(tab, "PageShow", 2)
    assert.deepStrictEqual(
      signals.filter(({ tag }) => tag.startsWith("Page")).map(({ persisted, tag }) => `${tag} ${persisted}`),
      ["PageShow false", "PageHide true", "PageShow true"]
    )
    const all = await tab.until<Array<Shown>>("all", [], (all) => all.length === 2)
    assert.deepStrictEqual(
      all.map(({ ended }) => ended.map((end) => end.tag)),
      [["ConnectionDropped"], []]
    )
    assert.strictEqual((await rig.sessions("/cached")).length, 1)
  })

  it("a page blocked for 6 s - notices by itself that it slept", async () => {
    const tab = await rig.tab()
    await tab.call("hang", 6000)
    await signalled(tab, "Woke")
  })
})
