/**
 * Proves that every call settles exactly once and for the right reason (reply,
 * refusal, timeout, lost session, too many, no session), that replays happen
 * only where allowed and at most so often, that late replies are ignored and
 * counted, that calls are pipelined, and that awaiting a reply inside the only
 * reader does not deadlock; then all of it at random against a simple model.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as Requests from "kharbranth/Requests"
import * as RequestsSchema from "kharbranth/RequestsSchema"
import * as Fault from "kharbranth/testing/Fault"
import { histories, rig } from "./requestsModel.ts"
import { settle } from "../support/passing.ts"

const started = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.tap(Effect.forkScoped(effect, { startImmediately: true }), () => settle)

describe("Requests", () => {
  it.effect("matches replies by id, whatever their order, and passes everything else on", () =>
    Effect.gen(function* () {
      const { asked, connection, requests, say } = yield* rig()
      const first = yield* started(requests.call("a"))
      const second = yield* started(requests.call("b"))
      assert.deepStrictEqual(asked, [
        { id: 1, ask: "a" },
        { id: 2, ask: "b" }
      ])
      say({ id: 2, ok: "B" })
      say({ news: "hello" })
      say({ id: 1, ok: "A" })
      yield* settle
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], ["A", "B"])
      assert.deepStrictEqual(yield* connection.receive, { news: "hello" })
    })
  )

  it.effect("reports a refusal as the call's own error", () =>
    Effect.gen(function* () {
      const { requests, say } = yield* rig()
      const call = yield* started(Effect.flip(requests.call("a")))
      say({ id: 1, no: "out of stock" })
      yield* settle
      assert.strictEqual(yield* Fiber.join(call), "out of stock")
      assert.strictEqual((yield* requests.figures).refused, 1)
    })
  )

  it.effect("times out at the moment it promises, then ignores and counts the late reply", () =>
    Effect.gen(function* () {
      const { connection, requests, say } = yield* rig({ timeout: "2 seconds" })
      const call = yield* started(Effect.flip(requests.call("a")))
      yield* TestClock.adjust(1999)
      assert.isUndefined(call.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(call)
      assert.isTrue(typeof error === "object" && error._tag === "RequestTimeout" && error.sent)
      say({ id: 1, ok: "late" })
      say({ id: 1, ok: "and twice" })
      say({ id: 7, ok: "not ours" })
      yield* settle
      const { late, pending, timedOut } = yield* requests.figures
      assert.deepStrictEqual([late, pending, timedOut], [2, 0, 1])
      assert.deepStrictEqual(yield* connection.receive, { id: 7, ok: "not ours" })
    })
  )

  it.effect("fails what a lost session carried, and holds what none has carried", () =>
    Effect.gen(function* () {
      const { asked, network, requests, say } = yield* rig()
      const carried = yield* started(Effect.flip(requests.call("carried")))
      yield* network.inject(Fault.reset())
      yield* settle
      const error = yield* Fiber.join(carried)
      assert.isTrue(typeof error === "object" && error._tag === "SessionLost" && error.epoch === 1)
      const held = yield* started(requests.call("held"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        asked.map(({ ask }) => ask),
        ["carried", "held"]
      )
      say({ id: 2, ok: 1 })
      yield* settle
      assert.strictEqual(yield* Fiber.join(held), 1)
      assert.strictEqual((yield* requests.figures).lost, 1)
    })
  )

  it.effect("replays an idempotent call with its id, at most as often as allowed", () =>
    Effect.gen(function* () {
      const { asked, network, requests, say } = yield* rig({ timeout: "1 minute" })
      const options = { onLoss: { replay: 2 } }
      const lucky = yield* started(requests.call("lucky", options))
      const luckless = yield* started(Effect.flip(requests.call("luckless", options)))
      for (let loss = 0; loss < 3; loss++) {
        yield* network.inject(Fault.reset())
        yield* TestClock.adjust("12 seconds")
        if (loss === 1) say({ id: 1, ok: "at last" })
        yield* settle
      }
      assert.strictEqual(yield* Fiber.join(lucky), "at last")
      const error = yield* Fiber.join(luckless)
      assert.isTrue(typeof error === "object" && error._tag === "SessionLost" && error.replays === 2)
      assert.deepStrictEqual(
        asked.map(({ id }) => id).toSorted((a, b) => a - b),
        [1, 1, 1, 2, 2, 2]
      )
      assert.strictEqual((yield* requests.figures).replayed, 4)
    })
  )

  it.effect("bounds what waits, and refuses at once where it may not wait", () =>
    Effect.gen(function* () {
      const { network, requests } = yield* rig({ maxPending: 2, whenDown: "fail" })
      yield* started(Effect.ignore(requests.call(1)))
      yield* started(Effect.ignore(requests.call(2)))
      const full = yield* Effect.flip(requests.call(3))
      assert.isTrue(typeof full === "object" && full._tag === "TooManyRequests" && full.pending === 2)
      yield* network.inject(Fault.refuse())
      yield* network.inject(Fault.reset())
      yield* settle
      const down = yield* Effect.flip(requests.call(4))
      assert.isTrue(typeof down === "object" && down._tag === "NotConnected")
    })
  )

  it.effect("withdraws an interrupted call, and settles what is left when its scope closes", () =>
    Effect.gen(function* () {
      const { connection, requests } = yield* rig()
      const call = yield* started(requests.call("a"))
      yield* Fiber.interrupt(call)
      assert.strictEqual((yield* requests.figures).pending, 0)
      const scope = yield* Scope.make()
      const own = yield* Requests.make(connection, {
        encode: (ask: string, id) => ({ id, ask }),
        match: () => undefined,
        firstId: 1000
      }).pipe(Scope.provide(scope))
      const left = yield* started(Effect.flip(own.call("b")))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(left))._tag, "NotConnected")
      assert.strictEqual((yield* Effect.flip(own.call("c")))._tag, "NotConnected")
    })
  )

  it.effect("does not deadlock when the only reader awaits a reply, and pipelines 1,000 calls", () =>
    Effect.gen(function* () {
      const { asked, connection, requests, say } = yield* rig()
      const reader = yield* Effect.forkScoped(
        connection.stream.pipe(
          Stream.mapEffect((news) => requests.call(news.news)),
          Stream.take(1),
          Stream.runCollect
        )
      )
      say({ news: "x" })
      yield* settle
      say({ id: 1, ok: "y" })
      yield* settle
      assert.deepStrictEqual(yield* Fiber.join(reader), ["y"])
      const many = yield* started(
        Effect.all(
          Array.from({ length: 1000 }, (_, n) => requests.call(n)),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(asked.length, 1001)
      for (const { ask, id } of asked.slice(1).toReversed()) say({ id, ok: ask })
      yield* settle
      assert.deepStrictEqual(
        yield* Fiber.join(many),
        Array.from({ length: 1000 }, (_, n) => n)
      )
    })
  )

  it.effect("turns a throwing `encode` and bad options into typed failures", () =>
    Effect.gen(function* () {
      const { connection, requests } = yield* rig({
        encode: () => {
          throw new Error("token=secret")
        }
      })
      const error = yield* Effect.flip(requests.call("a"))
      assert.isTrue(typeof error === "object" && error._tag === "EncodeError")
      assert.notInclude(JSON.stringify(error) + String(error), "secret")
      for (const bad of [{ timeout: "-1 second" }, { maxPending: 0 }, { onLoss: { replay: -1 } }, { firstId: 0.5 }]) {
        const invalid = yield* Effect.flip(
          Requests.make(connection, { encode: (ask, id) => ({ id, ask }), match: () => undefined, ...(bad as object) })
        )
        assert.strictEqual(invalid._tag, "InvalidOptions")
      }
    })
  )

  it.effect("checks both directions of a typed method", () =>
    Effect.gen(function* () {
      const { asked, requests, say } = yield* rig()
      const square = RequestsSchema.method(
        requests,
        {
          name: "square",
          request: Schema.Struct({ size: Schema.BigInt }),
          reply: Schema.Struct({ area: Schema.Finite })
        },
        (params) => params
      )
      const good = yield* started(square({ size: 9n }))
      assert.deepStrictEqual(asked[0]!.ask, { size: "9" })
      say({ id: 1, ok: { area: 81 } })
      yield* settle
      assert.deepStrictEqual(yield* Fiber.join(good), { area: 81 })
      const bad = yield* started(Effect.flip(square({ size: 9n })))
      say({ id: 2, ok: { area: "secret" } })
      yield* settle
      const error = yield* Fiber.join(bad)
      assert.strictEqual(
        error instanceof Requests.ReplyMismatch && error.message,
        'Connection "rpc": the reply of "square" does not fit: it does not match its schema at ["area"].'
      )
      const wrong = yield* Effect.flip(square({ size: "secret" } as never))
      assert.strictEqual(
        wrong instanceof ConnectionError.EncodeError && wrong.message,
        'Connection "rpc": a message did not encode and was not sent: the request of "square" does not match its schema at ["size"].'
      )
    })
  )
})

histories(60)
