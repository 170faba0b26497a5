/**
 * The outbound hot path: the one place where messages wait for a socket. A
 * message is written at once when nothing stands in its way; else it waits here,
 * and goes out with the next flush of the session's writer.
 */
import { EncodeError, foreign, NotConnected, type SendError } from "../ConnectionError.ts"
import type { Frame } from "../Message.ts"
import * as Policy from "../Outbox.ts"
import { Failure } from "./json.ts"
import { Books } from "./outboxBooks.ts"
import { type Entry, exceeds, sender, type Settle, tracker, written } from "./outboxEntry.ts"
import { nothing, type Report, reportOf, show } from "./outboxLedger.ts"
import * as Parts from "./outboxParts.ts"
import { isEntry, isFrame, newEntry, type OutboxOptions, settings } from "./outboxParts.ts"
import type { Waiters } from "./waiters.ts"
import { type Hooks, type Supply, wakeSleepers, Writer } from "./outboxWriter.ts"

export { type Hooks, type OutboxOptions, type Settle, settings, Writer }

export class Outbox<In, Out> implements Supply {
  readonly wantsAcks: boolean
  readonly options: OutboxOptions<In, Out>
  /** Made for the first message that waits or is retained: most connections have none. */
  private kept: Books | undefined = undefined
  private writer: Writer | undefined = undefined
  /** Why nothing is accepted any more. */
  private refusal: SendError | undefined = undefined
  closed = false
  private scheduled = false
  private armed = Infinity
  /** Told when nothing waits and nothing is unconfirmed any more. */
  emptied: Waiters<void> | undefined = undefined

  constructor(options: OutboxOptions<In, Out>) {
    this.options = options
    this.wantsAcks = options.acks !== undefined
  }

