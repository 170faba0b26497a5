/** A connection's figures at this moment. */
import type { ConnectionMetrics, Figures } from "../../../ConnectionMetrics.ts"
import type { Counters } from "../../session/counters.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import type { Watch } from "../../../Watch.ts"
import type { Admission } from "../../outbox/admission.ts"

/** What figures are made of. */
export interface Measured {
  readonly epoch: number
  readonly active: { readonly writer: { readonly written: number; readonly bytes: number } | undefined } | undefined
  readonly inbox: { readonly messages: number; readonly bytes: number; readonly lastMessageAt: number | undefined }
  readonly outbox: {
    readonly depth: number
    readonly bytes: number
    readonly waits: boolean
    readonly admission: Admission
  }
  readonly reports: { readonly counters: Counters }
  readonly state: Watch<ConnectionState>
  /** Monotonic and Unix milliseconds. */
  mono(): number
  wall(): number
}

export const metrics = (self: Measured): ConnectionMetrics => ({
  ...figures(self),
  rtt: summaryOf(self.reports.counters)
})

/** All that is plain reads: ten thousand are taken in one pass. */
export const figures = (self: Measured): Figures => {
  const { active, inbox, outbox, reports } = self
  const { counters } = reports
  const state = self.state.getUnsafe()
  return {
    messagesIn: counters.messagesIn,
    bytesIn: counters.bytesIn,
    messagesOut: counters.messagesOut + (active?.writer?.written ?? 0),
    bytesOut: counters.bytesOut + (active?.writer?.bytes ?? 0),
    uptime: state._tag === "Connected" ? Math.max(0, self.wall() - state.since) : 0,
    lastMessageAt: inbox.lastMessageAt,
    reconnects: Math.max(0, counters.ready - 1),
    errors: counters.errors,
    dials: counters.dials,
    epoch: self.epoch,
    outbox: {
      messages: outbox.depth,
      bytes: outbox.bytes,
      oldestAge: outbox.waits ? oldestAge(outbox, self.mono()) : undefined
    },
    inbox: { messages: inbox.messages, bytes: inbox.bytes },
    dropped: counters.dropped,
    gaps: counters.gaps,
    deliveries: counters.deliveries
  }
}

const summaryOf = ({ next, rtts }: Counters) => {
  if (rtts === undefined) return undefined
  const sorted = rtts.toSorted((a, b) => a - b)
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
  const last = rtts[(next + rtts.length - 1) % rtts.length]!
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  return { last, mean, p50: at(0.5), p99: at(0.99) }
}

/** How long the oldest waiting message has waited. */
export const oldestAge = ({ admission }: Measured["outbox"], now: number): number | undefined => {
  const since = admission.queue.all().reduce((oldest, entry) => Math.min(oldest, entry.since), Infinity)
  return since === Infinity ? undefined : now - since
}
