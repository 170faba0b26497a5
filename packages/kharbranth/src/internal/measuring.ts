/** A connection's figures at this moment. */
import type { ConnectionMetrics } from "../ConnectionMetrics.ts"
import type { Supervisor } from "./supervisor.ts"

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
    rtt: figures.rttSummary(),
    reconnects: Math.max(0, figures.ready - 1),
    errors: figures.errors,
    dials: figures.dials,
    epoch: self.epoch,
    outbox: {
      messages: outbox.depth,
      bytes: outbox.bytes,
      oldestAge: outbox.waits ? outbox.oldestAge(self.now()) : undefined
    },
    inbox: { messages: inbox.messages, bytes: inbox.bytes },
    dropped: { ...figures.dropped }
  }
}
