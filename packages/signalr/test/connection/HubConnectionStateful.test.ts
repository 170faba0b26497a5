/**
 * Proves stateful reconnect over real sockets, from our side: what is said
 * after a loss, what is sent again, what is ignored, when senders wait, and
 * that a resume that fails becomes an ordinary reconnect.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Reconnect from "kharbranth/Reconnect"
import * as HubServer from "../../src/testing/HubServer.ts"
import {
  connect,
  eventually,
  failure,
  heard,
  is,
  isConnectedSince,
  isHandshake,
  json,
  messagesIn,
  rawHub,
  rs,
  until
} from "../support/hub.ts"
import type { Own, RawSocket } from "../support/hub.ts"
import { methods, streams } from "../support/testHub.ts"

// A long first delay: only a resume, which is tried at once, comes back in time.
const patient = Reconnect.make({ schedule: Schedule.spaced("1 hour"), stableAfter: "1 millis" })

/** A hub whose every word the test chooses, behind a negotiation that grants stateful reconnect. */
const stateful = (said: (raw: RawSocket, frame: string) => void, opened?: (raw: RawSocket) => void) =>
  Effect.gen(function* () {
    const server = yield* rawHub(
      (raw, frame) => (isHandshake(frame) ? raw.send(`{}${rs}`) : said(raw, frame)),
      opened,
      (nth) => ({
        negotiateVersion: 1,
        connectionId: `p${nth}`,
        connectionToken: `t${nth}`,
        useStatefulReconnect: true,
        availableTransports: [{ transport: "WebSockets", transferFormats: ["Text", "Binary"] }]
      })
    )
    const hub = yield* connect({ url: server.url, statefulReconnect: true, reconnect: patient })
    const cutAndResume = Effect.gen(function* () {
      const count = server.sockets.length
      server.sockets.at(-1)!.cut()
      yield* eventually(() => server.sockets.length > count && server.sockets.at(-1)!.received.length > 0)
      return server.sockets.at(-1)!
    })
    return { server, hub, cutAndResume }
  })

const nothing = () => {}
const event = (n: number) => json({ type: 1, target: "news", arguments: [n] })

describe("word by word", () => {
  it.live(
    "I97: handshake version 2; with nothing sent, the resume says Sequence 1 on the same id and nothing else",
    () =>
      Effect.gen(function* () {
        const { cutAndResume, server } = yield* stateful(nothing)
        assert.strictEqual(server.sockets[0]!.received[0], `{"protocol":"json","version":2}${rs}`)
        const second = yield* cutAndResume
        assert.deepStrictEqual(heard(second), [{ type: 9, sequenceId: 1 }])
        assert.include(second.url, "id=t1")
      })
  )

  it.live("I98 I100: everything unconfirmed is sent again in order, behind the number of the first", () =>
    Effect.gen(function* () {
      const { cutAndResume, hub, server } = yield* stateful(nothing)
      for (const n of [1, 2, 3]) yield* hub.untyped.send("M", [n])
      yield* eventually(() => heard(server.sockets[0]!).length === 3)
      const second = yield* cutAndResume
      yield* eventually(() => heard(second).length === 4)
      assert.deepStrictEqual(
        heard(second).map(({ arguments: args, sequenceId }) => args ?? sequenceId),
        [1, [1], [2], [3]]
      )
      second.send(json({ type: 9, sequenceId: 1 }) + json({ type: 8, sequenceId: 2 }))
      yield* hub.untyped.on("seen", () => Effect.void)
      const probe = yield* Effect.forkChild(hub.untyped.invoke("Probe"), { startImmediately: true })
      yield* eventually(() => heard(second).length === 5)
      second.send(json({ type: 3, invocationId: heard(second)[4]!["invocationId"], result: null }))
      yield* Fiber.join(probe)
      const third = yield* cutAndResume
      yield* eventually(() => heard(third).length === 3)
      assert.deepStrictEqual(
        heard(third).map(({ sequenceId, target }) => target ?? sequenceId),
        [3, "M", "Probe"]
      )
    })
  )

  it.live(
    "I103 I104 I105: before the Sequence everything is ignored; repeated messages are, the next new one is not",
    () =>
      Effect.gen(function* () {
        const { cutAndResume, hub, server } = yield* stateful(nothing)
        const seen: Array<unknown> = []
        yield* hub.untyped.on("news", (args) => Effect.sync(() => seen.push(args[0])))
        server.sockets[0]!.send(event(1) + event(2))
        yield* eventually(() => seen.length === 2)
        const second = yield* cutAndResume
        second.send(event(77) + json({ type: 9, sequenceId: 2 }) + event(2) + event(3))
        yield* eventually(() => seen.length === 3)
        assert.deepStrictEqual(seen, [1, 2, 3])
      })
  )

  it.live("I106: a Sequence that is too high ends the connection as a violation", () =>
    Effect.gen(function* () {
      const { cutAndResume, hub } = yield* stateful(nothing)
      const second = yield* cutAndResume
      second.send(json({ type: 9, sequenceId: 5 }))
      yield* until(hub, is("Reconnecting"))
      const state = hub.state.getUnsafe()
      assert.strictEqual(state._tag === "Reconnecting" && state.cause._tag, "ProtocolViolation")
    })
  )

  it.live("I101 I102: the Ack comes about a second after the first message, once, with the highest number", () =>
    Effect.gen(function* () {
      const { server } = yield* stateful(nothing)
      const begun = performance.now()
      server.sockets[0]!.send(event(1) + event(2) + event(3))
      yield* eventually(() => heard(server.sockets[0]!).length > 0)
      assert.isAbove(performance.now() - begun, 900)
      assert.deepStrictEqual(heard(server.sockets[0]!), [{ type: 8, sequenceId: 3 }])
    })
  )

  it.live("I108: the server's goodbye frees a sender that waits for room", () =>
    Effect.gen(function* () {
      const { hub, server } = yield* stateful((raw, frame) => {
        if (messagesIn(frame).some(({ target }) => target === "Big")) raw.send(json({ type: 7, error: "enough" }))
      })
      yield* hub.untyped.send("Big", ["x".repeat(200_000)])
      const error = yield* failure(hub.untyped.invoke("Small"))
      assert.strictEqual(error._tag, "InvocationCancelled")
      yield* until(hub, is("Failed"))
      assert.strictEqual(server.sockets.length, 1)
    })
  )
})

