/**
 * Proves that hooks run one after another in their order, that one that fails is
 * told and harms none after it, and that the newest are skipped, told and counted
 * when 1,024 wait.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ConnectionEvent } from "../../src/ConnectionEvent.ts"
import { HookQueue } from "../../src/internal/connection/run/hooks.ts"

const rig = () => {
  const told: Array<string> = []
  const pending: Array<Effect.Effect<void>> = []
  const fork = (effect: Effect.Effect<void>) => {
    pending.push(effect)
    return Effect.runFork(Effect.void)
  }
  const emit = (build: () => ConnectionEvent) => {
    const event = build()
    if (event._tag === "HookFailed") told.push(`failed ${event.hook}`)
    if (event._tag === "HookSkipped") told.push(`skipped ${event.hook} ${event.skipped}`)
  }
  const queue = new HookQueue({ fork }, { emit })
  const run = () => pending.splice(0).forEach((effect) => Effect.runSync(effect))
  return { queue, run, told }
}

describe("the queue of hooks", () => {
  it("runs them in order, and one that fails harms none after it", () => {
    const { queue, run, told } = rig()
    queue.add(
      1,
      "onOpen",
      Effect.sync(() => told.push("one"))
    )
    queue.add(1, "onText", Effect.die("broken"))
    queue.add(
      1,
      "onClose",
      Effect.sync(() => told.push("three"))
    )
    run()
    queue.add(
      1,
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
        1,
        "onText",
        Effect.sync(() => ran++)
      )
    }
    run()
    assert.deepStrictEqual(told, ["skipped onText 1", "skipped onText 2"])
    assert.strictEqual(ran, 1_024)
  })
})
