/** The figures of a connection that nothing has happened to. */
import type { Figures } from "kharbranth/ConnectionMetrics"

export const zero: Figures = {
  messagesIn: 0,
  bytesIn: 0,
  messagesOut: 0,
  bytesOut: 0,
  uptime: 0,
  lastMessageAt: undefined,
  reconnects: 0,
  errors: 0,
  dials: 0,
  epoch: 0,
  outbox: { messages: 0, bytes: 0, oldestAge: undefined },
  inbox: { messages: 0, bytes: 0 },
  dropped: {},
  gaps: {},
  deliveries: {}
}
