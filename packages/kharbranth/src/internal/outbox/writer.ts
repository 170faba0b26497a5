/**
 * The write side of one session: everything that goes out passes through here,
 * numbered, metered and in order of priority: probes, then `onOpen`'s messages,
 * then what the outbox supplies while it is attached.
 */
import { NotConnected } from "../../ConnectionError.ts"
import type { SendersWaiting } from "../../ConnectionEvent.ts"
import type { Frame } from "../../Message.ts"
import { type Dropped, failed } from "../../Delivery.ts"
import { appended } from "../kit/list.ts"
import { isFrame, sizeOf } from "../model/frame.ts"
import type { WireProbe } from "../model/wireProbe.ts"
import type { Link } from "../../Transport.ts"
import { type Entry, type Settle, written } from "./entry.ts"
import type { Report, WriterRecord } from "./record.ts"
import type { Kind, Meter } from "../rateLimit/meter.ts"

/** What writers and the outbox need of their connection. All of it is synchronous and never throws. */
export interface OutboxOwner {
  /** Monotonic milliseconds. */
  mono(): number
  /** Runs this after the current turn's work. */
  defer(run: () => void): void
  /** Asks for `Outbox.wake` at this time. The earliest time asked for counts. */
  armOutbox(at: number): void
  drop(where: "outbox", reason: Dropped["reason"], count: number): void
  readonly reports: {
    /** Messages wait to be written from now on, for this; or none does any more. */
    waiting(reason: SendersWaiting["for"] | undefined): void
  }
  /** The connection's state, for errors. */
  stateName(): string
}

/** What a writer writes for an outbox. */
export interface MessageSource {
  readonly waits: boolean
  /** The next message, which counts as written by this writer as number `seq`. */
  take(writer: Writer, seq: number, now: number): Entry | undefined
  /** What was taken has been written: outcomes may be told. */
  conclude(): void
}

interface WaitingProbe {
  readonly probe: WireProbe
  readonly written: (seq: number) => void
}

const noProbes: Array<WaitingProbe> = []

interface Own {
  readonly frame: Frame
  readonly settle: Settle
}

// Writers that wait for their meters, by the owner that they share with an outbox:
// before Ready no outbox knows them, but its alarm is the only one.
const sleepers = new WeakMap<OutboxOwner, Set<Writer>>()

/** Lets every writer with this owner that waits for its meter try again. */
export const wakeSleepers = (owner: OutboxOwner): void => {
  const asleep = sleepers.get(owner)
  sleepers.delete(owner)
  for (const writer of asleep ?? []) writer.flush()
}

const sizeOfAll = (frames: ReadonlyArray<Frame>): number => {
  let size = 0
  for (let i = 0; i < frames.length; i++) size += sizeOf(frames[i] as Frame)
  return size
}

export interface WriterOptions {
  /** The connection's name, for errors. */
  readonly connection?: string | undefined
  readonly link: Link
  /** The high write mark in bytes. */
  readonly mark: number
  readonly meter: Meter | undefined
  readonly owner: OutboxOwner
}

/** One per session; owns the link's write side, the session's meter and its two private lanes. */
export class Writer implements WriterRecord {
  /** How many messages were written, pings not counted: the number of the last one. */
  written = 0
  /** Their length on the wire, payload only. */
  bytes = 0
  shown = 0
  report: Report | undefined = undefined
  source: MessageSource | undefined = undefined
  private readonly options: WriterOptions
  private probes: Array<WaitingProbe> = noProbes
  private own: Set<Own> | undefined = undefined
  private over = false
  private writing = false
  private flushing = false
  private again = false

  constructor(options: WriterOptions) {
    this.options = options
  }

  /**
   * Writes before everything else, with the meter's reserve and whatever the
   * mark: a probe is what finds out that a link takes nothing any more. Tells
   * the number that later writes start at: what came before is shown by its
   * pulse. A frame has that number itself.
   */
  probe(probe: WireProbe, written: (seq: number) => void): void {
    if (this.over) return
    if (this.isFree && !isFrame(probe)) {
      this.options.link.ping(probe.ping)
      return written(this.written + 1)
    }
    this.probes = appended(this.probes, { probe, written })
    this.flush()
  }

  /** Writes a message of `onOpen`, before Ready too. Returns how to withdraw it. */
  open(frame: Frame, settle: Settle): () => void {
    const own = { frame, settle }
    if (this.over) this.refuse(own)
    else {
      this.own ??= new Set()
      this.own.add(own)
      this.flush()
    }
    return () => void this.own?.delete(own)
  }

  /** The link has answered a ping by itself. */
  pongWritten(): void {
    this.options.meter?.pong(this.options.owner.mono())
  }

  drained(): void {
    this.flush()
  }

