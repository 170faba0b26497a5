/**
 * Proves in a real Chromium how a whole connection lives with its page: after
 * `online` and after a blocked page it is asked once; a dead one is Ready again
 * within 1.5 s, as after a black hole that swallowed its dials; a live one and one that answers 400 ms late are not disturbed;
 * hidden, frozen and cached pages do what is promised, and nothing is read twice.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import * as Chromium from "../rig/chromium.ts"
import { peak } from "../rig/log.ts"
import type { Options, Record } from "./connection.ts"

let rig: Chromium.Rig

beforeAll(async () => {
  rig = await Chromium.start()
})
afterAll(() => rig?.stop())
afterEach(() => rig.closeTabs())

const stable = (tab: Chromium.Tab) => tab.until<string>("state", [], (state) => state === "Connected Stable")
const recordOf = (tab: Chromium.Tab) => tab.call<Record>("record")

const connected = async (path: string, more: Partial<Options> = {}) => {
  const tab = await rig.tab("connection")
  await tab.cdp.send("Network.enable")
  await tab.call("make", { url: rig.ws(path), transport: "browser", ...more })
  await stable(tab)
  return tab
}

const network = (tab: Chromium.Tab, offline: boolean) =>
  tab.cdp.send("Network.emulateNetworkConditions", {
    offline,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1
  })

/** Off and on again, so that the page is told. */
const blink = async (tab: Chromium.Tab) => {
  const before = (await recordOf(tab)).wakes.length
  await network(tab, true)
  await tab.page.waitForFunction(() => !navigator.onLine)
  await network(tab, false)
  await tab.until<Record>("record", [], ({ wakes }) => wakes.length > before)
}

const said = async (path: string, text: string) =>
  (await rig.log(path)).filter((entry) => entry.event === "message" && entry.what === text).length

/** A round trip of an ordinary message: whatever was answered before has been answered now. */
const roundTrip = async (tab: Chromium.Tab, text: string) => {
  await tab.call("send", text)
  await tab.until<Record>("record", [], ({ entries }) => entries.includes(text))
}

/** What is alive in the page once its garbage is gone. */
const heapOf = async ({ cdp }: Chromium.Tab) => {
  await cdp.send("HeapProfiler.enable")
  await cdp.send("HeapProfiler.collectGarbage")
  const alive = async (constructor: string) => {
    const { result } = await cdp.send("Runtime.evaluate", { expression: `${constructor}.prototype` })
    const { objects } = await cdp.send("Runtime.queryObjects", { prototypeObjectId: result.objectId! })
    const { result: count } = await cdp.send("Runtime.callFunctionOn", {
      objectId: objects.objectId!,
      functionDeclaration: "function () { return this.length }",
      returnByValue: true
    })
    await cdp.send("Runtime.releaseObject", { objectId: objects.objectId! })
    return count.value as number
  }
  const sockets = (await alive("WebSocket")) + (await alive("WebSocketStream"))
  const channels = await alive("BroadcastChannel")
  await cdp.send("HeapProfiler.collectGarbage")
  return { sockets, channels, bytes: (await cdp.send("Runtime.getHeapUsage")).usedSize }
}

