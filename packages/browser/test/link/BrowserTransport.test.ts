/**
 * Proves that the transport on the platform's WebSocket (here Node's own)
 * delivers frames with their true size and order, ends exactly once and with
 * the truth about why, refuses what a page cannot do with a typed error, keeps
 * its write watermark, and leaves nothing behind when it is terminated,
 * interrupted, or when its scope closes. Against a real server.
 */
import { assert, describe, it } from "@effect/vitest"
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { inspect } from "node:util"
import * as Transport from "kharbranth/Transport"
import { closeCode, closeReason } from "../../src/internal/link/closeCode.ts"
import { textSize } from "../../src/internal/link/textSize.ts"
import * as Recorder from "../rig/recorder.ts"
import * as Server from "../rig/server.ts"
import { settled } from "../rig/turns.ts"

const server = Effect.acquireRelease(
  Effect.promise(() => Server.start()),
  (server) => Effect.promise(server.stop)
)

const dial = Effect.fnUntraced(function* (url: string, more?: Partial<Transport.Dial>) {
  const transport = yield* Transport.Transport
  const recorder = Recorder.make()
  const link = yield* transport.dial(Recorder.dialOf(url, more), recorder.receiver)
  return { link, ...recorder }
})

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope | Transport.Transport>) =>
  effect.pipe(Effect.provide(BrowserTransport.layer()), Effect.timeout("8 seconds"))

const failure = (url: string, more?: Partial<Transport.Dial>, options?: BrowserTransport.Options) =>
  Effect.flip(dial(url, more)).pipe(Effect.provide(BrowserTransport.layer(options)))

