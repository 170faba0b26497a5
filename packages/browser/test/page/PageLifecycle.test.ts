/**
 * Proves that the page's events become signals (the network only once it is
 * quiet, the rest inside the event itself), that the condition follows, that
 * unannounced sleeps are found without suspecting a hidden page's slow timers,
 * and that nothing listens any more once the scope is closed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { CountedTarget } from "../rig/countedTarget.ts"

class Document extends CountedTarget {
  visibilityState = "visible"
}

const makePage = (onLine = true) => {
  const window = new CountedTarget()
  const document = new Document()
  const tell = (target: CountedTarget, type: string, more?: object) =>
    target.dispatchEvent(Object.assign(new Event(type), more))
  return {
    page: { window, document, navigator: { onLine } },
    window: (type: string, more?: object) => tell(window, type, more),
    document: (type: string) => tell(document, type),
    show: (visible: boolean) => {
      document.visibilityState = visible ? "visible" : "hidden"
      tell(document, "visibilitychange")
    }
  }
}

const open = Effect.fnUntraced(function* (options: PageLifecycle.Options) {
  const life = Context.get(yield* Layer.build(PageLifecycle.layer(options)), PageLifecycle.PageLifecycle)
  const heard: Array<PageLifecycle.Signal> = []
  life.listen((signal) => heard.push(signal))
  const tags = () => heard.map((signal) => signal._tag)
  return { life, heard, tags }
})

/** A clock whose wall and monotonic hands can be pulled apart. */
const looseClock = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const shift = { wall: 0, monotonic: 0 }
  const hands = {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + shift.wall,
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(shift.monotonic) * 1_000_000n
  }
  const loose: Clock.Clock = Object.assign(Object.create(clock) as typeof clock, hands)
  return { loose, shift }
})