describe("a connection in Chromium", () => {
  it("online again, alive - one probe, and nothing is disturbed", async () => {
    const path = "/talk/alive"
    const tab = await connected(path)
    await blink(tab)
    await tab.until<Record>("record", [], ({ events }) => events.includes("PulseSeen"))
    await roundTrip(tab, "still here")
    assert.strictEqual(await said(path, "ping"), (await recordOf(tab)).events.filter((e) => e === "ProbeSent").length)
    assert.strictEqual((await tab.call<{ dials: number }>("metrics")).dials, 1)
    assert.deepStrictEqual((await recordOf(tab)).entries, ["<SessionOpened>", "still here"])
  })

  it("online again, slow by 400 ms - nothing is disturbed", async () => {
    const path = "/talk/slow"
    const tab = await connected(`${path}?late=400`)
    await blink(tab)
    await tab.until<Record>("record", [], ({ events }) => events.includes("PulseSeen"))
    await roundTrip(tab, "still here")
    const { entries, events } = await recordOf(tab)
    assert.notInclude(events, "RestartRequested")
    assert.deepStrictEqual(entries, ["<SessionOpened>", "still here"])
    assert.strictEqual((await tab.call<{ dials: number }>("metrics")).dials, 1)
  })

  it("online again, dead - Ready again within 1.5 s, with a Gap", async () => {
    const path = "/talk/dead"
    const tab = await connected(path)
    await rig.perform({ verb: "stall", path })
    await blink(tab)
    const { entries, states, wakes } = await tab.until<Record>("record", [], ({ entries }) => entries.length >= 3)
    const ready = states.findLast(({ state }) => state === "Connected Ready")!
    const took = ready.at - wakes.at(-1)!
    console.log(`dead, then online: Ready again after ${took} ms`)
    assert.isBelow(took, 1500)
    assert.deepStrictEqual(entries, ["<SessionOpened>", "<Gap>", "<SessionOpened>"])
    await roundTrip(tab, "back")
    await rig.perform({ verb: "unstall", path })
  })

  for (const transport of ["browser", "stream", "shared"] as const) {
    it(`a black hole of 6 s - Ready again within 1.5 s of its end (${transport})`, async () => {
      const path = `/talk/hole-${transport}`
      const tab = await connected(path, { transport, hedgeAfter: 1000 })
      await rig.perform({ verb: "swallow", path })
      await rig.perform({ verb: "kill", path })
      await new Promise((resolve) => setTimeout(resolve, 6000))
      const healed = Date.now()
      await rig.perform({ verb: "accept", path })
      const { states } = await tab.until<Record>("record", [], ({ entries }) => entries.length >= 3)
      const took = states.findLast(({ state }) => state === "Connected Ready")!.at - healed
      console.log(`a black hole of 6 s: Ready again ${took} ms after its end (${transport})`)
      assert.isBelow(took, 1500)
      await roundTrip(tab, "back")
      assert.lengthOf(await rig.sessions(path), 1)
    })
  }

  it("online again, dead, on a shared socket - every tab is Ready again on the next one, within 1.5 s where it is seen", async () => {
    const path = "/talk/dead-shared"
    const shared = { transport: "shared", polite: true } as const
    const tabs = [await connected(path, shared), await connected(path, shared)]
    await rig.perform({ verb: "stall", path })
    await Promise.all(tabs.map(blink))
    const records = await Promise.all(
      tabs.map((tab) => tab.until<Record>("record", [], ({ entries }) => entries.length >= 3))
    )
    const took = records.map(
      ({ states, wakes }) => states.findLast(({ state }) => state === "Connected Ready")!.at - wakes.at(-1)!
    )
    console.log(`dead and shared, then online: Ready again after ${took.join(" ms out of sight, ")} ms in sight`)
    assert.isBelow(took[1]!, 1500)
    await Promise.all(tabs.map((tab, index) => roundTrip(tab, `back ${index}`)))
    const { entries, events } = await recordOf(tabs[1]!)
    assert.deepStrictEqual(entries.slice(0, 3), ["<SessionOpened>", "<Gap>", "<SessionOpened>"])
    assert.strictEqual(entries.filter((entry) => entry === "<SessionOpened>").length, 2, "never Ready on the dead one")
    assert.notInclude(events, "RetryScheduled")
    await rig.perform({ verb: "unstall", path })
    while ((await rig.sessions(path)).length > 1);
    assert.isAtMost(peak(await rig.log(path)), 2)
  })

  it("blocked for 6 s and dead by then - Ready again within 1.5 s of waking", async () => {
    const path = "/talk/blocked"
    const tab = await connected(path)
    await rig.perform({ verb: "stall", path })
    await tab.call("hang", 6000)
    const { states, wakes } = await tab.until<Record>("record", [], ({ entries }) => entries.length >= 3)
    const ready = states.findLast(({ state }) => state === "Connected Ready")!
    console.log(`dead, then awake: Ready again after ${ready.at - wakes[0]!} ms`)
    assert.isBelow(ready.at - wakes[0]!, 1500)
    await rig.perform({ verb: "unstall", path })
  })

  it("offline - kills nothing, and what was said in between arrives once", async () => {
    const path = "/talk/offline"
    const tab = await connected(path)
    await network(tab, true)
    await tab.page.waitForFunction(() => !navigator.onLine)
    await rig.perform({ verb: "say", path, text: "meanwhile" })
    await tab.call("send", "from offline")
    await network(tab, false)
    await tab.until<Record>("record", [], ({ wakes }) => wakes.length > 0)
    await roundTrip(tab, "after")
    const { entries } = await recordOf(tab)
    assert.deepStrictEqual(entries.toSorted(), ["<SessionOpened>", "after", "from offline", "meanwhile"])
  })

  it("online during a wait for the next try - dials now", async () => {
    const path = "/talk/retry"
    const tab = await connected(path, { polite: true })
    await network(tab, true)
    await tab.page.waitForFunction(() => !navigator.onLine)
    await rig.perform({ verb: "kill", path })
    await tab.until<Record>("record", [], ({ events }) => events.filter((e) => e === "RetryScheduled").length >= 3)
    await network(tab, false)
    const { states, wakes } = await tab.until<Record>("record", [], ({ entries }) => entries.length >= 3)
    const ready = states.findLast(({ state }) => state === "Connected Ready")!
    console.log(`waiting, then online: Ready after ${ready.at - wakes.at(-1)!} ms`)
    assert.isBelow(ready.at - wakes.at(-1)!, 1000)
  })

  it("hidden, close after - closed while hidden, and back with a Gap when shown", async () => {
    const path = "/talk/hidden"
    const tab = await connected(path, { hidden: { closeAfter: "200 millis" } })
    await rig.tab("connection")
    while ((await rig.sessions(path)).length > 0);
    assert.strictEqual(await tab.call("state"), "Disconnected")
    await tab.page.bringToFront()
    await stable(tab)
    assert.deepStrictEqual((await recordOf(tab)).entries, ["<SessionOpened>", "<Gap>", "<SessionOpened>"])
  })

  it("hidden, keep - stays, and hears at once", async () => {
    const path = "/talk/kept"
    const tab = await connected(path)
    await rig.tab("connection")
    await rig.perform({ verb: "say", path, text: "x", count: 100 })
    const { entries } = await tab.until<Record>("record", [], ({ entries }) => entries.length >= 101)
    assert.deepStrictEqual(entries, ["<SessionOpened>", ...Array.from({ length: 100 }, (_, i) => `${i}:x`)])
  })

  it("frozen - says goodbye first, and is back when resumed", async () => {
    const path = "/talk/frozen"
    const tab = await connected(path)
    await rig.tab("connection")
    await tab.cdp.send("Page.setWebLifecycleState", { state: "frozen" })
    let codes: ReadonlyArray<string> = []
    while (codes.length === 0) codes = (await rig.log(path)).flatMap((e) => (e.event === "close" ? [e.what] : []))
    assert.deepStrictEqual(codes, ["1000"])
    await tab.cdp.send("Page.setWebLifecycleState", { state: "active" })
    await tab.page.bringToFront()
    await stable(tab)
    assert.deepStrictEqual((await recordOf(tab)).entries, ["<SessionOpened>", "<Gap>", "<SessionOpened>"])
  })

  it("back/forward cache - the page is kept although it had a connection, which is back with it", async () => {
    const path = "/talk/cached"
    const tab = await connected(path)
    await tab.page.goto(rig.http("/elsewhere.html"))
    while ((await rig.sessions(path)).length > 0);
    await tab.page.evaluate(() => history.back())
    await tab.page.waitForFunction(() => "bridge" in globalThis)
    await stable(tab)
    // A page that was reloaded would know nothing of the first session.
    assert.deepStrictEqual((await recordOf(tab)).entries, ["<SessionOpened>", "<Gap>", "<SessionOpened>"])
    assert.strictEqual((await rig.sessions(path)).length, 1)
  })

  for (const transport of ["browser", "stream", "shared"] as const) {
    it(`a close that is never answered on ${transport} - ends at its deadline`, async () => {
      const tab = await rig.tab("connection")
      const took = await tab.call<number>("closing", transport, rig.ws(`/mute/${transport}`), 300)
      assert.isAtLeast(took, 290)
      // The browser itself would wait for about a minute.
      assert.isBelow(took, 5000)
    })

    it(`100 connections made and closed on ${transport} - nothing is left at the server, nor in the page`, async () => {
      const path = `/talk/churn-${transport}`
      const tab = await rig.tab("connection")
      const churned = async (times: number) => {
        await tab.call("churn", transport, rig.ws(path), times)
        while ((await rig.sessions(path)).length > 0);
        await tab.until<number>("locks", [], (locks) => locks === 0)
        for (;;) {
          const heap = await heapOf(tab)
          // A leader's last word may be on its way for a quarter of a second.
          if (heap.sockets + heap.channels === 0) return heap
        }
      }
      const before = await churned(100)
      const after = await churned(100)
      assert.strictEqual((await rig.log(path)).filter((entry) => entry.event === "close").length, 200)
      console.log(`${transport}: ${JSON.stringify(before)} after 100 connections, ${JSON.stringify(after)} after 200`)
      // What a kept connection would weigh is several times as much.
      assert.isBelow((after.bytes - before.bytes) / 100, 1000)
    })
  }
})
