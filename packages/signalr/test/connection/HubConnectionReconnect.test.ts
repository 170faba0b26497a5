/**
 * Proves how a hub connection ends and comes back, over real sockets: the
 * server's goodbyes, pings and silence, the policy's say, calls that wait or
 * are sent again within their bounds, and groups joined before them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Reconnect from "kharbranth/Reconnect"
import type * as HubConnection from "../../src/HubConnection.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import {
  accept,
  connect,
  echo,
  eventually,
  failure,
  gate,
  heard,
  is,
  isConnectedSince,
  isHandshake,
  json,
  quick,
  rawHub,
  rs,
  socket,
  until
} from "../support/hub.ts"
import type { Own } from "../support/hub.ts"
import { methods, streams } from "../support/testHub.ts"

const finalError = (state: HubConnection.HubConnectionState | undefined): any =>
  state?._tag === "Failed" ? state.error : undefined

/** The states, from now on, while the scope lives. */
const record = (hub: { readonly state: { readonly changes: Stream.Stream<HubConnection.HubConnectionState> } }) =>
  Effect.gen(function* () {
    const states: Array<HubConnection.HubConnectionState> = []
    yield* Effect.forkScoped(
      Stream.runForEach(hub.state.changes, (state) => Effect.sync(() => states.push(state))),
      { startImmediately: true }
    )
    return states
  })

describe("close, keep-alive, timeout", () => {
  it.live("G66 G67 G68 G75: every observer sees the end with its error, whatever another does", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket, reconnect: Reconnect.none })
      const dies = yield* Effect.forkChild(
        Effect.exit(Effect.andThen(until(hub, is("Failed")), Effect.die("an observer broke"))),
        { startImmediately: true }
      )
      const others = yield* Effect.forkChild(
        Effect.all([until(hub, is("Failed")), until(hub, is("Failed"))], { concurrency: 2 }),
        { startImmediately: true }
      )
      server.sockets[0]!.cut()
      const states = yield* Fiber.join(others)
      yield* Fiber.join(dies)
      assert.isTrue(states.every((state) => state._tag === "Some"))
      assert.strictEqual(hub.state.getUnsafe()._tag, "Failed")
      assert.isDefined(finalError(hub.state.getUnsafe()))
    })
  )

  it.live("G69 G70 H90: a goodbye is final even with a policy, and its words are told", () =>
    Effect.gen(function* () {
      for (const error of [undefined, "bye"]) {
        const server = yield* rawHub(echo)
        const hub = yield* connect({ url: server.url, ...socket })
        const open = yield* Effect.forkChild(failure(hub.untyped.invoke("Slow")), { startImmediately: true })
        server.sockets[0]!.received.length = 0
        server.sockets[0]!.send(json({ type: 7, error }))
        yield* until(hub, is("Failed"))
        const closed = yield* failure(hub.awaitReady)
        assert.strictEqual(closed._tag, "ServerClosed")
        assert.strictEqual(closed.error, error)
        assert.strictEqual(server.sockets.length, 1)
        yield* Fiber.interrupt(open)
      }
    })
  )

  it.live("G71: pings flow at the interval", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      yield* connect({ url: server.url, ...socket, keepAlive: "20 millis" })
      yield* eventually(
        () => (server.sockets[0]?.received.filter((frame) => frame === json({ type: 6 })).length ?? 0) >= 4
      )
    })
  )

  it.live("G72: none over long polling, where a poll that is held is no silence", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams, transports: ["LongPolling"], pollTimeout: "400 millis" })
      const hub = yield* connect({ url: server.url, keepAlive: "20 millis", serverTimeout: "1 second" })
      const polls = () => server.journal.filter((entry) => entry === "poll").length
      yield* eventually(() => polls() >= 4)
      assert.strictEqual(hub.state.getUnsafe()._tag, "Connected")
      assert.isFalse(server.clients()[0]!.received.some(({ _tag }) => _tag === "Ping"))
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["hi"]), "hi")
      assert.strictEqual(server.clients().length, 1)
    })
  )

  it.live("G73 G74: traffic keeps a session, silence ends it as ServerTimeout, and calls hear of it", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({
        url: server.url,
        ...socket,
        reconnect: Reconnect.none,
        keepAlive: "30 millis",
        serverTimeout: "150 millis"
      })
      const [raw] = server.sockets
      const talk = yield* Effect.forkChild(
        Effect.repeat(
          Effect.sync(() => raw!.send(json({ type: 6 }))),
          Schedule.max([Schedule.spaced("40 millis"), Schedule.recurs(10)])
        )
      )
      const call = yield* Effect.forkChild(failure(hub.untyped.invoke("Never")), { startImmediately: true })
      yield* Fiber.join(talk)
      assert.strictEqual(hub.state.getUnsafe()._tag, "Connected")
      yield* until(hub, is("Failed"))
      assert.strictEqual((yield* failure(hub.awaitReady))._tag, "ServerTimeout")
      assert.strictEqual((yield* Fiber.join(call)).cause._tag, "ServerTimeout")
    })
  )

  it.live("a message that breaks the protocol ends the session, typed", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket, reconnect: Reconnect.none })
      server.sockets[0]!.send(`nonsense${rs}`)
      yield* until(hub, is("Failed"))
      assert.strictEqual((yield* failure(hub.awaitReady))._tag, "ProtocolViolation")
    })
  )
})

