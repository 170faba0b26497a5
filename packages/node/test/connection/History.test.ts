// Proves the history checker itself: it accepts thousands of generated lawful
// histories, and for each promise finds every planted violation of it.
import { assert, describe, it } from "@effect/vitest"
import {
  check,
  type ClientEntry,
  type History,
  type Outcome,
  parseServerLog,
  type Rule,
  type ServerEntry
} from "../support/history.ts"

type Random = (below: number) => number

// mulberry32: small, seeded, good enough to vary histories
const seeded = (seed: number): Random => {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** A lawful run: several sessions, losses at each end, replays of what was unknown, drops while down. */
const lawful = (seed: number) => {
  const random = seeded(seed)
  const client: Array<ClientEntry> = []
  const server: Array<ServerEntry> = []
  const outages: Array<{ from: number; to: number }> = []
  let t = 0
  let n = 0
  let replay: Array<number> = []
  const sessions = 3 + random(4)
  const outcome = (n: number, outcome: Outcome) => client.push({ e: "outcome", n, outcome, t: ++t })
  for (let epoch = 1; epoch <= sessions; epoch++) {
    client.push({ e: "open", epoch, t: ++t })
    const conn = `c${epoch}`
    server.push({ e: "open", conn, t: ++t })
    for (const lost of replay) {
      server.push({ e: "recv", conn, n: lost, t: ++t })
      outcome(lost, "Confirmed")
    }
    replay = []
    for (let i = 0; i < 5 + random(10); i++) {
      client.push({ e: "accepted", n: ++n, t: ++t })
      server.push({ e: "recv", conn, n, t: ++t })
      outcome(n, "Confirmed")
    }
    const last = epoch === sessions
    // TCP delivers a prefix: after the first message that is lost, all are
    let arriving = true
    for (let i = 0; i < (last ? 0 : 1 + random(4)); i++) {
      client.push({ e: "accepted", n: ++n, t: ++t })
      arriving &&= random(3) > 0
      if (arriving) server.push({ e: "recv", conn, n, t: ++t })
      if (random(2) === 0) replay.push(n)
      else outcome(n, "Unknown")
    }
    client.push({ e: "close", epoch, t: ++t })
    server.push({ e: "close", conn, t: ++t })
    if (last) break
    const from = t
    for (let i = 0; i < 1 + random(3); i++) {
      client.push({ e: "accepted", n: ++n, t: ++t })
      outcome(n, (["Expired", "Dropped", "Failed"] as const)[random(3)]!)
    }
    outages.push({ from, to: ++t })
    t += 1 + random(50)
  }
  return { history: { client, server, outages, backWithin: 100 } satisfies History, random }
}

const pick = <A>(random: Random, items: ReadonlyArray<A>): A => items[random(items.length)]!

const indexesOf = <A>(items: ReadonlyArray<A>, predicate: (item: A) => boolean): ReadonlyArray<number> =>
  items.flatMap((item, index) => (predicate(item) ? [index] : []))

const outcomesOf = (history: History, outcome: Outcome) =>
  indexesOf(history.client, (entry) => entry.e === "outcome" && entry.outcome === outcome)

const numberAt = (entry: ClientEntry | ServerEntry): number => ("n" in entry ? entry.n : -1)

type Mutation = (history: History, random: Random) => History

const mutations: Readonly<Record<Rule, Mutation>> = {
  "confirmed but lost": (history, random) => {
    const n = numberAt(history.client[pick(random, outcomesOf(history, "Confirmed"))]!)
    return { ...history, server: history.server.filter((entry) => entry.e !== "recv" || entry.n !== n) }
  },
  "without outcome": (history, random) => {
    const index = pick(
      random,
      indexesOf(history.client, (entry) => entry.e === "outcome")
    )
    return { ...history, client: history.client.toSpliced(index, 1) }
  },
  "more than one outcome": (history, random) => {
    const index = pick(
      random,
      indexesOf(history.client, (entry) => entry.e === "outcome")
    )
    return { ...history, client: [...history.client, history.client[index]!] }
  },
  "outcome without acceptance": (history, random) => {
    const index = pick(
      random,
      outcomesOf(history, "Dropped").concat(outcomesOf(history, "Expired"), outcomesOf(history, "Failed"))
    )
    const n = numberAt(history.client[index]!)
    return { ...history, client: history.client.filter((entry) => entry.e !== "accepted" || entry.n !== n) }
  },
  "accepted twice": (history, random) => {
    const index = pick(
      random,
      indexesOf(history.client, (entry) => entry.e === "accepted")
    )
    return { ...history, client: [...history.client, history.client[index]!] }
  },
  "phantom": (history) => ({ ...history, server: [...history.server, { e: "recv", conn: "c1", n: 1_000_000, t: 1 }] }),
  "duplicate on one connection": (history, random) => {
    const index = pick(
      random,
      indexesOf(history.server, (entry) => entry.e === "recv")
    )
    return { ...history, server: history.server.toSpliced(index, 0, history.server[index]!) }
  },
  "resent after its outcome": (history, random) => {
    const confirmed = history.client[pick(random, outcomesOf(history, "Confirmed"))]!
    const resent: ServerEntry = { e: "recv", conn: "late", n: numberAt(confirmed), t: confirmed.t + 1 }
    return { ...history, server: [...history.server, resent] }
  },
  "out of order": (history) => {
    const first = history.server.findIndex(({ e }) => e === "recv")
    const [a, b] = [history.server[first]!, history.server[first + 1]!]
    return { ...history, server: history.server.with(first, b).with(first + 1, a) }
  },
  "reported unsent but received": (history, random) => {
    const confirmed = pick(random, outcomesOf(history, "Confirmed"))
    const entry = history.client[confirmed]!
    return {
      ...history,
      client: history.client.with(confirmed, { e: "outcome", n: numberAt(entry), outcome: "Failed", t: entry.t })
    }
  },
  "late return": (history, random) => {
    const from = pick(random, history.outages ?? []).to
    const shift = <A extends { readonly t: number }>(entry: A): A =>
      entry.t > from ? { ...entry, t: entry.t + 100 } : entry
    return {
      ...history,
      client: history.client.map(shift),
      server: history.server.map(shift),
      outages: history.outages?.map(({ from: f, to }) =>
        to > from ? { from: f + 100, to: to + 100 } : { from: f, to }
      )
    }
  }
}

describe("History", () => {
  it("accepts 2,000 lawful histories", () => {
    for (let seed = 0; seed < 2_000; seed++) assert.deepStrictEqual(check(lawful(seed).history), [], `seed ${seed}`)
  })

  for (const [rule, mutate] of Object.entries(mutations)) {
    it(`finds: ${rule}`, () => {
      for (let seed = 0; seed < 300; seed++) {
        const { history, random } = lawful(seed)
        const rules = check(mutate(history, random)).map((violation) => violation.rule)
        assert.include(rules, rule, `seed ${seed}`)
      }
    })
  }

  it("an outage that the session survived needs no return", () => {
    const client: ReadonlyArray<ClientEntry> = [{ e: "open", epoch: 1, t: 1 }]
    assert.deepStrictEqual(check({ client, server: [], outages: [{ from: 5, to: 10 }], backWithin: 10 }), [])
    const lost = check({
      client: [...client, { e: "close", epoch: 1, t: 12 }],
      server: [],
      outages: [{ from: 5, to: 10 }],
      backWithin: 10
    })
    assert.deepStrictEqual(lost, [{ rule: "late return", n: 0 }])
  })

  it("a log line cut by a kill is left out", () => {
    assert.deepStrictEqual(parseServerLog('{"e":"open","conn":"1","t":1}\n{"e":"re'), [{ e: "open", conn: "1", t: 1 }])
  })
})
