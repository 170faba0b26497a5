/**
 * Proves for each measured defect of the official client 10.0.11 that it is not
 * one here, and, as a control, that the official client still has it under the
 * same conditions: a control that passes would mean that the test sees nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import * as SignalR from "@microsoft/signalr"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Reconnect from "kharbranth/Reconnect"
import * as HubCredentials from "../../src/HubCredentials.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { connect, eventually, failure, gate, is, isConnectedSince, until } from "../support/hub.ts"
import { methods, streams } from "../support/testHub.ts"

const serve = (options: HubServer.HubServerOptions = {}) => HubServer.make({ methods, streams, ...options })

const build = (url: string, options: SignalR.IHttpConnectionOptions = {}, delays?: ReadonlyArray<number>) => {
  const builder = new SignalR.HubConnectionBuilder().withUrl(url, options).configureLogging(SignalR.LogLevel.None)
  return (delays === undefined ? builder : builder.withAutomaticReconnect([...delays])).build()
}

/** The official client, started; it stops with the scope. */
const official = (url: string, options?: SignalR.IHttpConnectionOptions, delays?: ReadonlyArray<number>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const hub = build(url, options, delays)
      await hub.start()
      return hub
    }),
    // Some of its defects are that stopping hangs.
    (hub) =>
      Effect.ignore(
        Effect.timeout(
          Effect.promise(() => hub.stop()),
          "200 millis"
        )
      )
  )

const settled = <A>(promise: Promise<A>) =>
  Effect.promise(() =>
    promise.then(
      (value) => ({ value, error: undefined }),
      (error: unknown) => ({ value: undefined, error })
    )
  )

/** Whether it is still not done after a while. */
const pendingAfter = <A, E, R>(effect: Effect.Effect<A, E, R>, ms: number) =>
  Effect.map(Effect.timeoutOption(Effect.exit(effect), ms), (result) => result._tag === "None")

/** Unhandled rejections while the effect runs. */
const rejections = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const seen: Array<unknown> = []
    const note = (reason: unknown) => void seen.push(reason)
    const others = process.listeners("unhandledRejection")
    process.removeAllListeners("unhandledRejection")
    process.on("unhandledRejection", note)
    const restore = Effect.sync(() => {
      process.removeListener("unhandledRejection", note)
      for (const other of others) process.on("unhandledRejection", other)
    })
    return Effect.ensuring(
      Effect.map(effect, () => seen),
      restore
    )
  })

const expiring = () => {
  const state = { valid: "first", issued: 0 }
  const token = () => {
    state.issued++
    return state.valid
  }
  return { state, token, authenticate: (token: string | undefined) => (token === state.valid ? "ann" : undefined) }
}

describe("a token that expires under long polling", () => {
  it.live("is renewed once, and the call succeeds", () =>
    Effect.gen(function* () {
      const { authenticate, state, token } = expiring()
      const server = yield* serve({ authenticate, transports: ["LongPolling"] })
      const hub = yield* connect({ url: server.url, credentials: HubCredentials.make({ token: Effect.sync(token) }) })
      state.valid = "second"
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )

  it.live("control: the official client rejects the call", () =>
    Effect.gen(function* () {
      const { authenticate, state, token } = expiring()
      const server = yield* serve({ authenticate, transports: ["LongPolling"] })
      yield* rejections(
        Effect.gen(function* () {
          const hub = yield* official(server.url, { accessTokenFactory: token })
          state.valid = "second"
          assert.isDefined((yield* settled(hub.invoke("Echo", "x"))).error)
        })
      )
    })
  )
})

describe("two adjacent stream arguments", () => {
  it.live("are both uploaded", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* connect({ url: server.url })
      assert.strictEqual(yield* hub.untyped.invoke("SumTwo", [Stream.make(1), Stream.make(2), 10]), 21)
    })
  )

  it.live("control: the official client leaves the second among the arguments", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* official(server.url)
      void settled(hub.invoke("SumTwo", new SignalR.Subject(), new SignalR.Subject(), 10)).pipe(Effect.runFork)
      const call = () => server.clients()[0]!.received.find((message) => message._tag === "Invocation")
      yield* eventually(() => call() !== undefined)
      const message = call()!
      assert.isTrue(message._tag === "Invocation" && message.streamIds.length === 1 && message.arguments.length === 2)
    })
  )
})

describe("reading a stream later than it was made", () => {
  it.live("gives every item", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* connect({ url: server.url })
      const stream = hub.untyped.stream("Range", [0, 5, 0])
      yield* hub.untyped.invoke("Echo", ["meanwhile"])
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [0, 1, 2, 3, 4])
    })
  )

  it.live("control: the official client has lost the items", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* official(server.url)
      const stream = hub.stream("Range", 0, 5, 0)
      yield* Effect.promise(() => hub.invoke("Echo", "meanwhile"))
      const items: Array<unknown> = []
      stream.subscribe({ next: (item) => items.push(item), complete: () => {}, error: () => {} })
      yield* Effect.promise(() => hub.invoke("Echo", "and after"))
      assert.deepStrictEqual(items, [])
    })
  )
})

