/**
 * Proves that the dials of a whole fleet stay within one limit: over processes and
 * their deaths, in every window; that a block is not used after its time; that one
 * process's "not now" holds all; that dials which come one by one share questions to the
 * store; and that bad limits are refused at the door.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { ManagedDial } from "kharbranth/ConnectionManager"
import type { FleetEvent } from "../../src/FleetEvent.ts"
import * as FleetStore from "../../src/FleetStore.ts"
import { Budget } from "../../src/internal/budget/budget.ts"

const key = "account:7"
const dial: ManagedDial = {
  connection: "a",
  epoch: 1,
  attempt: 1,
  cause: undefined,
  endpoint: 0,
  keys: ["origin", key]
}

const notNow = new ConnectionError.HandshakeRejected({
  connection: "a",
  endpoint: "wss://feed.example/",
  status: 429,
  retryAfter: undefined,
  response: Redacted.make({ headers: {}, body: "" })
})

const rig = (limit: number, window = 10_000) =>
  Effect.gen(function* () {
    const { permits } = yield* FleetStore.makeMemory
    const clock = yield* Clock.clockWith(Effect.succeed)
    const process = Budget.make({
      permits,
      clock,
      limits: { [key]: { limit, window } },
      emit: () => {},
      statement: 1_000
    })
    /** Dials as often as it may; each is over at once. Counts them. */
    const dialer = (budget: Budget, times: Array<number>) =>
      Effect.scoped(budget.permit(dial)).pipe(
        Effect.andThen(Effect.sync(() => void times.push(clock.currentTimeMillisUnsafe()))),
        Effect.forever,
        Effect.forkScoped
      )
    return { dialer, permits, process }
  })

const most = (times: ReadonlyArray<number>, window: number) =>
  Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + window).length))

