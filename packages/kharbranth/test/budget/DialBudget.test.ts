// Proves what the dial budget promises about rates: whenever a server may have
// counted a dial, no rolling window ever holds more than its limit; several
// limits hold at once; priorities go first and equals in order; a permit that is
// given up, waiting or dialing, comes back; and nothing grows or outlives it.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as DialBudget from "../../src/DialBudget.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { dial, type Dialed, failed, fork, play, settle } from "./budgetRig.ts"
import { randomOf } from "../manager/managerRig.ts"

/** The most dials that an adversary can put into one window: each counts anywhere between its start and its outcome. */
const worst = (dials: ReadonlyArray<Dialed>, width: number): number =>
  dials.reduce(
    (most, { to }) => Math.max(most, dials.filter((other) => other.from < to + width && other.to >= to).length),
    0
  )

describe("limits", () => {
  it("the judge notices: 10 dials at once fill a window of any width", () => {
    const dials = Array.from({ length: 10 }, () => ({ name: "", from: 0, to: 5 }))
    assert.strictEqual(worst(dials, 1), 10)
  })

  it.effect("100 random budgets: no window holds too many, concurrency holds, everybody dials in the end", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 100; seed++) {
        const random = randomOf(seed).next
        const whole = (least: number, most: number) => least + Math.floor(random() * (most - least + 1))
        const limits = Array.from({ length: whole(1, 3) }, () => ({ limit: whole(1, 20), window: whole(50, 5_000) }))
        const concurrent = whole(1, 30)
        const log: Array<Dialed> = []
        yield* Effect.scoped(
          Effect.gen(function* () {
            const budget = yield* DialBudget.make({ policy: { limits, concurrent, breaker: false } })
            for (let i = 0; i < 60; i++) {
              yield* fork(
                play(budget, log, { takes: whole(0, 400), error: random() < 0.3 ? failed("refused") : undefined })
              )
              if (random() < 0.3) yield* TestClock.adjust(whole(0, 300))
            }
            yield* TestClock.adjust("2 hours")
            assert.strictEqual(log.length, 60, `seed ${seed}: all dialed`)
            assert.deepStrictEqual(
              (yield* budget.snapshot).map(({ dialing, waiting }) => ({ dialing, waiting })),
              [{ dialing: 0, waiting: 0 }],
              `seed ${seed}: nothing left`
            )
          })
        )
        for (const { limit, window } of limits)
          assert.isAtMost(worst(log, window), limit, `seed ${seed}: ${limit} per ${window} ms`)
        for (const { from } of log) {
          const beside = log.filter((other) => other.from <= from && other.to > from).length
          assert.isAtMost(beside, concurrent, `seed ${seed}: concurrency`)
        }
      }
    })
  )

  it.effect("300 per 5 minutes: dials as many at once, and the next as soon as it may", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({
        policy: { limits: { limit: 300, window: "5 minutes" }, concurrent: 1_000 }
      })
      const log: Array<Dialed> = []
      for (let i = 0; i < 301; i++) yield* fork(play(budget, log))
      yield* settle
      assert.strictEqual(log.length, 300)
      yield* TestClock.adjust(299_999)
      assert.strictEqual(log.length, 300)
      yield* TestClock.adjust(1)
      assert.strictEqual(log.length, 301)
    })
  )

  it.effect("limits of several keys hold at once, and waiting for one holds nothing of the other", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({
        keys: {
          "host": { limits: { limit: 4, window: "1 second" } },
          "account:1": { limits: { limit: 1, window: "1 second" } }
        }
      })
      const log: Array<Dialed> = []
      for (const name of ["a", "b", "c"]) yield* fork(play(budget, log, { name, keys: ["host", "account:1"] }))
      for (const name of ["x", "y", "z"]) yield* fork(play(budget, log, { name }))
      yield* settle
      assert.deepStrictEqual(
        log.map(({ name }) => name),
        ["a", "x", "y", "z"]
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        log.slice(4).map(({ name }) => name),
        ["b"]
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        log.slice(5).map(({ name }) => name),
        ["c"]
      )
    })
  )

  it.effect("a minimum gap spaces dials", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { minGap: 20 } })
      const log: Array<Dialed> = []
      for (let i = 0; i < 4; i++) yield* fork(play(budget, log))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        log.map(({ from }) => from),
        [0, 20, 40, 60]
      )
    })
  )

  it.effect("priorities go first, equals in order", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { concurrent: 1 } })
      const log: Array<Dialed> = []
      yield* fork(play(budget, log, { name: "first", takes: 10 }))
      for (const [name, priority] of [
        ["a", 0],
        ["b", 5],
        ["c", 0],
        ["d", 5],
        ["e", -1]
      ] as const) {
        yield* fork(play(budget, log, { name, priority, takes: 10 }))
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        log.map(({ name }) => name),
        ["first", "b", "d", "a", "c", "e"]
      )
    })
  )
})

