/** The counters behind a connection's metrics. */
import type { DropReason } from "../ConnectionEvent.ts"

interface Ended {
  readonly writer: { readonly written: number; readonly bytes: number } | undefined
}

const kept = 128
const none: Readonly<Record<string, number>> = {}

export class Figures {
  messagesIn = 0
  bytesIn = 0
  messagesOut = 0
  bytesOut = 0
  dials = 0
  ready = 0
  errors = 0
  dropped: Readonly<Record<string, number>> = none
  private rtts: Array<number> | undefined
  private next = 0

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

  rttSummary() {
    const { rtts } = this
    if (rtts === undefined) return undefined
    const sorted = rtts.toSorted((a, b) => a - b)
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
    const last = rtts[(this.next + rtts.length - 1) % rtts.length]!
    const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
    return { last, mean, p50: at(0.5), p99: at(0.99) }
  }
}
