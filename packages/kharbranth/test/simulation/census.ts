/** Counts what a part of a program has running: fibers and sleeps. */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

/** Counts what a part of the program has running: fibers and sleeps. */
export interface Census {
  readonly fibers: () => number
  readonly sleeps: () => number
  /** Runs an effect, and all fibers that it forks, under this count. */
  readonly count: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const census = (clock: Clock.Clock): Census => {
  let fibers = 0
  let sleeps = 0
  const counted: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
    sleep: (duration: Duration.Duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          sleeps++
        }),
        () => clock.sleep(duration),
        () =>
          Effect.sync(() => {
            sleeps--
          })
      )
  })
  const register: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      fibers++
    },
    recordFiberEnd: () => {
      fibers--
    }
  }
  return {
    fibers: () => fibers,
    sleeps: () => sleeps,
    count: (effect) =>
      effect.pipe(
        Effect.provideService(Clock.Clock, counted),
        Effect.provideService(Metric.FiberRuntimeMetrics, register)
      )
  }
}
