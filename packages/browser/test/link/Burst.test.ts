/**
 * Proves how messages of a burst are kept together: one that comes alone is
 * read at once, those close behind it by the next posted task, none is lost,
 * doubled or reordered, few wait at a time and fewer of large ones, and what
 * waits is read before the end and nothing after it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Burst from "../../src/internal/link/burst.ts"

const room = 16
const roomInBytes = 16_384

interface Event {
  readonly text: string
  readonly size: number
}

const make = (told: (text: string) => void = () => {}) => {
  const delivered: Array<string> = []
  const tasks: Array<() => void> = []
  const clock = { now: 1000 }
  const read = ({ size, text }: Event) => {
    delivered.push(text)
    told(text)
    return size
  }
  const burst = Burst.make(
    read,
    (task) => void tasks.push(task),
    () => clock.now
  )
  const add = (text: string, size = 1) => burst.add({ text, size })
  const runTask = () => tasks.shift()?.()
  return { add, burst, clock, delivered, runTask, tasks }
}

/** Small, seeded, and good enough to mix three kinds of steps. */
const dice = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

describe("Burst", () => {
  it("reads at once what comes apart, and posts nothing for it", () => {
    const { add, clock, delivered, tasks } = make()
    for (const text of ["a", "b", "c"]) {
      add(text)
      clock.now += 1
      assert.strictEqual(delivered.at(-1), text)
    }
    assert.deepStrictEqual(tasks, [])
  })

  it("keeps what follows close behind for one task, and is idle again after one that found nothing", () => {
    const { add, clock, delivered, runTask, tasks } = make()
    for (const text of ["a", "b", "c", "d"]) add(text)
    assert.deepStrictEqual([delivered, tasks.length], [["a", "b"], 1])
    runTask()
    assert.deepStrictEqual(delivered, ["a", "b", "c", "d"])
    add("e")
    runTask()
    assert.deepStrictEqual([delivered.at(-1), tasks.length], ["e", 1])
    runTask()
    assert.strictEqual(tasks.length, 0)
    clock.now += 1
    add("f")
    assert.strictEqual(delivered.at(-1), "f")
    assert.strictEqual(tasks.length, 0)
  })

  it("lets no more wait than there is room for", () => {
    const { add, delivered } = make()
    for (let index = 1; index < 2 + room; index++) add(`${index}`)
    assert.strictEqual(delivered.length, 2)
    add("last")
    assert.strictEqual(delivered.length, 2 + room)
  })

  it("lets fewer wait where the last ones were large, and none where they filled the room alone", () => {
    const { add, delivered, runTask } = make()
    add("a", roomInBytes / 4)
    add("b", roomInBytes / 4)
    for (const text of ["c", "d", "e"]) add(text, roomInBytes)
    assert.strictEqual(delivered.length, 2)
    add("f", roomInBytes)
    assert.strictEqual(delivered.length, 6)
    add("g", 1)
    assert.strictEqual(delivered.at(-1), "g")
    add("h", 1)
    assert.strictEqual(delivered.at(-1), "g", "small ones may wait again")
    runTask()
    assert.strictEqual(delivered.at(-1), "h")
  })

  it("reads what waits at the end, and nothing after it, also when the end comes while it reads", () => {
    const ended = make()
    for (const text of ["a", "b", "c"]) ended.add(text)
    ended.burst.end()
    assert.deepStrictEqual(ended.delivered, ["a", "b", "c"])
    ended.runTask()
    assert.deepStrictEqual([ended.delivered.length, ended.tasks.length], [3, 0])

    const within = make((text) => {
      if (text === "c") within.burst.end()
    })
    for (const text of ["a", "b", "c", "d"]) within.add(text)
    within.runTask()
    assert.deepStrictEqual([within.delivered, within.tasks.length], [["a", "b", "c"], 0])
  })

  it("reads everything once and in order, whatever comes between", () => {
    let held = 0
    for (let seed = 1; seed <= 100; seed++) {
      const roll = dice(seed)
      const { add, burst, clock, delivered, runTask, tasks } = make()
      const sent: Array<string> = []
      for (let step = 0; step < 200; step++) {
        const what = roll()
        if (what < 0.2) runTask()
        else if (what < 0.3) clock.now += roll()
        else {
          sent.push(`${sent.length}`)
          add(sent.at(-1)!, Math.ceil(roll() * 4000))
        }
        const missing = sent.length - delivered.length
        held += missing
        assert.isBelow(missing, room, `seed ${seed}`)
        assert.isAtMost(tasks.length, 1, `seed ${seed}`)
        assert.isTrue(missing === 0 || tasks.length === 1, `seed ${seed}: what waits has a task to wait for`)
      }
      burst.end()
      assert.deepStrictEqual(delivered, sent, `seed ${seed}`)
    }
    assert.isAbove(held, 1000)
  })

  it("reads everything at once where no task can be posted", () => {
    const delivered: Array<string> = []
    const burst = Burst.make((text: string) => delivered.push(text), undefined)
    for (const text of ["a", "b", "c"]) burst.add(text)
    assert.deepStrictEqual(delivered, ["a", "b", "c"])
    assert.strictEqual(Burst.post(), undefined, "Node has no scheduler.postTask")
  })
})
