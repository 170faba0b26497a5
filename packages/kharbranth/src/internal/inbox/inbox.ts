/**
 * The inbound hot path: the one place where frames wait for their reader.
 *
 * A push appends to an array; everything else happens once a turn. Frames wait
 * undecoded, unless somebody has to look at them before they are read (a tap, or
 * a policy that drops by content): then they are decoded in the deferred flush
 * of the turn in which they arrived. There is one reader at a time. It takes
 * whole batches, and the end after the last message.
 */
import * as Arr from "effect/Array"
import { type ConnectionError, type DecodeError, InboxOverflow } from "../../ConnectionError.ts"
import type { DropReason } from "../../ConnectionEvent.ts"
import type * as Public from "../../Inbox.ts"
import type { Frame } from "../../Message.ts"
import { type BadFrameOwner, decode } from "../codec/decode.ts"
import * as Segments from "../codec/segments.ts"
import { appended } from "../kit/list.ts"
import type { BackpressureControl, Source } from "../transport/backpressure.ts"
import { Backlog } from "./backlog.ts"
import * as Items from "./item.ts"
import { shed } from "./overflow.ts"
import { entriesOf, messagesOf } from "./read.ts"
import { type Tap, Taps } from "./taps.ts"

export type { Lane } from "../codec/segments.ts"
export type { Source } from "../transport/backpressure.ts"

/** What an inbox needs of its connection. All of it is synchronous, and cheap. */
export interface InboxOwner extends BadFrameOwner {
  /** Runs this one microtask later. */
  defer(run: () => void): void
  /** Unix milliseconds; asked once a turn at most. */
  wall(): number
  drop(where: "inbox", reason: DropReason, count: number): void
  /**
   * The policy is to fail: a frame did not decode (once for each lane), or the
   * inbox is full (once, until `revive`).
   */
  fail(error: DecodeError | InboxOverflow): void
}

/** How much may wait, and what happens beyond that. */
export interface Bounds<In> {
  readonly highWaterMark: number
  readonly overflow: Public.Overflow<In>
}

export interface Options<In> extends Bounds<In> {
  readonly connection: string
  readonly owner: InboxOwner
}

const none: ReadonlyArray<never> = []
/** Replaced for the first item that arrives so: most inboxes never have one. */
const nothing: Array<never> = []

export class Inbox<In> {
  private options: Options<In>
  private readonly owner: InboxOwner
  highMark: number
  /** Holds the sources back, where they can be. */
  pausing: BackpressureControl | undefined
  protected readonly backlog: Backlog<In>
  /** What came this turn and must be looked at before it may wait. */
  private arriving: Array<Items.Item<In>> = nothing
  private settling = false
  /** The raw segment that the next frame of its lane joins. */
  private growing: Segments.Raw<In> | undefined
  /** Whether there ever was a reader that unread messages could fail. */
  private everRead = false
  /** Why nothing is let in any more. */
  private refusal: DropReason | undefined
  private readonly taps = new Taps<In>()
  /** How many sources there are. Those of closing sessions are not: what still comes of these is bounded by itself. */
  private attached = 0
  private arrived = false
  private scheduled = false
  /** `flush`, made once for the many turns. */
  private flushing: (() => void) | undefined
  private lastArrival: number | undefined
  private waiter: (() => void) | undefined
  private reading = false
  /** How many messages of the reader's last batch may be unused. */
  private unused = 0
  private end: { readonly error: ConnectionError | undefined } | undefined

  constructor(options: Options<In>) {
    this.options = options
    this.owner = options.owner
    this.highMark = options.highWaterMark
    this.backlog = new Backlog(options)
  }

  get bytes(): number {
    return this.backlog.bytes
  }

  get lastMessageAt(): number | undefined {
    return this.lastArrival
  }

  get messages(): number {
    if (this.arriving.length === 0) return this.backlog.messages
    return this.arriving.reduce((count, item) => count + Items.countOf(item), this.backlog.messages)
  }

  /** Other bounds from now on, also for what waits. */
  change({ highWaterMark, overflow }: Bounds<In>): void {
    this.settle()
    // A policy that drops by content looks at messages.
    if (typeof overflow === "object") this.backlog.decodeAll()
    this.growing = undefined
    this.options = { ...this.options, highWaterMark, overflow }
    this.highMark = highWaterMark
    if (this.bytes >= highWaterMark) this.full()
    this.relax()
  }

  /** Whether the sources are paused, by this inbox. */
  holding(): boolean {
    return this.pausing?.paused === true
  }

  attach(source: Source): void {
    this.attached += 1
    this.pausing?.attach(source)
  }

  detach(source: Source): void {
    this.attached -= 1
    this.pausing?.detach(source)
  }

  push(lane: Segments.Lane<In>, frame: Frame, size: number): void {
    const { growing } = this
    if (growing === undefined || growing.lane !== lane) {
      if (!this.begin(lane, frame, size)) return
    } else {
      growing.frames.push(frame)
      growing.sizes.push(size)
    }
    this.backlog.bytes += size
    if (!this.arrived) this.noteArrival()
    if (this.backlog.bytes >= this.highMark) this.full()
  }

