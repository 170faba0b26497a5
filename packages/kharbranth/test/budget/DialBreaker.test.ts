// Proves the circuit breaker of the dial budget: one dial probes for an open
// breaker and the rest follow staggered; this machine's own trouble never opens
// it; and a server that says "not now" is left alone by all for as long as it
// said, then asked by one.
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as ConnectionError from "../../src/ConnectionError.ts"
import * as DialBudget from "../../src/DialBudget.ts"
import { cause, closed, type Dialed, failed, fork, play, rejected, settle } from "./budgetRig.ts"

describe("the breaker", () => {
  const breaker = { failures: 3, cooldown: "1 second", maxCooldown: "4 seconds" } as const

  it.effect("opens after failures in a row, one dial probes, and each failed probe doubles the wait", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker, concurrent: 1 } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 10; i++) yield* fork(play(budget, log, { error: failed("refused") }))
      yield* TestClock.adjust("30 seconds")
      // Three at once, then probes after 1, 2, 4, 4… seconds.
      assert.deepStrictEqual(
        log.map(({ from }) => from),
        [0, 0, 0, 1_000, 3_000, 7_000, 11_000, 15_000, 19_000, 23_000]
      )
    })
  )

  for (const error of [
    rejected(500),
    rejected(408),
    failed("proxy"),
    new ConnectionError.DialTimeout({ connection: "feed", after: Duration.seconds(10) }),
    new ConnectionError.TlsError({ connection: "feed", endpoint: "wss://feed.example/ws", code: "ECONNRESET", cause })
  ]) {
    it.effect(`${error._tag} ${"kind" in error ? error.kind : "status" in error ? error.status : ""} opens it`, () =>
      Effect.gen(function* () {
        const budget = yield* DialBudget.make({ policy: { breaker } })
        for (let i = 0; i < 3; i++) yield* play(budget, [], { error })
        const [key] = yield* budget.snapshot
        assert.strictEqual(key?.breaker, "Open")
        assert.strictEqual(key?.probesIn, 1_000)
      })
    )
  }

  it.effect("after enough releases it is closed, and failures count from none again", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker, stagger: 2 } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 3; i++) yield* play(budget, log, { error: failed("refused") })
      for (let i = 0; i < 20; i++) yield* fork(play(budget, log))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* budget.snapshot)[0]?.breaker, "Closed")
      for (let i = 0; i < 2; i++) yield* play(budget, log, { error: failed("refused") })
      assert.strictEqual((yield* budget.snapshot)[0]?.breaker, "Closed")
    })
  )

  it.effect("of a connection that dials alone is closed soon after its probe came through", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker } })
      const log: Array<Dialed> = []
      const phase = Effect.map(budget.snapshot, ([key]) => key?.breaker)
      for (let i = 0; i < 3; i++) yield* play(budget, log, { error: failed("refused") })
      yield* fork(play(budget, log, { takes: 500 }))
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(yield* phase, "Recovering")
      yield* TestClock.adjust("499 millis")
      assert.strictEqual(yield* phase, "Recovering")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* phase, "Closed")
      // Each failure of a recovery opens the breaker again; these come long after it.
      for (let i = 0; i < 2; i++) yield* play(budget, log, { error: failed("refused") })
      assert.strictEqual(yield* phase, "Closed")
    })
  )

  it.effect("a success between failures keeps it closed", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 30; i++) yield* play(budget, log, i % 3 === 2 ? {} : { error: failed("reset") })
      assert.strictEqual((yield* budget.snapshot)[0]?.breaker, "Closed")
    })
  )

  it.effect("only one dial probes, however long it takes, and then the waiters follow staggered, ever faster", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker, stagger: 50 } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 3; i++) yield* play(budget, log, { error: failed("refused") })
      log.length = 0
      yield* fork(play(budget, log, { takes: 500 }))
      for (let i = 0; i < 200; i++) yield* fork(play(budget, log, { takes: 10 }))
      yield* TestClock.adjust(1_499)
      assert.strictEqual(log.length, 1, "one probe")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(log.length, 201, "all released")
      const after = log.slice(1).map(({ from }) => from - 1_500)
      const gaps = after.slice(1).map((at, index) => at - after[index]!)
      assert.isAtMost(after.filter((at) => at < 100).length, 4, "no herd right after the probe")
      for (const [index, gap] of gaps.entries())
        if (index > 0) assert.isAtMost(gap, gaps[index - 1]! + 1, "ever faster")
      assert.isAtMost(after.at(-1)!, 600, "all released within 600 ms")
    })
  )

  it.effect("a failure while the waiters are released opens it again at once", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker, stagger: 50 } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 3; i++) yield* play(budget, log, { error: failed("refused") })
      yield* fork(play(budget, log, {}))
      yield* fork(play(budget, log, { error: failed("refused") }))
      yield* fork(play(budget, log, {}))
      yield* TestClock.adjust(1_100)
      assert.strictEqual((yield* budget.snapshot)[0]?.breaker, "Open")
    })
  )

  for (const error of [
    failed("local"),
    failed("unreachable"),
    failed("dns"),
    new ConnectionError.TargetFailed({ connection: "feed", cause }),
    rejected(401),
    rejected(404)
  ]) {
    it.effect(
      `${error._tag} ${"kind" in error ? error.kind : "status" in error ? error.status : ""} never opens it`,
      () =>
        Effect.gen(function* () {
          const budget = yield* DialBudget.make({ policy: { breaker } })
          const log: Array<Dialed> = []
          for (let i = 0; i < 20; i++) yield* play(budget, log, { error })
          assert.strictEqual((yield* budget.snapshot)[0]?.breaker, "Closed")
          assert.strictEqual(log.length, 20)
        })
    )
  }

  it.effect("what never left this machine does not count against a window, what may have been seen does", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { limits: { limit: 3, window: "1 minute" }, breaker: false } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 10; i++) yield* play(budget, log, { error: failed("local") })
      assert.strictEqual(log.length, 10)
      for (let i = 0; i < 3; i++) yield* play(budget, log, { error: failed("reset") })
      yield* fork(play(budget, log))
      yield* settle
      assert.strictEqual(log.length, 13)
    })
  )

  it.effect("an interrupted probe lets the next one probe", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 3; i++) yield* play(budget, log, { error: failed("refused") })
      const probe = yield* fork(play(budget, log, { name: "probe", takes: 60_000 }))
      yield* fork(play(budget, log, { name: "next", takes: 60_000 }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(log.at(-1)?.name, "probe")
      yield* Fiber.interrupt(probe)
      yield* settle
      assert.strictEqual(log.at(-1)?.name, "next")
    })
  )

  it.effect("a server that is down says nothing about the account that dialed it", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { breaker } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 5; i++)
        yield* fork(play(budget, log, { keys: ["down", "account"], error: failed("refused") }))
      yield* settle
      yield* play(budget, log, { name: "elsewhere", keys: ["up", "account"] })
      assert.strictEqual(log.at(-1)?.name, "elsewhere")
    })
  )
})

