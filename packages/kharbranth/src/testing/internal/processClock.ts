/**
 * The clock of the client's process: the outer clock, except that the wall can
 * be off, and that the process can be suspended: then no timer fires, and the
 * monotonic clock stops or runs on, as platforms differ. All of its time may pass
 * at another rate, as two machines' clocks differ.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { waitOf } from "./bytes.ts"

export interface ProcessClock {
  readonly clock: Clock.Clock
  /** Moves the wall clock away from the outer one. */
  offsetWall(millis: number): void
  suspend(monotonic: "stops" | "runs"): void
  resume(): void
}

export const make = (outer: Clock.Clock, rate = 1): ProcessClock => {
  const begun = outer.currentTimeMillisUnsafe()
  let wallOffset = 0
  let lost = 0
  let suspendedAt: number | undefined
  let stops = false
  let waiters: Array<() => void> = []

  const now = () => outer.currentTimeMillisUnsafe()
  // How far its own pace has carried it behind the outer clock.
  const behind = () => (rate === 1 ? 0 : (now() - begun) * (1 - rate))
  const stopped = () => (suspendedAt !== undefined && stops ? lost + (now() - suspendedAt) * rate : lost)
  // Monotonic milliseconds that the process has missed.
  const missed = () => behind() + stopped()
  const wallMillis = () => now() - behind() + wallOffset
  const wallNanos = () => outer.currentTimeNanosUnsafe() + BigInt(Math.round((wallOffset - behind()) * 1e6))
  const monotonicNanos = () => outer.monotonicTimeNanosUnsafe() - BigInt(Math.round(missed() * 1e6))

  const awake = Effect.callback<void>((resume) => {
    if (suspendedAt === undefined) return resume(Effect.void)
    const waiter = () => resume(Effect.void)
    waiters.push(waiter)
    return Effect.sync(() => {
      waiters = waiters.filter((other) => other !== waiter)
    })
  })

  const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.suspend(() => {
      const due = now() - missed() + Duration.toMillis(duration)
      const wait: Effect.Effect<void> = Effect.suspend(() => {
        if (suspendedAt !== undefined) return Effect.andThen(awake, wait)
        const left = due - (now() - missed())
        return left <= 0 ? Effect.void : Effect.andThen(outer.sleep(waitOf(left / rate)), wait)
      })
      return wait
    })

  const overrides: Clock.Clock = {
    currentTimeMillisUnsafe: wallMillis,
    currentTimeMillis: Effect.sync(wallMillis),
    currentTimeNanosUnsafe: wallNanos,
    currentTimeNanos: Effect.sync(wallNanos),
    monotonicTimeNanosUnsafe: monotonicNanos,
    monotonicTimeNanos: Effect.sync(monotonicNanos),
    sleep
  }

  return {
    // Derived from the outer clock, so that a TestClock can still be adjusted through it.
    clock: Object.assign(Object.create(outer) as Clock.Clock, overrides),
    offsetWall: (millis) => {
      wallOffset = millis
    },
    suspend: (monotonic) => {
      if (suspendedAt !== undefined) return
      suspendedAt = now()
      stops = monotonic === "stops"
    },
    resume: () => {
      lost = stopped()
      suspendedAt = undefined
      const woken = waiters
      waiters = []
      for (const waiter of woken) waiter()
    }
  }
}