describe("a producer that goes on after the loss", () => {
  it.live("is stopped, and nothing is rejected behind anybody's back", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* connect({ url: server.url })
      const seen = yield* rejections(
        Effect.gen(function* () {
          const ticking = Stream.forever(Stream.mapEffect(Stream.make(1), (n) => Effect.delay(Effect.succeed(n), 1)))
          const call = yield* Effect.forkChild(failure(hub.untyped.invoke("Sum", [ticking])), {
            startImmediately: true
          })
          yield* eventually(() => server.clients()[0]!.received.length > 3)
          server.clients()[0]!.cut()
          assert.strictEqual((yield* Fiber.join(call))._tag, "InvocationCancelled")
          yield* until(hub, isConnectedSince(2))
          yield* hub.untyped.invoke("Echo", ["x"])
        })
      )
      assert.deepStrictEqual(seen, [])
    })
  )

  it.live("control: the official client has an unhandled rejection", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const seen = yield* rejections(
        Effect.gen(function* () {
          const hub = yield* official(server.url)
          const numbers = new SignalR.Subject<number>()
          const call = hub.invoke("Sum", numbers).catch(() => {})
          const closed = new Promise<void>((resolve) => hub.onclose(() => resolve()))
          numbers.next(1)
          yield* eventually(() => server.clients()[0]!.received.length > 1)
          server.clients()[0]!.cut()
          yield* Effect.promise(() => closed)
          numbers.next(2)
          yield* Effect.promise(() => call)
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(() => setImmediate(resolve))))
        })
      )
      assert.isAbove(seen.length, 0)
    })
  )
})

describe("an observer of the end that throws", () => {
  // Each observer here is a fiber of its own, so this holds by construction: it shows the shape that avoids the defect.
  it.live("is a fiber of its own, beside which the others hear of the end", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* connect({ url: server.url, reconnect: Reconnect.none })
      yield* Effect.forkChild(Effect.andThen(until(hub, is("Failed")), Effect.die("first observer")), {
        startImmediately: true
      })
      const second = yield* Effect.forkChild(until(hub, is("Failed")), { startImmediately: true })
      server.clients()[0]!.cut()
      assert.strictEqual((yield* Fiber.join(second))._tag, "Some")
    })
  )

  it.live("control: with the official client the second never hears of it", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* official(server.url)
      let told = false
      const first = new Promise<void>((resolve) => {
        hub.onclose(() => {
          resolve()
          throw new Error("first observer")
        })
      })
      hub.onclose(() => {
        told = true
      })
      server.clients()[0]!.cut()
      yield* Effect.promise(() => first)
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      assert.isFalse(told)
    })
  )
})

describe("retries that are exhausted", () => {
  const failing = () => {
    const state = { up: true }
    return { state, intercept: () => (state.up ? undefined : { status: 503 }) }
  }

  it.live("tell the last cause", () =>
    Effect.gen(function* () {
      const { intercept, state } = failing()
      const server = yield* serve({ intercept })
      const hub = yield* connect({ url: server.url, reconnect: Reconnect.make({ schedule: Schedule.recurs(1) }) })
      state.up = false
      server.clients()[0]!.cut()
      yield* until(hub, is("Failed"))
      const error = yield* failure(hub.awaitReady)
      assert.strictEqual(error._tag, "RetriesExhausted")
      assert.isDefined(error.last)
    })
  )

  it.live("control: the official client's onclose gets nothing", () =>
    Effect.gen(function* () {
      const { intercept, state } = failing()
      const server = yield* serve({ intercept })
      const hub = yield* official(server.url, {}, [0])
      const closed = new Promise<unknown>((resolve) => hub.onclose(resolve))
      state.up = false
      server.clients()[0]!.cut()
      assert.isUndefined(yield* Effect.promise(() => closed))
    })
  )
})

describe("a call while reconnecting", () => {
  it.live("waits, where it is asked to", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* connect({ url: server.url, pending: "queue" })
      server.clients()[0]!.cut()
      yield* until(hub, (state) => state._tag === "Reconnecting" || state._tag === "Connecting")
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )

  it.live("control: the official client rejects it", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* official(server.url, {}, [100])
      const lost = new Promise<void>((resolve) => hub.onreconnecting(() => resolve()))
      server.clients()[0]!.cut()
      yield* Effect.promise(() => lost)
      assert.include(String((yield* settled(hub.invoke("Echo", "x"))).error), "not in the 'Connected' State")
    })
  )
})

describe("groups after a reconnect", () => {
  const joins = (server: HubServer.HubServer) =>
    server
      .clients()
      .at(-1)!
      .received.filter((message) => message._tag === "Invocation" && message.target === "EchoAny").length

  it.live("are joined again by onReady", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* connect({ url: server.url, onReady: (session) => session.untyped.invoke("EchoAny", ["join"]) })
      server.clients()[0]!.cut()
      yield* until(hub, isConnectedSince(2))
      assert.strictEqual(joins(server), 1)
    })
  )

  it.live("control: the official client's are gone", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const hub = yield* official(server.url, {}, [0])
      yield* Effect.promise(() => hub.invoke("EchoAny", "join"))
      const back = new Promise<unknown>((resolve) => hub.onreconnected(resolve))
      server.clients()[0]!.cut()
      yield* Effect.promise(() => back)
      assert.strictEqual(joins(server), 0)
    })
  )
})

