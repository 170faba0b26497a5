// Proves that a meter is a strict rolling window: against a brute-force judge
// no window ever sees more than its limit, gaps hold, probes always find their
// reserve, `nextAt` is neither late nor early, and several limits hold at once;
// and that pongs which the transport sends by itself count where they are to.
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import type * as Meter from "../../src/internal/rateLimit/meter.ts"
import * as RateLimit from "../../src/RateLimit.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { pass } from "../support/passing.ts"

const url = "wss://feed.example/ws"

const randomOf = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0
  return (seed >>> 0) / 4_294_967_296
}

interface Rules {
  readonly limit: number
  readonly window: number
  readonly minGap: number
  readonly reserve: number
}

/** The judge: looks at every write and every window that begins with one. */
const judge = (writes: ReadonlyArray<number>, rules: Rules): string | undefined => {
  for (const [index, at] of writes.entries()) {
    const inWindow = writes.filter((other) => other >= at && other < at + rules.window).length
    if (inWindow > rules.limit) return `${inWindow} writes in the window from ${at}`
    if (index > 0 && at < writes[index - 1]! + rules.minGap) return `gap of ${at - writes[index - 1]!} before ${at}`
  }
  return undefined
}

/** The truth about `free`, from the definition: as many as can be added without breaking a rule. */
const trueFree = (writes: ReadonlyArray<number>, now: number, rules: Rules, kind: Meter.Kind): number => {
  const recent = writes.filter((at) => at + rules.window > now).length
  const room = Math.max(0, rules.limit - recent - (kind === "data" ? rules.reserve : 0))
  const last = writes.at(-1)
  if (last !== undefined && now < last + rules.minGap) return 0
  return rules.minGap > 0 ? Math.min(1, room) : room
}

const rulesOf = (random: () => number): Rules => {
  const limit = 1 + Math.floor(random() * 12)
  const gapped = random() < 0.5
  return {
    limit,
    window: random() < 0.5 ? 1_000 : 100 + random() * 2_000,
    minGap: gapped ? random() * 200 : 0,
    reserve: Math.floor(random() * limit)
  }
}

const limitOf = ({ limit, minGap, reserve, window }: Rules) =>
  RateLimit.make({ limit, window, reserve, ...(minGap > 0 ? { minGap } : {}) })

describe("the meter against a brute-force judge", () => {
  it("300 random limits, 200 steps each: strict windows, gaps, reserve, exact nextAt", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomOf(seed)
      const limit = limitOf(rulesOf(random))
      // The judge goes by the times the meter has: durations keep nanoseconds at most.
      const rules: Rules = {
        limit: limit.limit!,
        window: Duration.toMillis(limit.window!),
        minGap: limit.minGap === undefined ? 0 : Duration.toMillis(limit.minGap),
        reserve: limit.reserve
      }
      const meter = RateLimit.meter(limit)
      const writes: Array<number> = []
      let now = random() * 1_000
      for (let step = 0; step < 200; step++) {
        const where = `seed ${seed}, step ${step}, ${JSON.stringify(rules)}`
        const kind = random() < 0.2 ? "probe" : "data"
        const free = meter.free(now, kind)
        assert.strictEqual(free, trueFree(writes, now, rules, kind), where)
        const next = meter.nextAt(now, kind)
        if (free > 0) {
          assert.strictEqual(next, now, where)
          const count = 1 + Math.floor(random() * free)
          meter.record(now, count)
          for (let n = 0; n < count; n++) writes.push(now)
        } else {
          assert.isAbove(next, now, where)
          assert.isAtLeast(meter.free(next, kind), 1, `late: ${where}`)
          const early = next - (next - now) * 1e-6
          if (early < next) assert.strictEqual(trueFree(writes, early, rules, kind), 0, `early: ${where}`)
        }
        now = random() < 0.5 ? Math.max(now, next) : now + random() * rules.window * 0.4
      }
      assert.strictEqual(judge(writes, rules), undefined, `seed ${seed}, ${JSON.stringify(rules)}`)
      assert.isAbove(writes.length, rules.limit, `seed ${seed}: the model hardly wrote`)
    }
  })

  it("a flood of data always leaves the reserve to probes", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = randomOf(seed)
      const limit = 2 + Math.floor(random() * 10)
      const reserve = 1 + Math.floor(random() * (limit - 1))
      const meter = RateLimit.meter(RateLimit.make({ limit, window: 1_000, reserve }))
      for (let now = 0; now < 10_000; now += 10 + random() * 50) {
        meter.record(now, meter.free(now, "data"))
        assert.isAtLeast(meter.free(now, "probe"), reserve, `seed ${seed} at ${now}`)
      }
    }
  })

  it("is no token bucket: 5 a second admits 5 in the first second, not 9", () => {
    const meter = RateLimit.meter(RateLimit.make({ limit: 5, window: "1 second", reserve: 0 }))
    let written = 0
    for (let now = 0; now < 1_000; now++) {
      const free = meter.free(now, "data")
      meter.record(now, free)
      written += free
    }
    assert.strictEqual(written, 5)
    assert.strictEqual(meter.nextAt(999, "data"), 1_000)
  })
})

