/** The counters behind a connection's metrics. */
import type { DropReason } from "../../ConnectionEvent.ts"

interface Ended {
  readonly writer: { readonly written: number; readonly bytes: number } | undefined
}

const kept = 128
const none: Readonly<Record<string, number>> = {}

export class Counters {
  messagesIn = 0
  bytesIn = 0
  messagesOut = 0
  bytesOut = 0
  dials = 0
  ready = 0
  errors = 0
  dropped: Readonly<Record<string, number>> = none
  /** The last round trips, in milliseconds; `next` is the place of the oldest. */
  rtts: Array<number> | undefined
  next = 0

  ended({ writer }: Ended): void {
    this.errors++
    if (writer === undefined) return
    this.messagesOut += writer.written
    this.bytesOut += writer.bytes
  }

  drop(reason: DropReason, count: number): void {
    this.dropped = { ...this.dropped, [reason]: (this.dropped[reason] ?? 0) + count }
  }

  rtt(millis: number): void {
    if (this.rtts === undefined) this.rtts = [millis]
    else this.rtts[this.next] = millis
    this.next = (this.next + 1) % kept
  }
}
