/**
 * The outbound hot path: the one place where messages wait for a socket. A
 * message is written at once when nothing stands in its way; else it waits here,
 * and goes out with the next flush of the session's writer.
 */
import { NotConnected, type SendError } from "../../ConnectionError.ts"
import type { SendersWaiting } from "../../ConnectionEvent.ts"
import type { Frame } from "../../Message.ts"
import type * as Policy from "../../Outbox.ts"
import * as Delivery from "../../Delivery.ts"
import { encoded } from "../codec/encode.ts"
import { Admission } from "./admission.ts"
import { type Entry, sender, type Settle, written } from "./entry.ts"
import { sourceOf } from "./confirmations.ts"
import { type ConfirmationSource, nothing, type Report, reportOf, show } from "./record.ts"
import * as Options from "./options.ts"
import { exceeds, isFrame } from "../model/frame.ts"
import type { Queue } from "./queue.ts"
import { isEntry, newEntry, type OutboxOptions, settings } from "./options.ts"
import type { Waiting } from "../kit/waiting.ts"
import { type OutboxOwner, type MessageSource, wakeSleepers, Writer } from "./writer.ts"

export { type OutboxOwner, type OutboxOptions, type Settle, settings, Writer }

const none: ReadonlyArray<never> = []

export class Outbox<In, Out> implements MessageSource {
  readonly wantsAcks: boolean
  readonly options: OutboxOptions<In, Out>
  /** Made for the first message that waits or is retained: most connections have none. */
  private kept: Admission | undefined = undefined
  private writer: Writer | undefined = undefined
  /** Why nothing is accepted any more. */
  refusal: SendError | undefined = undefined
  closed = false
  private scheduled = false
  private armed = Infinity
  /** Whether messages wait, as it was reported last. */
  private held = false
  /** Woken when nothing waits and nothing is unconfirmed any more. */
  emptied: Waiting | undefined = undefined

  constructor(options: OutboxOptions<In, Out>) {
    this.options = options
    this.wantsAcks = options.acks !== undefined
  }

  get admission(): Admission {
    return (this.kept ??= new Admission(this.options))
  }

  /** How many messages wait or are unconfirmed; those that wait for room do not count. */
  get depth(): number {
    return this.kept === undefined ? 0 : this.kept.room.count
  }

  get bytes(): number {
    return this.kept === undefined ? 0 : this.kept.room.bytes
  }

  get waits(): boolean {
    return this.kept !== undefined && !this.kept.queue.isEmpty
  }

  /** Nothing waits and nothing is unconfirmed. */
  get empty(): boolean {
    return this.kept === undefined || this.kept.isEmpty
  }

  attach(writer: Writer): void {
    if (writer.report !== undefined || this.closed) return
    if (this.writer !== undefined) this.writer.source = undefined
    this.writer = writer
    writer.source = this
    writer.flush()
  }

  detach(writer: Writer, end: { readonly clean: boolean }): Report {
    if (writer.report !== undefined) return writer.report
    const report = end.clean ? nothing : (this.kept?.confirmations?.report(writer) ?? reportOf(writer))
    writer.report = report
    writer.source = undefined
    if (this.writer === writer) this.writer = undefined
    const unconfirmed = this.kept?.confirmations?.release(writer, end.clean, this.options.owner.mono()) ?? none
    for (const entry of unconfirmed) if (entry.list !== undefined) this.arm(entry.deadline)
    this.schedule()
    this.conclude()
    return report
  }

  /** Gives the writer nothing more; what it wrote may still be confirmed. */
  cut(writer: Writer): void {
    writer.source = undefined
    if (this.writer === writer) this.writer = undefined
  }

  down(): void {
    this.kept?.down(() => this.notConnected())
    this.conclude()
  }

  sendNow(message: Out, options?: Policy.SendOptions): true | SendError | undefined {
    if (this.refusal !== undefined) return this.refusal
    const { writer } = this
    if (writer === undefined || this.waits || writer.room() <= 0 || writer.free() <= 0) return undefined
    if (options !== undefined && !Options.isPlain(options)) return undefined
    const frame = this.encode(message)
    if (!isFrame(frame)) return frame
    writer.writeNow([frame])
    return true
  }

  /** Writes what may be written now, beginning with the message at `from`; returns where it stopped. */
  writeAllNow(messages: ReadonlyArray<Out>, from = 0): number | SendError {
    if (this.refusal !== undefined) return this.refusal
    let next = from
    while (next < messages.length && this.writer !== undefined && !this.waits) {
      const frames: Array<Frame> = []
      const error = this.encodeSome(messages, next, this.writer, frames)
      if (frames.length === 0) return error !== undefined && next === from ? error : next
      next += frames.length
      this.writer.writeNow(frames)
    }
    return next
  }

  // As many as may be written now; an error is that of the message after them.
  private encodeSome(messages: ReadonlyArray<Out>, from: number, writer: Writer, frames: Array<Frame>) {
    let room = writer.room()
    const end = room > 0 ? Math.min(messages.length, from + writer.free()) : from
    for (let i = from; i < end && room > 0; i++) {
      const frame = this.encode(messages[i] as Out)
      if (!isFrame(frame)) return frame
      frames.push(frame)
      room -= frame.length
    }
    return undefined
  }

