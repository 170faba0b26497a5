/**
 * Proves that hooks run one after another in their order, that one that fails is
 * told and harms none after it, and that the newest are skipped, told and counted
 * when 1,024 wait.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { HookQueue } from "../../src/internal/connection/run/hooks.ts"

const rig = () => {
  const told: Array<string> = []
  const pending: Array<Effect.Effect<void>> = []
  const queue = new HookQueue({
    fork: (effect) => {
      pending.push(effect)
      return Effect.runFork(Effect.void)
    },
    hookFailed: (name) => told.push(`failed ${name}`),
    hookSkipped: (name, skipped) => told.push(`skipped ${name} ${skipped}`)
  })
  const run = () => pending.splice(0).forEach((effect) => Effect.runSync(effect))
  return { queue, run, told }
}

describe("the queue of hooks", () => {
  it("runs them in order, and one that fails harms none after it", () => {
    const { queue, run, told } = rig()
    queue.add(
      "onOpen",
      Effect.sync(() => told.push("one"))
    )
    queue.add("onText", Effect.die("broken"))
    queue.add(
      "onClose",
      Effect.sync(() => told.push("three"))
    )
    run()
    queue.add(
      "onOpen",
      Effect.sync(() => told.push("four"))
    )
    run()
    assert.deepStrictEqual(told, ["one", "failed onText", "three", "four"])
  })

  it("skips the newest when 1,024 wait", () => {
    const { queue, run, told } = rig()
    let ran = 0
    for (let i = 0; i < 1_026; i++) {
      queue.add(
        "onText",
        Effect.sync(() => ran++)
      )
    }
    run()
    assert.deepStrictEqual(told, ["skipped onText 1", "skipped onText 2"])
    assert.strictEqual(ran, 1_024)
  })
})
