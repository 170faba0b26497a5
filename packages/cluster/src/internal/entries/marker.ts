/**
 * What a reader makes of entries that come from other processes: it leaves out what
 * came before or is out of date, and puts a marker wherever something is missing.
 * The places of the entries show it, whatever carried them.
 */
import { type ConnectionError, OwnerLost } from "kharbranth/ConnectionError"
import * as Inbox from "kharbranth/Inbox"
import type { Lease } from "../../Lease.ts"
import type { Place, Seen } from "./wireEntry.ts"

type Entries = ReadonlyArray<Inbox.Entry<unknown>>

interface Last extends Pick<Place, "lease" | "opening"> {
  /** The lowest number that was not seen yet. */
  readonly next: number
  /** Whether a marker stands already for what is missing before the next entry. */
  readonly isMarked: boolean
  /** When it was seen. */
  readonly at: number
}

// Holders of one epoch that others followed. More than one takes a store that lost commits, or has none.
const mostFormer = 64

export class Marker {
  private readonly name: string
  private readonly now: () => number
  /** When it began to follow. */
  private readonly since: number
  private last: Last | undefined
  /** The session that the entries came by. */
  private session = 1
  /** Who had the last lease's epoch, and was followed by another holder of the same epoch. */
  private readonly former = new Set<string>()

  constructor(name: string, now: () => number) {
    this.name = name
    this.now = now
    this.since = now()
  }

  mark(seen: Seen): Entries {
    const { entry, sequence } = seen
    const { last } = this
    if (this.isStale(seen)) return []
    const isSame = this.isSame(seen)
    if (isSame && sequence >= 0 && sequence < last!.next) return []
    const missing = this.missing(seen, isSame, entry)
    const next = sequence < 0 ? (isSame ? last!.next : 0) : sequence + 1
    this.follow(seen, next, sequence < 0)
    if (entry._tag !== "Lagged") this.session = entry.epoch
    return [...missing, entry]
  }

  /** The owner is at this place by now: what it gave before and did not come is missing. */
  reached(place: Place, follows?: Place): Entries {
    if (this.isStale(place)) return []
    const isSame = this.isSame(place)
    if (isSame && place.sequence <= this.last!.next) return []
    const missing = this.missing({ ...place, follows }, isSame, undefined)
    this.follow(place, place.sequence, false)
    return missing
  }

  /** Something may be missing here, whatever the next place is. */
  interrupted(from: number | undefined, causeOf: (session: number) => ConnectionError): Entries {
    if (this.last !== undefined) this.last = { ...this.last, isMarked: true }
    const { session: epoch } = this
    return [
      Inbox.gap({
        epoch,
        from: from ?? this.last?.at ?? this.since,
        to: this.now(),
        cause: causeOf(epoch),
        resumed: undefined
      })
    ]
  }

  private lost({ isMarked }: Last, count: number): Entries {
    return count > 0 && !isMarked ? [Inbox.lagged(count, true)] : []
  }

  private isSame({ lease, opening }: Place): boolean {
    return this.last !== undefined && sameLease(this.last.lease, lease) && this.last.opening === opening
  }

  private isStale({ lease, opening }: Place): boolean {
    const { last } = this
    if (last === undefined || lease.epoch > last.lease.epoch) return false
    if (lease.epoch < last.lease.epoch) return true
    return lease.holder === last.lease.holder ? opening < last.opening : this.former.has(lease.holder)
  }

  private follow({ lease, opening }: Place, next: number, isMarked: boolean): void {
    const { former, last } = this
    if (last !== undefined && lease.epoch > last.lease.epoch) former.clear()
    else if (last !== undefined && lease.holder !== last.lease.holder) {
      former.add(last.lease.holder)
      const [oldest] = former
      if (former.size > mostFormer) former.delete(oldest!)
    }
    this.last = { lease, opening, next, isMarked, at: this.now() }
  }

  private missing(
    { follows, sequence }: Pick<Seen, "follows" | "sequence">,
    isSame: boolean,
    entry: Inbox.Entry<unknown> | undefined
  ): Entries {
    const { last } = this
    if (last === undefined) return []
    if (isSame) return this.lost(last, sequence - last.next)
    // The owner before had given all of its entries when this opening began.
    if (follows !== undefined && this.isSame(follows)) return this.lost(last, follows.sequence - last.next + sequence)
    if (entry?._tag === "Gap") return []
    const epoch = entry === undefined || entry._tag === "Lagged" ? 1 : entry.epoch
    const cause = new OwnerLost({ connection: this.name, owner: last.lease.holder })
    return [Inbox.gap({ epoch, from: last.at, to: this.now(), cause, resumed: undefined })]
  }
}

const sameLease = (one: Lease, other: Lease): boolean => one.epoch === other.epoch && one.holder === other.holder
