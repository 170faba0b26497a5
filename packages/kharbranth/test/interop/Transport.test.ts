/**
 * Proves Effect's sockets as a transport on the platform's global `WebSocket`,
 * against a peer that speaks the wire format by hand: every promise is kept that
 * such sockets can keep, and the exceptions are named. What dials and ends mean
 * in terms of foreign failures is shown on sockets that fail as told.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EffectSocket from "effect/socket/Socket"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as Socket from "kharbranth/interop/Socket"
import * as TransportConformance from "kharbranth/testing/TransportConformance"
import { type Dial, type Receiver, Transport } from "kharbranth/Transport"
import { rig } from "../../../node/test/support/rig.ts"

/** The global WebSocket keeps the TCP connection until its own patience ends. */
const needTerminate = [
  "a close that is never answered ends by terminate",
  "closing the scope during a close that is never answered ends the link"
]

const suite = (layer: Layer.Layer<Transport>, exceptions: ReadonlyArray<string>) => {
  const abilities = { ping: false, pause: false, headers: false, bytes: false, status: false }
  for (const { name, run } of TransportConformance.casesFor(abilities)) {
    if (exceptions.includes(name)) continue
    it.live(name, () => run.pipe(Effect.provide(layer), Effect.provideService(TransportConformance.Rig, rig)), 10_000)
  }
}

describe("interop/Socket.layerWebSocket", () => {
  suite(Socket.layerWebSocket().pipe(Layer.provide(EffectSocket.layerWebSocketConstructorGlobal)), needTerminate)
})

describe("interop/Socket.layerTransport", () => {
  suite(
    Socket.layerTransport(({ subprotocols, url }) =>
      EffectSocket.makeWebSocket(url, { protocols: [...subprotocols], openTimeout: "1 hour" })
    ).pipe(Layer.provide(EffectSocket.layerWebSocketConstructorGlobal)),
    [
      ...needTerminate,
      "the subprotocol that the server chose is the link's",
      "buffered grows while the server does not read, and drained comes once at the low mark"
    ]
  )
})

const dial: Dial = {
  connection: "feed",
  epoch: 3,
  url: "wss://feed.example/ws?token=secret",
  subprotocols: [],
  headers: {},
  maxMessageSize: 100,
  writeMark: { high: 10, low: 2 }
}

const { SocketCloseError, SocketError, SocketOpenError, SocketReadError, SocketWriteError } = EffectSocket

const opening = (cause: unknown) => new SocketError({ reason: new SocketOpenError({ kind: "Unknown", cause }) })

/** The failure of a dial whose socket fails, or dies, like this. */
const dialFailure = (reader: EffectSocket.Socket["reader"], change: Partial<Dial> = {}) =>
  Effect.gen(function* () {
    const transport = yield* Transport
    const ignore = () => undefined
    const receiver: Receiver = { frame: ignore, ping: ignore, pong: ignore, drained: ignore, ended: ignore }
    return yield* Effect.flip(Effect.scoped(transport.dial({ ...dial, ...change }, receiver)))
  }).pipe(
    Effect.provide(
      Socket.layerTransport(() => Effect.succeed(EffectSocket.make({ reader, writer: Effect.never })), {
        headers: true
      })
    )
  )

const named = (name: string) => Object.assign(new Error("it says secret"), { name })

