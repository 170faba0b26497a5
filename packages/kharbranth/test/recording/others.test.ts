/**
 * Proves that a recording counts the other connections right, those of its own
 * hosts and all, as a plain count of each pair does: for random fleets, and where
 * a connection changes, comes or goes in the turn in which many recordings are taken.
 */
import { assert, describe, it } from "@effect/vitest"
import type { ConnectionState } from "../../src/ConnectionState.ts"
import { type Counted, Others } from "../../src/internal/recording/others.ts"
import { firstSeed, runsOf } from "../support/histories.ts"
import { randomOf } from "../support/random.ts"

interface Fake extends Counted {
  readonly watched: { state: { readonly getUnsafe: () => ConnectionState }; readonly policies: { target: unknown } }
}

const tags = ["Disconnected", "Connecting", "Connected", "Reconnecting", "Failed"] as const
type Tag = (typeof tags)[number]

const stateOf = (tag: Tag) => ({ getUnsafe: () => ({ _tag: tag }) as ConnectionState })

const fake = (target: unknown, tag: Tag): Fake => ({
  watched: { state: stateOf(tag), policies: { target } },
  known: undefined
})

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe("the other connections of a recording", () => {
  it("are counted as one by one", async () => {
    const targets = [
      ["a.example"],
      ["b.example"],
      ["a.example", "b.example"],
      ["b.example", "c.example"],
      ["a.example:8443"],
      []
    ].map((hosts) => ({ hosts, target: { url: hosts.map((host) => `wss://${host}/`) } }))
    for (let seed = firstSeed; seed < firstSeed + runsOf(50); seed++) {
      const random = randomOf(seed)
      const pick = <A>(items: ReadonlyArray<A>): A => items[Math.floor(random() * items.length)]!
      const fleet = Array.from({ length: 12 }, () => {
        const tag = pick(tags)
        const { hosts, target } = pick(targets)
        return { hosts, tag, counted: fake(target, tag) }
      })
      const members = new Set(fleet.slice(0, 10).map(({ counted }) => counted))
      const others = new Others(() => members)
      for (const self of fleet) {
        const rest = fleet.filter(
          (other) => other !== self && members.has(other.counted) && other.tag !== "Disconnected"
        )
        const sum = (some: typeof rest) => ({
          connections: some.length,
          connected: some.filter(({ tag }) => tag === "Connected").length
        })
        const same = rest.filter(({ hosts }) => hosts.some((host) => self.hosts.includes(host)))
        assert.deepStrictEqual(others.of(self.counted), { sameHost: sum(same), all: sum(rest) }, `SEED=${seed} RUNS=1`)
      }
      await nextTurn()
    }
  })

  it("stay as they were counted, for the rest of the turn", async () => {
    const a = fake("wss://a.example/", "Disconnected")
    const b = fake("wss://a.example/", "Connected")
    const members = new Set([a, b])
    const others = new Others(() => members)
    const one = { connections: 1, connected: 1 }
    const none = { connections: 0, connected: 0 }
    assert.deepStrictEqual(others.of(b), { sameHost: none, all: none })
    a.watched.state = stateOf("Connected")
    assert.deepStrictEqual(others.of(a), { sameHost: one, all: one })
    b.watched.policies.target = "wss://b.example/"
    assert.deepStrictEqual(others.of(b), { sameHost: none, all: none })
    members.delete(b)
    assert.deepStrictEqual(others.of(b), { sameHost: none, all: none })
    const late = fake("wss://a.example/", "Connected")
    members.add(late)
    assert.deepStrictEqual(others.of(late), { sameHost: one, all: one })

    await nextTurn()
    assert.deepStrictEqual(others.of(late), { sameHost: one, all: one })
    assert.deepStrictEqual(others.of(b).all, { connections: 2, connected: 2 })
  })
})
