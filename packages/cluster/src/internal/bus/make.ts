/**
 * A bus of a broker: it numbers what names publish, and tells their readers how far
 * they are once the broker takes packets again.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Inbox from "kharbranth/Inbox"
import type { Broker, Options, Service, Source } from "../../FleetBus.ts"
import { type BusFailed, type CannotTravel, InvalidFleet } from "../../FleetError.ts"
import { subjectOf } from "./packet.ts"
import { Publishing } from "./publishing.ts"
import { Reader } from "./reader.ts"

const defaultPatience = "1 second"
const defaultHighWaterMark = 1_048_576
/** How long until a broker that took nothing is tried again. */
const again = "1 second"

/** How long until the next line of the log says that entries are left out, in milliseconds. */
const quiet = 60_000

const patienceOf = ({ patience = defaultPatience }: Options): Effect.Effect<number, InvalidFleet> => {
  const millis = Option.map(Duration.fromInput(patience), Duration.toMillis)
  return Option.isSome(millis) && millis.value > 0 && millis.value < Infinity
    ? Effect.succeed(millis.value)
    : Effect.fail(new InvalidFleet({ path: ["patience"], issue: "expected a duration above zero" }))
}

const roomOf = (highWaterMark: number): Effect.Effect<number, InvalidFleet> =>
  highWaterMark > 0 && highWaterMark < Infinity
    ? Effect.succeed(highWaterMark)
    : Effect.fail(new InvalidFleet({ path: ["highWaterMark"], issue: "expected a number of bytes above zero" }))

export const make = Effect.fnUntraced(function* (broker: Broker, options: Options = {}) {
  const patience = yield* patienceOf(options)
  const clock = yield* Clock.clockWith(Effect.succeed)
  const open = new Set<Publishing>()
  const owing = new Set<Publishing>()
  const news = Latch.makeUnsafe(false)
  let openings = 0
  let quietUntil = -Infinity

  const around = {
    broker,
    patience,
    owing: (publishing: Publishing, error: BusFailed) =>
      Effect.suspend(() => {
        owing.add(publishing)
        news.openUnsafe()
        const now = clock.currentTimeMillisUnsafe()
        // Once for all names: a broker that is away takes nothing of any of them.
        if (now < quietUntil) return Effect.void
        quietUntil = now + quiet
        return Effect.logWarning(`Entries of name "${publishing.name}" are left out; readers see that.`, error)
      })
  }

  yield* broker.restored(() => {
    for (const publishing of open) {
      publishing.lost()
      owing.add(publishing)
    }
    news.openUnsafe()
  })

  /** Whether the readers of all names know how far these are. */
  const settled = Effect.gen(function* () {
    for (const publishing of owing) {
      // Before it is asked: it may owe again by the time it has answered.
      owing.delete(publishing)
      if (yield* publishing.settle) continue
      if (open.has(publishing)) owing.add(publishing)
      return false
    }
    return true
  })

  const later = Effect.andThen(
    Effect.sleep(again),
    Effect.sync(() => news.openUnsafe())
  )

  const round = Effect.gen(function* () {
    yield* news.await
    news.closeUnsafe()
    if (!(yield* settled)) yield* later
  })
  const guarded = Effect.catchDefect(round, (defect) =>
    Effect.andThen(Effect.logError("A round of the bus failed; the next one makes up for it.", defect), later)
  )
  yield* Effect.forkScoped(Effect.forever(guarded))

  const publishing = ({
    kind,
    lease,
    name,
    publication
  }: Source<unknown>): Effect.Effect<Publishing, BusFailed, Scope.Scope> =>
    Effect.flatMap(subjectOf(kind, name), (subject) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const follows = publication?.begin()
          const made = new Publishing(around, { name, subject, lease, follows, opening: openings++ })
          open.add(made)
          return made
        }),
        (made) =>
          Effect.sync(() => {
            open.delete(made)
            owing.delete(made)
          })
      )
    )

  const service: Service = {
    published: (owned) =>
      Stream.unwrap(
        Effect.map(publishing(owned), (out) =>
          Stream.mapArrayEffect(owned.entries, (entries) => Effect.as(out.publish(entries), entries)).pipe(
            Stream.onEnd(Effect.sync(() => owned.publication?.ended(out.ended())))
          )
        )
      ),
    subscribe: (kind, name, { highWaterMark = defaultHighWaterMark } = {}) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const room = yield* roomOf(highWaterMark)
          const subject = yield* subjectOf(kind.id, name)
          const reader = new Reader(name, room, () => clock.currentTimeMillisUnsafe())
          yield* broker.subscribe(subject, reader.push)
          return Stream.fromPull(Effect.succeed(reader.pull)) as Stream.Stream<
            Inbox.Entry<never>,
            BusFailed | CannotTravel
          >
        })
      )
  }
  return service
})
