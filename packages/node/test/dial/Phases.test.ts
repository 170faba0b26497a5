/**
 * Proves that a dial on real sockets says what it waits for: the name, the TCP
 * connection, a proxy, TLS, the answer; in order, and by name in its failure. An
 * open socket listens to none of it any more.
 */
import { assert, describe, it } from "@effect/vitest"
import type { DialPhase } from "kharbranth/ConnectionError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { authority, identity } from "../support/certificates.ts"
import { connect, recorder, refusal } from "../support/client.ts"
import { tunnel } from "../support/tunnel.ts"
import { echo, serve } from "../support/wsServer.ts"

const direct = { proxy: false, tls: { ca: authority } } as const

/** The phases that a dial reports, as they begin. */
const watched = () => {
  const phases: Array<DialPhase> = []
  let heard = () => {}
  const dialPhase = (phase: DialPhase) => {
    phases.push(phase)
    heard()
  }
  const reached = (last: DialPhase) =>
    Effect.callback<void>((resume) => {
      heard = () => phases.at(-1) === last && resume(Effect.void)
      heard()
    })
  return { phases, reached, receiver: Object.assign(recorder(), { dialPhase }) }
}

const phasesOf = Effect.fnUntraced(function* (url: string, options: Parameters<typeof connect>[2] = direct) {
  const { phases, receiver } = watched()
  yield* connect(url, {}, options, receiver)
  return phases
})

/** The open sockets of this process that lead to a port. */
const socketsTo = (port: number): ReadonlyArray<Socket> =>
  (process as unknown as { _getActiveHandles(): ReadonlyArray<Socket> })
    ._getActiveHandles()
    .filter(({ remotePort }) => remotePort === port)

/** What a socket reports on its way to the server. */
const steps = ["lookup", "connect", "secureConnect"]

const listening = (server: Server) =>
  Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

/** A server that takes connections and never says a word. */
const mute = Effect.acquireRelease(
  Effect.suspend(() => {
    const server = createServer((socket) => void socket.on("error", () => undefined))
    return Effect.map(listening(server), (port) => ({ server, port }))
  }),
  ({ server }) => Effect.sync(() => server.close())
)

/** Dials, gives up once a phase has begun, and tells how far it came. */
const until = Effect.fnUntraced(function* (url: string, last: DialPhase, options?: Parameters<typeof connect>[2]) {
  const { phases, reached, receiver } = watched()
  const dialing = yield* Effect.forkChild(Effect.exit(connect(url, {}, options ?? direct, receiver)), {
    startImmediately: true
  })
  yield* reached(last)
  yield* Fiber.interrupt(dialing)
  return phases
})

describe("the phases of a dial", () => {
  it.live("to an address and to a name, plain and over TLS", () =>
    Effect.gen(function* () {
      const plain = yield* serve(echo)
      const secure = yield* serve(echo, { tls: identity("good") })
      assert.deepStrictEqual(yield* phasesOf(plain.url), ["tcp", "http"])
      assert.deepStrictEqual(yield* phasesOf(`ws://localhost:${plain.port}`), ["dns", "tcp", "http"])
      assert.deepStrictEqual(yield* phasesOf(secure.url), ["tcp", "tls", "http"])
      assert.deepStrictEqual(yield* phasesOf(`wss://localhost:${secure.port}`), ["dns", "tcp", "tls", "http"])
      // The second dial to a url takes the request of the first.
      assert.deepStrictEqual(yield* phasesOf(plain.url), ["tcp", "http"])
    })
  )

  it.live("through a proxy", () =>
    Effect.gen(function* () {
      const proxy = yield* tunnel()
      const options = { proxy: `http://127.0.0.1:${proxy.port}`, tls: { ca: authority } }
      const plain = yield* serve(echo)
      const secure = yield* serve(echo, { tls: identity("good") })
      assert.deepStrictEqual(yield* phasesOf(plain.url, options), ["proxy", "http"])
      assert.deepStrictEqual(yield* phasesOf(secure.url, options), ["proxy", "tls", "http"])
    })
  )

  it.live("leave no listener on the socket that they led to", () =>
    Effect.gen(function* () {
      const plain = yield* serve(echo)
      const secure = yield* serve(echo, { tls: identity("good") })
      const listened = Effect.fnUntraced(function* (url: string, port: number) {
        yield* connect(url, {}, direct, watched().receiver)
        const sockets = socketsTo(port)
        assert.isNotEmpty(sockets, url)
        return sockets.flatMap((socket) => steps.filter((step) => socket.listenerCount(step) > 0))
      })
      for (const host of ["127.0.0.1", "localhost"]) {
        assert.deepStrictEqual(yield* listened(`ws://${host}:${plain.port}`, plain.port), [], host)
        assert.deepStrictEqual(yield* listened(`wss://${host}:${secure.port}`, secure.port), [], host)
      }
    })
  )

  it.live("stop where a server or a proxy is mute", () =>
    Effect.gen(function* () {
      const { port } = yield* mute
      assert.deepStrictEqual(yield* until(`ws://127.0.0.1:${port}`, "http"), ["tcp", "http"])
      assert.deepStrictEqual(yield* until(`wss://127.0.0.1:${port}`, "tls"), ["tcp", "tls"])
      const through = { proxy: `http://127.0.0.1:${port}` }
      assert.deepStrictEqual(yield* until("ws://127.0.0.1:9", "proxy", through), ["proxy"])
    }).pipe(Effect.scoped)
  )

  it.live("are in the error of a dial that failed", () =>
    Effect.gen(function* () {
      const { port, server } = yield* mute
      yield* Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
      const proxy = yield* tunnel({ status: "403 Forbidden" })
      const cases = [
        ["ws://no-such-host.invalid", direct, "dns"],
        [`ws://127.0.0.1:${port}`, direct, "tcp"],
        ["ws://127.0.0.1:9", { proxy: `http://127.0.0.1:${proxy.port}` }, "proxy"]
      ] as const
      for (const [url, options, phase] of cases) {
        const error = yield* refusal(url, {}, options)
        assert.strictEqual(error._tag === "DialFailed" && error.phase, phase)
      }
    }).pipe(Effect.scoped)
  )
})
