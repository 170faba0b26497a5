// Proves that a fleet on the polite preset comes back without hurting its
// server: 10,000 clients are dropped at once, and no 100 ms sees more than 450
// dials, while 95 % are back within 12 seconds of the server. And that a server
// which accepts and closes is dialed at most 8 times in 20 seconds by both
// presets. The waits are those of `internal/backoff`, which Reconnect.test.ts
// proves equal to the presets' schedules, and the last test here drives the
// schedules themselves.
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { ConnectionDropped } from "../../src/ConnectionError.ts"
import * as Backoff from "../../src/internal/reconnect/backoff.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import { mulberry32 } from "../support/random.ts"

const dropped = new ConnectionDropped({ connection: "feed", epoch: 1, cause: undefined })

interface Herd {
  /** Every dial of every client, sorted. */
  readonly dials: Float64Array
  /** For every client, how long after the server came back it was back too; sorted. */
  readonly recoveries: Float64Array
}

const herd = (plan: Backoff.Plan, clients: number, outage: number, seed: number): Herd => {
  const random = mulberry32(seed)
  const dials: Array<number> = []
  const recoveries = new Float64Array(clients)
  for (let client = 0; client < clients; client++) {
    let now = 0
    for (let attempt = 1; attempt === 1 || now < outage; attempt++) {
      now += Backoff.waitOf(plan, attempt, random())
      dials.push(now)
    }
    recoveries[client] = now - outage
  }
  return { dials: Float64Array.from(dials).toSorted(), recoveries: recoveries.toSorted() }
}

/** The most dials that any window of `width` ms sees, wherever it begins. */
const peakOf = (dials: Float64Array, width: number): number => {
  let peak = 0
  for (let first = 0, last = 0; last < dials.length; last++) {
    while (dials[first]! <= dials[last]! - width) first++
    peak = Math.max(peak, last - first + 1)
  }
  return peak
}

const quantile = (sorted: Float64Array, q: number): number => sorted[Math.ceil(sorted.length * q) - 1]!

const seeds = [1, 7, 42, 1234, 98765, 2 ** 31]

describe("10,000 clients dropped at once", () => {
  for (const outage of [5_000, 20_000, 60_000]) {
    it(`outage of ${outage / 1_000} s: at most 450 dials in any 100 ms, p95 back within 12 s`, ({ annotate }) => {
      const lines = seeds.map((seed) => {
        const { dials, recoveries } = herd(Backoff.polite, 10_000, outage, seed)
        const peak = peakOf(dials, 100)
        const p95 = quantile(recoveries, 0.95)
        assert.isAtMost(peak, 450, `seed ${seed}: peak of dials in 100 ms`)
        assert.isAtMost(p95, 12_000, `seed ${seed}: p95 of recovery in ms`)
        return `seed ${seed}: peak ${peak}/100 ms, p50 ${Math.round(quantile(recoveries, 0.5))} ms, p95 ${Math.round(p95)} ms`
      })
      return annotate(lines.join("\n"))
    })
  }

  it("the measure itself notices a herd: the same fleet without spread peaks at its full size", () => {
    const still: Backoff.Plan = { first: 0, later: [6_000] }
    assert.strictEqual(peakOf(herd(still, 10_000, 5_000, 1).dials.subarray(0, 10_000), 100), 10_000)
  })
})

/** When a server that accepts and closes at once is dialed within `horizon` ms; the first dial is at 0. */
const dialsOf = (policy: Reconnect.Reconnect, horizon: number) =>
  Effect.gen(function* () {
    const step = yield* Schedule.toStep(policy.schedule)
    const times: Array<number> = []
    for (let now = 0; now <= horizon;) {
      times.push(now)
      const [, delay] = yield* step(now, dropped)
      now += Duration.toMillis(delay)
    }
    return times
  })

describe("a server that accepts and closes", () => {
  for (const [name, policy] of [
    ["polite", Reconnect.polite],
    ["prompt", Reconnect.prompt]
  ] as const) {
    it.effect(`is dialed at most 8 times in 20 s by ${name}`, () =>
      Effect.gen(function* () {
        for (let seed = 0; seed < 500; seed++) {
          const times = yield* dialsOf(policy, 20_000).pipe(Random.withSeed(seed))
          assert.isAtMost(times.length, 8, `seed ${seed}: dials at ${times.join(", ")}`)
          assert.isAtLeast(times.length, 3, `seed ${seed}: the policy hardly dials`)
        }
      })
    )
  }

  it("is dialed at most 8 times even with the shortest waits chance allows", () => {
    for (const plan of [Backoff.polite, Backoff.prompt]) {
      let dials = 1
      let now = Backoff.waitOf(plan, 1, 0)
      while (now <= 20_000 && dials < 100) now += Backoff.waitOf(plan, ++dials, 0)
      assert.isAtMost(dials, 8)
    }
  })
})
