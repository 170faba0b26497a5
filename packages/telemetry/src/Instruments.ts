/**
 * The one table of what is measured: names, kinds, units and attributes, as
 * OpenTelemetry has them, and the names that Prometheus gives them. The code,
 * the dashboard, the rules and the guide's table are made from it.
 *
 * @since 0.1.0
 */

/**
 * What an instrument measures, and by what it can be told apart beside its group.
 *
 * @category models
 * @since 0.1.0
 */
export interface Instrument {
  /** Its OpenTelemetry name. */
  readonly name: string
  readonly kind: "counter" | "gauge" | "histogram"
  /** A UCUM unit: `s`, `By`, or what is counted, in braces. */
  readonly unit: string
  readonly description: string
  /** Attributes beside those of the group. */
  readonly attributes: ReadonlyArray<string>
  /** The upper bounds of a histogram's buckets. */
  readonly boundaries: ReadonlyArray<number>
  /** Whose figure it is: of a group of connections, or of the thing that you asked to watch. */
  readonly of: "group" | "budget" | "subscriptions"
}

type Given = Pick<Instrument, "name" | "kind" | "unit" | "description"> &
  Partial<Pick<Instrument, "attributes" | "boundaries" | "of">>

const instrument = (given: Given): Instrument => ({ attributes: [], boundaries: [], of: "group", ...given })

/**
 * Every instrument.
 *
 * @category models
 * @since 0.1.0
 */
