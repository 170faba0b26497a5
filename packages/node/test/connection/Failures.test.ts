// Proves that Node can cause every ConnectionError that a single connection may
// end in or a call may fail with, and that each arrives typed, at the place
// where the user looks for it, and names its connection.
import { assert, describe, it } from "@effect/vitest"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { ConnectionEvent, SessionEnded } from "kharbranth/ConnectionEvent"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import type { Transport } from "kharbranth/Transport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { authority, identity } from "../support/certificates.ts"
import { hostile } from "../support/process.ts"
import { tampering } from "../support/tampering.ts"
import { echo, serve } from "../support/wsServer.ts"

const once = Reconnect.make({ classify: () => Reconnect.stop })

type Options = Partial<Connection.Options<typeof Codec.json, string, never>>

const open = (target: string, options: Options = {}) =>
  Connection.make("named", { heartbeat: Heartbeat.none, reconnect: once, ...options, target, codec: Codec.json })

type Open = Effect.Success<ReturnType<typeof open>>

/** The error that a connection which never retries ends with, before it is Ready or after. */
const ending = (
  target: string,
  options: Options = {},
  use: (connection: Open) => Effect.Effect<unknown> = () => Effect.void
) =>
  Effect.flip(
    Effect.gen(function* () {
      const connection = yield* open(target, options)
      yield* use(connection)
      return yield* Stream.runDrain(connection.stream)
    })
  )

const hostileEnding = (path: string, options: Options = {}) =>
  Effect.flatMap(hostile, (origin) => ending(`${origin}${path}`, options))

/** What a call fails with on a connection that works, or that was paused just before. */
const failing = (
  call: (connection: Open) => Effect.Effect<unknown, ConnectionError>,
  options: Options = {},
  paused = false
) =>
  Effect.gen(function* () {
    const server = yield* serve(echo)
    const connection = yield* open(server.url, options)
    if (paused) yield* connection.pause
    return yield* Effect.flip(call(connection))
  })

const silent = serve(() => undefined, { autoPong: false })

const isEnded = (event: ConnectionEvent): event is SessionEnded => event._tag === "SessionEnded"

const isStalled = ({ _tag }: ConnectionEvent): boolean => _tag === "ReaderStalled"

/** A socket that is not read does not see the reset; the next write does. */
const unreadReset = Effect.gen(function* () {
  const server = yield* serve((ws) => {
    for (let i = 0; i < 64; i++) ws.send(`"${"x".repeat(65_536)}"`)
  })
  const connection = yield* open(server.url, { startup: "background", inbox: { maxStall: "1 minute" } })
  const ended = yield* Effect.forkScoped(Stream.runHead(Stream.filter(connection.events, isEnded)), {
    startImmediately: true
  })
  yield* connection.awaitReady
  const { request } = yield* server.peer()
  yield* Effect.callback<void>((resume) => {
    request.socket.once("close", () => resume(Effect.void))
    request.socket.resetAndDestroy()
  })
  yield* connection.send("into the void")
  return yield* Effect.flatMap(Fiber.join(ended), Effect.fromOption)
})

/** Reads one message, then nothing until the reader is reported as stalled. */
const stallAfterOne = (connection: Open) =>
  Effect.ignore(Effect.andThen(connection.receive, Stream.runHead(Stream.filter(connection.events, isStalled))))

type Cause = Effect.Effect<ConnectionError, unknown, Scope.Scope | Transport>

const causes: Readonly<
  Record<
    Exclude<
      ConnectionError["_tag"],
      | "ConnectionNotFound"
      | "ConnectionExists"
      | "OwnerLost"
      | "Unreachable"
      | "OwnerFailed"
      | "WriteError"
      | "ReadError"
    >,
    Cause
  >
