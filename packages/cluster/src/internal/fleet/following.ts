/**
 * A name's entries, wherever it is open. Each carries where it stands: the lease,
 * the opening under it, and its number there. The engine may resume a stream in
 * silence, at the same owner or another; what is missing then shows in the numbers,
 * and a marker takes its place. What an older lease still sends is left out.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type ConnectionError, OwnerFailed, OwnerLost } from "kharbranth/ConnectionError"
import * as Inbox from "kharbranth/Inbox"
import { CannotTravel } from "../../FleetError.ts"
import type { Lease } from "../../Lease.ts"
import { ofWireMessage, toWireMessage, type WireMessage } from "../kit/wireMessage.ts"
import type { Names, Open } from "../names/names.ts"

/** An entry, and where it stands. */
interface Seen {
  readonly lease: Lease
  /** Which of the owner's openings of names. */
  readonly opening: number
  /** Its number in that opening; -1 of a marker for those that were lost. */
  readonly sequence: number
  readonly entry: Inbox.Entry<unknown>
}

type Fault = { readonly tag: string; readonly message: string; readonly owner?: string | undefined }

type WireEntry =
  | { readonly _tag: "Message"; readonly epoch: number; readonly message: WireMessage }
  | (Omit<Inbox.Gap, "cause"> & { readonly cause: Fault })
  | Inbox.SessionOpened
  | Inbox.Lagged

/** An entry on its way to another process. */
export interface WireSeen extends Omit<Seen, "entry"> {
  readonly entry: WireEntry
}

// ------------------------------------------------------------------ at the owner

const faultOf = (cause: ConnectionError): Fault => ({
  tag: cause._tag,
  message: cause.message,
  owner: cause._tag === "OwnerLost" ? cause.owner : undefined
})

const toWireEntry = (entry: Inbox.Entry<unknown>): WireEntry => {
  if (entry._tag === "Message") return { ...entry, message: toWireMessage(entry.message) }
  if (entry._tag !== "Gap") return entry
  const resumed = toWireMessage(entry.resumed ?? null)
  return { ...entry, cause: faultOf(entry.cause), resumed: resumed._tag === "Json" ? resumed.value : undefined }
}

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

const causeOf = (connection: string, { message, owner, tag }: Fault): ConnectionError =>
  owner === undefined ? new OwnerFailed({ connection, tag, issue: message }) : new OwnerLost({ connection, owner })

const ofWire = (name: string, { entry, ...header }: WireSeen): Effect.Effect<Seen, CannotTravel> => {
  if (entry._tag === "Gap")
    return Effect.succeed({ ...header, entry: Inbox.gap({ ...entry, cause: causeOf(name, entry.cause) }) })
  if (entry._tag !== "Message") return Effect.succeed({ ...header, entry })
  const { epoch, message } = entry
  return message._tag === "Refused"
    ? Effect.fail(new CannotTravel({ name, path: message.path }))
    : Effect.succeed({ ...header, entry: Inbox.message(epoch, ofWireMessage(message)) })
}

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

interface Last extends Pick<Seen, "lease" | "opening"> {
  /** The number that comes next; `undefined` after a marker. */
  readonly next: number | undefined
  readonly at: number
}

/** Puts markers where something is missing, and leaves out what came before or is out of date. */
export class Marker {
  private readonly name: string
  private readonly now: () => number
  private last: Last | undefined

  constructor(name: string, now: () => number) {
    this.name = name
    this.now = now
  }

  mark(seen: Seen): ReadonlyArray<Inbox.Entry<unknown>> {
    const { entry, lease, opening, sequence } = seen
    const { last } = this
    if (last !== undefined && lease.epoch < last.lease.epoch) return []
    const isSame = last?.lease.epoch === lease.epoch && last.opening === opening
    if (isSame && sequence >= 0 && sequence < (last.next ?? 0)) return []
    const missing = last === undefined ? [] : this.missing(last, seen, isSame)
    this.last = { lease, opening, next: sequence < 0 ? undefined : sequence + 1, at: this.now() }
    return [...missing, entry]
  }

  private missing(last: Last, { entry, sequence }: Seen, isSame: boolean): ReadonlyArray<Inbox.Entry<unknown>> {
    if (isSame) {
      const lost = sequence < 0 ? 0 : sequence - (last.next ?? sequence)
      return lost > 0 ? [Inbox.lagged(lost, true)] : []
    }
    if (entry._tag === "Gap") return []
    const epoch = entry._tag === "Lagged" ? 1 : entry.epoch
    const cause = new OwnerLost({ connection: this.name, owner: last.lease.holder })
    return [Inbox.gap({ epoch, from: last.at, to: this.now(), cause, resumed: undefined })]
  }
}

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
