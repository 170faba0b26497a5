/**
 * A connection's figures as plain data, taken by pull: the hot path only moves
 * counters. `report` exports them all to Effect's metrics, labelled with the
 * connection's name; a SignalR hub has metrics of its own to export.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Connection from "./Connection.ts"

/**
 * The figures of one connection at one moment.
 *
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

/** What each gauge shows; `undefined` where there is nothing to show yet. */
const gauges: Readonly<Record<string, (metrics: ConnectionMetrics) => number | undefined>> = {
  messages_in: (metrics) => metrics.messagesIn,
  bytes_in: (metrics) => metrics.bytesIn,
  messages_out: (metrics) => metrics.messagesOut,
  bytes_out: (metrics) => metrics.bytesOut,
  uptime_millis: (metrics) => metrics.uptime,
  last_message_at_millis: (metrics) => metrics.lastMessageAt,
  rtt_millis: (metrics) => metrics.rtt?.last,
  rtt_mean_millis: (metrics) => metrics.rtt?.mean,
  rtt_p50_millis: (metrics) => metrics.rtt?.p50,
  rtt_p99_millis: (metrics) => metrics.rtt?.p99,
  reconnects: (metrics) => metrics.reconnects,
  errors: (metrics) => metrics.errors,
  dials: (metrics) => metrics.dials,
  epoch: (metrics) => metrics.epoch,
  outbox_messages: (metrics) => metrics.outbox.messages,
  outbox_bytes: (metrics) => metrics.outbox.bytes,
  outbox_oldest_age_millis: (metrics) => metrics.outbox.oldestAge ?? 0,
  inbox_messages: (metrics) => metrics.inbox.messages,
  inbox_bytes: (metrics) => metrics.inbox.bytes
}

const update = (name: string, value: number | undefined, labels: Readonly<Record<string, string>>) =>
  value === undefined
    ? Effect.void
    : Metric.update(Metric.withAttributes(Metric.gauge(`kharbranth_${name}`), labels), value)

/**
 * Writes one snapshot into Effect's metrics: a gauge `kharbranth_…` for every
 * figure, labelled with the connection's name, and `kharbranth_dropped` with the
 * reason as well. Repeat it on the schedule you scrape with.
 *
 * @example
 * ```ts
 * import * as ConnectionMetrics from "kharbranth/ConnectionMetrics"
 * import * as Connection from "kharbranth/Connection"
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
export const report = (
  connection: Connection.Any | { readonly name: string; readonly metrics: Effect.Effect<ConnectionMetrics> }
): Effect.Effect<void> =>
  Effect.flatMap("metrics" in connection ? connection.metrics : Connection.metrics(connection), (metrics) => {
    const labels = { connection: connection.name }
    const figures = Object.entries(gauges).map(([name, figure]) => update(name, figure(metrics), labels))
    const dropped = Object.entries(metrics.dropped).map(([reason, count]) =>
      update("dropped", count, { ...labels, reason })
    )
    return Effect.all([...figures, ...dropped], { discard: true })
  })