> = {
  InvalidOptions: ending("not a url"),
  TargetFailed: Effect.flip(
    Connection.make("named", { target: Effect.fail("no token"), reconnect: once, heartbeat: Heartbeat.none })
  ),
  DialTimeout: hostileEnding("/hang", { dialTimeout: 200 }),
  DialFailed: ending("ws://127.0.0.1:1"),
  TlsError: Effect.flatMap(serve(echo, { tls: identity("selfsigned") }), ({ url }) => ending(url)),
  HandshakeRejected: hostileEnding("/unauthorized"),
  OpenFailed: Effect.flatMap(serve(echo), ({ url }) => ending(url, { onOpen: () => Effect.fail("refused") })),
  StartupTimeout: hostileEnding("/hang", { startupTimeout: 200 }),
  ConnectionClosed: hostileEnding("/never-hangs-up"),
  ConnectionDropped: hostileEnding("/reset"),
  ProtocolError: hostileEnding("/opcode"),
  MessageTooLarge: hostileEnding("/too-large", { maxMessageSize: 1_024 }),
  PingFailed: Effect.flatMap(silent, ({ url }) =>
    Effect.flatMap(open(url, { heartbeat: Heartbeat.ping({ every: "1 minute", timeout: 200 }) }), (connection) =>
      Effect.flip(Connection.ping(connection))
    )
  ),
  PongReceiveTimeout: Effect.flatMap(silent, ({ url }) =>
    ending(url, { heartbeat: Heartbeat.ping({ every: 100, timeout: 100 }) })
  ),
  IdleTimeout: Effect.flatMap(silent, ({ url }) => ending(url, { heartbeat: Heartbeat.passive({ idle: 200 }) })),
  DecodeError: Effect.flatMap(
    serve((ws) => ws.send("{")),
    ({ url }) => ending(url)
  ),
  EncodeError: failing((connection) => connection.send(1n)),
  InboxOverflow: Effect.flatMap(
    serve((ws) => {
      for (let i = 0; i < 100; i++) ws.send(`"${"x".repeat(1_024)}"`)
    }),
    ({ url }) => ending(url, { inbox: { maxStall: 100, highWaterMark: 1_024 } }, stallAfterOne)
  ),
  OutboxFull: failing(
    (connection) => Effect.forEach([1, 2], (n) => Connection.track(connection, n)),
    { outbox: { capacity: 1, overflow: "fail" } },
    true
  ),
  SendExpired: failing((connection) => connection.send(1, { ttl: 50 }), {}, true),
  NotConnected: failing((connection) => connection.send(1, { whenDown: "fail" }), {}, true),
  ReaderBusy: failing((connection) =>
    Effect.scoped(
      Effect.andThen(
        Effect.forkScoped(Stream.runDrain(connection.stream), { startImmediately: true }),
        Stream.runDrain(connection.stream)
      )
    )
  ),
  RetriesExhausted: ending("ws://127.0.0.1:1", {
    reconnect: Reconnect.make({ schedule: Schedule.upTo(Schedule.spaced(10), { times: 2 }) })
  })
}

const direct = NodeTransport.layerWith({ proxy: false })

describe("Failures", () => {
  for (const [tag, cause] of Object.entries(causes)) {
    it.live(`${tag} is caused, typed, and names its connection`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.provide(cause, direct)
        assert.strictEqual(error._tag, tag)
        assert.include(error.message, '"named"')
      })
    )
  }

  it.live("WriteError is caused by a write to a socket that was reset while unread", () =>
    Effect.gen(function* () {
      const event = yield* Effect.provide(unreadReset, direct)
      assert.strictEqual(event.error._tag, "WriteError")
    })
  )

  it.live("ReadError is caused by a TLS record that does not decrypt", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { tls: identity("good") })
      const wire = yield* tampering(server.port)
      const trusting = NodeTransport.layerWith({ proxy: false, tls: { ca: authority } })
      const tamper = (connection: Open) =>
        Effect.suspend(() => {
          wire.tamper()
          return Effect.ignore(connection.send("to be answered"))
        })
      const error = yield* Effect.provide(ending(`wss://127.0.0.1:${wire.port}`, {}, tamper), trusting)
      assert.strictEqual(error._tag, "ReadError")
    })
  )
})
