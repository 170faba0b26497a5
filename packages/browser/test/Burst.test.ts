/**
 * Proves how messages of a burst are kept together: one that comes alone is
 * delivered at once, those close behind it by the next posted task, none is
 * lost, doubled or reordered, little waits at a time, and what waits is
 * delivered before the end and nothing after it.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Frame } from "kharbranth/Message"
import * as Burst from "../src/internal/burst.ts"

const room = 8
const roomInBytes = 4096

const make = (take: (frame: Frame) => void = () => {}) => {
  const delivered: Array<string> = []
  const tasks: Array<() => void> = []
  const clock = { now: 1000 }
  const receiver = {
    frame: (frame: Frame) => {
      delivered.push(String(frame))
      take(frame)
    }
  }
  const burst = Burst.make(
    receiver,
    (task) => void tasks.push(task),
    () => clock.now
  )
  const runTask = () => tasks.shift()?.()
  return { burst, clock, delivered, runTask, tasks }
}

/** Small, seeded, and good enough to mix three kinds of steps. */
const dice = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

describe("Burst", () => {
  it("delivers at once what comes apart, and posts nothing for it", () => {
    const { burst, clock, delivered, tasks } = make()
    for (const text of ["a", "b", "c"]) {
      burst.frame(text, 1)
      clock.now += 1
      assert.strictEqual(delivered.at(-1), text)
    }
    assert.deepStrictEqual(tasks, [])
  })

  it("keeps what follows close behind for one task, and is idle again after one that found nothing", () => {
    const { burst, clock, delivered, runTask, tasks } = make()
    for (const text of ["a", "b", "c", "d"]) burst.frame(text, 1)
    assert.deepStrictEqual([delivered, tasks.length], [["a", "b"], 1])
    runTask()
    assert.deepStrictEqual(delivered, ["a", "b", "c", "d"])
    burst.frame("e", 1)
    runTask()
    assert.deepStrictEqual([delivered.at(-1), tasks.length], ["e", 1])
    runTask()
    assert.strictEqual(tasks.length, 0)
    clock.now += 1
    burst.frame("f", 1)
    assert.strictEqual(delivered.at(-1), "f")
    assert.strictEqual(tasks.length, 0)
  })

  it("lets no more wait than there is room for, in messages and in bytes", () => {
    const { burst, delivered } = make()
    for (let index = 1; index <= 2 + room - 1; index++) burst.frame(`${index}`, 1)
    assert.strictEqual(delivered.length, 2)
    burst.frame("last", 1)
    assert.strictEqual(delivered.length, 2 + room)
    burst.frame("large", roomInBytes - 1)
    assert.strictEqual(delivered.length, 2 + room)
    burst.frame("small", 1)
    assert.strictEqual(delivered.at(-1), "small")
  })

  it("delivers what waits at the end, and nothing after it, also when the end comes while it delivers", () => {
    const ended = make()
    for (const text of ["a", "b", "c"]) ended.burst.frame(text, 1)
    ended.burst.end()
    assert.deepStrictEqual(ended.delivered, ["a", "b", "c"])
    ended.runTask()
    assert.deepStrictEqual([ended.delivered.length, ended.tasks.length], [3, 0])

    const within = make((frame) => {
      if (frame === "c") within.burst.end()
    })
    for (const text of ["a", "b", "c", "d"]) within.burst.frame(text, 1)
    within.runTask()
    assert.deepStrictEqual([within.delivered, within.tasks.length], [["a", "b", "c"], 0])
  })

  it("delivers everything once and in order, whatever comes between", () => {
    let held = 0
    for (let seed = 1; seed <= 100; seed++) {
      const roll = dice(seed)
      const { burst, clock, delivered, runTask, tasks } = make()
      const sent: Array<string> = []
      let waiting = 0
      for (let step = 0; step < 200; step++) {
        const what = roll()
        if (what < 0.2) runTask()
        else if (what < 0.3) clock.now += roll()
        else {
          const size = Math.ceil(roll() * 900)
          sent.push(`${sent.length}:${size}`)
          burst.frame(sent.at(-1)!, size)
        }
        const missing = sent.slice(delivered.length)
        waiting = missing.reduce((bytes, text) => bytes + Number(text.split(":")[1]), 0)
        held += missing.length
        assert.isBelow(waiting, roomInBytes)
        assert.isBelow(missing.length, room)
        assert.isAtMost(tasks.length, 1)
        assert.isTrue(missing.length === 0 || tasks.length === 1, "what waits has a task to wait for")
      }
      burst.end()
      assert.deepStrictEqual(delivered, sent)
    }
    assert.isAbove(held, 1000)
  })

  it("delivers everything at once where no task can be posted", () => {
    const delivered: Array<Frame> = []
    const burst = Burst.make({ frame: (frame) => void delivered.push(frame) }, undefined)
    for (const text of ["a", "b", "c"]) burst.frame(text, 1)
    assert.deepStrictEqual(delivered, ["a", "b", "c"])
    assert.strictEqual(Burst.post(), undefined, "Node has no scheduler.postTask")
  })
})
