// Proves that every way a dial can fail is told apart by a typed error, that
// bad options are refused before a socket exists, and that an interrupted dial
// leaves nothing open.
import { assert, describe, it } from "@effect/vitest"
import type { DialError } from "kharbranth/ConnectionError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import * as DialErrors from "../../src/internal/dial/errors.ts"
import { retryAfter } from "../../src/internal/dial/rejection.ts"
import { connect, dialOf, refusal } from "../support/client.ts"
import { hostile } from "../support/process.ts"
import { serve } from "../support/wsServer.ts"

const summary = (error: DialError) =>
  error._tag === "DialFailed"
    ? [error._tag, error.kind, error.cause.label]
    : error._tag === "HandshakeRejected"
      ? [error._tag, error.status]
      : error._tag === "TlsError"
        ? [error._tag, error.code]
        : error._tag === "InvalidOptions"
          ? [error._tag, error.path.join(".")]
          : [error._tag, error.cause.label]

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

describe("Dial", () => {
  it.live("a name that does not resolve is dns", () =>
    Effect.gen(function* () {
      const error = yield* refusal("ws://no-such-host.invalid")
      assert.deepStrictEqual(summary(error).slice(0, 2), ["DialFailed", "dns"])
    })
  )

  it.live("a port where nothing listens is refused", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      assert.deepStrictEqual(summary(yield* refusal(`ws://127.0.0.1:${port}`)), [
        "DialFailed",
        "refused",
        "ECONNREFUSED"
      ])
      assert.deepStrictEqual(summary(yield* refusal(`ws://localhost:${port}`)), [
        "DialFailed",
        "refused",
        "ECONNREFUSED"
      ])
    })
  )

  it.live("an address that this machine does not have is local", () =>
    Effect.gen(function* () {
      const error = yield* refusal("ws://127.0.0.1:9", {}, { proxy: false, localAddress: "192.0.2.1" })
      assert.deepStrictEqual(summary(error), ["DialFailed", "local", "EADDRNOTAVAIL"])
    })
  )

  // Without compression the upgrade is ours, with it that of `ws`: one table for both.
  it.live.each([false, true])("refused upgrades and broken answers, compression: %s", (compression) =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const cases: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
        ["/hang-up", ["DialFailed", "reset", "ECONNRESET"]],
        ["/reset-upgrade", ["DialFailed", "reset", "ECONNRESET"]],
        ["/garbage", ["DialFailed", "protocol", "HPE_INVALID_CONSTANT"]],
        ["/header-flood", ["DialFailed", "protocol", "HPE_HEADER_OVERFLOW"]],
        ["/bad-accept", ["DialFailed", "protocol", "INVALID_ACCEPT"]],
        ["/bad-upgrade", ["DialFailed", "protocol", "INVALID_UPGRADE"]],
        ["/bad-subprotocol", ["DialFailed", "protocol", "INVALID_SUBPROTOCOL"]],
        ["/bad-extension", ["DialFailed", "protocol", "UNREQUESTED_EXTENSION"]],
        ["/endless-500", ["HandshakeRejected", 500]],
        ["/stalled-500", ["HandshakeRejected", 500]],
        ["/redirect", ["HandshakeRejected", 302]],
        ["/unauthorized", ["HandshakeRejected", 401]],
        ["/nowhere", ["HandshakeRejected", 404]]
      ]
      for (const [path, expected] of cases) {
        // the extension that it sends was asked for then
        if (compression && path === "/bad-extension") continue
        const subprotocols = path === "/bad-subprotocol" ? ["mine"] : []
        const error = yield* refusal(origin + path, { subprotocols }, { compression })
        assert.deepStrictEqual(summary(error), expected, path)
      }
    })
  )

  it.live("a subprotocol that the server does not confirm is refused", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const error = yield* refusal(`${origin}/no-status`, { subprotocols: ["mine"] })
      assert.deepStrictEqual(summary(error), ["DialFailed", "protocol", "MISSING_SUBPROTOCOL"])
    })
  )

  it.live("an endless body is cut at 4 KiB; status, headers and its start are kept", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const error = yield* refusal(`${origin}/endless-500`)
      if (error._tag !== "HandshakeRejected") return assert.fail(error._tag)
      const { body, headers } = Redacted.value(error.response)
      assert.strictEqual(body, "e".repeat(4_096))
      assert.strictEqual(headers["content-type"], "text/plain")
    })
  )

  it.live("an endless body is cut as soon as enough of it came, not when its time is up", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      let fastest = Number.POSITIVE_INFINITY
      for (let i = 0; i < 4; i++) {
        const started = performance.now()
        yield* refusal(`${origin}/endless-500`)
        fastest = Math.min(fastest, performance.now() - started)
      }
      assert.isBelow(fastest, 240)
    })
  )

  it.live("a body that stalls is given up, its start is kept", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const error = yield* refusal(`${origin}/stalled-500`)
      if (error._tag !== "HandshakeRejected") return assert.fail(error._tag)
      assert.strictEqual(Redacted.value(error.response).body, "partial")
    })
  )

  it.live("Retry-After in seconds", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const error = yield* refusal(`${origin}/busy-seconds`)
      if (error._tag !== "HandshakeRejected") return assert.fail(error._tag)
      assert.deepStrictEqual([error.status, error.retryAfter], [503, Duration.seconds(7)])
      assert.strictEqual(Redacted.value(error.response).body, "busy")
    })
  )

  // under the test clock, which starts in 1970: a real day lies between
  it.effect("Retry-After as a date is relative to the Clock", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const error = yield* refusal(`${origin}/busy-date`)
      if (error._tag !== "HandshakeRejected") return assert.fail(error._tag)
      assert.deepStrictEqual([error.status, error.retryAfter], [429, Duration.millis(86_400_000)])
    })
  )

  it("Retry-After - what is neither seconds nor a date is ignored, a past date means now", () => {
    assert.deepStrictEqual(retryAfter("Thu, 01 Jan 1970 00:00:01 GMT", 5_000), Duration.millis(0))
    assert.deepStrictEqual(retryAfter(" 120 ", 0), Duration.seconds(120))
    for (const value of [undefined, "", "soon", "-1", "1.5", "Xyz, nonsense", "99999999999999"]) {
      assert.isUndefined(retryAfter(value, 0), value)
    }
  })

  it.live("bad options are refused with their path, before any socket", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, Parameters<typeof refusal>]> = [
        ["target.url", ["not a url"]],
        ["target.url", ["ftp://127.0.0.1"]],
        ["target.url", ["ws://127.0.0.1/#fragment"]],
        ["target.subprotocols.1", ["ws://127.0.0.1", { subprotocols: ["ok", "not ok"] }]],
        ["target.subprotocols.1", ["ws://127.0.0.1", { subprotocols: ["twice", "twice"] }]],
        ["target.headers.x-a", ["ws://127.0.0.1", { headers: { "x-a": "1\r\nx-b: 2" } }]],
        ["target.headers.<not a header name>", ["ws://127.0.0.1", { headers: { "x a": "1" } }]],
        ["localAddress", ["ws://127.0.0.1", {}, { proxy: false, localAddress: "nowhere" }]],
        ["proxy", ["ws://127.0.0.1", {}, { proxy: "socks5://127.0.0.1" }]],
        ["proxy", ["ws://127.0.0.1", {}, { proxy: Redacted.make("no url") }]],
        ["proxy", ["ws://127.0.0.1", {}, { proxy: "http://me:%zz@127.0.0.1" }]],
        ["tls", ["wss://127.0.0.1", {}, { proxy: false, tls: { ca: "no pem", cert: "no pem" } }]]
      ]
      for (const [path, args] of cases) {
        assert.deepStrictEqual(summary(yield* refusal(...args)), ["InvalidOptions", path])
      }
    })
  )

  it.live("interrupting leaves no socket: while nobody answers, while the answer drips, through a silent proxy", () =>
    Effect.gen(function* () {
      for (const [path, chunk] of [
        ["/hang", ""],
        ["/drip", "HTTP/1.1 101 Switching Protocols\r\nX: "]
      ] as const) {
        for (const proxied of [false, true]) {
          const left = yield* gone(path, chunk, proxied)
          assert.isTrue(left, `${path} ${proxied}`)
        }
      }
    })
  )

  it.live("interrupting at any moment of a good dial leaves no socket", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      for (let turns = 0; turns < 12; turns++) {
        const fiber = yield* Effect.forkChild(Effect.scoped(connect(server.url)), { startImmediately: true })
        for (let i = 0; i < turns; i++) yield* turn
        yield* Fiber.interrupt(fiber)
      }
      yield* noSocketsTo(server.port)
    })
  )

  it("codes that a test cannot cause are classified as the rest", () => {
    const dial = dialOf("wss://u:p@h.example/x?token=1")
    const of = (code: string) => summary(DialErrors.ofDial(dial, Object.assign(new Error("x"), { code })))
    for (const code of ["EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "ENETDOWN"]) {
      assert.deepStrictEqual(of(code), ["DialFailed", "unreachable", code])
    }
    for (const code of ["EMFILE", "ENFILE", "EACCES", "ENOBUFS"])
      assert.deepStrictEqual(of(code), ["DialFailed", "local", code])
    assert.deepStrictEqual(of("EAI_AGAIN"), ["DialFailed", "dns", "EAI_AGAIN"])
    assert.deepStrictEqual(of("CERT_REVOKED"), ["TlsError", "CERT_REVOKED"])
    const plain = DialErrors.ofDial(dialOf("ws://h.example"), Object.assign(new Error("x"), { code: "EODD" }))
    assert.deepStrictEqual(summary(plain), ["DialFailed", "unknown", "EODD"])
    assert.deepStrictEqual(summary(DialErrors.ofDial(dial, new Error("odd"))), ["DialFailed", "unknown", "Error"])
  })
})

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

