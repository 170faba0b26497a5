/**
 * Proves that handlers run so many at a time, in the order of the calls; that a
 * server which calls faster than they run is held back; and that handlers which
 * wait for answers behind those calls still get them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { maxWaiting } from "../../src/internal/handlers/pool.ts"
import { connect, eventually, gate, isHandshake, json, messagesIn, rawHub, rs, socket } from "../support/hub.ts"

const event = (n: number) => json({ type: 1, target: "event", arguments: [n] })
const events = (count: number) => Array.from({ length: count }, (_, n) => event(n)).join("")

// Answers every call with its first argument.
const echoing = rawHub((raw, frame) => {
  if (isHandshake(frame)) return raw.send(`{}${rs}`)
  for (const { arguments: args, invocationId, type } of messagesIn(frame)) {
    if (type === 1) raw.send(json({ type: 3, invocationId, result: (args as ReadonlyArray<unknown>)[0] }))
  }
})

describe("handlers", () => {
  it.live("so many run at a time, and the rest in order", () =>
    Effect.gen(function* () {
      const server = yield* echoing
      const hub = yield* connect({ url: server.url, ...socket, handlerConcurrency: 3 })
      const started: Array<unknown> = []
      const first = gate()
      let running = 0
      let peak = 0
      yield* hub.untyped.on("event", (args) =>
        Effect.gen(function* () {
          started.push(args[0])
          peak = Math.max(peak, ++running)
          if (started.length <= 3) yield* Deferred.await(first)
          else yield* Effect.yieldNow
          running--
        })
      )
      server.sockets[0]?.send(events(500))
      yield* eventually(() => started.length === 3)
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["still served"]), "still served")
      assert.strictEqual(started.length, 3)
      yield* Deferred.succeed(first, undefined)
      yield* eventually(() => started.length === 500 && running === 0)
      assert.strictEqual(peak, 3)
      assert.deepStrictEqual(
        started,
        Array.from({ length: 500 }, (_, n) => n)
      )
    })
  )

  it.live("a flood of calls holds the server back until handlers end", () =>
    Effect.gen(function* () {
      const server = yield* echoing
      const hub = yield* connect({ url: server.url, ...socket, handlerConcurrency: 1 })
      const stuck = gate()
      let ended = 0
      yield* hub.untyped.on("event", () =>
        Effect.andThen(
          Deferred.await(stuck),
          Effect.sync(() => ended++)
        )
      )
      const total = 100_000
      // Each fills a read of the socket by half; the handlers' bound is reached in the first ones.
      for (let sent = 0; sent < total; sent += 500) server.sockets[0]?.send(events(500))
      const read = () => Effect.map(hub.metrics, ({ messagesIn }) => messagesIn)
      yield* Effect.repeat(read(), { until: (frames) => frames * 500 > maxWaiting })
      const before = yield* read()
      yield* Effect.sleep(200)
      const held = yield* read()
      // What was on its way is read; what was not stays with the server.
      assert.isBelow(held - before, 20)
      assert.isBelow(held * 500, total / 2)
      yield* Deferred.succeed(stuck, undefined)
      yield* eventually(() => ended === total)
    })
  )

  it.live("handlers that wait for an answer behind the flood get it", () =>
    Effect.gen(function* () {
      const server = yield* echoing
      const hub = yield* connect({ url: server.url, ...socket, handlerConcurrency: 2, maxStall: "20 millis" })
      const answers: Array<unknown> = []
      yield* hub.untyped.on("event", (args) =>
        Effect.map(hub.untyped.invoke("Echo", args), (answer) => void answers.push(answer))
      )
      const total = maxWaiting * 2
      for (let sent = 0; sent < total; sent += 512) server.sockets[0]?.send(events(512))
      yield* eventually(() => answers.length === total)
    })
  )

  it.live("a bound of nothing is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(connect({ url: "http://127.0.0.1:1/hub", handlerConcurrency: 0 }))
      assert.strictEqual(error._tag, "InvalidOptions")
    })
  )
})