  get books(): Books {
    return (this.kept ??= new Books(this.options))
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

  /** How long the oldest waiting message has waited. */
  oldestAge(now: number): number | undefined {
    if (this.kept === undefined) return undefined
    const since = this.kept.queue.all().reduce((oldest, entry) => Math.min(oldest, entry.since), Infinity)
    return since === Infinity ? undefined : now - since
  }

  attach(writer: Writer): void {
    if (writer.report !== undefined || this.closed) return
    if (this.writer !== undefined) this.writer.supply = undefined
    this.writer = writer
    writer.supply = this
    writer.flush()
  }

  detach(writer: Writer, end: { readonly clean: boolean }): Report {
    if (writer.report !== undefined) return writer.report
    const report = end.clean ? nothing : reportOf(writer)
    writer.report = report
    writer.supply = undefined
    if (this.writer === writer) this.writer = undefined
    if (this.kept !== undefined) this.takeBack(this.kept.ledger.empty(writer), end.clean)
    this.schedule()
    this.conclude()
    return report
  }

  private takeBack(entries: ReadonlyArray<Entry>, clean: boolean): void {
    if (clean) for (const entry of entries) this.books.settle(entry, Policy.confirmed("close"))
    else this.books.takeBack(entries, this.options.hooks.now())
    for (const entry of entries) if (entry.list !== undefined) this.arm(entry.deadline)
  }

  /** Gives the writer nothing more; what it wrote may still be confirmed. */
  cut(writer: Writer): void {
    writer.supply = undefined
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
    if (options !== undefined && !Parts.isPlain(options)) return undefined
    const frame = this.encode(message)
    if (!isFrame(frame)) return frame
    writer.writeNow([frame])
    return true
  }

  writeAllNow(messages: ReadonlyArray<Out>): number | SendError {
    if (this.refusal !== undefined) return this.refusal
    let done = 0
    while (done < messages.length && this.writer !== undefined && !this.waits) {
      const frames: Array<Frame> = []
      const error = this.encodeSome(messages, done, this.writer, frames)
      if (frames.length === 0) return error !== undefined && done === 0 ? error : done
      done += frames.length
      this.writer.writeNow(frames)
    }
    return done
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
    const frame = encode(message)
    if (frame instanceof Failure)
      return new EncodeError({ connection, issue: frame.issue, cause: foreign(frame.cause) })
    return exceeds(frame, maxBytes) ? this.books.full() : frame
  }

  offer(message: Out, options: Policy.SendOptions | undefined, settle: Settle): (() => void) | SendError {
    const { connection } = this.options
    const given = this.give(message, options, false, (ttl) => sender(connection, ttl, settle))
    if (!isEntry(given)) return given
    this.conclude()
    return () => this.withdraw(given)
  }

  track(
    message: Out,
    options: Policy.SendOptions | undefined,
    onAccepted: (error: SendError | undefined) => void,
    settle: (delivery: Policy.Delivery) => void
  ): () => void {
    const { connection } = this.options
    const given = this.give(message, options, true, (ttl) => tracker(connection, ttl, onAccepted, settle))
    if (!isEntry(given)) {
      onAccepted(given)
      return Parts.nobody
    }
    this.conclude()
    // What was accepted has an outcome of its own.
    return () => {
      if (this.books.queue.isSuspended(given)) this.withdraw(given)
    }
  }

  private withdraw(entry: Entry): void {
    if (entry.written || entry.list === undefined) return
    this.books.queue.remove(entry)
    this.conclude()
  }

  private give(
    message: Out,
    given: Policy.SendOptions | undefined,
    tracked: boolean,
    tell: Parts.Tell
  ): Entry | SendError {
    if (this.refusal !== undefined) return this.refusal
    const frame = this.encode(message)
    if (!isFrame(frame)) return frame
    const entry = newEntry(this.options, message, frame, given, tracked, tell)
    return this.accept(entry) ?? entry
  }

  private accept(entry: Entry): SendError | undefined {
    if (this.writer === undefined && entry.whenDown === "fail") return this.notConnected()
    if (this.writer === undefined && entry.whenDown === "drop") {
      this.books.drop(entry, "down")
      return undefined
    }
    const error = this.books.accept(entry)
    if (entry.list !== undefined) this.arm(entry.deadline)
    this.schedule()
    return error
  }

  private notConnected(): SendError {
    const { connection, hooks } = this.options
    return new NotConnected({ connection, state: hooks.state === undefined ? "Reconnecting" : hooks.state() })
  }

  // The offers of one turn go out together.
  schedule(): void {
    if (this.writer === undefined || this.scheduled || !this.waits) return
    this.scheduled = true
    this.options.hooks.defer(() => {
      this.scheduled = false
      this.writer?.flush()
    })
  }

  arm(at: number): void {
    if (at >= this.armed) return
    this.armed = at
    this.options.hooks.arm(at)
  }

  /** For a writer: the next message to write. */
  take(writer: Writer, seq: number, now: number): Entry | undefined {
    const entry = this.kept?.next(now)
    if (entry === undefined) return undefined
    const isFirst = !entry.written
    this.books.queue.remove(entry)
    this.books.ledger.write(entry, writer, seq)
    if (isFirst) this.books.note(entry, written)
    return entry
  }

  /** Ends every operation: lets in what has room now, then tells. */
  conclude(): void {
    const { emptied, kept } = this
    if (kept !== undefined) {
      if (kept.admit()) this.schedule()
      if (!kept.tell() || !kept.isEmpty) return
    }
    emptied?.tell()
  }

  acknowledge(messages: ReadonlyArray<In>): void {
    const { acks } = this.options
    if (acks === undefined) return
    for (const message of messages) {
      for (const id of Parts.acknowledgedBy(acks, message)) this.books.acknowledge(id)
    }
    this.conclude()
  }

  ponged(writer: Writer, seq: number): void {
    const { kept } = this
    show(writer, seq - 1)
    if (kept === undefined) return
    for (const entry of kept.ledger.ponged(writer, seq)) kept.settle(entry, Policy.confirmed("pong"))
    this.conclude()
  }

  /** Something is due: what has waited too long, or a writer that waits for its meter. */
  wake(now: number): void {
    this.armed = Infinity
    if (this.kept !== undefined) this.arm(this.kept.expireAll(now))
    this.conclude()
    wakeSleepers(this.options.hooks)
  }

  drainStarted(): void {
    this.refusal ??= new NotConnected({ connection: this.options.connection, state: "Draining" })
  }

  close(error: SendError): void {
    this.refusal = error
    this.closed = true
    if (this.writer !== undefined) this.writer.supply = undefined
    this.writer = undefined
    const { kept } = this
    if (kept !== undefined) {
      for (const entry of kept.ledger.emptyAll()) kept.settle(entry, Policy.unknown)
      for (const entry of kept.queue.all()) kept.end(entry, Policy.failed(error), "closed")
    }
    this.conclude()
  }

  /** Takes messages again after a `close`: the connection was restarted. */
  reopen(): void {
    this.refusal = undefined
    this.closed = false
  }
}