  /**
   * A frame of a closing session, whose source is held back no more so that its close can be seen. What finds no
   * room goes the way of the policy, or is turned away where that would be to fail. Whether more may come: a decoder
   * that has missed a frame must not see the next one.
   */
  pushLate(lane: Segments.Lane<In>, frame: Frame, size: number): boolean {
    if (this.backlog.bytes >= this.highMark) this.settle()
    if (this.options.overflow === "fail" && this.backlog.bytes >= this.highMark) {
      this.miss()
      return false
    }
    this.push(lane, frame, size)
    if (this.backlog.bytes <= this.highMark || this.options.overflow === "fail") return true
    this.settle()
    this.shrink(this.highMark)
    return true
  }

  /** A message that nobody had room for. */
  miss(): void {
    this.turnAway(this.refusal ?? "overflow", 1)
  }

  /** Messages that were decoded, and seen by the taps, before their session was ready. */
  pushDecoded(epoch: number, messages: ReadonlyArray<In>, bytes: number): void {
    if (messages.length === 0) return
    if (this.refusal !== undefined) return this.turnAway(this.refusal, messages.length)
    const segment = Segments.decoded<In>(epoch)
    Segments.append(segment, messages, Segments.split(bytes, messages.length))
    this.growing = undefined
    if (this.isEager) this.arrive(segment)
    else this.backlog.addDecoded(segment)
    this.backlog.bytes += bytes
    if (!this.arrived) this.noteArrival()
    if (this.backlog.bytes >= this.highMark) this.full()
  }

  /** Puts a marker behind everything that came so far. */
  mark(entry: Public.SessionOpened | Public.Gap | Public.Lagged): void {
    const marker = entry._tag === "Lagged" ? Segments.lagged(entry.dropped, entry.atMost) : entry
    this.growing = undefined
    if (this.isEager) this.arrive(marker)
    else this.backlog.addMarker(marker)
    this.schedule()
  }

  /** Shows `tap` what arrives from now on; returns how to end that. */
  addTap(tap: Tap<In>): () => void {
    this.settle()
    this.growing = undefined
    const remove = this.taps.add(tap)
    return () => {
      remove()
      this.settle()
      this.growing = undefined
    }
  }

  /** The messages of a frame that may not wait here yet. */
  decode(lane: Segments.Lane<In>, frame: Frame): ReadonlyArray<In> {
    return messagesOf([Segments.raw(lane, frame, 0)], this.options)
  }

  /** The messages that no tap claims. */
  claim(messages: ReadonlyArray<In>, epoch: number): ReadonlyArray<In> {
    return this.taps.unclaimed(messages, epoch)
  }

  private get isEager(): boolean {
    return !this.taps.isEmpty || this.settling || this.arriving.length > 0 || this.dropsByContent
  }

  private get dropsByContent(): boolean {
    return typeof this.options.overflow === "object"
  }

  /** Begins a segment with this frame, unless it is turned away. */
  private begin(lane: Segments.Lane<In>, frame: Frame, size: number): boolean {
    if (this.refusal !== undefined) {
      this.turnAway(this.refusal, 1)
      return false
    }
    const segment = Segments.raw(lane, frame, size)
    this.growing = segment
    if (this.isEager) this.arrive(segment)
    else this.backlog.addRaw(segment)
    return true
  }

  private arrive(item: Items.Item<In>): void {
    this.arriving = appended(this.arriving, item)
  }

  // An overflow has let nothing in from its own moment on, but the stream has not ended yet: an overlap that is
  // released between the two still owes its reader a mark.
  private turnAway(reason: DropReason, count: number): void {
    this.owner.drop("inbox", reason, count)
    if (reason === "overflow") this.mark({ _tag: "Lagged", dropped: count, atMost: false })
  }

  private refuse(reason: DropReason): void {
    this.refusal = reason
    this.growing = undefined
  }

  private noteArrival(): void {
    this.arrived = true
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    this.owner.defer((this.flushing ??= () => this.flush()))
  }

  flush(): void {
    this.scheduled = false
    if (this.arrived) this.lastArrival = this.owner.wall()
    this.arrived = false
    this.settle()
    this.wake()
  }

  /** Decodes what arrived, lets the taps see it and puts the rest among what waits. */
  settle(): void {
    if (this.settling || this.arriving.length === 0) return
    this.settling = true
    this.growing = undefined
    // A decoder that keeps state must see its frames in order.
    this.backlog.decodeAll()
    for (let item = this.arriving.shift(); item !== undefined; item = this.arriving.shift()) this.settleOne(item)
    this.settling = false
    this.growing = undefined
    if (this.backlog.bytes > this.highMark) this.bound()
    this.relax()
  }

