/**
 * A connection's figures as plain data, taken by pull: the hot path only moves
 * counters. `report` exports them to Effect's metrics with one label, the
 * connection's name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

/**
 * @category models
 * @since 0.1.0
 */
export interface ConnectionMetrics {
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
  /** Round-trip times in milliseconds over the last 128 probes. */
  readonly rtt:
    | {
        readonly last: number
        readonly mean: number
        readonly p50: number
        readonly p99: number
      }
    | undefined
  /** Sessions that became Ready after the first. */
  readonly reconnects: number
  /** Sessions and dials that ended in an error. */
  readonly errors: number
  readonly dials: number
  readonly epoch: number
  readonly outbox: { readonly messages: number; readonly bytes: number; readonly oldestAge: number | undefined }
  readonly inbox: { readonly messages: number; readonly bytes: number }
  /** Dropped messages by reason, both directions together. */
  readonly dropped: Readonly<Record<string, number>>
}

const gauges = {
  messagesIn: Metric.gauge("kharbranth_messages_in"),
  bytesIn: Metric.gauge("kharbranth_bytes_in"),
  messagesOut: Metric.gauge("kharbranth_messages_out"),
  bytesOut: Metric.gauge("kharbranth_bytes_out"),
  uptime: Metric.gauge("kharbranth_uptime_millis"),
  reconnects: Metric.gauge("kharbranth_reconnects"),
  errors: Metric.gauge("kharbranth_errors")
} as const

/**
 * Writes one snapshot into Effect's metrics, labelled with the connection's
 * name. Repeat it on the schedule you scrape with.
 *
 * @example
 * ```ts
 * import * as ConnectionMetrics from "kharbranth/ConnectionMetrics"
 * import type * as Connection from "kharbranth/Connection"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 *
 * const watched = (connection: Connection.Any) =>
 *   ConnectionMetrics.report(connection).pipe(Effect.repeat(Schedule.spaced("10 seconds")), Effect.forkScoped)
 * ```
 *
 * @category metrics
 * @since 0.1.0
 */
export const report = (connection: {
  readonly name: string
  readonly metrics: Effect.Effect<ConnectionMetrics>
}): Effect.Effect<void> =>
  Effect.flatMap(connection.metrics, (metrics) => {
    const labels = { connection: connection.name }
    const update = (gauge: Metric.Gauge<number>, value: number) =>
      Metric.update(Metric.withAttributes(gauge, labels), value)
    return Effect.all(
      [
        ...(Object.keys(gauges) as Array<keyof typeof gauges>).map((key) => update(gauges[key], metrics[key])),
        update(Metric.gauge("kharbranth_outbox_messages"), metrics.outbox.messages),
        update(Metric.gauge("kharbranth_outbox_bytes"), metrics.outbox.bytes),
        update(Metric.gauge("kharbranth_inbox_bytes"), metrics.inbox.bytes),
        ...(metrics.rtt === undefined ? [] : [update(Metric.gauge("kharbranth_rtt_millis"), metrics.rtt.last)])
      ],
      { discard: true }
    )
  })
