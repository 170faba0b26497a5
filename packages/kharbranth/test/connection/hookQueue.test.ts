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
  const add = (epoch: number, hook: string, each: Effect.Effect<unknown>) => queue.addAll(epoch, hook, [0], () => each)
  return { add, queue, run, told }
}

describe("the queue of hooks", () => {
  it("runs them in order, and one that fails harms none after it", () => {
    const { add, run, told } = rig()
    add(
      1,
      "onOpen",
      Effect.sync(() => told.push("one"))
    )
    add(1, "onText", Effect.die("broken"))
    add(
      1,
      "onClose",
      Effect.sync(() => told.push("three"))
    )
    run()
    add(
      1,
      "onOpen",
      Effect.sync(() => told.push("four"))
    )
    run()
    assert.deepStrictEqual(told, ["one", "failed onText", "three", "four"])
  })

  it("skips the newest when 1,024 wait", () => {
    const { add, run, told } = rig()
    let ran = 0
    for (let i = 0; i < 1_026; i++) {
      add(
        1,
        "onText",
        Effect.sync(() => ran++)
      )
    }
    run()
    assert.deepStrictEqual(told, ["skipped onText 1", "skipped onText 2"])
    assert.strictEqual(ran, 1_024)
  })

  it("runs one for each of what comes together, and skips those beyond 1,024", () => {
    const { queue, run, told } = rig()
    const seen: Array<number> = []
    const numbers = Array.from({ length: 1_030 }, (_, i) => i)
    queue.addAll(1, "onMessage", numbers, (n) => (n === 3 ? Effect.die("broken") : Effect.sync(() => seen.push(n))))
    run()
    assert.deepStrictEqual(told, ["skipped onMessage 6", "failed onMessage"])
    assert.strictEqual(seen.length, 1_023)
    queue.addAll(1, "onMessage", [7], (n) => Effect.sync(() => seen.push(n)))
    run()
    assert.strictEqual(seen.at(-1), 7)
  })
})