describe("what a foreign socket says", () => {
  const kindOf = (error: ConnectionError.ConnectionError) =>
    error._tag === "DialFailed" ? error.kind : error._tag === "InvalidOptions" ? error.path.join(".") : error._tag

  it.effect("a dial that failed is typed by what the platform tells, and shows no secret", () =>
    Effect.gen(function* () {
      const failures: ReadonlyArray<readonly [unknown, Partial<Dial>, string]> = [
        [{ code: "ECONNREFUSED" }, {}, "refused"],
        [{ error: { code: "ENOTFOUND" } }, {}, "dns"],
        [{ error: { cause: { code: "ECONNRESET" } } }, {}, "reset"],
        [{ code: "EWHATEVER" }, {}, "unknown"],
        ["nothing", {}, "unknown"],
        [{}, { url: "nonsense" }, "target.url"],
        [{}, { url: "ftp://feed.example/" }, "target.url"],
        [named("TypeError"), { headers: { "x-key": "1" } }, "target.headers"],
        [named("SyntaxError"), { subprotocols: ["a b"] }, "target.subprotocols"],
        [named("SyntaxError"), {}, "target.url"]
      ]
      for (const [cause, change, expected] of failures) {
        for (const reader of [Effect.fail(opening(cause)), Effect.die(cause)]) {
          const error = yield* dialFailure(reader, change)
          assert.strictEqual(kindOf(error), expected)
          assert.notInclude(error.message, "secret")
        }
      }
      const closed = yield* dialFailure(Effect.fail(new SocketError({ reason: new SocketCloseError({ code: 1006 }) })))
      assert.strictEqual(kindOf(closed), "unknown")
    })
  )

  it.effect("a dial may fail with an error of the connection's own", () =>
    Effect.gen(function* () {
      const mine = new ConnectionError.TargetFailed({ connection: "feed", cause: ConnectionError.foreign("no token") })
      const transport = yield* Transport.pipe(Effect.provide(Socket.layerTransport(() => Effect.fail(mine))))
      const ignore = () => undefined
      const receiver: Receiver = { frame: ignore, ping: ignore, pong: ignore, drained: ignore, ended: ignore }
      assert.strictEqual(yield* Effect.flip(Effect.scoped(transport.dial(dial, receiver))), mine)
    })
  )

  /** A link on a socket whose pull and writes end as told, and what it tells. */
  const linked = (parts: {
    readonly pull?: Effect.Effect<never, EffectSocket.SocketError>
    readonly write?: (chunk: unknown) => Effect.Effect<void, EffectSocket.SocketError>
  }) =>
    Effect.gen(function* () {
      const write = parts.write ?? (() => Effect.void)
      const socket = EffectSocket.make({
        reader: Effect.succeed({
          pull: parts.pull ?? Effect.never,
          upgrade: EffectSocket.SocketUpgradeError.unsupported
        }),
        writer: Effect.succeed({ write, writeAll: write })
      })
      const transport = yield* Transport.pipe(Effect.provide(Socket.layerTransport(() => Effect.succeed(socket))))
      const told: Array<string> = []
      let tell = () => {}
      const ignore = () => undefined
      const link = yield* transport.dial(dial, {
        frame: ignore,
        ping: ignore,
        pong: ignore,
        drained: () => void told.push("drained"),
        ended: (error) => {
          const code = error._tag === "ConnectionClosed" ? ` ${error.code} by the ${error.initiator}` : ""
          told.push(`${error._tag}${code}`)
          tell()
        }
      })
      const ended = Effect.callback<void>((resume) => {
        tell = () => resume(Effect.void)
        if (told.some((one) => one !== "drained")) tell()
      })
      return { link, told, ended }
    })

  it.effect("a link that ends is typed by what its socket tells", () =>
    Effect.gen(function* () {
      const ends = [
        [new SocketCloseError({ code: 1006 }), "ConnectionDropped"],
        [new SocketCloseError({ code: 4001, closeReason: "why" }), "ConnectionClosed 4001 by the server"],
        [new SocketReadError({ cause: "broken" }), "ReadError"],
        [new SocketWriteError({ cause: "broken" }), "WriteError"]
      ] as const
      for (const [reason, expected] of ends) {
        const { ended, told } = yield* linked({ pull: Effect.fail(new SocketError({ reason })) })
        yield* ended
        assert.deepStrictEqual(told, [expected])
      }
    })
  )

  it.effect("a write that fails ends the link, and nothing is written after it", () =>
    Effect.gen(function* () {
      let writes = 0
      const { ended, link, told } = yield* linked({
        write: () =>
          Effect.suspend(() => {
            writes++
            return Effect.fail(new SocketError({ reason: new SocketWriteError({ cause: "broken" }) }))
          })
      })
      link.write(["one"])
      yield* ended
      link.write(["two"])
      link.close(1000, "")
      link.terminate()
      assert.deepStrictEqual([told, writes, link.buffered()], [["WriteError"], 1, 0])
    })
  )

  it.effect("a close code that the platform refuses is said by one that it lets pass", () =>
    Effect.gen(function* () {
      const said: Array<number> = []
      const picky = (chunk: unknown) => {
        if (!EffectSocket.isCloseEvent(chunk)) return Effect.void
        said.push(chunk.code)
        return chunk.code < 3000
          ? Effect.fail(new SocketError({ reason: new SocketWriteError({ cause: "not allowed" }) }))
          : Effect.void
      }
      for (const code of [1001, 2500]) {
        const { link } = yield* linked({ write: picky })
        link.close(code, "€".repeat(100))
        link.close(code, "again")
      }
      assert.deepStrictEqual(said, [1001, 4001, 2500, 4000])
    })
  )
})
