/**
 * What waits for one reader of a topic: events and markers, bounded. A reader
 * that is too slow loses its own oldest events and finds a `Lagged` in their
 * place; of markers that go with them the last state and one gap stay. With a
 * snapshot at hand all that waits goes instead, since changes without those
 * before them are worth nothing, and the newest state stands in their place.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Gap, Lagged, Marker, Resynced, Stale } from "../../../FeedEvent.ts"
import { atEnd } from "../../kit/turn.ts"
import { Waiting } from "../../kit/waiting.ts"

/** Each event is asked: to compare four names costs less than to look one up. */
export const isMarker = (item: { readonly _tag: string }): item is Marker => {
  const { _tag } = item
  return _tag === "Gap" || _tag === "Stale" || _tag === "Resynced" || _tag === "Lagged"
}

/** The part that a buffer has in a reader of several. */
export interface Part {
  /** Whether the reader has taken all there was, of all its buffers, and waits for more. */
  readonly isAwaited: boolean
  /** The buffer has something for the reader: an item, or its end. */
  came(): void
}

export interface BufferOptions<A> {
  readonly capacity: number
  /** The newest state as an event; `undefined` while there is none. */
  readonly snapshot?: (() => A | undefined) | undefined
  /** Its part in a reader of several buffers. Default: it has a reader of its own. */
  readonly part?: Part | undefined
}

/** How a topic ended: with an error, or without. */
export interface Ending<E> {
  readonly error: E | undefined
}

/** So much makes up for the wake, and what waits longer has left the processor's caches when it is read. */
const muchAtMost = 12

export type Pull<A, E> = Effect.Effect<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done>

export class ReaderBuffer<A extends { readonly _tag: string }, E> {
  dropped = 0
  private readonly options: BufferOptions<A>
  /** What waits begins at `head`; what is before it is gone. */
  private items: Array<A | Marker> = []
  private head = 0
  private lost = 0
  private lostGap: Gap | undefined
  private lostState: Stale | Resynced | undefined
  /** Everything was dropped, and what comes is too, until the reader takes the newest state. */
  private behind = false
  /** Set once no more comes. */
  ending: Ending<E> | undefined
  /** Readers wake at the end of a turn, once for all that came in it, unless it is much. */
  private readonly waiting = new Waiting(atEnd)
  private readonly many: number
  private readonly capacity: number

  constructor(options: BufferOptions<A>) {
    this.options = options
    this.capacity = options.capacity
    this.many = Math.min(muchAtMost, Math.ceil(options.capacity / 2))
  }

  /** Whether its reader has taken all there was and waits for more, and no more has come than it may well take. */
  get isAwaited(): boolean {
    if (this.items.length - this.head >= this.many) return false
    const { part } = this.options
    return part === undefined ? !this.waiting.isEmpty : part.isAwaited
  }

  push(item: A): void {
    this.makeRoom()
    if (this.behind) {
      this.lost++
      this.dropped++
      return
    }
    this.items.push(item)
    if (this.items.length - this.head === this.many && this.options.part === undefined) this.waiting.wakeSoon()
    else this.wake()
  }

  mark(marker: Marker): void {
    this.makeRoom()
    if (this.behind) this.merge(marker)
    else this.items.push(marker)
    this.wake()
  }

  /** What waits is still read; then the reader sees the end. */
  end(error: E | undefined): void {
    this.ending ??= { error }
    this.wake()
  }

  private wake(): void {
    const { part } = this.options
    if (part === undefined) this.waiting.wake()
    else part.came()
  }

  /** Takes all that waits and makes of it what the reader wants, in another array, as soon as that is anything. */
  pullAs<B>(read: (batch: Array<A | Marker>) => Array<B>): Pull<B, E> {
    return this.waiting.until((): Pull<B, E> | undefined => {
      try {
        const found = this.readAll(read)
        if (found !== undefined && Arr.isArrayNonEmpty(found)) return Effect.succeed(found)
      } catch (defect) {
        // A function of the user's threw: that is the reader's end, and nobody else's.
        return Effect.die(defect)
      }
      const { ending } = this
      if (ending === undefined) return undefined
      return ending.error === undefined ? Cause.done() : Effect.fail(ending.error)
    })
  }

  /** Has all that waits read, if there is any, by a function that does not keep the array. */
  readAll<B>(read: (batch: Array<A | Marker>) => B): B | undefined {
    const batch = this.take()
    if (batch.length === 0) return undefined
    const found = read(batch)
    // An array that waited may have grown old, and what it holds would be copied by the garbage collector.
    batch.length = 0
    return found
  }

  private take(): Array<A | Marker> {
    const first: Array<A | Marker> = []
    if (this.lost > 0) first.push({ _tag: "Lagged", dropped: this.lost } satisfies Lagged)
    if (this.lostGap !== undefined) first.push(this.lostGap)
    if (this.lostState !== undefined) first.push(this.lostState)
    const snapshot = this.behind ? this.options.snapshot?.() : undefined
    if (snapshot !== undefined) first.push(snapshot)
    const rest = this.items
    if (this.head > 0) rest.splice(0, this.head)
    this.items = []
    this.head = 0
    this.lost = 0
    this.lostGap = undefined
    this.lostState = undefined
    this.behind = false
    return first.length === 0 ? rest : first.concat(rest)
  }

  private makeRoom(): void {
    if (this.items.length - this.head < this.capacity) return
    if (this.options.snapshot === undefined) return this.dropOldest()
    while (this.head < this.items.length) this.dropOldest()
    this.behind = true
  }

  private dropOldest(): void {
    const oldest = this.items[this.head++]
    if (oldest === undefined) return
    if (isMarker(oldest)) this.merge(oldest)
    else {
      this.lost++
      this.dropped++
    }
    if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items.splice(0, this.head)
      this.head = 0
    }
  }

  private merge(marker: Marker): void {
    if (marker._tag === "Lagged") this.lost += marker.dropped
    else if (marker._tag === "Gap") this.lostGap = { ...marker, from: this.lostGap?.from ?? marker.from }
    else this.lostState = marker
  }
}
