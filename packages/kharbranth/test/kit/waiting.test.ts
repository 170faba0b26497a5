/**
 * Proves of `Waiting`, where fibers park: a wait looks before it parks, wakes
 * take effect in the next microtask and once a turn, an interrupted waiter is
 * gone, and one that stops another in the same wake is obeyed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { attempt, total } from "../../src/internal/kit/guard.ts"
import { Waiting } from "../../src/internal/kit/waiting.ts"

describe("Waiting", () => {
  it.effect("does not park when there is something already", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      assert.strictEqual(yield* waiting.until(() => Effect.succeed(1)), 1)
    })
  )

  it.effect("looks again after a wake, and keeps waiting while there is nothing", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      let value: number | undefined
      let looks = 0
      const fiber = yield* Effect.forkChild(
        waiting.until(() => {
          looks++
          return value === undefined ? undefined : Effect.succeed(value)
        }),
        { startImmediately: true }
      )
      waiting.wake()
      waiting.wake()
      assert.strictEqual(looks, 1)
      yield* Effect.promise(() => Promise.resolve())
      assert.strictEqual(looks, 2)
      value = 7
      waiting.wake()
      assert.strictEqual(fiber.pollUnsafe(), undefined)
      assert.strictEqual(yield* Fiber.join(fiber), 7)
    })
  )

  it.effect("wakes all who wait, the first with what runs before them", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      const seen: Array<string> = []
      const wait = (name: string) =>
        waiting.watch(
          () => (seen.push(name), undefined),
          () => assert.fail()
        )
      waiting.first(() => seen.push("before"))
      const stop = wait("a")
      wait("b")
      wait("c")
      waiting.wake()
      yield* Effect.promise(() => Promise.resolve())
      assert.deepStrictEqual(seen, ["before", "a", "b", "c"])
      stop()
      waiting.wake()
      yield* Effect.promise(() => Promise.resolve())
      assert.deepStrictEqual(seen.slice(4), ["before", "b", "c"])
    })
  )

  it.effect("does not wake one that another has stopped", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      const stops: Array<() => void> = []
      const told: Array<string> = []
      for (const name of ["a", "b", "c"]) {
        stops.push(
          waiting.watch(
            () => name,
            (found) => {
              told.push(found)
              stops.forEach((stop) => stop())
            }
          )
        )
      }
      waiting.wake()
      yield* Effect.promise(() => Promise.resolve())
      assert.deepStrictEqual(told, ["a"])
    })
  )

  it.effect("forgets an interrupted waiter", () =>
    Effect.gen(function* () {
      const waiting = new Waiting()
      let looks = 0
      const fiber = yield* Effect.forkChild(
        waiting.until(() => {
          looks++
          return undefined
        }),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(fiber)
      waiting.wake()
      yield* Effect.promise(() => Promise.resolve())
      assert.strictEqual(looks, 1)
    })
  )
})

describe("guard", () => {
  it("gives what the code gives, or what it threw to the other", () => {
    const thrown = new Error("boom")
    const boom = (): number => {
      throw thrown
    }
    assert.strictEqual(
      attempt(
        () => 1,
        () => 2
      ),
      1
    )
    assert.strictEqual(
      attempt(boom, (cause) => cause),
      thrown
    )
    assert.strictEqual(
      total(
        (a: number, b: number) => a + b,
        () => 0
      )(1, 2),
      3
    )
    assert.strictEqual(total(boom, (cause) => cause)(), thrown)
  })
})