describe("giving up", () => {
  it.effect("an interrupted wait leaves the queue, an interrupted dial gives its place to the next", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { concurrent: 1 } })
      const log: Array<Dialed> = []
      const dialing = yield* fork(play(budget, log, { name: "dialing", takes: 60_000 }))
      const waiting = yield* fork(play(budget, log, { name: "waiting" }))
      yield* fork(play(budget, log, { name: "next" }))
      yield* settle
      yield* Fiber.interrupt(waiting)
      assert.strictEqual((yield* budget.snapshot)[0]?.waiting, 1)
      yield* Fiber.interrupt(dialing)
      yield* settle
      assert.deepStrictEqual(
        log.map(({ name }) => name),
        ["dialing", "next"]
      )
    })
  )

  it.effect("a permit that was granted but never taken comes back with its scope", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { concurrent: 1 } })
      const scope = yield* Scope.make()
      yield* Scope.provide(budget.permit({ keys: ["host"] })(dial), scope)
      assert.strictEqual((yield* budget.snapshot)[0]?.dialing, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* budget.snapshot)[0]?.dialing, 0)
    })
  )
})

describe("housekeeping", () => {
  it.effect("10,000 keys that come and go are forgotten", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make()
      for (let i = 0; i < 10_000; i++) yield* play(budget, [], { keys: [`host ${i}`] })
      assert.isAtMost((yield* budget.snapshot).length, 200)
    })
  )

  it.effect("the end of the budget's scope leaves no timer", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const budget = yield* Scope.provide(DialBudget.make({ policy: { minGap: "1 hour" } }), scope)
      const log: Array<Dialed> = []
      yield* play(budget, log)
      const waiting = yield* fork(play(budget, log))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(log.length, 1)
      yield* Fiber.interrupt(waiting)
    })
  )

  it.effect("options that are not usable are refused with their path", () =>
    Effect.gen(function* () {
      const refused: ReadonlyArray<readonly [DialBudget.Options, string]> = [
        [{ policy: { limits: { limit: 0, window: "1 second" } } }, "budget.policy.limits.0.limit"],
        [
          {
            policy: {
              limits: [
                { limit: 1, window: "1 second" },
                { limit: 1, window: -1 }
              ]
            }
          },
          "budget.policy.limits.1.window"
        ],
        [{ policy: { concurrent: 0.5 } }, "budget.policy.concurrent"],
        [{ keys: { host: { busy: "Infinity" } } }, "budget.keys.host.busy"],
        [{ keys: { host: { breaker: { failures: 0 } } } }, "budget.keys.host.breaker.failures"]
      ]
      for (const [options, path] of refused) {
        const error = yield* Effect.flip(DialBudget.make(options))
        assert.strictEqual(error.path.join("."), path)
      }
      assert.isUndefined(DialBudget.check({ policy: { breaker: false, limits: [] } }))
    })
  )
})

describe("what is seen of it", () => {
  it.effect("the first eight that wait are named, in the order in which they go", () =>
    Effect.gen(function* () {
      const budget = yield* DialBudget.make({ policy: { minGap: "1 minute" } })
      const ask = (connection: string, keys: ReadonlyArray<string>, priority = 0) =>
        fork(Effect.scoped(budget.permit({ keys, priority })({ ...dial, connection })))
      const waiters = Effect.map(budget.snapshot, (keys) => keys.map(({ key, waiters }) => [key, waiters]))
      yield* ask("first", ["host"])
      yield* settle
      assert.deepStrictEqual(yield* waiters, [["host", []]])
      for (let n = 1; n <= 6; n++) yield* ask(`plain ${n}`, ["host"])
      for (let n = 1; n <= 4; n++) yield* ask(`account ${n}`, ["host", "account"], n === 4 ? 1 : 0)
      yield* settle
      const plain = ["plain 1", "plain 2", "plain 3", "plain 4", "plain 5", "plain 6"]
      assert.deepStrictEqual(yield* waiters, [
        ["host", ["account 4", ...plain, "account 1"]],
        ["account", ["account 4", "account 1", "account 2", "account 3"]]
      ])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(
        (yield* waiters).map(([, names]) => names?.length),
        [0, 0]
      )
    })
  )

  it.effect("an observer hears of each budget, a manager's too, and of its end", () =>
    Effect.gen(function* () {
      const seen = new Set<DialBudget.DialBudget>()
      const observer = (budget: DialBudget.DialBudget) => {
        seen.add(budget)
        return () => void seen.delete(budget)
      }
      const scope = yield* Scope.make()
      const network = yield* TestNetwork.make()
      yield* Effect.gen(function* () {
        const budget = yield* DialBudget.make()
        const manager = yield* ConnectionManager.make()
        assert.deepStrictEqual([...seen], [budget, manager.budget])
      }).pipe(network.provide, Scope.provide(scope), Effect.provideService(DialBudget.Observer, observer))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(seen.size, 0)
    })
  )

  it.effect("an observer that throws harms no budget, and is logged", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.layer([Logger.make(({ message }) => void logged.push(message))])
      const fail = (what: string) => (): never => {
        throw new RangeError(what)
      }
      const dialed = (observer: (budget: DialBudget.DialBudget) => () => void) =>
        Effect.gen(function* () {
          const budget = yield* DialBudget.make()
          yield* Effect.scoped(budget.permit({ keys: ["host"] })(dial))
          return (yield* budget.snapshot).map(({ key }) => key)
        }).pipe(Effect.scoped, Effect.provideService(DialBudget.Observer, observer), Effect.provide(logger))
      assert.deepStrictEqual(yield* dialed(fail("at its beginning")), ["host"])
      assert.deepStrictEqual(yield* dialed(() => fail("at its end")), ["host"])
      assert.deepStrictEqual(logged, [["internal failure: RangeError"], ["internal failure: RangeError"]])
    })
  )
})
