/**
 * Proves that calls that wait for an answer are found by their ids and by
 * nothing else, whatever stays, comes and goes: random histories against a
 * `Map`, and texts that are no id of ours.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { PendingCall } from "../../src/internal/channel/pendingCalls.ts"
import { PendingCalls } from "../../src/internal/channel/pendingCalls.ts"

const noop = () => {}
const callOf = (id: string): PendingCall => ({ id, item: noop, done: noop, lost: noop })

// 0 to 6: a call is added; 7: an id goes to an upload; from 8 on: the call at that place among the waiting leaves.
const Step = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 15 }))

describe("PendingCalls", () => {
  it.prop(
    "A random history gives what a Map gives, no id twice, and the calls in their order",
    [Schema.Array(Step)],
    ([steps]) => {
      const calls = new PendingCalls()
      const model = new Map<string, PendingCall>()
      const ids = new Set<string>()
      // Each step many times over, so that the table grows while old calls stay.
      for (const step of steps.flatMap((step) => Array.from({ length: 1 + (step % 5) * 9 }, () => step))) {
        if (step < 8) {
          const id = calls.nextId()
          assert.isFalse(ids.has(id))
          ids.add(id)
          if (step === 7) continue
          const call = callOf(id)
          calls.add(call)
          model.set(id, call)
        } else {
          const call = [...model.values()][(step - 8) % Math.max(model.size, 1)]
          if (call === undefined) continue
          assert.isTrue(calls.remove(call))
          assert.isFalse(calls.remove(call))
          model.delete(call.id)
        }
        assert.strictEqual(calls.size, model.size)
      }
      for (const id of ids) assert.strictEqual(calls.get(id), model.get(id))
      assert.deepStrictEqual(calls.all(), [...model.values()])
    },
    { arbitrary: { runs: 300 } }
  )

  it("one call that stays for a million others keeps its id, and the table small", () => {
    const calls = new PendingCalls()
    const stays = callOf(calls.nextId())
    calls.add(stays)
    for (let i = 0; i < 1_000_000; i++) {
      const call = callOf(calls.nextId())
      calls.add(call)
      if (!calls.remove(call)) assert.fail(`call ${call.id} was not there`)
    }
    assert.strictEqual(calls.get(stays.id), stays)
    assert.strictEqual(calls.size, 1)
    assert.isBelow(calls["places"].length, 16)
  })

  it("no text but the id itself finds a call", () => {
    const calls = new PendingCalls()
    const call = callOf(calls.nextId())
    calls.add(call)
    assert.strictEqual(calls.get("1"), call)
    for (const id of ["", "0", "01", " 1", "1 ", "1.0", "1e0", "+1", "0x1", "5", "4294967297", "NaN", "__proto__"]) {
      assert.isUndefined(calls.get(id), JSON.stringify(id))
    }
  })
})