describe("PageLifecycle", () => {
  it.effect("network - a burst is told once, by its last word, when it is quiet", () =>
    Effect.gen(function* () {
      const { page, window } = makePage()
      const { life, tags } = yield* open({ page })
      window("offline")
      yield* TestClock.adjust("99 millis")
      assert.deepStrictEqual(tags(), [])
      assert.isTrue(life.condition.getUnsafe().online)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(tags(), ["Offline"])
      assert.isFalse(life.condition.getUnsafe().online)
      for (const type of ["online", "offline", "online"]) {
        window(type)
        yield* TestClock.adjust("50 millis")
      }
      assert.deepStrictEqual(tags(), ["Offline"])
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(tags(), ["Offline", "Online"])
      window("offline")
      window("online")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(tags(), ["Offline", "Online", "Online"])
    })
  )

  it.effect("page events - are told inside the event, and the condition follows", () =>
    Effect.gen(function* () {
      const { document, page, show, window } = makePage()
      const { heard, life } = yield* open({ page })
      const seen: Array<string> = []
      const step = (act: () => void) => {
        const before = heard.length
        act()
        const { frozen, visible } = life.condition.getUnsafe()
        seen.push(
          [
            ...heard.slice(before).map((signal) => signal._tag),
            visible ? "visible" : "hidden",
            frozen ? "frozen" : "awake"
          ].join(" ")
        )
      }
      step(() => show(false))
      step(() => document("freeze"))
      step(() => document("resume"))
      step(() => show(true))
      step(() => window("pagehide", { persisted: true }))
      step(() => window("pageshow", { persisted: true }))
      step(() => window("pagehide", { persisted: false }))
      step(() => window("pageshow", { persisted: false }))
      assert.deepStrictEqual(seen, [
        "Hidden hidden awake",
        "Freeze hidden frozen",
        "Resume hidden awake",
        "Visible visible awake",
        "PageHide visible frozen",
        "PageShow visible awake",
        "PageHide visible awake",
        "PageShow visible awake"
      ])
      assert.deepStrictEqual(heard.map(PageLifecycle.isWake), [false, false, true, false, false, true, false, false])
    })
  )

  it.effect("a page that starts offline and hidden - says so before any event", () =>
    Effect.gen(function* () {
      const { page } = makePage(false)
      page.document.visibilityState = "hidden"
      const { life } = yield* open({ page })
      assert.deepStrictEqual(yield* life.condition.get, { online: false, visible: false, frozen: false })
    })
  )

  it.effect("clocks apart - a machine that slept is found, forwards and backwards, and a second of drift is not", () =>
    Effect.gen(function* () {
      const { loose, shift } = yield* looseClock
      const { page } = makePage()
      yield* Effect.gen(function* () {
        const { heard } = yield* open({ page })
        yield* TestClock.adjust("10 minutes")
        shift.wall += 1000
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(heard, [])
        shift.wall += 3_600_000
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(heard, [{ _tag: "Woke", slept: Duration.hours(1) }])
        shift.wall -= 60_000
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(heard.at(-1), { _tag: "Woke", slept: Duration.minutes(1) })
        assert.strictEqual(heard.length, 2)
      }).pipe(Effect.provideService(Clock.Clock, loose))
    })
  )

  it.effect("late timers - are suspicious in a visible page, and in a hidden one only past a minute", () =>
    Effect.gen(function* () {
      const { loose, shift } = yield* looseClock
      const { page, show } = makePage()
      const late = (millis: number) => {
        shift.wall += millis
        shift.monotonic += millis
        return TestClock.adjust("2 seconds")
      }
      yield* Effect.gen(function* () {
        const { tags } = yield* open({ page })
        yield* late(3001)
        assert.deepStrictEqual(tags(), ["Woke"])
        show(false)
        yield* late(59_000)
        assert.deepStrictEqual(tags(), ["Woke", "Hidden"])
        yield* late(120_000)
        assert.deepStrictEqual(tags(), ["Woke", "Hidden", "Woke"])
        // The timer that is late was begun out of sight.
        show(true)
        yield* late(30_000)
        assert.deepStrictEqual(tags(), ["Woke", "Hidden", "Woke", "Visible"])
        yield* late(30_000)
        assert.deepStrictEqual(tags(), ["Woke", "Hidden", "Woke", "Visible", "Woke"])
      }).pipe(Effect.provideService(Clock.Clock, loose))
    })
  )

  it.effect("a closed scope - removes every listener and ends the streams", () =>
    Effect.gen(function* () {
      const { page, window } = makePage()
      const scope = yield* Scope.make()
      const { life, tags } = yield* Scope.provide(open({ page }), scope)
      const signals = yield* Effect.forkChild(Stream.runCollect(life.signals), { startImmediately: true })
      const conditions = yield* Effect.forkChild(Stream.runCollect(life.condition.changes), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isAbove(page.window.listeners + page.document.listeners, 0)
      window("pagehide", { persisted: true })
      window("offline")
      yield* TestClock.adjust("1 millis")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(page.window.listeners + page.document.listeners, 0)
      yield* TestClock.adjust("1 second")
      window("pagehide", { persisted: true })
      assert.deepStrictEqual(tags(), ["PageHide"])
      assert.deepStrictEqual(
        (yield* Fiber.join(signals)).map((signal) => signal._tag),
        ["PageHide"]
      )
      assert.deepStrictEqual(
        (yield* Fiber.join(conditions)).map((condition) => condition.frozen),
        [false, true]
      )
      assert.deepStrictEqual(yield* Stream.runCollect(life.signals), [])
    })
  )

  it.effect("condition.changes - a slow observer sees the latest, not the backlog", () =>
    Effect.gen(function* () {
      const { life, control } = yield* Effect.gen(function* () {
        return { life: yield* PageLifecycle.PageLifecycle, control: yield* PageLifecycle.Controller }
      }).pipe(Effect.provide(yield* Layer.build(PageLifecycle.layerTest)))
      const seen: Array<PageLifecycle.Condition> = []
      const observer = yield* life.condition.changes.pipe(
        Stream.runForEach((condition) =>
          Effect.andThen(
            Effect.sleep("1 second"),
            Effect.sync(() => seen.push(condition))
          )
        ),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("1 millis")
      for (let i = 0; i < 100; i++) {
        yield* control.emit({ _tag: "Hidden" })
        yield* control.emit({ _tag: "Visible" })
      }
      yield* control.emit({ _tag: "Offline" })
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(observer)
      assert.isAtMost(seen.length, 3)
      assert.deepStrictEqual([seen[0]?.online, seen.at(-1)], [true, { online: false, visible: true, frozen: false }])
    })
  )

  it.effect("signals - a slow reader loses the oldest of more than 64", () =>
    Effect.gen(function* () {
      const { life, control } = yield* Effect.gen(function* () {
        return { life: yield* PageLifecycle.PageLifecycle, control: yield* PageLifecycle.Controller }
      }).pipe(Effect.provide(yield* Layer.build(PageLifecycle.layerTest)))
      const seen: Array<number> = []
      const reader = yield* life.signals.pipe(
        Stream.runForEach((signal) =>
          Effect.andThen(
            Effect.sleep("1 second"),
            Effect.sync(() => seen.push(signal._tag === "Woke" ? Duration.toMillis(signal.slept) : -1))
          )
        ),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("1 millis")
      for (let n = 1; n <= 200; n++) yield* control.emit({ _tag: "Woke", slept: Duration.millis(n) })
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.interrupt(reader)
      assert.isAtLeast(seen.length, 64)
      assert.deepStrictEqual(
        seen.slice(-64),
        Array.from({ length: 64 }, (_, i) => 137 + i)
      )
      assert.isBelow(seen.length, 200)
    })
  )

  it.effect("a worker has no document - its network is heard, and it counts as visible", () =>
    Effect.gen(function* () {
      const { page, window } = makePage()
      const { life, tags } = yield* open({ page: { ...page, document: undefined } })
      assert.isTrue(life.condition.getUnsafe().visible)
      window("offline")
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(tags(), ["Offline"])
    })
  )

  it.effect("without a page - a worker or Node gets an online, visible, awake condition", () =>
    Effect.gen(function* () {
      const { life } = yield* open({})
      assert.deepStrictEqual(yield* life.condition.get, { online: true, visible: true, frozen: false })
    })
  )
})