describe("against the test hub server", () => {
  const start = (options: HubServer.HubServerOptions = {}, own: Own = {}) =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams, statefulReconnect: true, ...options })
      const hub = yield* connect({ url: server.url, statefulReconnect: true, reconnect: patient, ...own })
      return { hub, server }
    })

  it.live("I97 I99 I114: a cut socket is resumed: same id, open calls and streams go on, nothing twice", () =>
    Effect.gen(function* () {
      const { hub, server } = yield* start()
      const before = yield* hub.connectionId
      const seen: Array<unknown> = []
      const reader = yield* Effect.forkChild(
        Stream.runForEach(hub.untyped.stream("Range", [0, 200, 2]), (n) => Effect.sync(() => seen.push(n))),
        { startImmediately: true }
      )
      for (const at of [20, 80, 140]) {
        yield* eventually(() => seen.length >= at)
        server.clients()[0]!.cut()
        // Made while down: it goes out with the resume.
        assert.strictEqual(yield* hub.untyped.invoke("Echo", [`at ${at}`]), `at ${at}`)
      }
      yield* Fiber.join(reader)
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 200 }, (_, i) => i)
      )
      assert.strictEqual(yield* hub.connectionId, before)
      assert.strictEqual(server.journal.filter((entry) => entry === "negotiate").length, 1)
      const echoes = server
        .clients()[0]!
        .received.filter((message) => message._tag === "Invocation" && message.target === "Echo")
      assert.strictEqual(echoes.length, 3)
    })
  )

  it.live("I107 I110: senders wait while too much is unconfirmed, and go on after the Ack", () =>
    Effect.gen(function* () {
      const { hub, server } = yield* start({}, { statefulReconnect: { bufferSize: 1000 } })
      yield* hub.untyped.send("Echo", ["x".repeat(1500)])
      const second = yield* Effect.forkChild(hub.untyped.send("Echo", ["second"]), { startImmediately: true })
      assert.isUndefined(second.pollUnsafe())
      yield* Fiber.join(second)
      yield* eventually(() => server.clients()[0]!.received.length >= 2)
    })
  )

  it.live("I109 I115: a full buffer does not hang stop", () =>
    Effect.gen(function* () {
      const { hub } = yield* start({}, { statefulReconnect: { bufferSize: 10 } })
      yield* hub.untyped.send("Echo", ["more than ten bytes"])
      const waiting = yield* Effect.forkChild(failure(hub.untyped.invoke("Echo", ["waits"])), {
        startImmediately: true
      })
      yield* hub.close
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "InvocationCancelled")
    })
  )

  it.live("I112 I113: a server that declines, and transports other than sockets, give a plain connection", () =>
    Effect.gen(function* () {
      const plain = yield* start({ statefulReconnect: false })
      assert.strictEqual(yield* plain.hub.untyped.invoke("Echo", ["x"]), "x")
      const polled = yield* start({ transports: ["LongPolling"] })
      assert.strictEqual(yield* polled.hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )

  it.live(
    "I114 I115: a resume that is refused becomes a new connection; lost calls fail once, waiting ones go on",
    () =>
      Effect.gen(function* () {
        const { hub, server } = yield* start(
          {
            intercept: ({ kind, nth }) => (kind === "upgrade" && nth === 2 ? { status: 404 } : undefined)
          },
          { reconnect: Reconnect.make({ schedule: Schedule.spaced("10 millis"), stableAfter: "1 millis" }) }
        )
        const lost = yield* Effect.forkChild(failure(Stream.runDrain(hub.untyped.stream("Range", [0, 10_000, 5]))), {
          startImmediately: true
        })
        yield* eventually(() => server.clients()[0]!.received.some(({ _tag }) => _tag === "StreamInvocation"))
        server.clients()[0]!.cut()
        assert.strictEqual((yield* Fiber.join(lost))._tag, "InvocationCancelled")
        yield* until(hub, isConnectedSince(2))
        assert.strictEqual(yield* hub.connectionId, "c2")
        assert.strictEqual(yield* hub.untyped.invoke("Echo", ["new"]), "new")
      })
  )

  it.live("server timeout and stop do not resume", () =>
    Effect.gen(function* () {
      const { hub, server } = yield* start()
      yield* hub.stop
      yield* hub.start
      assert.strictEqual(yield* hub.connectionId, "c2")
      assert.strictEqual(server.clients().length, 1)
    })
  )
})