describe("not now", () => {
  const waits = [
    ["Retry-After of 7 s", rejected(503, "7 seconds"), 7_000],
    ["HTTP 429 with Retry-After of 2 s", rejected(429, "2 seconds"), 2_000],
    ["HTTP 429 without a time", rejected(429), 5_000],
    ["an absurd Retry-After, capped", rejected(503, "1 day"), 60_000]
  ] as const

  for (const [title, error, wait] of waits) {
    it.effect(`${title} holds for all, then one dial asks`, () =>
      Effect.gen(function* () {
        const budget = yield* DialBudget.make()
        const log: Array<Dialed> = []
        yield* play(budget, log, { error })
        for (let i = 0; i < 20; i++) yield* fork(play(budget, log, { takes: 1_000 }))
        yield* TestClock.adjust(wait - 1)
        assert.strictEqual(log.length, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual(log.length, 2)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(log.length, 21)
      })
    )
  }

  it.effect("close code 1013 of one connection's session holds all its keys; other closes hold nothing", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { busy: "3 seconds" } })
      const log: Array<Dialed> = []
      budget.note(["host", "account"], closed(1000))
      yield* play(budget, log)
      budget.note(["host", "account"], closed(1013))
      yield* fork(play(budget, log, { name: "host" }))
      yield* fork(play(budget, log, { name: "account", keys: ["other", "account"] }))
      yield* fork(play(budget, log, { name: "other", keys: ["other"] }))
      yield* settle
      assert.deepStrictEqual(
        log.map(({ name }) => name),
        ["", "other"]
      )
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(
        log
          .slice(2)
          .map(({ name }) => name)
          .toSorted(),
        ["account", "host"]
      )
    })
  )
})
