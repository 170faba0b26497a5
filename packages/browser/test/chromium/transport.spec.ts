/**
 * Proves in a real Chromium what the transport promises: messages come back as
 * they went, a session ends once and truthfully, what a page cannot do is a
 * typed error, a flood arrives whole and in order, and 100 sessions leave
 * nothing behind at the server.
 */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Chromium from "../rig/chromium.ts"
import type { Shown } from "./page.ts"

let rig: Chromium.Rig
let tab: Chromium.Tab

beforeAll(async () => {
  rig = await Chromium.start()
  tab = await rig.tab()
})
afterAll(() => rig?.stop())

interface Opened {
  readonly id: number
  readonly capabilities: Record<string, boolean>
  readonly _tag: string
  readonly kind: string
  readonly status: number
}

const open = (layer: string, path: string, more = {}) => tab.call<Opened>("connect", layer, rig.ws(path), more)

for (const layer of ["browser", "stream", "shared"]) {
  describe(`${layer} transport in Chromium`, () => {
    it("capabilities - pauses only as a stream, and dials one socket at a time", async () => {
      const { capabilities } = await open(layer, `/capable-${layer}`)
      const not = { ping: false, headers: false, bytes: false, concurrentDials: false }
      assert.deepStrictEqual(capabilities, { ...not, pause: layer === "stream" })
    })

    it("echo - text comes back with its size in bytes", async () => {
      const { id } = await open(layer, "/echo", { subprotocols: ["chat.v1"] })
      await tab.call("write", id, ["one", "naïve 語 👍", ""])
      const shown = await tab.call<Shown>("received", id, 3)
      assert.deepStrictEqual(shown.frames, ["one", "naïve 語 👍", ""])
      assert.strictEqual(shown.bytes, 3 + Buffer.byteLength("naïve 語 👍"))
      assert.strictEqual(shown.protocol, "chat.v1")
      await tab.call("writeBytes", id, 3, 1)
      assert.deepStrictEqual((await tab.call<Shown>("received", id, 4)).frames.at(-1), [0, 0, 0])
      await tab.call("close", id, 1000, "")
      const [end] = (await tab.call<Shown>("ended", id)).ended
      assert.deepInclude(end, { tag: "ConnectionClosed", code: 1000, initiator: "client" })
    })

    it("the server closes - frames first, then the code", async () => {
      const { id } = await open(layer, "/greet")
      const shown = await tab.call<Shown>("ended", id)
      assert.strictEqual(shown.count, 5)
      assert.isTrue(shown.ordered)
      assert.deepInclude(shown.ended[0], { tag: "ConnectionClosed", code: 4321, initiator: "server" })
    })

    it("the server closes behind a large message - MessageTooLarge, not the close, and nothing after it", async () => {
      const { id } = await open(layer, "/greet?large=101", { maxMessageSize: 100 })
      const shown = await tab.call<Shown>("ended", id)
      assert.strictEqual(shown.count, 5)
      assert.deepStrictEqual(
        shown.ended.map((end) => end.tag),
        ["MessageTooLarge"]
      )
    })

    it("the server kills - ConnectionDropped, once", async () => {
      const path = `/kill-${layer}`
      const { id } = await open(layer, path)
      await rig.perform({ verb: "kill", path })
      assert.deepStrictEqual(
        (await tab.call<Shown>("ended", id)).ended.map((end) => end.tag),
        ["ConnectionDropped"]
      )
    })

    it("terminate - ends at once against a stalled server", async () => {
      const path = `/stalled-${layer}`
      const { id } = await open(layer, path)
      await rig.perform({ verb: "stall", path })
      await tab.call("terminate", id)
      assert.deepStrictEqual(
        (await tab.call<Shown>("ended", id)).ended.map((end) => end.tag),
        ["ConnectionDropped"]
      )
    })

    // The browser itself keeps such a socket for about a minute, and no page can cut it.
    it("a close that is not answered - ends by terminate, at once", async () => {
      const path = `/mute-${layer}`
      const { id } = await open(layer, path)
      await tab.call("close", id, 1000, "")
      await tab.call("terminate", id)
      assert.deepStrictEqual(
        (await tab.call<Shown>("ended", id)).ended.map((end) => end.tag),
        ["ConnectionDropped"]
      )
    })

    it("flood - 50,000 messages arrive whole and in order", async () => {
      const { id } = await open(layer, "/flood?count=50000&size=128")
      const shown = await tab.call<Shown>("received", id, 50_000)
      assert.isTrue(shown.ordered)
      assert.strictEqual(shown.bytes, 50_000 * 128)
      await tab.call("release", id)
    })

    it("a large message - MessageTooLarge, and 4009 at the server", async () => {
      const path = `/large-${layer}`
      const { id } = await open(layer, path, { maxMessageSize: 100 })
      await rig.perform({ verb: "say", path, text: "x".repeat(101) })
      assert.deepInclude((await tab.call<Shown>("ended", id)).ended[0], { tag: "MessageTooLarge", size: 101, max: 100 })
      let closes: ReadonlyArray<string> = []
      while (closes.length === 0) closes = (await rig.log(path)).flatMap((e) => (e.event === "close" ? [e.what] : []))
      assert.deepStrictEqual(closes, ["4009"])
    })

    it("the write mark - drained once, when a stalled server reads on", async () => {
      const path = `/sink-${layer}`
      const { id } = await open(layer, path)
      await rig.perform({ verb: "stall", path })
      assert.isAtLeast((await tab.call<Shown>("writeBytes", id, 1_000_000, 30)).buffered, 65_536)
      await rig.perform({ verb: "unstall", path })
      const shown = await tab.until<Shown>("show", [id], ({ drained }) => drained > 0)
      assert.strictEqual(shown.drained, 1)
      await tab.call("release", id)
    })

    it("what a page cannot do - is InvalidOptions", async () => {
      assert.strictEqual((await open(layer, "/echo", { headers: { a: "b" } }))._tag, "InvalidOptions")
      assert.strictEqual((await open(layer, "/echo", { subprotocols: ["a b"] }))._tag, "InvalidOptions")
      assert.strictEqual((await tab.call<Opened>("connect", layer, "ftp://localhost/x"))._tag, "InvalidOptions")
    })

    it("a refused dial - DialFailed of unknown kind, unless it is asked by HTTP", async () => {
      assert.deepInclude(await open(layer, "/reject/503"), { _tag: "DialFailed", kind: "unknown" })
      const told = await open(`diagnosing ${layer}`, "/reject/503")
      assert.deepInclude(told, { _tag: "HandshakeRejected", status: 503 })
    })

    it("100 sessions opened and closed - none is left at the server", async () => {
      const path = `/cycle-${layer}`
      for (let i = 0; i < 100; i++) {
        const { id } = await open(layer, path)
        await tab.call(i % 2 === 0 ? "terminate" : "release", id)
        if (i % 2 === 0) await tab.call("release", id)
      }
      while ((await rig.sessions(path)).length > 0);
      assert.strictEqual((await rig.log(path)).filter((entry) => entry.event === "close").length, 100)
    })
  })
}

describe("stream transport in Chromium", () => {
  it("pause - holds the server back, and resume lets everything through", async () => {
    const { id } = await tab.call<Opened>("pauseAt", "stream", rig.ws("/flood?count=30001&size=2048"), 100)
    const { count } = await tab.call<Shown>("show", id)
    // While paused nothing is delivered, however often the page looks.
    for (let i = 0; i < 200; i++) assert.strictEqual((await tab.call<Shown>("show", id)).count, count)
    const flooded = async () =>
      (await rig.log("/flood")).some(({ event, what }) => event === "flooded" && what === "30001")
    assert.isFalse(await flooded())
    await tab.call("resume", id)
    const shown = await tab.call<Shown>("received", id, 30_001)
    assert.isTrue(shown.ordered)
    assert.isTrue(await flooded())
    await tab.call("release", id)
  })

  it("pause - within a burst is silent at once, and loses, doubles and reorders nothing", async () => {
    const shown = await tab.call("halting", "stream", rig.ws("/flood?count=500&size=128"), 500, 7)
    assert.deepStrictEqual(shown, { meanwhile: 0, ordered: true })
  })
})
