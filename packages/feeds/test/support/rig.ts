/** A feed on a `TestNetwork` with scripted venues, and ways to let virtual time pass. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Feed from "../../src/Feed.ts"
import * as Rest from "../../src/Rest.ts"
import * as Topic from "../../src/Topic.ts"
import { type Dialect, ScriptedVenue } from "./venues.ts"

const originOf = (url: string): string => new URL(url).origin

/** Lets everything happen that needs turns, and no time. */
export const settle = Effect.forEach(
  Array.from({ length: 12 }),
  () =>
    Effect.andThen(
      TestClock.adjust(0),
      Effect.promise(() => Promise.resolve())
    ),
  { discard: true }
)

/** Lets time pass in small steps, so that what each step causes can wait for the next. */
export const pass = (duration: Duration.Input, step = 50): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* settle
    for (let left = Duration.toMillis(duration); left > 0; left -= step) {
      yield* TestClock.adjust(Math.min(step, left))
      yield* settle
    }
  })

export interface Rig {
  readonly network: TestNetwork.TestNetwork
  readonly venues: ReadonlyArray<ScriptedVenue>
  readonly venue: ScriptedVenue
  readonly feed: Feed.Feed
}

export interface RigOptions extends Omit<Feed.Options, "venue" | "venues"> {
  readonly network?: TestNetwork.Options | undefined
  readonly seed?: number | undefined
}

/** A feed over the dialects; closing takes time, which passes by itself at the end. */
export const rig = (dialects: ReadonlyArray<Dialect>, options: RigOptions = {}) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ ...options.network, seed: options.seed ?? 1 })
    const venues = dialects.map((dialect) => new ScriptedVenue(dialect, options.seed))
    for (const venue of venues) yield* network.serve(venue.dialect.url, venue.script)
    let closing = true
    yield* Effect.addFinalizer(() => Effect.sync(() => (closing = false)))
    const fetch: Rest.Fetch = (request) => {
      const asked = venues.find(({ venue }) => venue.snapshot?.(Topic.book("")).url.startsWith(originOf(request.url)))
      return (asked ?? venues[0]!).fetch(request)
    }
    const feed = yield* Feed.make({ ...options, venues: venues.map(({ venue }) => venue) }).pipe(
      network.provide,
      Effect.provideService(Rest.Fetch, fetch)
    )
    yield* Effect.addFinalizer(() =>
      Effect.forkDetach(Effect.whileLoop({ while: () => closing, body: () => pass(50), step: () => {} }))
    )
    const rig: Rig = { network, venues, venue: venues[0]!, feed }
    return rig
  })

/** Collects what a stream gives, from now on. */
export const collect = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function* () {
    const found: Array<A> = []
    yield* Effect.forkScoped(
      Stream.runForEach(stream, (item) => Effect.sync(() => void found.push(item))),
      { startImmediately: true }
    )
    return found
  })