describe("the fleet's dial budget", () => {
  it.effect("lets as many dials go in a window as the limit says, by all processes together", () =>
    Effect.gen(function* () {
      const { dialer, process } = yield* rig(20)
      const times: Array<number> = []
      for (const budget of yield* Effect.all([process, process, process])) yield* dialer(budget, times)
      for (let n = 0; n < 600; n++) yield* TestClock.adjust(100)
      assert.strictEqual(most(times, 10_000), 20)
      // A minute has six windows; what is lost is the time between a block's permits.
      assert.isAtLeast(times.length, 100)
    })
  )

  it.effect("what a process that died had taken counts on, and no longer than it must", () =>
    Effect.gen(function* () {
      const { dialer, permits, process } = yield* rig(20)
      const dead = yield* permits.take({ key, limit: 20, window: 10_000, want: 15, within: 12_100 })
      assert.strictEqual(dead._tag, "Granted")
      const times: Array<number> = []
      yield* dialer(yield* process, times)
      for (let n = 0; n < 220; n++) yield* TestClock.adjust(100)
      assert.strictEqual(most(times, 10_000), 5)
      for (let n = 0; n < 110; n++) yield* TestClock.adjust(100)
      assert.isAbove(most(times, 10_000), 15)
    })
  )

  it.effect("a permit that was not used in time is not used", () =>
    Effect.gen(function* () {
      const { permits, process } = yield* rig(100)
      const budget = yield* process
      const waiters = yield* Effect.forEach(Array.from({ length: 4 }), () =>
        Effect.forkChild(Effect.scoped(budget.permit(dial)))
      )
      yield* TestClock.adjust(100)
      yield* Effect.forEach(waiters, Fiber.join)
      yield* TestClock.adjust("2 seconds")
      yield* Effect.scoped(budget.permit(dial))
      // Ten at most are out: those of the second block. The first was given back but for what it let go.
      const rest = yield* permits.take({ key, limit: 100, window: 10_000, want: 100, within: 1 })
      assert.isAtLeast(rest._tag === "Granted" ? rest.permits : 0, 94)
    })
  )

  it.effect("dials that come one by one share a question to the store, and none waits long for it", () =>
    Effect.gen(function* () {
      const { permits } = yield* FleetStore.makeMemory
      const clock = yield* Clock.clockWith(Effect.succeed)
      let questions = 0
      const budget = yield* Budget.make({
        permits: { ...permits, take: (take) => Effect.suspend(() => (questions++, permits.take(take))) },
        clock,
        limits: { [key]: { limit: 10_000, window: 10_000 } },
        emit: () => {},
        statement: 1_000
      })
      const waits: Array<number> = []
      for (let n = 0; n < 1_000; n++) {
        const at = clock.currentTimeMillisUnsafe()
        const waited = Effect.sync(() => void waits.push(clock.currentTimeMillisUnsafe() - at))
        yield* Effect.forkChild(Effect.andThen(Effect.scoped(budget.permit(dial)), waited))
        yield* TestClock.adjust(1)
      }
      yield* TestClock.adjust(100)
      assert.strictEqual(waits.length, 1_000)
      assert.isAtMost(Math.max(...waits), 100)
      assert.isAtMost(questions, 12)
    })
  )

  it.effect("a server that says not now is left alone by all", () =>
    Effect.gen(function* () {
      const { permits, process } = yield* rig(100)
      const budget = yield* process
      const scope = Scope.makeUnsafe()
      yield* Scope.provide(budget.permit(dial), scope)
      yield* Scope.close(scope, Exit.fail(notNow))
      const held = yield* permits.take({ key, limit: 100, window: 10_000, want: 1, within: 1 })
      assert.deepStrictEqual(held, { _tag: "Wait", millis: 5_000 })
    })
  )

  it.effect("the process that was refused gives back what is left of its block, and rests as the others do", () =>
    Effect.gen(function* () {
      const { permits } = yield* FleetStore.makeMemory
      const clock = yield* Clock.clockWith(Effect.succeed)
      const budget = yield* Budget.make({
        // Ten at a time, or nothing would be left.
        permits: { ...permits, take: (take) => permits.take({ ...take, want: 10 }) },
        clock,
        limits: { [key]: { limit: 100, window: 10_000 } },
        emit: () => {},
        statement: 1_000
      })
      const scope = Scope.makeUnsafe()
      yield* Scope.provide(budget.permit(dial), scope)
      yield* Scope.close(scope, Exit.fail(notNow))
      const next = yield* Effect.forkChild(Effect.scoped(budget.permit(dial)))
      yield* TestClock.adjust(4_900)
      assert.isUndefined(next.pollUnsafe())
      yield* TestClock.adjust(1_000)
      yield* Fiber.join(next)
      const rest = yield* permits.take({ key, limit: 100, window: 10_000, want: 100, within: 1 })
      // All but the dial that was refused, and the block of the one that waited.
      assert.strictEqual(rest._tag === "Granted" ? rest.permits : 0, 89)
    })
  )

  /** Servers that are down: every dial is over at once, and fails until `isUp`. */
  const storm = (isUp: () => boolean) =>
    Effect.gen(function* () {
      const events: Array<FleetEvent> = []
      const { dialer: _, permits } = yield* rig(1_000)
      const clock = yield* Clock.clockWith(Effect.succeed)
      const times: Array<number> = []
      const refused = new ConnectionError.DialFailed({
        connection: "a",
        kind: "refused",
        endpoint: "wss://feed.example/",
        cause: ConnectionError.foreign(undefined)
      })
      for (let n = 0; n < 3; n++) {
        const budget = yield* Budget.make({
          permits,
          clock,
          limits: { [key]: { limit: 1_000, window: 10_000 } },
          emit: (event) => void events.push(event),
          statement: 1_000
        })
        const once = Effect.gen(function* () {
          yield* budget.permit(dial)
          times.push(clock.currentTimeMillisUnsafe())
          yield* Effect.sleep(100)
          if (!isUp()) return yield* Effect.fail(refused)
        })
        yield* Effect.forkScoped(Effect.forever(Effect.ignore(Effect.scoped(once))))
      }
      return { events, times }
    })

  it.effect("dials that fail in a row hold all processes, and one of them tries for all", () =>
    Effect.gen(function* () {
      let isUp = false
      const { events, times } = yield* storm(() => isUp)
      for (let n = 0; n < 300; n++) yield* TestClock.adjust(100)
      // Five in a row and those under way, then one after 1, 2, 4 and 8 seconds: of three processes together.
      assert.isAtMost(times.length, 7 + 5)
      assert.isAtLeast(times.length, 5 + 4)
      const opened = events.flatMap((event) => (event._tag === "BreakerOpened" ? [event.millis] : []))
      assert.deepStrictEqual(opened, [1_000, 2_000, 4_000, 8_000, 16_000])
      isUp = true
      for (let n = 0; n < 320; n++) yield* TestClock.adjust(100)
      assert.strictEqual(events.filter(({ _tag }) => _tag === "BreakerClosed").length, 1)
      assert.isAbove(times.length, 100)
    })
  )

  it.effect("a dial that worked in between starts the count again", () =>
    Effect.gen(function* () {
      let count = 0
      const { events } = yield* storm(() => ++count % 4 === 0)
      for (let n = 0; n < 100; n++) yield* TestClock.adjust(100)
      assert.isAbove(count, 100)
      assert.isFalse(events.some(({ _tag }) => _tag === "BreakerOpened"))
    })
  )

  const bugs: ReadonlyArray<readonly [string, string, () => unknown]> = [
    ["failures are not told", "failed", () => Effect.void],
    ["what works is not told", "worked", () => Effect.void]
  ]
  for (const [name, method, bug] of bugs) {
    it.effect(`shows it when ${name}`, () =>
      Effect.gen(function* () {
        const proto = Budget.prototype as unknown as Record<string, unknown>
        const right = proto[method]
        proto[method] = bug
        yield* Effect.addFinalizer(() => Effect.sync(() => void (proto[method] = right)))
        let isUp = false
        const { times } = yield* storm(() => isUp)
        for (let n = 0; n < 100; n++) yield* TestClock.adjust(100)
        const whileDown = times.length
        isUp = true
        for (let n = 0; n < 320; n++) yield* TestClock.adjust(100)
        assert.isTrue(whileDown > 12 || times.length < 100)
      })
    )
  }

  it.effect("keys without a limit wait for nobody", () =>
    Effect.gen(function* () {
      const { process } = yield* rig(1)
      const budget = yield* process
      for (let n = 0; n < 5; n++) yield* Effect.scoped(budget.permit({ ...dial, keys: ["origin"] }))
    })
  )

  it.effect("bad limits are refused at the door", () =>
    Effect.gen(function* () {
      const { process } = yield* rig(0)
      assert.strictEqual(
        (yield* Effect.flip(process)).message,
        "Fleet: option budget.fleet.account:7.limit is not usable: expected a whole number of at least 1"
      )
      const endless = yield* rig(1, 0)
      assert.strictEqual((yield* Effect.flip(endless.process))._tag, "InvalidFleet")
    })
  )
})