describe("BrowserTransport", () => {
  it.live("text and binary - come back as they went, in order, with their size in bytes", () =>
    run(
      Effect.gen(function* () {
        const { url } = yield* server
        const { link, record, until } = yield* dial(url("/echo"), { subprotocols: ["chat.v1"] })
        assert.strictEqual(link.protocol, "chat.v1")
        const view = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4)
        link.write(["plain", "naïve 語 👍", view, ""])
        yield* until((record) => record.frames.length === 4)
        assert.deepStrictEqual(record.frames, ["plain", "naïve 語 👍", new Uint8Array([1, 2, 3]), ""])
        assert.deepStrictEqual(record.sizes, [5, Buffer.byteLength("naïve 語 👍"), 3, 0])
        assert.strictEqual(link.received(), 4)
      })
    )
  )

  it.live("close by us - is answered, and says which code went out", () =>
    run(
      Effect.gen(function* () {
        const { log, url } = yield* server
        const { link, record, until } = yield* dial(url("/echo"))
        link.close(1001, "r".repeat(200))
        link.write(["too late"])
        yield* until((record) => record.ended.length === 1)
        const [end] = record.ended
        assert.deepInclude(end, { _tag: "ConnectionClosed", code: 4001, sentCode: 4001, initiator: "client" })
        yield* settled(() => log.length > 1)
        assert.deepStrictEqual(
          log.map((entry) => `${entry.event} ${entry.what}`),
          ["open ", "close 4001"]
        )
      })
    )
  )

  it.live("close by the server - comes after the frames before it, with code and a reason that does not print", () =>
    run(
      Effect.gen(function* () {
        const { url } = yield* server
        const { record, until } = yield* dial(url("/greet"))
        yield* until((record) => record.ended.length === 1)
        assert.strictEqual(record.frames.length, 5)
        const [end] = record.ended
        assert.deepInclude(end, { _tag: "ConnectionClosed", code: 4321, initiator: "server", sentCode: undefined })
        assert.notInclude(inspect(end, { depth: 9 }), "that was all")
      })
    )
  )

  it.live("a killed socket - is ConnectionDropped", () =>
    run(
      Effect.gen(function* () {
        const { perform, url } = yield* server
        const { record, until } = yield* dial(url("/echo"))
        perform({ verb: "kill", path: "/echo" })
        yield* until((record) => record.ended.length > 0)
        assert.deepStrictEqual(
          record.ended.map((end) => end._tag),
          ["ConnectionDropped"]
        )
      })
    )
  )

  it.live("maxMessageSize - a larger message ends the link and never arrives; one of exactly the size does", () =>
    run(
      Effect.gen(function* () {
        const { perform, log, url } = yield* server
        const { record, until } = yield* dial(url("/sized"), { maxMessageSize: 9 })
        perform({ verb: "say", path: "/sized", text: "語語語" })
        perform({ verb: "say", path: "/sized", text: "語語語!" })
        yield* until((record) => record.ended.length > 0)
        assert.deepStrictEqual(record.frames, ["語語語"])
        assert.deepInclude(record.ended[0], { _tag: "MessageTooLarge", size: 10, max: 9 })
        yield* settled(() => log.some((entry) => entry.event === "close"))
        assert.strictEqual(log.at(-1)?.what, "4009")
      })
    )
  )

  it.live("terminate - ends once, outside the call, and lets nothing arrive later", () =>
    run(
      Effect.gen(function* () {
        const { perform, url } = yield* server
        const { link, record, until } = yield* dial(url("/talk"))
        perform({ verb: "say", path: "/talk", text: "x", count: 1000 })
        yield* until((record) => record.frames.length > 0)
        const seen = record.frames.length
        link.terminate()
        link.terminate()
        link.write(["nobody hears this"])
        assert.strictEqual(record.ended.length, 0)
        yield* until((record) => record.ended.length > 0)
        assert.strictEqual(record.frames.length, seen)
        yield* Effect.promise(() => Promise.resolve())
        assert.deepStrictEqual(
          record.ended.map((end) => end._tag),
          ["ConnectionDropped"]
        )
      })
    )
  )

  it.live("a closed scope - ends the link once and the server sees the socket go", () =>
    run(
      Effect.gen(function* () {
        const { log, url } = yield* server
        const scope = yield* Scope.make()
        const { record } = yield* Scope.provide(dial(url("/echo")), scope)
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(
          record.ended.map((end) => end._tag),
          ["ConnectionDropped"]
        )
        yield* settled(() => log.some((entry) => entry.event === "close"))
      })
    )
  )

  it.live("an interrupted dial - leaves no socket and calls nothing", () =>
    run(
      Effect.gen(function* () {
        const { tcp, url } = yield* server
        const transport = yield* Transport.Transport
        const recorder = Recorder.make()
        const fiber = yield* Effect.scoped(transport.dial(Recorder.dialOf(url("/hang")), recorder.receiver)).pipe(
          Effect.forkChild({ startImmediately: true })
        )
        yield* settled(() => tcp() === 1)
        yield* Fiber.interrupt(fiber)
        yield* settled(() => tcp() === 0)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(recorder.record.ended, [])
      })
    )
  )

  it.live("the write mark - buffered() reaches high against a stalled server, drained() comes when it reads on", () =>
    run(
      Effect.gen(function* () {
        const { perform, url } = yield* server
        const { link, record, until } = yield* dial(url("/sink"))
        perform({ verb: "stall", path: "/sink" })
        const block = new Uint8Array(1_000_000)
        for (let i = 0; i < 30; i++) link.write([block])
        assert.isAtLeast(link.buffered(), 65_536)
        assert.strictEqual(record.drained, 0)
        perform({ verb: "unstall", path: "/sink" })
        yield* until((record) => record.drained > 0)
        assert.isAtMost(link.buffered(), 16_384)
        assert.strictEqual(record.drained, 1)
      })
    )
  )

  it.live("what a page cannot do - is InvalidOptions that names the option, before a socket exists", () =>
    Effect.gen(function* () {
      const { log, url } = yield* server
      const headers = yield* failure(url("/echo"), { headers: { authorization: "secret" } })
      const protocols = yield* failure(url("/echo"), { subprotocols: ["a b"] })
      const notAbsolute = yield* failure("/relative?token=secret")
      assert.deepInclude(headers, { _tag: "InvalidOptions", path: ["target", "headers"] })
      assert.deepInclude(protocols, { _tag: "InvalidOptions", path: ["target", "subprotocols"] })
      assert.deepInclude(notAbsolute, { _tag: "InvalidOptions", path: ["target", "url"] })
      assert.notInclude(inspect([headers, protocols, notAbsolute], { depth: 9 }), "secret")
      assert.deepStrictEqual(log, [])
    })
  )

  it.live("a refused dial - is unknown without a diagnosis, and HandshakeRejected with one", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const blind = yield* failure(url("/reject/503?token=secret"))
      assert.deepInclude(blind, { _tag: "DialFailed", kind: "unknown" })
      assert.notInclude(inspect(blind, { depth: 9 }), "secret")
      const told = yield* failure(url("/reject/503"), {}, { diagnose: BrowserTransport.diagnoseByFetch })
      assert.deepInclude(told, { _tag: "HandshakeRejected", status: 503, retryAfter: Duration.seconds(7) })
      for (const status of [401, 403, 429]) {
        const told = yield* failure(url(`/reject/${status}`), {}, { diagnose: BrowserTransport.diagnoseByFetch })
        assert.deepInclude(told, { _tag: "HandshakeRejected", status })
      }
      const healthy = yield* failure(url("/reject/404"), {}, { diagnose: BrowserTransport.diagnoseByFetch })
      assert.deepInclude(healthy, { _tag: "DialFailed", kind: "unknown" })
    })
  )

  it.live("a diagnosis that hangs, fails or throws - changes nothing", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const kinds = yield* Effect.forEach(
        [
          () => Effect.never,
          () => Effect.fail("no"),
          () => {
            throw new Error("defect")
          }
        ],
        (ask) => failure(url("/reject/401"), {}, { diagnose: BrowserTransport.diagnosis(ask, "50 millis") })
      )
      assert.deepStrictEqual(
        kinds.map((error) => error._tag),
        ["DialFailed", "DialFailed", "DialFailed"]
      )
    })
  )

  it.live("nothing listens - is DialFailed, and the dial ends by itself", () =>
    Effect.gen(function* () {
      const dead = yield* Effect.promise(() => Server.start())
      yield* Effect.promise(dead.stop)
      assert.deepInclude(yield* failure(dead.url("/echo")), { _tag: "DialFailed", kind: "unknown" })
    })
  )

  it("text size - is the length in UTF-8, also across the scratch buffer's edge and for lone surrogates", () => {
    const ascii = ["", "a", "a\n", "\0\u007f", "x".repeat(16_384), "x".repeat(200_000)]
    const others = ["é", "\u0080", "語", "👍", "\ud83d", "x".repeat(65_535) + "👍", "語".repeat(100_000)]
    for (const text of [...ascii, ...others, ...ascii.map((text) => `${text}é`)]) {
      assert.strictEqual(textSize(text), Buffer.byteLength(text))
    }
  })

  it("close codes - only what the API lets through, and a reason that is whole characters", () => {
    assert.deepStrictEqual(
      [1000, 1001, 1009, 1011, 1006, 3000, 4999, 0, 2500, 5000, Number.NaN].map(closeCode),
      [1000, 4001, 4009, 4011, 4006, 3000, 4999, 4000, 4000, 4000, 4000]
    )
    assert.strictEqual(closeReason("語".repeat(100)), "語".repeat(41))
  })
})
