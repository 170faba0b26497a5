// Proves the two pure halves of ConnectionPool against simple models, a thousand
// of random runs each, the seed in every message: placement never loses or
// doubles an item, never exceeds a cap, chooses the least loaded, and lets an
// item wait only while it fits nowhere; dedupe lets exactly the first of each
// key through while the key is remembered, whichever line it came by.
import { assert, describe, it } from "@effect/vitest"
import { Dedupe } from "../../src/internal/pool/dedupe.ts"
import { Placement } from "../../src/internal/pool/placement.ts"
import { mulberry32 } from "../support/random.ts"

/** Runs random commands; after each, everything that must hold is looked at from outside. */
const run = (seed: number): number => {
  const random = mulberry32(seed)
  const whole = (least: number, most: number) => least + Math.floor(random() * (most - least + 1))
  const cap = {
    count: random() < 0.3 ? Infinity : whole(1, 6),
    size: random() < 0.3 ? Infinity : whole(5, 40)
  }
  const placement = new Placement(cap)
  const sizes = new Map<string, number>()
  const members = new Set<string>()
  let carriers = new Map<string, string>()
  let moved = 0

  const loadOf = (member: string) => {
    const items = [...carriers].filter(([, carrier]) => carrier === member).map(([item]) => sizes.get(item)!)
    return { count: items.length, size: items.reduce((sum, size) => sum + size, 0) }
  }
  const room = (member: string, size: number) => {
    const load = loadOf(member)
    return load.count + 1 <= cap.count && load.size + size <= cap.size
  }
  const look = (step: string) => {
    const now = new Map<string, string>()
    for (const item of sizes.keys()) {
      const carrier = placement.memberOf(item)
      if (carrier !== undefined) now.set(item, carrier)
      if (!placement.has(item)) assert.fail(`seed ${seed}: ${step} lost ${item}`)
    }
    carriers = now
    for (const carrier of carriers.values())
      if (!members.has(carrier)) assert.fail(`seed ${seed}: ${step}: at a dead member`)
    for (const member of members) {
      const load = loadOf(member)
      const told = placement.loadOf(member)
      if (told.count !== load.count || told.size !== load.size) assert.fail(`seed ${seed}: ${step}: load of ${member}`)
      if (load.count > cap.count || load.size > cap.size) assert.fail(`seed ${seed}: ${step}: cap of ${member}`)
    }
    assert.strictEqual(placement.waitingCount, sizes.size - carriers.size, `seed ${seed}: ${step}: how many wait`)
    for (const [item, size] of sizes) {
      if (carriers.has(item)) continue
      if ([...members].some((member) => room(member, size))) assert.fail(`seed ${seed}: ${step}: ${item} waits in vain`)
    }
  }

  for (let step = 0; step < 60; step++) {
    const dice = random()
    if (dice < 0.5) {
      const [item, size] = [`item ${whole(1, 30)}`, whole(0, 12)]
      const fresh = !sizes.has(item)
      const least = Math.min(
        ...[...members]
          .filter((member) => room(member, size))
          .map((member) => {
            const load = loadOf(member)
            return cap.count === Infinity && cap.size === Infinity
              ? load.count
              : Math.max(load.count / cap.count, load.size / cap.size)
          })
      )
      if (fresh) sizes.set(item, size)
      const before = new Map([...members].map((member) => [member, loadOf(member)]))
      const carrier = placement.place(item, size)
      if (fresh && carrier !== undefined) {
        const load = before.get(carrier)!
        const full =
          cap.count === Infinity && cap.size === Infinity
            ? load.count
            : Math.max(load.count / cap.count, load.size / cap.size)
        assert.strictEqual(full, least, `seed ${seed}: least loaded`)
      }
      look(`place ${item}`)
    } else if (dice < 0.7) {
      const item = `item ${whole(1, 30)}`
      sizes.delete(item)
      placement.release(item)
      look(`release ${item}`)
      assert.isFalse(placement.has(item))
    } else if (dice < 0.87) {
      const member = `member ${whole(1, 5)}`
      members.add(member)
      placement.add(member)
      look(`add ${member}`)
    } else {
      const member = `member ${whole(1, 5)}`
      const carried = [...carriers].filter(([, carrier]) => carrier === member).map(([item]) => item)
      members.delete(member)
      const moves = placement.remove(member)
      look(`remove ${member}`)
      const left = moves.filter(({ from }) => from === member)
      assert.deepStrictEqual(left.map(({ item }) => item).toSorted(), carried.toSorted(), `seed ${seed}: who left`)
      for (const { item, to } of moves) assert.strictEqual(to, carriers.get(item), `seed ${seed}: told the truth`)
      moved += left.filter(({ to }) => to !== undefined).length
    }
  }
  return moved
}

describe("placement", () => {
  it("1,000 random runs of 60 commands", ({ annotate }) => {
    let moved = 0
    for (let seed = 1; seed <= 1_000; seed++) moved += run(seed)
    assert.isAbove(moved, 1_000, "runs in which nothing ever moved prove little")
    return annotate(`${moved} items moved from dead members`)
  })
})

describe("dedupe", () => {
  it("2,000 random runs over 2 to 4 lines: exactly the first of each remembered key", () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      const random = mulberry32(seed)
      const lines = 2 + Math.floor(random() * 3)
      const dedupe = new Dedupe(lines, 1_000)
      const next = Array.from({ length: lines }, () => 0)
      const through: Array<number> = []
      let offered = 0
      while (next.some((at) => at < 50)) {
        const line = Math.floor(random() * lines)
        if (next[line]! >= 50) continue
        const key = next[line]!++
        // A line that loses a message must not lose it for all.
        if (line > 0 && random() < 0.2) continue
        offered++
        if (dedupe.admit(line, key, offered)) through.push(key)
      }
      assert.deepStrictEqual(
        through.toSorted((a, b) => a - b),
        Array.from({ length: 50 }, (_, key) => key),
        `seed ${seed}`
      )
      const wins = dedupe.scores.reduce((sum, score) => sum + score.wins, 0)
      const late = dedupe.scores.reduce((sum, score) => sum + score.late, 0)
      assert.strictEqual(wins, 50, `seed ${seed}`)
      assert.strictEqual(wins + late, offered, `seed ${seed}`)
    }
  })

  it("remembers as many keys as it is told to, and messages without a key always pass", () => {
    const dedupe = new Dedupe(2, 3)
    const admitted = ["a", "b", "c", "a", "d", "a", undefined, undefined].map((key) => dedupe.admit(0, key, 0))
    // "a" was forgotten when "d" came.
    assert.deepStrictEqual(admitted, [true, true, true, false, true, true, true, true])
  })
})