describe("the meter", () => {
  it("with a gap alone admits one at a time", () => {
    const meter = RateLimit.meter(RateLimit.make({ minGap: "500 millis" }))
    assert.strictEqual(meter.free(0, "data"), 1)
    meter.record(0, 1)
    assert.strictEqual(meter.free(499, "data"), 0)
    assert.strictEqual(meter.nextAt(100, "probe"), 500)
    assert.strictEqual(meter.free(500, "data"), 1)
  })

  it("stays strict for a writer who cannot ask first, and bounded", () => {
    const meter = RateLimit.meter(RateLimit.make({ limit: 3, window: 1_000 }))
    for (let now = 0; now < 100; now++) meter.record(now, 1)
    // The last three writes were at 97, 98 and 99.
    assert.strictEqual(meter.nextAt(99, "probe"), 1_097)
    assert.strictEqual(meter.free(1_097, "probe"), 1)
    meter.record(100, 1_000_000)
    meter.record(100, 0)
    assert.strictEqual(meter.free(100, "probe"), 0)
    assert.strictEqual(meter.nextAt(100, "probe"), 1_100)
    assert.strictEqual(meter.free(1_099, "probe"), 0)
    assert.strictEqual(meter.free(1_100, "probe"), 3)
  })

  it("stays sorted when a clock steps back", () => {
    const meter = RateLimit.meter(RateLimit.make({ limit: 2, window: 1_000, reserve: 0 }))
    meter.record(500, 1)
    meter.record(100, 1)
    assert.strictEqual(meter.nextAt(500, "data"), 1_500)
    assert.strictEqual(meter.free(1_500, "data"), 2)
  })

  it("without any limit never waits", () => {
    const meter = RateLimit.meter([])
    meter.record(0, 1_000)
    assert.strictEqual(meter.free(0, "data"), Infinity)
    assert.strictEqual(meter.nextAt(7, "data"), 7)
  })
})

describe("several limits", () => {
  it("all hold at once", () => {
    const fast: Rules = { limit: 5, window: 1_000, minGap: 0, reserve: 1 }
    const slow: Rules = { limit: 12, window: 10_000, minGap: 30, reserve: 1 }
    const meter = RateLimit.meter([limitOf(fast), limitOf(slow)])
    const writes: Array<number> = []
    for (let now = 0; now < 40_000;) {
      const free = meter.free(now, "data")
      if (free > 0) {
        meter.record(now, free)
        for (let n = 0; n < free; n++) writes.push(now)
      }
      now = Math.max(now + 1, meter.nextAt(now, "data"))
    }
    assert.strictEqual(judge(writes, fast), undefined)
    assert.strictEqual(judge(writes, slow), undefined)
    // 11 of each 10 s (one is the probes'), so the slow limit is used to the full.
    assert.isAtLeast(writes.length, 44)
  })

  it("of scope session start full with each session, of scope connection go on", () => {
    const session = RateLimit.make({ limit: 2, window: 1_000, reserve: 0 })
    const connection = RateLimit.make({ limit: 3, window: 1_000, reserve: 0, scope: "connection" })
    const next = RateLimit.meters([session, connection])
    next().record(0, 2)
    const second = next()
    assert.strictEqual(second.free(0, "data"), 1)
    second.record(0, 1)
    assert.strictEqual(next().free(0, "data"), 0)
    assert.strictEqual(RateLimit.meters(session)().free(0, "data"), 2)
  })

  it.effect("a shared one counts for everybody, wherever it is used", () =>
    Effect.gen(function* () {
      const limit = yield* RateLimit.shared({ limit: 3, window: "1 second" })
      const one = RateLimit.meters(limit)()
      const two = RateLimit.meter([limit, RateLimit.make({ limit: 100, window: 1_000 })])
      one.record(0, 2)
      assert.strictEqual(two.free(0, "data"), 0)
      assert.strictEqual(two.free(0, "probe"), 1)
      const other = yield* RateLimit.shared({ limit: 3, window: "1 second" })
      assert.strictEqual(RateLimit.meter(other).free(0, "data"), 2)
    })
  )
})

