/**
 * Proves how a hub connection starts, calls and stops, over real sockets: the
 * handshake in every shape it may arrive in, calls with and without answers,
 * typed contracts, that every failure is typed and nothing hangs, and that an
 * observer sees it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ConnectionObserver from "kharbranth/ConnectionObserver"
import * as Reconnect from "kharbranth/Reconnect"
import * as Hub from "../../src/Hub.ts"
import { messagePack } from "../../src/MessagePackHubProtocol.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import {
  accept,
  connect,
  echo,
  eventually,
  failure,
  heard,
  is,
  isHandshake,
  json,
  messagesIn,
  rawHub,
  rs,
  socket,
  until
} from "../support/hub.ts"
import type { RawSocket } from "../support/hub.ts"
import { contract, methods, streams } from "../support/testHub.ts"

const none = Reconnect.none

describe("start, handshake, stop", () => {
  it.live("A1 A2 A3: the first bytes are the handshake in version 1, and a ping follows at once", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      yield* connect({ url: server.url, ...socket })
      yield* eventually(() => (server.sockets[0]?.received.length ?? 0) >= 2)
      assert.deepStrictEqual(server.sockets[0]?.received, [`{"protocol":"json","version":1}${rs}`, `{"type":6}${rs}`])
    })
  )

  it.live("A4 A5: the answer alone is enough, as text and as bytes", () =>
    Effect.gen(function* () {
      for (const reply of [`{}${rs}`, new TextEncoder().encode(`{}${rs}`)]) {
        const server = yield* rawHub((raw, frame) => (isHandshake(frame) ? raw.send(reply) : echo(raw, frame)))
        const hub = yield* connect({ url: server.url, ...socket })
        assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", [1]), [1])
      }
    })
  )

  it.live("A6 A7: hub data in the same frame as the answer is read, text and bytes", () =>
    Effect.gen(function* () {
      const news = json({ type: 1, target: "news", arguments: ["é", 1] })
      for (const bytes of [false, true]) {
        const waiting: Array<RawSocket> = []
        const seen: Array<unknown> = []
        const server = yield* rawHub((raw, frame) => (isHandshake(frame) ? void waiting.push(raw) : undefined))
        const hub = yield* connect({ url: server.url, ...socket, startup: "background" })
        yield* hub.untyped.on("news", (args) => Effect.sync(() => seen.push(args)))
        yield* eventually(() => waiting.length === 1)
        const all = `{}${rs}${json({ type: 6 })}${news}`
        waiting[0]!.send(bytes ? new TextEncoder().encode(all) : all)
        yield* eventually(() => seen.length === 1)
        assert.deepStrictEqual(seen, [["é", 1]])
      }
    })
  )

  it.live("A8: an error in the answer fails the start with the server's words", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw) => raw.send(`{"error":"not you"}${rs}`))
      const error = yield* failure(connect({ url: server.url, ...socket, reconnect: none }))
      assert.strictEqual(error._tag, "HandshakeFailed")
      assert.include(error.message, "not you")
    })
  )

  it.live("A9: an answer that is no answer fails the start", () =>
    Effect.gen(function* () {
      for (const reply of [`{"type":6}${rs}`, `nonsense${rs}`]) {
        const server = yield* rawHub((raw) => raw.send(reply))
        const error = yield* failure(connect({ url: server.url, ...socket, reconnect: none }))
        assert.strictEqual(error._tag, "HandshakeFailed")
        assert.strictEqual(error.kind, "malformed")
      }
    })
  )

  it.live("A10: a socket that ends before the answer, and one that says nothing, fail the start", () =>
    Effect.gen(function* () {
      const closing = yield* rawHub((raw) => raw.close())
      const closed = yield* failure(connect({ url: closing.url, ...socket, reconnect: none }))
      assert.oneOf(closed._tag, ["ConnectionClosed", "ConnectionDropped"])
      const silent = yield* rawHub(() => {})
      const late = yield* failure(
        connect({ url: silent.url, ...socket, reconnect: none, handshakeTimeout: "50 millis" })
      )
      assert.strictEqual(late._tag, "HandshakeFailed")
      assert.strictEqual(late.kind, "timeout")
    })
  )

  it.live("A11 A12: Connecting, then Connected; starting what runs does nothing", () =>
    Effect.gen(function* () {
      const waiting: Array<RawSocket> = []
      const server = yield* rawHub((raw, frame) => (isHandshake(frame) ? void waiting.push(raw) : undefined))
      const hub = yield* connect({ url: server.url, ...socket, startup: "background" })
      yield* until(hub, is("Connecting"))
      yield* eventually(() => waiting.length === 1)
      assert.strictEqual(hub.state.getUnsafe()._tag, "Connecting")
      waiting[0]!.send(`{}${rs}`)
      yield* hub.awaitReady
      assert.strictEqual(hub.state.getUnsafe()._tag, "Connected")
      yield* hub.start
      assert.strictEqual(server.sockets.length, 1)
    })
  )

  it.live("A13 A14 A16: stop says Close first, twice is harmless, and start works again", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(echo)
      const hub = yield* connect({ url: server.url, ...socket })
      yield* hub.stop
      yield* hub.stop
      assert.strictEqual(hub.state.getUnsafe()._tag, "Disconnected")
      yield* eventually(() => heard(server.sockets[0]!).length > 0)
      assert.deepStrictEqual(heard(server.sockets[0]!), [{ type: 7 }])
      yield* hub.start
      assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", ["again"]), ["again"])
      assert.strictEqual(server.sockets.length, 2)
    })
  )

  it.live("A15: stop during the start ends it", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(() => {})
      const hub = yield* connect({ url: server.url, ...socket, startup: "background" })
      yield* eventually(() => (server.sockets[0]?.received.length ?? 0) > 0)
      const waiting = yield* Effect.forkChild(failure(hub.awaitReady), { startImmediately: true })
      yield* hub.close
      const error = yield* Fiber.join(waiting)
      assert.strictEqual(typeof error._tag, "string")
      assert.strictEqual(hub.state.getUnsafe()._tag, "Disconnected")
    })
  )

  it.live("A17: an empty url is refused at the door", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failure(connect({ url: "", ...socket, reconnect: none })))._tag, "InvalidOptions")
    })
  )

  it.live("A18: data before the answer's end does not confuse anybody", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        if (!isHandshake(frame)) return echo(raw, frame)
        raw.send("{")
        raw.send(`}${rs}${json({ type: 6 })}`.slice(0, 5))
        raw.send(`}${rs}${json({ type: 6 })}`.slice(5))
      })
      const hub = yield* connect({ url: server.url, ...socket })
      assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", [1]), [1])
    })
  )
})

describe("send and invoke", () => {
  it.live(
    "calls made together leave in few frames of 16 KiB and one message at most, in order, and all are answered",
    () =>
      Effect.gen(function* () {
        const server = yield* rawHub(echo)
        const hub = yield* connect({ url: server.url, ...socket })
        const args = Array.from({ length: 2_000 }, (_, i) => [i, i === 1_000 ? "x".repeat(50_000) : "é✓😀"])
        const results = yield* Effect.forEach(args, (pair) => hub.untyped.invoke("Echo", pair), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(results, args)
        const [raw] = server.sockets
        const frames = raw!.received.filter((frame) => frame.includes('"Echo"'))
        const most = 16_384 + 100
        assert.isAtMost(
          frames.length,
          2 + (2_000 * 75) / 16_384 + 2,
          "one before and one after the large one, one for it"
        )
        assert.isTrue(frames.every((frame) => frame.length < most || messagesIn(frame).length === 1))
        assert.deepStrictEqual(
          heard(raw!).map(({ arguments: sent }) => sent),
          args
        )
      })
  )

  it.live("B19 B20 B28: send writes type 1 without an id or streamIds; arguments in order, null included", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket })
      yield* hub.untyped.send("Say", ["a", null, { b: [1] }])
      yield* eventually(() => heard(server.sockets[0]!).length === 1)
      assert.deepStrictEqual(heard(server.sockets[0]!), [
        { type: 1, target: "Say", arguments: ["a", null, { b: [1] }] }
      ])
    })
  )

  it.live("B21 B22: each call has an id of its own and gets its own answer, in any order", () =>
    Effect.gen(function* () {
      const ids: Array<unknown> = []
      const server = yield* rawHub((raw, frame) => {
        accept(raw, frame)
        if (isHandshake(frame)) return
        for (const message of messagesIn(frame)) if (message["type"] === 1) ids.push(message["invocationId"])
        if (ids.length === 3)
          for (const id of ids.toReversed()) raw.send(json({ type: 3, invocationId: id, result: `for ${String(id)}` }))
      })
      const hub = yield* connect({ url: server.url, ...socket })
      const results = yield* Effect.all(
        ["a", "b", "c"].map((name) => hub.untyped.invoke(name)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(ids).size, 3)
      assert.deepStrictEqual(
        results,
        ids.map((id) => `for ${String(id)}`)
      )
    })
  )

  it.live("B23: an error of the method fails the call with the server's text", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url })
      const error = yield* failure(hub.untyped.invoke("ThrowsHub"))
      assert.strictEqual(error._tag, "HubMethodError")
      assert.include(error.message, "told you")
      assert.include(error.message, "ThrowsHub")
    })
  )

  it.live("B24: a ping between call and answer is harmless", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        raw.send(isHandshake(frame) ? `{}${rs}` : json({ type: 6 }))
        if (!isHandshake(frame)) echo(raw, frame)
      })
      const hub = yield* connect({ url: server.url, ...socket })
      assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", [1]), [1])
    })
  )

  it.live("B25: stop fails open calls", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket })
      const call = yield* Effect.forkChild(failure(hub.untyped.invoke("Never")), { startImmediately: true })
      yield* eventually(() => heard(server.sockets[0]!).length === 1)
      yield* hub.stop
      const error = yield* Fiber.join(call)
      assert.strictEqual(error._tag, "InvocationCancelled")
      assert.isTrue(error.sent)
    })
  )

  it.live("B26: a loss fails open calls with what ended the session", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket })
      const call = yield* Effect.forkChild(failure(hub.untyped.invoke("Never")), { startImmediately: true })
      yield* eventually(() => heard(server.sockets[0]!).length === 1)
      server.sockets[0]!.cut()
      const error = yield* Fiber.join(call)
      assert.strictEqual(error._tag, "InvocationCancelled")
      assert.isTrue(error.sent)
      assert.strictEqual(error.cause._tag, "ConnectionDropped")
    })
  )

  it.live("B27: a stream's item for a plain call fails it", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        accept(raw, frame)
        if (isHandshake(frame)) return
        for (const { invocationId, type } of messagesIn(frame))
          if (type === 1) raw.send(json({ type: 2, invocationId, item: 1 }))
      })
      const hub = yield* connect({ url: server.url, ...socket })
      assert.strictEqual((yield* failure(hub.untyped.invoke("Plain")))._tag, "ResultError")
    })
  )

  it.live("B29: a call while down fails, typed, and was not sent", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket })
      yield* hub.stop
      for (const call of [hub.untyped.invoke("X"), hub.untyped.send("X"), Stream.runDrain(hub.untyped.stream("X"))]) {
        const error = yield* failure(call as Effect.Effect<unknown, unknown>)
        assert.strictEqual(error._tag, "InvocationCancelled")
        assert.isFalse(error.sent)
        assert.strictEqual(error.cause._tag, "NotConnected")
      }
    })
  )

  it.live("answers nobody waits for, and duplicates, are ignored", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        if (!isHandshake(frame))
          raw.send(json({ type: 3, invocationId: "nobody", result: 1 }) + json({ type: 2, invocationId: "x", item: 2 }))
        echo(raw, frame)
        echo(raw, isHandshake(frame) ? "" : frame)
      })
      const hub = yield* connect({ url: server.url, ...socket })
      for (let i = 0; i < 3; i++) assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", [i]), [i])
    })
  )

  it.live("interrupting a call forgets it", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        const answered = frame.split(rs).filter((record) => !record.includes("Never"))
        echo(raw, answered.join(rs))
      })
      const hub = yield* connect({ url: server.url, ...socket })
      const call = yield* Effect.forkChild(hub.untyped.invoke("Never"), { startImmediately: true })
      yield* Fiber.interrupt(call)
      assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", [1]), [1])
    })
  )
})

describe("contracts", () => {
  it.live("a contract types and checks calls; what does not fit is a typed error with a path", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url, contract })
      assert.strictEqual(yield* hub.invoke("Add", [2, 3]), 5)
      assert.strictEqual(yield* hub.invoke("Nothing"), undefined)
      assert.deepStrictEqual(yield* hub.invoke("SingleEntity"), { text: "test", number: 1 })
      assert.deepStrictEqual(yield* Stream.runCollect(hub.stream("Range", [5, 3, 0])), [5, 6, 7])
      const error = yield* failure(hub.invoke("Add", [1, 0.5]))
      assert.strictEqual(error._tag, "ArgumentError")
      assert.deepStrictEqual(error.path, [1])
      const lying = Hub.make({ methods: { SingleEntity: Hub.method({ result: Schema.Struct({ text: Schema.Int }) }) } })
      const other = yield* connect({ url: server.url, contract: lying })
      const misfit = yield* failure(other.invoke("SingleEntity"))
      assert.strictEqual(misfit._tag, "ResultError")
      assert.deepStrictEqual(misfit.path, ["text"])
    })
  )

  it.live("a value without a wire form is an ArgumentError, and nothing is sent", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket })
      assert.strictEqual((yield* failure(hub.untyped.invoke("X", [1n])))._tag, "ArgumentError")
      assert.strictEqual((yield* failure(hub.untyped.send("X", [1n])))._tag, "ArgumentError")
      assert.strictEqual((yield* failure(Stream.runDrain(hub.untyped.stream("X", [1n]))))._tag, "ArgumentError")
      assert.deepStrictEqual(heard(server.sockets[0]!), [])
    })
  )

  it.live("MessagePack speaks the same", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams, protocols: [messagePack] })
      const hub = yield* connect({ url: server.url, contract, protocol: messagePack })
      assert.strictEqual(yield* hub.invoke("Add", [2, 3]), 5)
      assert.deepStrictEqual(yield* Stream.runCollect(hub.stream("Range", [0, 3, 0])), [0, 1, 2])
      assert.strictEqual(yield* hub.invoke("SumTwo", [Stream.make(1, 2), Stream.make(3), 10]), 33)
    })
  )

  it.live("metrics count what crossed the wire", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(echo)
      const hub = yield* connect({ url: server.url, ...socket })
      yield* hub.untyped.invoke("Echo", [1])
      const metrics = yield* hub.metrics
      assert.strictEqual(metrics.messagesOut, 3)
      assert.strictEqual(metrics.messagesIn, 2)
      assert.isAbove(metrics.bytesOut, 0)
    })
  )

  it.live("an observer sees a hub's connection, its events and its end", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(echo)
      const seen: Array<string> = []
      const observing = ConnectionObserver.layer((connection) => ({
        event: (event) => {
          if (event._tag === "GatePassed") seen.push(`${connection.name} ${event.gate}`)
        },
        ended: () => seen.push(`${connection.name} ended`)
      }))
      yield* Effect.scoped(Effect.provide(connect({ url: server.url, ...socket }), observing))
      assert.deepStrictEqual(seen, ["hub Open", "hub Ready", "hub ended"])
    })
  )
})
