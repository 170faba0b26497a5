/** Recording rules and alerts for Prometheus, as data and as the file that it loads. */
import { losses } from "../src/internal/groups/group.ts"
import { increase, quantile, rate, series, sumBy } from "./queries.ts"

const group = "job, kharbranth_group"

export interface Recording {
  readonly record: string
  readonly expr: string
}

export interface Alert {
  readonly alert: string
  /** What is watched; it has a series whether or not the alert fires. */
  readonly value: string
  /** When it is too much. */
  readonly condition: string
  readonly for: string
  readonly severity: "warning" | "critical"
  readonly summary: string
  readonly description: string
}

const connected = "kharbranth:connected:ratio"

export const recordings: ReadonlyArray<Recording> = [
  {
    record: connected,
    expr: `${sumBy(group, `${series("connections")}{kharbranth_state="connected"}`)} / (${sumBy(group, `${series("connections")}{kharbranth_state!="disconnected"}`)} > 0)`
  },
  {
    record: "kharbranth:dials:rate1m",
    expr: sumBy(group, rate(series("dials"), "1m"))
  },
  {
    record: "kharbranth:ready:p95",
    expr: quantile(0.95, "dialDuration", group, `{kharbranth_phase="ready"}`, "5m")
  }
]

/** By design a program drops messages for other reasons. */
const lossReasons = [...new Set(losses.map(({ reason }) => reason))].join("|")

export const alerts: ReadonlyArray<Alert> = [
  {
    alert: "KharbranthNotConnected",
    value: connected,
    condition: "< 0.99",
    for: "1m",
    severity: "critical",
    summary: "{{ $labels.kharbranth_group }}: {{ $value | humanizePercentage }} of the connections are connected",
    description: "Look at the row Dialing for the errors of their dials. Paused connections do not count."
  },
  {
    alert: "KharbranthFlapping",
    // Prometheus 3 writes 60.0 where 2 writes 60.
    value: sumBy(group, increase(`${series("sessionDuration", "bucket")}{le=~"60(\\\\.0)?", error_type!=""}`, "10m")),
    condition: `> clamp_min(0.1 * ${sumBy(group, series("connections"))}, 3)`,
    for: "1m",
    severity: "warning",
    summary:
      "{{ $labels.kharbranth_group }}: {{ $value | humanize }} sessions of the last 10 minutes lived less than a minute",
    description: "The server accepts and closes, or something in between cuts. Look at the errors of sessions."
  },
  {
    alert: "KharbranthDialStorm",
    value: "kharbranth:dials:rate1m",
    condition: "> 10",
    for: "2m",
    severity: "warning",
    summary: "{{ $labels.kharbranth_group }} dials {{ $value | humanize }} times a second",
    description: "Give the dial budget a limit, and reconnect with Reconnect.polite."
  },
  {
    alert: "KharbranthBreakerOpen",
    value: `max by (job, kharbranth_key) (${series("budgetBreaker")})`,
    condition: "== 1",
    for: "5m",
    severity: "critical",
    summary: "Nothing gets through to {{ $labels.kharbranth_key }}",
    description:
      "Dials in a row failed, and the probes of its circuit breaker fail too. The server or the path to it is down."
  },
  {
    alert: "KharbranthSilent",
    value: `max by (${group}) (${series("silence")})`,
    condition: "> 300",
    for: "1m",
    severity: "warning",
    summary:
      "{{ $labels.kharbranth_group }}: a connected connection has received nothing for {{ $value | humanizeDuration }}",
    description:
      "Set the limit to what your feed may be silent. A data clock (heartbeat.data) restarts such a connection."
  },
  {
    alert: "KharbranthDropping",
    value: sumBy(
      `${group}, kharbranth_where, kharbranth_reason`,
      rate(`${series("dropped")}{kharbranth_reason=~"${lossReasons}"}`, "5m")
    ),
    condition: "> 0",
    for: "2m",
    severity: "warning",
    summary:
      "{{ $labels.kharbranth_group }} drops {{ $value | humanize }} messages a second in its {{ $labels.kharbranth_where }} ({{ $labels.kharbranth_reason }})",
    description: "In the inbox your reader is too slow; in the outbox the server is, or the connection is down."
  },
  {
    alert: "KharbranthOutboxAging",
    value: `max by (${group}) (${series("outboxAge")})`,
    condition: "> 15",
    for: "1m",
    severity: "warning",
    summary: "{{ $labels.kharbranth_group }}: a message has waited {{ $value | humanizeDuration }} to be written",
    description: "By default messages expire after 30 seconds."
  },
  {
    alert: "KharbranthUnknownDeliveries",
    value: sumBy(group, increase(`${series("deliveries")}{kharbranth_outcome="unknown"}`, "5m")),
    condition: "> 0",
    for: "0m",
    severity: "warning",
    summary: "{{ $labels.kharbranth_group }}: {{ $value | humanize }} tracked messages may or may not have arrived",
    description:
      "Their session ended before anything confirmed them. Ask your server, or send them again if that is safe."
  }
]

export const exprOf = ({ condition, value }: Alert): string => `${value} ${condition}`

// A JSON string is a YAML string.
const line = (depth: number, key: string, value: string): string =>
  `${" ".repeat(depth)}${key}: ${JSON.stringify(value)}`

export const rulesFile = (): string =>
  [
    "# Made by `pnpm --filter @kharbranth/telemetry run generate`; change generate/rules.ts instead.",
    "groups:",
    "  - name: kharbranth.recordings",
    "    rules:",
    ...recordings.flatMap(({ expr, record }) => [line(6, "- record", record), line(8, "expr", expr)]),
    "  - name: kharbranth.alerts",
    "    rules:",
    ...alerts.flatMap((alert) => [
      line(6, "- alert", alert.alert),
      line(8, "expr", exprOf(alert)),
      line(8, "for", alert.for),
      "        labels:",
      line(10, "severity", alert.severity),
      "        annotations:",
      line(10, "summary", alert.summary),
      line(10, "description", alert.description)
    ]),
    ""
  ].join("\n")