  private encode(message: Out): Frame | SendError {
    const { connection, encode, maxBytes } = this.options
    const frame = encoded(connection, encode, message)
    return isFrame(frame) && exceeds(frame, maxBytes) ? this.admission.full() : frame
  }

  offer(message: Out, options: Policy.SendOptions | undefined, settle: Settle): (() => void) | SendError {
    const { connection } = this.options
    const given = this.give(message, options, (ttl) => sender(connection, ttl, settle))
    if (!isEntry(given)) return given
    this.conclude()
    return () => this.withdraw(given)
  }

  withdraw(entry: Entry): void {
    if (entry.written || entry.list === undefined) return
    this.admission.queue.remove(entry)
    this.conclude()
  }

  /** Takes a message in; with a `source` of confirmations it is kept after it was written. */
  give(
    message: Out,
    given: Policy.SendOptions | undefined,
    tell: Options.Tell,
    source: ConfirmationSource | undefined = given?.replay && sourceOf(given.replay)
  ): Entry | SendError {
    if (this.refusal !== undefined) return this.refusal
    const frame = this.encode(message)
    if (!isFrame(frame)) return frame
    if (source !== undefined) this.admission.confirmWith(source)
    const kept = source && { id: source.idOf(this.options.acks, message) }
    const entry = newEntry(this.options, frame, given, kept, tell)
    return this.accept(entry) ?? entry
  }

  private accept(entry: Entry): SendError | undefined {
    if (this.writer === undefined && entry.whenDown === "fail") return this.notConnected()
    if (this.writer === undefined && entry.whenDown === "drop") {
      this.admission.drop(entry, "down")
      return undefined
    }
    const error = this.admission.accept(entry)
    if (entry.list !== undefined) this.arm(entry.deadline)
    this.schedule()
    return error
  }

  private notConnected(): SendError {
    const { connection, owner } = this.options
    return new NotConnected({ connection, state: owner.stateName() })
  }

  // The offers of one turn go out together.
  schedule(): void {
    if (this.writer === undefined || this.scheduled || !this.waits) return
    this.scheduled = true
    this.options.owner.defer(() => {
      this.scheduled = false
      this.writer?.flush()
    })
  }

  arm(at: number): void {
    if (at >= this.armed) return
    this.armed = at
    this.options.owner.armOutbox(at)
  }

  /** For a writer: the next message to write. */
  take(writer: Writer, seq: number, now: number): Entry | undefined {
    const entry = this.kept?.next(now)
    if (entry === undefined) return undefined
    const isFirst = !entry.written
    this.admission.queue.remove(entry)
    if (entry.retained) this.admission.confirmations?.write(entry, writer, seq)
    entry.written = true
    if (isFirst) this.admission.note(entry, written)
    return entry
  }

  /** Ends every operation: lets in what has room now, then informs the senders. */
  conclude(): void {
    const { emptied, kept } = this
    if (kept !== undefined) {
      if (kept.admit()) this.schedule()
      this.reportWaiting(kept)
      if (!kept.tell() || !kept.isEmpty) return
    }
    emptied?.wake()
  }

  private reportWaiting({ queue }: Admission): void {
    const reason = queue.isEmpty ? undefined : this.reasonToWait(queue)
    if (reason === null || (reason !== undefined) === this.held) return
    this.held = reason !== undefined
    this.options.owner.reports.waiting(reason)
  }

  /** `null` where nothing holds back what waits: it is written before this turn ends. */
  private reasonToWait({ isBlocked }: Queue): SendersWaiting["for"] | null {
    const { writer } = this
    if (isBlocked) return "capacity"
    if (writer === undefined) return "session"
    if (this.scheduled) return null
    return writer.free() <= 0 ? "rateLimit" : writer.room() <= 0 ? "writeMark" : null
  }

  acknowledge(message: In): void {
    const { acks } = this.options
    const confirmations = this.kept?.confirmations
    if (acks === undefined || confirmations === undefined) return
    confirmations.acknowledge(acks, message)
    this.conclude()
  }

  ponged(writer: Writer, seq: number): void {
    show(writer, seq - 1)
    const confirmations = this.kept?.confirmations
    if (confirmations === undefined) return
    confirmations.ponged(writer, seq)
    this.conclude()
  }

  /** Something is due: what has waited too long, or a writer that waits for its meter. */
  wake(now: number): void {
    this.armed = Infinity
    if (this.kept !== undefined) this.arm(this.kept.expireAll(now))
    this.conclude()
    wakeSleepers(this.options.owner)
  }

  close(error: SendError): void {
    this.refusal = error
    this.closed = true
    if (this.writer !== undefined) this.writer.source = undefined
    this.writer = undefined
    const { kept } = this
    if (kept !== undefined) {
      for (const entry of kept.confirmations?.emptyAll() ?? none) kept.settle(entry, Delivery.unknown)
      for (const entry of kept.queue.all()) kept.end(entry, Delivery.failed(error), "closed")
    }
    this.conclude()
  }

  /** Takes messages again after a `close`: the connection was restarted. */
  reopen(): void {
    this.refusal = undefined
    this.closed = false
  }
}
