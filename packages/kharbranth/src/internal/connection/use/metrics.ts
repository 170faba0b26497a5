/** A connection's figures at this moment. */
import type { ConnectionMetrics } from "../../../ConnectionMetrics.ts"
import type { Figures } from "../../session/counters.ts"
import type { Outbox } from "../../outbox/outbox.ts"
import type { Supervisor } from "../run/supervisor.ts"

export const metrics = <In, Out>(self: Supervisor<In, Out>): ConnectionMetrics => {
  const { active, figures, inbox, outbox } = self
  const state = self.state.getUnsafe()
  return {
    messagesIn: figures.messagesIn,
    bytesIn: figures.bytesIn,
    messagesOut: figures.messagesOut + (active?.writer?.written ?? 0),
    bytesOut: figures.bytesOut + (active?.writer?.bytes ?? 0),
    uptime: state._tag === "Connected" ? Math.max(0, self.wall() - state.since) : 0,
    lastMessageAt: inbox.lastMessageAt,
    rtt: summaryOf(figures),
    reconnects: Math.max(0, figures.ready - 1),
    errors: figures.errors,
    dials: figures.dials,
    epoch: self.epoch,
    outbox: {
      messages: outbox.depth,
      bytes: outbox.bytes,
      oldestAge: outbox.waits ? oldestAge(outbox, self.now()) : undefined
    },
    inbox: { messages: inbox.messages, bytes: inbox.bytes },
    dropped: { ...figures.dropped }
  }
}

const summaryOf = ({ next, rtts }: Figures) => {
  if (rtts === undefined) return undefined
  const sorted = rtts.toSorted((a, b) => a - b)
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
  const last = rtts[(next + rtts.length - 1) % rtts.length]!
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  return { last, mean, p50: at(0.5), p99: at(0.99) }
}

/** How long the oldest waiting message has waited. */
export const oldestAge = <In, Out>({ books }: Outbox<In, Out>, now: number): number | undefined => {
  const since = books.queue.all().reduce((oldest, entry) => Math.min(oldest, entry.since), Infinity)
  return since === Infinity ? undefined : now - since
}