  /** Nothing is written any more; what waits in the private lanes fails. */
  end(): void {
    this.over = true
    this.probes = noProbes
    const waiting = [...(this.own ?? [])]
    this.own = undefined
    for (const own of waiting) this.refuse(own)
  }

  private refuse({ settle }: Own): void {
    settle(failed(new NotConnected({ connection: this.options.connection ?? "", state: "session over" })))
  }

  /** How many bytes may be written before the mark is reached: none while something of its own waits. */
  room(): number {
    if (this.over || this.writing || this.probes.length > 0 || this.hasOwn) return 0
    return this.options.mark - this.options.link.buffered()
  }

  /** How many messages the meter lets through. */
  free(): number {
    const { owner, meter } = this.options
    return meter === undefined ? Infinity : meter.free(owner.mono(), "data")
  }

  /** Writes data frames at once. There must be room. */
  writeNow(frames: ReadonlyArray<Frame>): void {
    const { owner, meter } = this.options
    this.written += frames.length
    if (meter !== undefined) meter.record(owner.mono(), frames.length)
    this.put(frames)
    if (this.again) this.flush()
  }

  private put(frames: ReadonlyArray<Frame>): void {
    if (frames.length === 0) return
    // A link may end, and its end be handled, inside of `write`.
    this.writing = true
    const size = this.options.link.write(frames)
    this.writing = false
    this.bytes += size ?? sizeOfAll(frames)
  }

  /** Writes what may be written. */
  flush(): void {
    this.again = true
    if (this.flushing || this.writing) return
    this.flushing = true
    while (this.again && !this.over) {
      this.again = false
      // More may be possible only if something was written: the link may have room left.
      if (this.pass()) this.again = true
    }
    this.flushing = false
    this.again = false
    if (!this.over) this.sleep()
  }

  private pass(): boolean {
    if (this.probes.length === 0 && !this.hasOwn && this.source?.waits !== true) return false
    const now = this.options.owner.mono()
    const { source } = this
    const frames: Array<Frame> = []
    const calls: Array<() => void> = []
    const probed = this.takeProbes(now, frames, calls)
    this.takeMessages(now, source, frames, calls)
    this.put(frames)
    const progress = probed || frames.length > 0
    for (const call of calls) call()
    source?.conclude()
    return progress
  }

  private takeProbes(now: number, frames: Array<Frame>, calls: Array<() => void>): boolean {
    let progress = false
    for (let next = this.probes[0]; next !== undefined && this.allows(now, "probe"); next = this.probes[0]) {
      const { probe, written } = next
      this.probes.shift()
      progress = true
      this.options.meter?.record(now, 1)
      const seq = isFrame(probe) ? ++this.written : this.written + 1
      if (isFrame(probe)) frames.push(probe)
      else {
        this.put(frames.splice(0))
        this.options.link.ping(probe.ping)
      }
      calls.push(() => written(seq))
    }
    return progress
  }

  private takeMessages(
    now: number,
    source: MessageSource | undefined,
    frames: Array<Frame>,
    calls: Array<() => void>
  ): void {
    const { link, mark, meter } = this.options
    let room = mark - link.buffered()
    for (const frame of frames) room -= frame.length
    while (room > 0 && this.allows(now, "data")) {
      const frame = this.takeOwn(calls) ?? source?.take(this, this.written + 1, now)?.frame
      if (frame === undefined) return
      this.written++
      meter?.record(now, 1)
      frames.push(frame)
      room -= frame.length
    }
  }

  private takeOwn(calls: Array<() => void>): Frame | undefined {
    for (const own of this.own ?? []) {
      this.own?.delete(own)
      calls.push(() => own.settle(written))
      return own.frame
    }
    return undefined
  }

  private get hasOwn(): boolean {
    return this.own !== undefined && this.own.size > 0
  }

  /** Nothing is under way and nothing meters: what is written now goes out as it is. */
  private get isFree(): boolean {
    return this.options.meter === undefined && !this.writing && !this.flushing && this.probes.length === 0
  }

  private allows(now: number, kind: Kind): boolean {
    const { meter } = this.options
    return meter === undefined || meter.free(now, kind) > 0
  }

  // Above the mark the link calls `drained`; only the meter needs an alarm.
  private sleep(): void {
    const { owner, link, mark, meter } = this.options
    if (meter === undefined) return
    const probing = this.probes.length > 0
    if (!probing && (link.buffered() >= mark || !(this.hasOwn || this.source?.waits === true))) return
    const now = owner.mono()
    const kind = probing ? "probe" : "data"
    if (meter.free(now, kind) > 0) return
    const asleep = sleepers.get(owner) ?? new Set()
    sleepers.set(owner, asleep.add(this))
    owner.armOutbox(meter.nextAt(now, kind))
  }
}
