/**
 * Proves that a hostile server cannot break the client: whatever bytes it sends
 * end the session in a typed error or change nothing, nothing is thrown past
 * it, what it sends without an end is bounded, and the next session works.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Reconnect from "kharbranth/Reconnect"
import { connect, eventually, isHandshake, json, messagesIn, rawHub, rs, socket } from "../support/hub.ts"
import type { RawSocket } from "../support/hub.ts"
import { random } from "../support/random.ts"

const echo = (raw: RawSocket, frame: string) => {
  if (isHandshake(frame)) return raw.send(`{}${rs}`)
  for (const { arguments: args, invocationId, type } of messagesIn(frame)) {
    if (type === 1) raw.send(json({ type: 3, invocationId, result: args }))
  }
}

// Bits of messages in any order: some are messages, most are not.
const scraps = [
  "{",
  "}",
  `"type":`,
  ...Array.from({ length: 11 }, (_, n) => String(n - 1)),
  ",",
  `"invocationId":"1"`,
  `"item":null`,
  `"error":{}`,
  `"target":"x"`,
  `"arguments":[]`,
  `"sequenceId":-1`,
  rs,
  "\u0000",
  "\ud800",
  "null",
  "[]",
  json({ type: 3, invocationId: "1" }),
  json({ type: 2, invocationId: "1", item: 1 }),
  json({ type: 1, invocationId: "9", target: "nobody", arguments: [] }),
  json({ type: 99 })
]

/** What is thrown past the client while the effect runs. */
const escaped = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const seen: Array<unknown> = []
    const note = (cause: unknown) => void seen.push(cause)
    process.on("unhandledRejection", note)
    process.on("uncaughtExceptionMonitor", note)
    return effect.pipe(
      Effect.map(() => seen),
      Effect.ensuring(
        Effect.sync(() => {
          process.off("unhandledRejection", note)
          process.off("uncaughtExceptionMonitor", note)
        })
      )
    )
  })

describe("a hostile server", () => {
  it.live("any scraps of messages end a session in a typed error, or change nothing", () =>
    Effect.gen(function* () {
      const next = random(7)
      const server = yield* rawHub(echo)
      const thrown = yield* escaped(
        Effect.scoped(
          Effect.gen(function* () {
            const hub = yield* connect({ url: server.url, ...socket, pending: "queue" })
            for (let round = 0; round < 200; round++) {
              const length = 1 + Math.floor(next() * 12)
              const noise = Array.from({ length }, () => scraps[Math.floor(next() * scraps.length)]).join("")
              server.sockets.at(-1)?.send(noise + rs)
              // Lost with its session, a call says so; the next one meets a new session.
              const exit = yield* Effect.result(hub.untyped.invoke("Echo", [round]))
              if (exit._tag === "Failure") assert.oneOf(exit.failure._tag, ["InvocationCancelled", "ResultError"])
            }
            yield* hub.reconnect
            assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", ["alive"]), ["alive"])
          })
        )
      )
      assert.deepStrictEqual(thrown, [])
      assert.isAbove(server.sockets.length, 20)
    })
  )

  it.live("a message without an end is given up at the bound", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(echo)
      const hub = yield* connect({ url: server.url, ...socket, maxMessageSize: 100_000, reconnect: Reconnect.none })
      const piece = `"${"x".repeat(9_998)}`
      for (let sent = 0; sent < 200_000; sent += piece.length) server.sockets[0]?.send(piece)
      yield* eventually(() => hub.state.getUnsafe()._tag === "Failed")
      assert.strictEqual((yield* Effect.flip(hub.awaitReady))._tag, "ProtocolViolation")
    })
  )

  it.live("an answer to the handshake without an end is given up at the bound", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw) => {
        for (let n = 0; n < 20; n++) raw.send(" ".repeat(10_000))
      })
      const error = yield* Effect.flip(connect({ url: server.url, ...socket, reconnect: Reconnect.none }))
      assert.strictEqual(error._tag, "HandshakeFailed")
    })
  )

  it.live("a flood of answers to nobody leaves nothing behind", () =>
    Effect.gen(function* () {
      const flood = Array.from({ length: 1_000 }, (_, n) => json({ type: 3, invocationId: `w${n}`, result: n })).join(
        ""
      )
      const server = yield* rawHub(echo)
      const hub = yield* connect({ url: server.url, ...socket })
      for (let n = 0; n < 100; n++) server.sockets[0]?.send(flood)
      assert.deepStrictEqual(yield* hub.untyped.invoke("Echo", ["still"]), ["still"])
      assert.strictEqual(server.sockets.length, 1)
    })
  )
})