describe("pongs", () => {
  it("count where they are to, in each of several limits", () => {
    const strict = RateLimit.make({ limit: 3, window: 1_000, reserve: 1, pongs: true })
    const other = RateLimit.make({ limit: 3, window: 1_000, reserve: 1 })
    const [both, only] = [RateLimit.meter([strict, other]), RateLimit.meter(other)]
    for (const meter of [both, only]) meter.pong(0)
    assert.deepStrictEqual([both.free(0, "data"), only.free(0, "data")], [1, 2])
    both.pong(10)
    assert.deepStrictEqual([both.free(10, "data"), both.free(10, "probe")], [0, 1])
    assert.strictEqual(both.nextAt(10, "data"), 1_000)
    // No limit holds them back; what was written stays counted for its whole window.
    for (let at = 20; at < 60; at += 10) both.pong(at)
    assert.strictEqual(both.nextAt(60, "probe"), 1_030)
    assert.strictEqual(both.nextAt(60, "data"), 1_040)
  })

  it("keep the least gap too", () => {
    const meter = RateLimit.meter(RateLimit.make({ minGap: 100, pongs: true }))
    meter.pong(50)
    assert.strictEqual(meter.nextAt(60, "data"), 150)
  })

  for (const pongs of [false, true]) {
    it.effect(`of a session ${pongs ? "keep to the limit together with its messages" : "come on top by default"}`, () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        const seen: Array<number> = []
        const note = () => seen.push(network.clock.currentTimeMillisUnsafe())
        const server = yield* network.serve(url, (peer) => peer.listen({ frame: note, pong: note }))
        const rateLimit = RateLimit.make({ limit: 5, window: "1 second", pongs })
        const options = { target: url, codec: Codec.text, heartbeat: Heartbeat.none, rateLimit }
        const connection = yield* network.provide(Connection.make("feed", options))
        const peer = yield* server.accepted
        for (let n = 0; n < 30; n++) yield* Effect.forkScoped(connection.send(`${n}`))
        for (let turn = 0; turn < 60; turn++) {
          yield* peer.ping()
          yield* pass(500, 50)
        }
        const densest = Math.max(...seen.map((from) => seen.filter((at) => at >= from && at < from + 1_000).length))
        assert.strictEqual(densest, pongs ? 5 : 6)
        assert.strictEqual(seen.length, 90)
      })
    )
  }
})

describe("make and check", () => {
  const issueAt = (options: RateLimit.Options) => RateLimit.check(RateLimit.make(options), "feed")?.path.join(".")

  it("a reserve of one is the default where there is room for one", () => {
    assert.strictEqual(RateLimit.make({ limit: 5, window: 1 }).reserve, 1)
    assert.strictEqual(RateLimit.make({ limit: 1, window: 1 }).reserve, 0)
    assert.strictEqual(RateLimit.make({ minGap: 1 }).reserve, 0)
    assert.strictEqual(RateLimit.make({ minGap: 1 }).scope, "session")
    const reserves = [1, 2, 3, 5].map((limit) => RateLimit.make({ limit, window: 1, pongs: true }).reserve)
    assert.deepStrictEqual(reserves, [0, 1, 2, 2])
  })

  it("accepts what is usable", () => {
    assert.strictEqual(issueAt({ limit: 5, window: "1 second", minGap: "350 millis", reserve: 2 }), undefined)
    assert.strictEqual(issueAt({ minGap: 1 }), undefined)
    assert.strictEqual(issueAt({ limit: 1, window: 1 }), undefined)
    assert.strictEqual(RateLimit.check([], "feed"), undefined)
  })

  it("names what is not", () => {
    for (const limit of [0, -1, NaN, 1.5, Infinity]) {
      assert.strictEqual(issueAt({ limit, window: 1_000 }), "rateLimit.limit", String(limit))
    }
    for (const window of [0, -1, NaN, Infinity, "long" as never]) {
      assert.strictEqual(issueAt({ limit: 5, window }), "rateLimit.window", String(window))
      assert.strictEqual(issueAt({ minGap: window }), "rateLimit.minGap", String(window))
    }
    for (const reserve of [5, 6, -1, NaN, 0.5]) {
      assert.strictEqual(issueAt({ limit: 5, window: 1_000, reserve }), "rateLimit.reserve", String(reserve))
    }
    assert.strictEqual(issueAt({}), "rateLimit")
    assert.strictEqual(issueAt({ limit: 5 }), "rateLimit.window")
    assert.strictEqual(issueAt({ window: 5, minGap: 5 }), "rateLimit.window")
  })

  it("names which of several", () => {
    const limits = [RateLimit.make({ minGap: 1 }), RateLimit.make({ minGap: 0 })]
    assert.deepStrictEqual(RateLimit.check(limits, "feed")?.path, ["rateLimit", 1, "minGap"])
  })

  it("an unusable limit makes a meter that still returns", () => {
    for (const bad of [NaN, 0, -1, 1.5]) {
      const meter = RateLimit.meter(RateLimit.make({ limit: bad, window: bad, minGap: bad }))
      meter.record(0, 10)
      meter.free(1, "data")
      assert.isFalse(meter.nextAt(1, "data") < 1)
    }
  })
})
