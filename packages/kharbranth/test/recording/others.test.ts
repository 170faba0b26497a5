/**
 * Proves that a recording counts the other connections right, those of its own
 * hosts and all, as a plain count of each pair does: for random fleets whose
 * members change their state or their target, come and go between two looks.
 */
import { assert, describe, it } from "@effect/vitest"
import type { ConnectionState } from "../../src/ConnectionState.ts"
import { type Counted, Others } from "../../src/internal/recording/others.ts"
import { firstSeed, runsOf } from "../support/histories.ts"
import { randomOf } from "../support/random.ts"

const tags = ["Disconnected", "Connecting", "Connected", "Reconnecting", "Failed"] as const

const targets = [
  ["a.example"],
  ["b.example"],
  ["a.example", "b.example"],
  ["b.example", "c.example"],
  ["a.example:8443"],
  []
].map((hosts) => ({ hosts, target: { url: hosts.map((host) => `wss://${host}/`) } }))

/** A connection that changes by chance, and what is to be counted of it. */
class Fake implements Counted {
  share: Counted["share"]
  tag: (typeof tags)[number] = "Disconnected"
  hosts: ReadonlyArray<string> = []
  readonly watched = {
    state: { getUnsafe: () => ({ _tag: this.tag }) as ConnectionState },
    policies: { target: undefined as unknown }
  }

  constructor(random: () => number) {
    this.share = undefined
    this.change(random)
  }

  change(random: () => number): void {
    this.tag = pick(random, tags)
    // Most steps keep the target.
    if (this.watched.policies.target !== undefined && random() < 0.7) return
    const { hosts, target } = pick(random, targets)
    this.hosts = hosts
    this.watched.policies.target = target
  }
}

const pick = <A>(random: () => number, items: ReadonlyArray<A>): A => items[Math.floor(random() * items.length)]!

const countOf = (fakes: ReadonlyArray<Fake>) => {
  const dialed = fakes.filter(({ tag }) => tag !== "Disconnected")
  return { connections: dialed.length, connected: dialed.filter(({ tag }) => tag === "Connected").length }
}

describe("the other connections of a recording", () => {
  it("are counted as one by one", () => {
    for (let seed = firstSeed; seed < firstSeed + runsOf(200); seed++) {
      const random = randomOf(seed)
      const others = new Others()
      const members = new Set<Fake>()
      const all: Array<Fake> = []
      const enter = (): void => {
        const fake = new Fake(random)
        all.push(fake)
        members.add(fake)
        others.enter(fake)
      }
      for (let n = 0; n < 8; n++) enter()
      for (let step = 0; step < 40; step++) {
        const fake = pick(random, all)
        const what = random()
        if (what < 0.1) enter()
        else if (what < 0.2) {
          members.delete(fake)
          others.leave(fake)
        } else if (what < 0.7) {
          // The lifecycle tells of a step before the state is another one.
          others.stepped(fake)
          fake.change(random)
        } else {
          const rest = [...members].filter((other) => other !== fake)
          const same = rest.filter(({ hosts }) => hosts.some((host) => fake.hosts.includes(host)))
          const expected = { sameHost: countOf(same), all: countOf(rest) }
          assert.deepStrictEqual(others.of(fake), expected, `SEED=${seed} RUNS=1, step ${step}`)
        }
      }
    }
  })
})
