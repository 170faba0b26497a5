/**
 * Proves how fibers wait for a condition: not at all where it holds, in order
 * where it does not, and never past a change that came between the look and the
 * parking; and that an interrupted fiber leaves the line.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as waiting from "../../src/internal/kit/waiting.ts"

const scene = () => {
  const state: { result: number | undefined } = { result: undefined }
  const line = waiting.make<number, string>(() =>
    state.result === undefined ? undefined : Effect.succeed(state.result)
  )
  return { line, state }
}

describe("waiting", () => {
  it.effect("a condition that holds gives its result at once", () =>
    Effect.gen(function* () {
      const { line, state } = scene()
      state.result = 1
      assert.strictEqual(yield* line.wait, 1)
      assert.strictEqual(line.size(), 0)
    })
  )

  it.effect("waits end in order, at the first wake after which the condition holds", () =>
    Effect.gen(function* () {
      const { line, state } = scene()
      const ended: Array<string> = []
      const wait = (name: string) => Effect.map(line.wait, (result) => void ended.push(`${name} ${result}`))
      const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.forkChild(wait(name)))
      yield* Effect.yieldNow
      line.wake()
      assert.deepStrictEqual([line.size(), ended], [3, []])
      state.result = 2
      line.wake()
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual([line.size(), ended], [0, ["a 2", "b 2", "c 2"]])
    })
  )

  it.effect("a change between the look and the parking is seen", () =>
    Effect.gen(function* () {
      const { line, state } = scene()
      // The look that finds nothing, then the change and its wake, and only then the parking.
      const wait = Effect.andThen(
        Effect.sync(() => {
          state.result = 3
          line.wake()
        }),
        line.wait
      )
      const fiber = yield* Effect.forkChild(wait)
      yield* Effect.yieldNow
      assert.strictEqual(line.size(), 0)
      assert.strictEqual(yield* Fiber.join(fiber), 3)
    })
  )

  it.effect("an interrupted fiber leaves, and the others are settled by a failure", () =>
    Effect.gen(function* () {
      const { line } = scene()
      const [first, second] = [yield* Effect.forkChild(line.wait), yield* Effect.forkChild(Effect.flip(line.wait))]
      yield* Effect.yieldNow
      yield* Fiber.interrupt(first)
      assert.strictEqual(line.size(), 1)
      line.settle(Effect.fail("none"))
      assert.strictEqual(yield* Fiber.join(second), "none")
    })
  )
})