export const instruments = {
  connections: instrument({
    name: "kharbranth.connections",
    kind: "gauge",
    unit: "{connection}",
    description: "Connections by their state.",
    attributes: ["kharbranth.state"]
  }),
  dials: instrument({
    name: "kharbranth.dials",
    kind: "counter",
    unit: "{dial}",
    description: "Dials that came to an end: Ready, or failed with an error.type.",
    attributes: ["kharbranth.dial.kind", "error.type"]
  }),
  dialDuration: instrument({
    name: "kharbranth.dial.duration",
    kind: "histogram",
    unit: "s",
    description:
      "How long a dial took: connect until its socket is open, open until it is Ready from there, and ready for both.",
    attributes: ["kharbranth.phase"],
    boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
  }),
  dialTime: instrument({
    name: "kharbranth.dial.time",
    kind: "counter",
    unit: "s",
    description: "The time that dials spent in each phase, those that failed included.",
    attributes: ["kharbranth.phase"]
  }),
  sessionDuration: instrument({
    name: "kharbranth.session.duration",
    kind: "histogram",
    unit: "s",
    description: "How long sessions that were Ready lived. A session that you ended has no error.type.",
    attributes: ["error.type"],
    boundaries: [1, 10, 60, 300, 1800, 3600, 21_600, 86_400]
  }),
  outageDuration: instrument({
    name: "kharbranth.outage.duration",
    kind: "histogram",
    unit: "s",
    description: "How long connections were without a Ready session, from the loss until the next one was Ready.",
    attributes: ["error.type"],
    boundaries: [0.1, 0.5, 1, 5, 15, 60, 300, 600]
  }),
  messages: instrument({
    name: "kharbranth.messages",
    kind: "counter",
    unit: "{message}",
    description: "Messages that passed a socket.",
    attributes: ["network.io.direction"]
  }),
  io: instrument({
    name: "kharbranth.io",
    kind: "counter",
    unit: "By",
    description: "Payload bytes that passed a socket.",
    attributes: ["network.io.direction"]
  }),
  rtt: instrument({
    name: "kharbranth.rtt",
    kind: "histogram",
    unit: "s",
    description: "Round trips of heartbeat probes.",
    boundaries: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 10]
  }),
  gaps: instrument({
    name: "kharbranth.gaps",
    kind: "counter",
    unit: "{gap}",
    description: "Gaps that readers were shown, by the error that caused them.",
    attributes: ["error.type"]
  }),
  dropped: instrument({
    name: "kharbranth.messages.dropped",
    kind: "counter",
    unit: "{message}",
    description: "Messages that a bound or a policy gave up.",
    attributes: ["kharbranth.where", "kharbranth.reason"]
  }),
  deliveries: instrument({
    name: "kharbranth.deliveries",
    kind: "counter",
    unit: "{message}",
    description: "What became of tracked messages.",
    attributes: ["kharbranth.outcome"]
  }),
  outboxMessages: instrument({
    name: "kharbranth.outbox.messages",
    kind: "gauge",
    unit: "{message}",
    description: "Messages that wait to be written or to be confirmed."
  }),
  outboxSize: instrument({
    name: "kharbranth.outbox.size",
    kind: "gauge",
    unit: "By",
    description: "Bytes that wait to be written or to be confirmed."
  }),
  outboxAge: instrument({
    name: "kharbranth.outbox.age",
    kind: "gauge",
    unit: "s",
    description: "How long the oldest message of the group has waited to be written."
  }),
  inboxMessages: instrument({
    name: "kharbranth.inbox.messages",
    kind: "gauge",
    unit: "{message}",
    description: "Messages that wait for their reader."
  }),
  inboxSize: instrument({
    name: "kharbranth.inbox.size",
    kind: "gauge",
    unit: "By",
    description: "Bytes that wait for their reader."
  }),
  silence: instrument({
    name: "kharbranth.silence",
    kind: "gauge",
    unit: "s",
    description: "The longest time since a connected connection of the group received a message."
  }),
  probesMissed: instrument({
    name: "kharbranth.probes.missed",
    kind: "counter",
    unit: "{probe}",
    description: "Heartbeat probes that went unanswered."
  }),
  readerStalls: instrument({
    name: "kharbranth.reader.stalls",
    kind: "counter",
    unit: "{stall}",
    description: "Times that a full inbox found no reader for its maxStall."
  }),
  budgetWaiting: instrument({
    name: "kharbranth.budget.waiting",
    kind: "gauge",
    unit: "{dial}",
    description: "Dials that wait for a permit.",
    attributes: ["kharbranth.key"],
    of: "budget"
  }),
  budgetBreaker: instrument({
    name: "kharbranth.budget.breaker",
    kind: "gauge",
    unit: "{breaker}",
    description: "Whether the circuit breaker of a key lets no dial pass: 1 while it is open or probes, else 0.",
    attributes: ["kharbranth.key"],
    of: "budget"
  }),
  subscriptions: instrument({
    name: "kharbranth.subscriptions",
    kind: "gauge",
    unit: "{topic}",
    description: "Topics by their state: confirmed, pending or quarantined.",
    attributes: ["kharbranth.state"],
    of: "subscriptions"
  })
} as const satisfies Record<string, Instrument>

const units: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" }

const prometheusNames: ReadonlyMap<string, string> = new Map(
  Object.values<Instrument>(instruments).map(({ kind, name, unit }) => [
    name,
    `${name.replaceAll(".", "_")}${units[unit] ?? ""}${kind === "counter" ? "_total" : ""}`
  ])
)

/**
 * The name that Prometheus has for an instrument, by OpenTelemetry's rules:
 * with its unit, and with `_total` for a counter. Other names pass.
 *
 * @example
 * ```ts
 * import * as Instruments from "@kharbranth/telemetry/Instruments"
 * import { strictEqual } from "node:assert"
 *
 * strictEqual(Instruments.prometheusName("kharbranth.io"), "kharbranth_io_bytes_total")
 * strictEqual(Instruments.prometheusName("kharbranth.outbox.age"), "kharbranth_outbox_age_seconds")
 * strictEqual(Instruments.prometheusName("my_requests"), "my_requests")
 * ```
 *
 * @category names
 * @since 0.1.0
 */
export const prometheusName = (name: string): string => prometheusNames.get(name) ?? name
