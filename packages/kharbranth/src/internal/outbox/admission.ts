/**
 * The admission of an outbox: the queue and what is kept, their common bounds, the
 * policies for what does not fit, and what is still to be told to whom. Nobody
 * is told anything before all of them are in order.
 */
import { OutboxFull, type SendError } from "../../ConnectionError.ts"
import type * as Policy from "../../Outbox.ts"
import * as Delivery from "../../Delivery.ts"
import { accepted, type Entry, type Fate } from "./entry.ts"
import { Queue, Room } from "./queue.ts"
import type { Confirmations, ConfirmationSource } from "./record.ts"
import type { OutboxOwner } from "./writer.ts"

export interface AdmissionOptions {
  readonly connection: string
  readonly capacity: number
  readonly maxBytes: number
  readonly overflow: Policy.Overflow
  readonly maxReplays: number
  readonly owner: Pick<OutboxOwner, "drop">
}

/**
 * What happens to an entry without room, by policy: one line for each member of
 * `Outbox.Overflow`, or this does not compile.
 */
const overflow: Record<Policy.Overflow, (admission: Admission, entry: Entry) => SendError | undefined> = {
  suspend: (admission, entry) => {
    admission.queue.suspend(entry)
    return undefined
  },
  dropOldest: (admission, entry) => {
    admission.makeRoom(entry)
    return undefined
  },
  dropNewest: (admission, entry) => {
    admission.drop(entry, "overflow")
    return undefined
  },
  fail: (admission) => admission.full()
}

export class Admission {
  readonly room: Room
  readonly queue: Queue
  /** Made for the first message that is to be kept once it is written. */
  confirmations: Confirmations | undefined
  readonly options: AdmissionOptions
  private fates: Array<readonly [Entry, Fate]> = []
  private losses = new Map<Delivery.Dropped["reason"], number>()
  private telling = false

  constructor(options: AdmissionOptions) {
    this.options = options
    this.room = new Room(options.capacity, options.maxBytes)
    this.queue = new Queue(this.room)
  }

  get isEmpty(): boolean {
    return this.queue.isEmpty && (this.confirmations === undefined || this.confirmations.isEmpty)
  }

  /** What is written from now on can be kept. */
  confirmWith({ make }: ConfirmationSource): Confirmations {
    return (this.confirmations ??= make(this))
  }

  /** Says what became of an entry, when the time comes. */
  note(entry: Entry, fate: Fate): void {
    this.fates.push([entry, fate])
  }

  /** The final outcome of an entry that is in no list any more. */
  settle(entry: Entry, delivery: Delivery.Delivery): void {
    this.confirmations?.forget(entry)
    this.note(entry, delivery)
  }

  lose(reason: Delivery.Dropped["reason"]): void {
    this.losses.set(reason, (this.losses.get(reason) ?? 0) + 1)
  }

  /** A policy drops an entry that was never written. */
  drop(entry: Entry, reason: Delivery.Dropped["reason"]): void {
    this.lose(reason)
    this.settle(entry, Delivery.dropped(reason))
  }

  /** Ends what waits without being written (again). */
  end(entry: Entry, delivery: Delivery.Delivery, reason: Delivery.Dropped["reason"] | undefined): void {
    this.queue.remove(entry)
    if (entry.written) return this.settle(entry, Delivery.unknown)
    if (reason !== undefined) this.lose(reason)
    this.settle(entry, delivery)
  }

  full(): SendError {
    return new OutboxFull({ connection: this.options.connection, messages: this.room.count, bytes: this.room.bytes })
  }

  /** Lets an entry in, by the rules of its key and of overflow. */
  accept(entry: Entry): SendError | undefined {
    const old = this.queue.sameKey(entry)
    if (old !== undefined && this.supersede(old, entry)) return undefined
    if (!this.queue.admits(entry)) return overflow[this.options.overflow](this, entry)
    this.put(entry)
    return undefined
  }

  private put(entry: Entry): void {
    this.queue.put(entry)
    this.note(entry, accepted)
  }

  private supersede(old: Entry, entry: Entry): boolean {
    const place = this.queue.replace(old, entry)
    const { overflow } = this.options
    if (place === undefined) {
      // Too large for the old one's place. Where the new one is let in otherwise, the old one goes anyway.
      if (overflow === "suspend" || overflow === "dropOldest")
        this.end(old, Delivery.dropped("superseded"), "superseded")
      return false
    }
    this.drop(old, "superseded")
    if (place === "waits") this.note(entry, accepted)
    return true
  }

  /** Drops the oldest until the entry has room; drops the entry itself where that cannot help. */
  makeRoom(entry: Entry): void {
    // What is retained keeps its room: dropping others for nothing helps nobody.
    if (!this.queue.couldFit(entry)) return this.drop(entry, "overflow")
    for (let old = this.queue.oldest(); old !== undefined && !this.queue.admits(entry); old = this.queue.oldest()) {
      this.end(old, Delivery.dropped("overflow"), "overflow")
    }
    this.put(entry)
  }

  /** Lets in what waits for room; whether anything came in. */
  admit(): boolean {
    let any = false
    for (let entry = this.queue.admit(); entry !== undefined; entry = this.queue.admit()) {
      this.note(entry, accepted)
      any = true
    }
    return any
  }

  /** What to write next; what has waited too long ends on the way. */
  next(now: number): Entry | undefined {
    for (;;) {
      this.admit()
      const entry = this.queue.first()
      if (entry === undefined || entry.deadline > now) return entry
      this.end(entry, Delivery.expired, "expired")
    }
  }

  /** No session is left: what was never written fares as it was asked for. */
  down(error: () => SendError): void {
    for (const entry of this.queue.all()) {
      if (entry.written || entry.whenDown === "hold") continue
      if (entry.whenDown === "drop") this.end(entry, Delivery.dropped("down"), "down")
      else this.end(entry, Delivery.failed(error()), undefined)
    }
  }

  /** Ends everything that has waited too long; the time at which the next one will have. */
  expireAll(now: number): number {
    let next = Infinity
    for (const entry of this.queue.all()) {
      if (entry.deadline <= now) this.end(entry, Delivery.expired, "expired")
      else next = Math.min(next, entry.deadline)
    }
    return next
  }

  /** Tells everybody, and then of what they do from there; false when called from there. */
  tell(): boolean {
    if (this.telling) return false
    this.telling = true
    while (this.fates.length > 0 || this.losses.size > 0) {
      const { fates, losses } = this
      this.fates = []
      this.losses = new Map()
      for (const [reason, count] of losses) this.options.owner.drop("outbox", reason, count)
      for (const [entry, fate] of fates) entry.tell(fate)
    }
    this.telling = false
    return true
  }
}
