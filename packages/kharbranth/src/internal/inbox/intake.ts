/**
 * The way in: frames are pushed, taps look, bounds are kept. A push appends to
 * an array; everything else happens once a turn. Frames wait undecoded, unless
 * somebody has to look at them before they are read (a tap, or a policy that
 * drops by content): then they are decoded in the deferred flush of the turn in
 * which they arrived.
 */
import { type DecodeError, InboxOverflow } from "../../ConnectionError.ts"
import type { DropReason } from "../../ConnectionEvent.ts"
import type * as Public from "../../Inbox.ts"
import type { Frame } from "../../Message.ts"
import { Backlog } from "./backlog.ts"
import { decode } from "../codec/decode.ts"
import type { Pausing, Source } from "../transport/backpressure.ts"
import { messagesOf } from "./read.ts"
import * as Segments from "../codec/segments.ts"
import * as Items from "./item.ts"
import { type Tap, Taps } from "./taps.ts"

/** How the inbox talks to its owner: synchronous, and cheap. */
export interface Hooks {
  /** Runs `flush` one microtask later. */
  defer(flush: () => void): void
  /** Wall-clock milliseconds; asked once a turn at most. */
  now(): number
  dropped(reason: DropReason, count: number): void
  /** A frame did not decode (told once for each lane) or the inbox is full (once, until `revive`), and the policy is to fail. */
  failed(error: DecodeError | InboxOverflow): void
}

export interface Options<In> {
  readonly connection: string
  readonly highWaterMark: number
  readonly overflow: Public.Overflow<In>
  readonly hooks: Hooks
}

export abstract class Intake<In> {
  protected readonly options: Options<In>
  protected readonly hooks: Hooks
  readonly highMark: number
  /** Holds the sources back, where they can be. */
  pausing: Pausing | undefined
  protected readonly backlog: Backlog<In>
  /** What came this turn and must be looked at before it may wait. */
  protected arriving: Array<Items.Item<In>> = []
  protected settling = false
  /** The raw segment that the next frame of its lane joins. */
  protected open: Segments.Raw<In> | undefined
  /** Whether there ever was a reader that unread messages could fail. */
  protected everRead = false
  /** Why nothing is let in any more. */
  protected refusal: DropReason | undefined
  private readonly taps = new Taps<In>()
  /** How many sources there are. Those of closing sessions are not: what still comes of these is bounded by itself. */
  private attached = 0
  private arrived = false
  private scheduled = false
  /** `flush`, made once for the many turns. */
  private flushing: (() => void) | undefined
  private lastArrival: number | undefined

  constructor(options: Options<In>) {
    this.options = options
    this.hooks = options.hooks
    this.highMark = options.highWaterMark
    this.backlog = new Backlog(options)
  }

  /** Called once a turn, after what arrived in it may be taken. */
  protected abstract wake(): void

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
    const { open } = this
    if (open === undefined || open.lane !== lane) {
      if (!this.begin(lane, frame, size)) return
    } else {
      open.frames.push(frame)
      open.sizes.push(size)
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
    this.open = undefined
    if (this.isEager) this.arriving.push(segment)
    else this.backlog.addDecoded(segment)
    this.backlog.bytes += bytes
    if (!this.arrived) this.noteArrival()
    if (this.backlog.bytes >= this.highMark) this.full()
  }

  /** Puts a marker behind everything that came so far. */
  mark(entry: Public.SessionOpened | Public.Gap | Public.Lagged): void {
    const marker = entry._tag === "Lagged" ? Segments.lagged(entry.dropped, entry.atMost) : entry
    this.open = undefined
    if (this.isEager) this.arriving.push(marker)
    else this.backlog.addMarker(marker)
    this.schedule()
  }

  /** Shows `tap` what arrives from now on. Gives the way to end that. */
  addTap(tap: Tap<In>): () => void {
    this.settle()
    this.open = undefined
    const remove = this.taps.add(tap)
    return () => {
      remove()
      this.settle()
      this.open = undefined
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
    this.open = segment
    if (this.isEager) this.arriving.push(segment)
    else this.backlog.addRaw(segment)
    return true
  }

  // An overflow has let nothing in from its own moment on, but the stream has not ended yet: an overlap that is
  // released between the two still owes its reader a mark.
  private turnAway(reason: DropReason, count: number): void {
    this.hooks.dropped(reason, count)
    if (reason === "overflow") this.mark({ _tag: "Lagged", dropped: count, atMost: false })
  }

  protected refuse(reason: DropReason): void {
    this.refusal = reason
    this.open = undefined
  }

  private noteArrival(): void {
    this.arrived = true
    this.schedule()
  }

  protected schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    this.hooks.defer((this.flushing ??= () => this.flush()))
  }

  flush(): void {
    this.scheduled = false
    if (this.arrived) this.lastArrival = this.hooks.now()
    this.arrived = false
    this.settle()
    this.wake()
  }

  /** Decodes what arrived, lets the taps see it and puts the rest among what waits. */
  settle(): void {
    if (this.settling || this.arriving.length === 0) return
    this.settling = true
    this.open = undefined
    // A decoder that keeps state must see its frames in order.
    this.backlog.decodeAll()
    for (let item = this.arriving.shift(); item !== undefined; item = this.arriving.shift()) this.settleOne(item)
    this.settling = false
    this.open = undefined
    if (this.backlog.bytes > this.highMark) this.bound()
    this.relax()
  }

  private settleOne(item: Items.Item<In>): void {
    if (item === this.open) this.open = undefined
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
    this.hooks.failed(new InboxOverflow({ connection, bytes: this.backlog.bytes, max: highWaterMark }))
  }

  private shrink(target: number): void {
    const { overflow } = this.options
    const dropped =
      typeof overflow === "object" ? overflow.shed(this.backlog, target, overflow.key) : this.backlog.dropOldest(target)
    // What was decoded to be dropped can grow no more.
    if (!this.backlog.endsWith(this.open)) this.open = undefined
    if (dropped > 0) this.hooks.dropped("overflow", dropped)
  }

  protected relax(): void {
    if (this.backlog.bytes <= this.highMark / 4) this.pausing?.resume()
  }
}