describe("stop while a reconnect's negotiation hangs", () => {
  const hanging = ({ kind, nth }: HubServer.Asked) => (kind === "negotiate" && nth > 1 ? { hang: true } : undefined)

  it.live("ends it", () =>
    Effect.gen(function* () {
      const server = yield* serve({ intercept: hanging })
      const hub = yield* connect({ url: server.url })
      server.clients()[0]!.cut()
      yield* eventually(() => server.journal.filter((entry) => entry === "negotiate").length === 2)
      assert.isFalse(yield* pendingAfter(hub.stop, 1000))
    })
  )

  it.live("control: the official client stays where it is", () =>
    Effect.gen(function* () {
      const server = yield* serve({ intercept: hanging })
      const hub = yield* official(server.url, {}, [0])
      server.clients()[0]!.cut()
      yield* eventually(() => server.journal.filter((entry) => entry === "negotiate").length === 2)
      assert.isTrue(
        yield* pendingAfter(
          Effect.promise(() => hub.stop()),
          500
        )
      )
    })
  )
})

describe("a peer that never answers the upgrade", () => {
  const hanging = ({ kind }: HubServer.Asked) => (kind === "upgrade" ? { hang: true } : undefined)

  it.live("fails the start in time", () =>
    Effect.gen(function* () {
      const server = yield* serve({ intercept: hanging, transports: ["WebSockets"] })
      assert.strictEqual(
        (yield* failure(connect({ url: server.url, dialTimeout: "100 millis", reconnect: Reconnect.none })))._tag,
        "DialTimeout"
      )
    })
  )

  it.live("control: the official client's start hangs", () =>
    Effect.gen(function* () {
      const server = yield* serve({ intercept: hanging, transports: ["WebSockets"] })
      const hub = build(server.url)
      hub.serverTimeoutInMilliseconds = 100
      assert.isTrue(
        yield* pendingAfter(
          Effect.promise(() => hub.start()),
          500
        )
      )
    })
  )
})

describe("the first start, with the server down", () => {
  const down = ({ kind, nth }: HubServer.Asked) => (kind === "negotiate" && nth === 1 ? { status: 503 } : undefined)

  it.live("is retried by the policy", () =>
    Effect.gen(function* () {
      const server = yield* serve({ intercept: down })
      const hub = yield* connect({ url: server.url })
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )

  it.live("control: the official client gives up at once", () =>
    Effect.gen(function* () {
      const server = yield* serve({ intercept: down })
      const hub = build(server.url, {}, [0, 0, 0])
      assert.isDefined((yield* settled(hub.start())).error)
      assert.strictEqual(server.journal.length, 1)
    })
  )
})

describe("a slow reader of a fast stream", () => {
  /** The figure, once it grows no more. */
  const settledAt = (figure: Effect.Effect<number>, last = -1): Effect.Effect<number> =>
    Effect.flatMap(Effect.delay(figure, "100 millis"), (now) =>
      now === last ? Effect.succeed(now) : settledAt(figure, now)
    )

  const flood = (sent: { n: number }) => ({
    Flood: () => Stream.map(Stream.range(1, 50_000), (n) => ((sent.n = n), "x".repeat(200)))
  })

  it.live("is not flooded: what it does not read stays outside, and all of it comes later", () =>
    Effect.gen(function* () {
      const sent = { n: 0 }
      const server = yield* HubServer.make({ methods, streams: flood(sent) })
      const hub = yield* connect({ url: server.url, streamBuffer: 64 })
      const stuck = gate()
      let seen = 0
      const reader = yield* Effect.forkChild(
        Stream.runForEach(hub.untyped.stream("Flood"), () =>
          Effect.suspend(() => (++seen === 1 ? Deferred.await(stuck) : Effect.void))
        ),
        { startImmediately: true }
      )
      // The test server writes everything at once, over ten million bytes; a real one would wait for its socket.
      yield* eventually(() => sent.n === 50_000)
      const taken = yield* settledAt(Effect.map(hub.metrics, ({ bytesIn }) => bytesIn))
      assert.isBelow(taken, 6_000_000)
      assert.strictEqual(seen, 1)
      yield* Deferred.succeed(stuck, undefined)
      yield* Fiber.join(reader)
      assert.strictEqual(seen, 50_000)
    })
  )

  it.live("control: the official client takes everything in, whether its reader is ready or not", () =>
    Effect.gen(function* () {
      const sent = { n: 0 }
      const server = yield* HubServer.make({ methods, streams: flood(sent) })
      const hub = yield* official(server.url)
      // A reader that is stuck on its first item: an observer cannot say so, and the others pile up before it.
      const waiting: Array<unknown> = []
      const all = new Promise<void>((resolve, reject) =>
        hub.stream("Flood").subscribe({ next: (item) => waiting.push(item), complete: resolve, error: reject })
      )
      yield* Effect.promise(() => all)
      assert.strictEqual(waiting.length, 50_000)
    })
  )
})