describe("reconnect", () => {
  it.live("H76: without a policy a loss is the end", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket, reconnect: Reconnect.none })
      const states = yield* record(hub)
      server.sockets[0]!.cut()
      yield* until(hub, is("Failed"))
      assert.isFalse(states.some(({ _tag }) => _tag === "Reconnecting"))
    })
  )

  it.live(
    "H77 H80: the policy is asked with the loss first and the last error later, and starts over once stable",
    () =>
      Effect.gen(function* () {
        const asked: Array<string> = []
        const reconnect = Reconnect.make({
          schedule: Schedule.spaced("5 millis"),
          stableAfter: "1 millis",
          classify: (error) => {
            asked.push(error._tag)
            return Reconnect.retry
          }
        })
        let refuse = 0
        const server = yield* HubServer.make({
          methods,
          streams,
          intercept: ({ kind }) => (kind === "negotiate" && refuse-- > 0 ? { status: 503 } : undefined)
        })
        const hub = yield* connect({ url: server.url, reconnect })
        const states = yield* record(hub)
        for (const epoch of [1, 2]) {
          refuse = 2
          yield* until(hub, (state) => state._tag === "Connected" && state.gate === "Stable")
          server.clients().at(-1)!.cut()
          yield* eventually(() => refuse <= 0)
          yield* eventually(() => server.journal.filter((entry) => entry.startsWith("connected")).length === epoch + 1)
          yield* hub.awaitReady
        }
        assert.strictEqual(asked[0], "ConnectionDropped")
        assert.deepStrictEqual(asked.slice(1, 3), ["TargetFailed", "TargetFailed"])
        const attempts = states.flatMap((state) => (state._tag === "Reconnecting" ? [state.attempt] : []))
        assert.isAtMost(Math.max(...attempts), 3)
      })
  )

  it.live("H78 H92: a loss, one reconnect with a new id, and handlers still there", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url })
      const news: Array<unknown> = []
      yield* hub.untyped.on("news", (args) => Effect.sync(() => news.push(args[0])))
      const before = yield* hub.connectionId
      server.clients()[0]!.cut()
      yield* until(hub, isConnectedSince(2))
      const after = yield* hub.connectionId
      assert.strictEqual(before, "c1")
      assert.strictEqual(after, "c2")
      server.broadcast("news", "back")
      yield* eventually(() => news.length === 1)
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
      yield* hub.close
      assert.strictEqual(hub.state.getUnsafe()._tag, "Disconnected")
    })
  )

  it.live("H79 H94: a policy that ends gives up with the last error", () =>
    Effect.gen(function* () {
      let up = true
      const server = yield* HubServer.make({ methods, streams, intercept: () => (up ? undefined : { status: 503 }) })
      const hub = yield* connect({ url: server.url, reconnect: Reconnect.make({ schedule: Schedule.recurs(2) }) })
      up = false
      server.clients()[0]!.cut()
      yield* until(hub, is("Failed"))
      const error = yield* failure(hub.awaitReady)
      assert.strictEqual(error._tag, "RetriesExhausted")
      assert.strictEqual(error.last._tag, "TargetFailed")
      up = true
      yield* hub.start
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["revived"]), "revived")
    })
  )

  it.live("H81: a policy without a first delay goes straight to the end", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({
        url: server.url,
        ...socket,
        reconnect: Reconnect.make({ schedule: Schedule.recurs(0) })
      })
      const states = yield* record(hub)
      server.sockets[0]!.cut()
      yield* until(hub, is("Failed"))
      assert.isFalse(states.some(({ _tag }) => _tag === "Reconnecting"))
    })
  )

  it.live("H82 H93: the first connect fails at once where the policy says so, and is retried otherwise", () =>
    Effect.gen(function* () {
      const losing = yield* rawHub((raw) => raw.cut())
      assert.strictEqual(
        (yield* failure(connect({ url: losing.url, ...socket, reconnect: Reconnect.none })))._tag,
        "ConnectionDropped"
      )
      const late = yield* rawHub((raw, frame) => (raw.nth < 3 ? raw.cut() : accept(raw, frame)))
      yield* connect({ url: late.url, ...socket })
      assert.strictEqual(late.sockets.length, 3)
    })
  )

  it.live("H83 H84: a loss or an error during a new handshake is one more attempt", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        if (raw.nth === 2) return raw.cut()
        if (raw.nth === 3) return raw.send(`{"error":"not now"}${rs}`)
        echo(raw, frame)
      })
      const hub = yield* connect({ url: server.url, ...socket })
      server.sockets[0]!.cut()
      yield* eventually(() => server.sockets.length === 4)
      yield* hub.awaitReady
      assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", [1]), [1])
    })
  )

  it.live("H85 H86 H87 H88 H91: stop ends a reconnect wherever it is", () =>
    Effect.gen(function* () {
      const places: ReadonlyArray<readonly [string, HubServer.HubServerOptions["intercept"]]> = [
        ["the transport", ({ kind, nth }) => (kind === "upgrade" && nth > 1 ? { hang: true } : undefined)],
        ["the negotiation", ({ kind, nth }) => (kind === "negotiate" && nth > 1 ? { hang: true } : undefined)],
        ["a failing negotiation", ({ kind, nth }) => (kind === "negotiate" && nth > 1 ? { status: 503 } : undefined)]
      ]
      for (const [place, intercept] of places) {
        const server = yield* HubServer.make({ methods, streams, intercept })
        const hub = yield* connect({ url: server.url })
        const before = server.journal.length
        server.clients()[0]!.cut()
        yield* eventually(() =>
          server.journal.slice(before).some((entry) => entry === (place === "the transport" ? "upgrade" : "negotiate"))
        )
        yield* Effect.timeout(hub.stop, "1 second")
        assert.strictEqual(hub.state.getUnsafe()._tag, "Disconnected", place)
        assert.strictEqual(server.clients().length, 0)
      }
      const waiting = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({
        url: waiting.url,
        reconnect: Reconnect.make({ schedule: Schedule.spaced("1 hour") })
      })
      waiting.clients()[0]!.cut()
      yield* until(hub, is("Reconnecting"))
      yield* hub.stop
      assert.strictEqual(hub.state.getUnsafe()._tag, "Disconnected")
      const shaking = yield* rawHub((raw, frame) => (raw.nth === 1 ? accept(raw, frame) : undefined))
      const mid = yield* connect({ url: shaking.url, ...socket })
      shaking.sockets[0]!.cut()
      yield* eventually(() => (shaking.sockets[1]?.received.length ?? 0) > 0)
      yield* mid.stop
      assert.strictEqual(mid.state.getUnsafe()._tag, "Disconnected")
    })
  )

  it.live("H89: a goodbye that welcomes a reconnect gets one, and its error is told", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods: { ...methods, Never: () => Effect.never }, streams })
      const hub = yield* connect({ url: server.url })
      const states = yield* record(hub)
      const call = yield* Effect.forkChild(failure(hub.untyped.invoke("Never")), { startImmediately: true })
      yield* eventually(() => server.clients()[0]!.received.some(({ _tag }) => _tag === "Invocation"))
      server.clients()[0]!.close("restarting", true)
      yield* until(hub, isConnectedSince(2))
      const { cause } = yield* Fiber.join(call)
      assert.strictEqual(cause._tag, "ServerClosed")
      assert.strictEqual(cause.error, "restarting")
      assert.isTrue(cause.allowReconnect)
      assert.isTrue(states.some((state) => state._tag === "Reconnecting"))
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )

  it.live("H95: statuses reach the policy: 401 asks for a fresh token once, 403 and 404 end", () =>
    Effect.gen(function* () {
      for (const status of [401, 403, 404]) {
        let tokens = 0
        const server = yield* HubServer.make({ methods, streams, intercept: () => ({ status }) })
        const error = yield* failure(
          connect({
            url: server.url,
            credentials: { headers: {}, renewable: true, token: Effect.sync(() => `token-${++tokens}`) }
          })
        )
        assert.strictEqual(error._tag, "NegotiateRejected", String(status))
        assert.strictEqual(error.status, status)
        assert.strictEqual(tokens, status === 404 ? 1 : 2)
        assert.notInclude(String(error), "token-")
      }
    })
  )

  it.live("a manual reconnect gives a new session", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url })
      yield* hub.reconnect
      assert.strictEqual(yield* hub.connectionId, "c2")
      assert.strictEqual(server.clients().length, 1)
    })
  )
})