interface Endpoint {
  readonly remotePort?: number
  readonly destroyed: boolean
}

const socketsTo = (port: number) =>
  (process as unknown as { _getActiveHandles(): Array<Endpoint> })
    ._getActiveHandles()
    .filter((handle) => handle.remotePort === port && !handle.destroyed)

const noSocketsTo = (port: number): Effect.Effect<void> =>
  Effect.suspend(() => (socketsTo(port).length === 0 ? Effect.void : Effect.flatMap(turn, () => noSocketsTo(port))))

/** Dials a server that answers with this and no more, interrupts, and waits for the server to see the socket go. */
const gone = (path: string, answer: string, proxied: boolean) =>
  Effect.scoped(
    Effect.gen(function* () {
      let accepted: () => void = () => undefined
      let ended: () => void = () => undefined
      const whenAccepted = new Promise<void>((resolve) => (accepted = resolve))
      const whenGone = new Promise<boolean>((resolve) => (ended = () => resolve(true)))
      const server = createServer((socket) => {
        socket.on("error", () => undefined)
        socket.on("close", ended)
        socket.once("data", () => {
          socket.write(answer)
          accepted()
        })
      })
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
        }),
        () => Effect.sync(() => server.close())
      )
      const dial = proxied
        ? connect(`ws://127.0.0.1:1${path}`, {}, { proxy: `http://127.0.0.1:${port}` })
        : connect(`ws://127.0.0.1:${port}${path}`)
      const fiber = yield* Effect.forkChild(Effect.scoped(dial), { startImmediately: true })
      yield* Effect.promise(() => whenAccepted)
      yield* Fiber.interrupt(fiber)
      const left = yield* Effect.promise(() => whenGone)
      yield* noSocketsTo(port)
      return left
    })
  )
