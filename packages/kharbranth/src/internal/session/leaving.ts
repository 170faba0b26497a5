/** Waits for sessions that are over to be rid of their sockets. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Link } from "../../Transport.ts"

interface Leaving {
  readonly link: Link | undefined
  readonly hasLeft: Effect.Effect<void>
}

/** How long a dial waits for earlier sockets to finish closing. */
const settleAtMost = Duration.millis(500)

/** Waits until their sockets are gone. They go by themselves, so it is enough to wait for one after the other. */
export const left = (sessions: ReadonlyArray<Leaving>): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (const { hasLeft } of sessions) yield* hasLeft
  })

/** Waits likewise, but not for long: then they are cut off. Nothing to wait for is `undefined`. */
export const settled = (sessions: ReadonlyArray<Leaving>): Effect.Effect<void> | undefined =>
  sessions.length === 0
    ? undefined
    : Effect.timeoutOrElse(left(sessions), {
        duration: settleAtMost,
        orElse: () => Effect.sync(() => sessions.forEach(({ link }) => link?.terminate()))
      })
