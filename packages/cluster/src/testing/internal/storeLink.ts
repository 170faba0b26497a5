/**
 * Ways to a store, its verbs wrapped. From one process it takes time, it can be
 * cut, and a process that sleeps hears no answer. A request that was sent arrives
 * even if its sender has given up, as with a real database.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { TestProcess } from "kharbranth/testing/TestNetwork"
import type { FleetStore, News } from "../../FleetStore.ts"

export interface Conditions {
  /** What gets lost: requests, or only the answers to them. */
  cut: "requests" | "answers" | undefined
  /** There and back, in milliseconds; chance decides how much of it is the way back. */
  latency: number
}

interface Way {
  readonly outer: Clock.Clock
  /** The test's own environment, its clock included. */
  readonly context: Context.Context<never>
  readonly process: TestProcess
  readonly conditions: Conditions
  /** A number in [0, 1) that decides how much of the time is the way there. */
  readonly chance: () => number
  readonly notices: "all" | "some" | "none"
}

type Wrap = <A, E>(statement: Effect.Effect<A, E>) => Effect.Effect<A, E>

const wrapped = <Verbs extends object>(verbs: Verbs, wrap: Wrap): Verbs =>
  Object.fromEntries(
    Object.entries(verbs as Readonly<Record<string, unknown>>).map(([key, verb]) => [
      key,
      typeof verb === "function"
        ? (...args: ReadonlyArray<unknown>) =>
            wrap((verb as (...all: ReadonlyArray<unknown>) => Effect.Effect<unknown>)(...args))
        : wrap(verb as Effect.Effect<unknown>)
    ])
  ) as Verbs

/** A store, each statement of which is wrapped. */
export const through = (store: FleetStore["Service"], wrap: Wrap, news: News | undefined): FleetStore["Service"] => ({
  news,
  leases: wrapped(store.leases, wrap),
  wishes: wrapped(store.wishes, wrap),
  outboxes: wrapped(store.outboxes, wrap),
  handovers: wrapped(store.handovers, wrap),
  permits: wrapped(store.permits, wrap)
})

export const linkOf = (store: FleetStore["Service"], way: Way): FleetStore["Service"] => {
  const { chance, conditions, context, notices, outer, process } = way
  const run = Effect.runForkWith(context)
  const travel = (millis: number) => (millis > 0 ? outer.sleep(Duration.millis(millis)) : Effect.void)

  const over = <A, E>(statement: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.callback<A, E>((resume) => {
      run(
        Effect.gen(function* () {
          const there = conditions.latency > 0 ? conditions.latency * chance() : 0
          yield* travel(there)
          if (conditions.cut === "requests") return
          const isLost = conditions.cut !== undefined
          const exit = yield* Effect.exit(statement)
          yield* travel(conditions.latency - there)
          if (isLost || conditions.cut !== undefined) return
          yield* process.awake
          resume(exit)
        })
      )
    })

  return through(store, over, notices === "none" || store.news === undefined ? undefined : spoken(store.news, way))
}

// The latest that a notice comes where chance decides, in milliseconds, and how many are lost or come twice.
const latest = 400
const share = 0.2

/** The store's notices on their way to one process, which hears none while it is cut, or sleeps. */
const spoken = (news: News, { chance, conditions, context, notices, outer, process }: Way): News => {
  const run = Effect.runForkWith(context)
  const isSome = notices === "some"
  return {
    listen: (heard) =>
      news.listen((notice) => {
        const copies = isSome && chance() < share ? (chance() < 0.5 ? 0 : 2) : 1
        for (let n = 0; n < copies; n++) {
          const delay = conditions.latency * chance() + (isSome ? latest * chance() : 0)
          run(
            Effect.gen(function* () {
              yield* outer.sleep(Duration.millis(delay))
              if (conditions.cut !== undefined) return
              yield* process.awake
              heard(notice)
            })
          )
        }
      })
  }
}