  private settleOne(item: Items.Item<In>): void {
    if (item === this.growing) this.growing = undefined
    if (item._tag === "Decoded") this.backlog.addDecoded(item)
    else if (item._tag !== "Raw") this.backlog.addMarker(item)
    else {
      this.backlog.bytes -= Items.bytesOf(item)
      for (const piece of decode(item, Segments.kept, this.options)) {
        if (piece._tag === "Lagged") {
          this.backlog.addMarker(piece)
          continue
        }
        const rest = this.taps.filter(piece)
        this.backlog.bytes += Items.bytesOf(rest)
        this.backlog.addDecoded(rest)
      }
    }
  }

  private full(): void {
    this.pausing?.pause()
    if (this.backlog.bytes > this.highMark && !this.isEager) this.bound()
  }

  /** More than the mark waits: sources that cannot pause leave only the policy. */
  private bound(): void {
    if (this.pausing === undefined && this.attached > 0) this.curb(this.highMark)
  }

  /** The policy applies: the end, or at most `target` bytes stay. Whether it goes on. */
  curb(target: number): boolean {
    const ends = this.options.overflow === "fail" && this.everRead
    if (ends) this.overflowed()
    else this.shrink(target)
    return !ends
  }

  private overflowed(): void {
    if (this.refusal !== undefined) return
    this.refuse("overflow")
    const { connection, highWaterMark } = this.options
    this.owner.fail(new InboxOverflow({ connection, bytes: this.backlog.bytes, max: highWaterMark }))
  }

  private shrink(target: number): void {
    const { overflow } = this.options
    const dropped =
      typeof overflow === "object" ? shed(overflow, this.backlog, target) : this.backlog.dropOldest(target)
    // What was decoded to be dropped can grow no more.
    if (!this.backlog.endsWith(this.growing)) this.growing = undefined
    if (dropped > 0) this.owner.drop("inbox", "overflow", dropped)
  }

  protected relax(): void {
    if (this.backlog.bytes <= this.highMark / 4) this.pausing?.resume()
  }

  // --- the reader ------------------------------------------------------------

  get ending(): { readonly error: ConnectionError | undefined } | undefined {
    return this.end
  }

  /** Becomes the reader, unless there is one. */
  acquire(): boolean {
    if (this.reading) return false
    this.reading = true
    this.everRead = true
    return true
  }

  release(): void {
    this.reading = false
    this.waiter = undefined
    if (this.unused === 0) return
    this.backlog.addAtMost(this.unused)
    this.owner.drop("inbox", "unread", this.unused)
    this.unused = 0
  }

  /** Every message that waits, without the markers. */
  take(): Arr.NonEmptyReadonlyArray<In> | undefined {
    const items = this.takeItems()
    const messages = items.length === 0 ? none : messagesOf(items, this.options)
    this.unused = Math.max(0, messages.length - 1)
    return Arr.isReadonlyArrayNonEmpty(messages) ? messages : undefined
  }

  /** Every message that waits, and the markers. */
  takeEntries(): Arr.NonEmptyReadonlyArray<Public.Entry<In>> | undefined {
    const entries = entriesOf(this.takeItems(), this.options)
    this.unused = entries.reduce(
      (count, entry, index) => (index > 0 && entry._tag === "Message" ? count + 1 : count),
      0
    )
    return Arr.isReadonlyArrayNonEmpty(entries) ? entries : undefined
  }

  /** The first message that waits. */
  takeOne(): { readonly message: In } | undefined {
    this.unused = 0
    this.settle()
    if (this.settling) return undefined
    this.growing = undefined
    const first = this.backlog.shift()
    if (first !== undefined) this.pausing?.moved()
    this.relax()
    return first
  }

  /** Calls `wake` once, deferred, when there is something to take or the end has come. */
  await(wake: () => void): void {
    this.unused = 0
    this.waiter = wake
    if (this.isReady) this.schedule()
  }

  /** What waits stays readable; then the reader sees `ending`. Nothing is let in any more. */
  finish(error: ConnectionError | undefined): void {
    this.end = { error }
    this.refuse("closed")
    this.schedule()
  }

  revive(): void {
    this.end = undefined
    this.refusal = undefined
  }

  /** Drops everything unread. Gives how many messages that was. */
  discard(): number {
    const count = this.messages
    this.arriving = nothing
    this.growing = undefined
    this.backlog.drain()
    this.backlog.bytes = 0
    if (count > 0) this.owner.drop("inbox", "unread", count)
    this.relax()
    return count
  }

  private wake(): void {
    const waiter = this.waiter
    if (waiter === undefined || !this.isReady) return
    this.waiter = undefined
    waiter()
  }

  private get isReady(): boolean {
    return !this.backlog.isEmpty || this.arriving.length > 0 || this.end !== undefined
  }

  private takeItems(): ReadonlyArray<Items.Item<In>> {
    this.settle()
    if (this.settling) return none
    this.growing = undefined
    if (this.backlog.isEmpty) return none
    const items = this.backlog.drain()
    this.backlog.bytes = 0
    this.pausing?.moved()
    this.relax()
    return items
  }
}
