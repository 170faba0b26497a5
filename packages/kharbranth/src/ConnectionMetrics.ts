/**
 * A connection's figures as plain data, taken by pull: the hot path only moves
 * counters. `@kharbranth/telemetry` exports them, by groups of connections.
 *
 * @since 0.1.0
 */

/**
 * The figures of one connection that are plain reads.
 *
 * @category models
 * @since 0.1.0
 */
export interface Figures {
  readonly messagesIn: number
  /** Payload bytes received. */
  readonly bytesIn: number
  readonly messagesOut: number
  /** Payload bytes sent; text is counted in UTF-16 units, which are bytes for ASCII. */
  readonly bytesOut: number
  /** How long the present session has been Ready, in milliseconds; 0 without one. */
  readonly uptime: number
  /** When a message last arrived, in Unix milliseconds. */
  readonly lastMessageAt: number | undefined
  /** Sessions that became Ready after the first. */
  readonly reconnects: number
  /** Sessions and dials that ended in an error; one that we closed did not. */
  readonly errors: number
  readonly dials: number
  readonly epoch: number
  readonly outbox: { readonly messages: number; readonly bytes: number; readonly oldestAge: number | undefined }
  readonly inbox: { readonly messages: number; readonly bytes: number }
  /** Dropped messages by reason, both directions together. */
  readonly dropped: Readonly<Record<string, number>>
  /** Gaps that the reader was shown, by the error that caused them. */
  readonly gaps: Readonly<Record<string, number>>
  /** What became of tracked messages, by outcome: `Confirmed`, `Expired`, `Dropped`, `Failed`, `Unknown`. */
  readonly deliveries: Readonly<Record<string, number>>
}

/**
 * The figures of one connection at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionMetrics extends Figures {
  /** Round-trip times in milliseconds over the last 128 probes. */
  readonly rtt:
    | {
        readonly last: number
        readonly mean: number
        readonly p50: number
        readonly p99: number
      }
    | undefined
}
