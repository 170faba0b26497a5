/**
 * A name's entries, wherever it is open. The engine may resume a stream in silence,
 * at the same owner or another; what is missing then shows in the places of the
 * entries, and a marker takes its place.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Inbox from "kharbranth/Inbox"
import type { CannotTravel } from "../../FleetError.ts"
import { Marker } from "../entries/marker.ts"
import { ofWireEntry, type Place, type Seen, toWireEntry, type WireEntry } from "../entries/wireEntry.ts"
import type { Names, Open } from "../names/names.ts"

/** An entry on its way to another process. */
export interface WireSeen extends Place {
  readonly entry: WireEntry
}

// ------------------------------------------------------------------ at the owner

const seenOf = ({ opening, right, watchers }: Open): Stream.Stream<Seen> =>
  Stream.map(watchers.stream, (numbered) => ({ ...numbered, opening, lease: right.lease }))

/** What others see of a name that is open here; nothing when it is not. */
export const shown =
  (names: Pick<Names, "find">) =>
  (name: string): Stream.Stream<WireSeen> =>
    Stream.suspend(() => {
      const open = names.find(name)
      return open === undefined
        ? Stream.empty
        : Stream.map(seenOf(open), (seen) => ({ ...seen, entry: toWireEntry(seen.entry) }))
    })

// ----------------------------------------------------------------- at the reader

const ofWire = (name: string, { entry, ...place }: WireSeen): Effect.Effect<Seen, CannotTravel> =>
  Effect.map(Effect.fromResult(ofWireEntry(name, entry)), (entry) => ({ ...place, entry }))

export interface Source {
  readonly name: string
  readonly names: Pick<Names, "find">
  readonly watch: (name: string) => Stream.Stream<WireSeen>
  readonly now: () => number
}

/** From the owner as it is now, until the name closes there. */
const present = ({ name, names, watch }: Source): Stream.Stream<Seen, CannotTravel> =>
  Stream.suspend(() => {
    const open = names.find(name)
    return open === undefined ? Stream.mapEffect(watch(name), (wire) => ofWire(name, wire)) : seenOf(open)
  })

/** How long to wait before the next owner is looked for. */
const lookEvery = "250 millis"

/**
 * Follows a name from owner to owner. `locate` completes when somebody owns it,
 * with `false` when the fleet no longer has it: the entries end then.
 */
export const follow = <E>(
  source: Source,
  locate: Effect.Effect<boolean, E>
): Stream.Stream<Inbox.Entry<unknown>, E | CannotTravel> =>
  Stream.suspend(() => {
    const marker = new Marker(source.name, source.now)
    const round = Stream.unwrap(
      Effect.map(locate, (isThere) =>
        isThere ? Stream.map(present(source), (seen): Seen | undefined => seen) : Stream.succeed(undefined)
      )
    )
    return Stream.repeat(round, Schedule.spaced(lookEvery)).pipe(
      Stream.takeWhile((seen): seen is Seen => seen !== undefined),
      Stream.map((seen) => marker.mark(seen)),
      Stream.flattenIterable
    )
  })
