/** The counters behind a connection's metrics. */
import type { ConnectionError } from "../../ConnectionError.ts"
import type { DropReason } from "../../ConnectionEvent.ts"
import type { Delivery } from "../../Delivery.ts"
import { isOurs } from "./ending.ts"

interface Ended {
  readonly writer: { readonly written: number; readonly bytes: number } | undefined
}

const kept = 128
type Counts = Readonly<Record<string, number>>

const none: Counts = {}

const more = (counts: Counts, key: string, count: number): Counts => ({ ...counts, [key]: (counts[key] ?? 0) + count })

export class Counters {
  messagesIn = 0
  bytesIn = 0
  messagesOut = 0
  bytesOut = 0
  dials = 0
  ready = 0
  errors = 0
  dropped: Counts = none
  gaps: Counts = none
  deliveries: Counts = none
  /** The last round trips, in milliseconds; `next` is the place of the oldest. */
  rtts: Array<number> | undefined
  next = 0

  ended({ writer }: Ended, error: ConnectionError): void {
    // A close of our own is no error: a restart, a rotation, the end.
    if (!isOurs(error)) this.errors++
    if (writer === undefined) return
    this.messagesOut += writer.written
    this.bytesOut += writer.bytes
  }

  drop(reason: DropReason, count: number): void {
    this.dropped = more(this.dropped, reason, count)
  }

  gap(cause: ConnectionError["_tag"]): void {
    this.gaps = more(this.gaps, cause, 1)
  }

  delivered(outcome: Delivery["_tag"]): void {
    this.deliveries = more(this.deliveries, outcome, 1)
  }

  rtt(millis: number): void {
    if (this.rtts === undefined) this.rtts = [millis]
    else this.rtts[this.next] = millis
    this.next = (this.next + 1) % kept
  }
}