describe("H96: pending calls", () => {
  const down = (options: Own = {}) =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => (raw.nth === 1 ? accept(raw, frame) : echo(raw, frame)))
      const hub = yield* connect({ url: server.url, ...socket, ...options })
      return { server, hub }
    })

  it.live("H96: fail, the default, fails at once while down and with the loss when under way", () =>
    Effect.gen(function* () {
      const { hub, server } = yield* down()
      const call = yield* Effect.forkChild(failure(hub.untyped.invoke("A")), { startImmediately: true })
      yield* eventually(() => heard(server.sockets[0]!).length === 1)
      server.sockets[0]!.cut()
      assert.isTrue((yield* Fiber.join(call)).sent)
    })
  )

  it.live("H96: queue waits, in order, behind onReady's own calls", () =>
    Effect.gen(function* () {
      const { hub, server } = yield* down({
        onReady: (session) =>
          session.untyped
            .invoke("Join", [session.connectionId ?? "none"], { pending: "fail" })
            .pipe(Effect.timeoutOption("50 millis")),
        reconnect: quick
      })
      yield* hub.stop
      const calls = yield* Effect.forkChild(
        Effect.all(
          [1, 2, 3].map((n) => hub.untyped.invoke(`Q${n}`, [n], { pending: "queue" })),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* hub.start
      assert.deepStrictEqual(yield* Fiber.join(calls), [[1], [2], [3]])
      assert.deepStrictEqual(
        heard(server.sockets[1]!).map(({ target }) => target),
        ["Join", "Q1", "Q2", "Q3"]
      )
    })
  )

  it.live("H96: queue is bounded in number and in time", () =>
    Effect.gen(function* () {
      const { hub } = yield* down({ pending: "queue", maxQueued: 1, queueTimeout: "40 millis" })
      yield* hub.stop
      const waiting = yield* Effect.forkChild(failure(hub.untyped.invoke("A")), { startImmediately: true })
      assert.strictEqual((yield* failure(hub.untyped.invoke("B"))).cause._tag, "OutboxFull")
      const late = yield* Fiber.join(waiting)
      assert.strictEqual(late.cause._tag, "SendExpired")
      assert.isFalse(late.sent)
    })
  )

  it.live("H96: replay sends an idempotent call again, at most as often as allowed", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        if (isHandshake(frame)) return accept(raw, frame)
        if (frame.includes("Poison")) raw.cut()
        else if (raw.nth > 1) echo(raw, frame)
      })
      const hub = yield* connect({ url: server.url, ...socket, maxReplays: 2 })
      const good = yield* Effect.forkChild(hub.untyped.invoke("Good", [1], { pending: "replay", idempotent: true }), {
        startImmediately: true
      })
      yield* eventually(() => heard(server.sockets[0]!).length === 1)
      server.sockets[0]!.cut()
      assert.deepStrictEqual(yield* Fiber.join(good), [1])
      const poison = yield* failure(hub.untyped.invoke("Poison", [], { pending: "replay", idempotent: true }))
      assert.strictEqual(poison._tag, "InvocationCancelled")
      const sent = server.sockets.flatMap((raw) => heard(raw)).filter(({ target }) => target === "Poison").length
      assert.strictEqual(sent, 3)
    })
  )

  it.live("H96: a call that is not idempotent is never replayed", () =>
    Effect.gen(function* () {
      const { hub, server } = yield* down({ pending: "replay" })
      assert.strictEqual((yield* failure(hub.untyped.invoke("X", [], { pending: "replay" })))._tag, "ArgumentError")
      const call = yield* Effect.forkChild(failure(hub.untyped.invoke("X")), { startImmediately: true })
      yield* eventually(() => heard(server.sockets[0]!).length === 1)
      server.sockets[0]!.cut()
      assert.isTrue((yield* Fiber.join(call)).sent)
      yield* hub.awaitReady
      assert.isFalse(server.sockets.slice(1).some((raw) => heard(raw).length > 0))
    })
  )

  it.live("H96: calls that wait fail when the connection is closed", () =>
    Effect.gen(function* () {
      const { hub } = yield* down({ pending: "queue" })
      yield* hub.stop
      const waiting = yield* Effect.forkChild(failure(hub.untyped.invoke("A")), { startImmediately: true })
      yield* hub.close
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "InvocationCancelled")
    })
  )

  it.live("H96: an onReady that fails is one more attempt, and queued calls still wait", () =>
    Effect.gen(function* () {
      let runs = 0
      const first = gate()
      const server = yield* rawHub(echo)
      const hub = yield* connect({
        url: server.url,
        ...socket,
        startup: "background",
        onReady: () =>
          Effect.andThen(
            Deferred.await(first),
            Effect.suspend(() => (++runs < 3 ? Effect.fail("not yet") : Effect.void))
          )
      })
      const call = yield* Effect.forkChild(hub.untyped.invoke("A", [1], { pending: "queue" }), {
        startImmediately: true
      })
      yield* Deferred.succeed(first, undefined)
      assert.deepStrictEqual(yield* Fiber.join(call), [1])
      assert.strictEqual(runs, 3)
    })
  )
})
