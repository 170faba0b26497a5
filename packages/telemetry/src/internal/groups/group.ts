/**
 * A group of connections: what all of them together have counted, and what they
 * hold at the moment. However many there are, its series are the same.
 */
import type { ConnectionState } from "kharbranth/ConnectionState"
import type { Figures } from "kharbranth/ConnectionMetrics"
import { instruments } from "../../Instruments.ts"
import { type Attributes, type Cell, type Registry, SeriesSet } from "./series.ts"

const outcomes = ["Confirmed", "Dropped", "Expired", "Failed", "Unknown"]
const kinds = ["first", "reconnect", "rotation", "hedge"]

/** What is lost against a program's will: the alert about dropped messages counts these. */
export const losses = [
  { where: "outbox", reason: "overflow" },
  { where: "outbox", reason: "expired" },
  { where: "inbox", reason: "overflow" },
  { where: "inbox", reason: "undecodable" },
  { where: "inbox", reason: "unread" }
] as const

/** The counters that a connection's own figures move. */
type Totals = Pick<Figures, "messagesIn" | "messagesOut" | "bytesIn" | "bytesOut" | "gaps" | "deliveries">

export const nothingYet: Totals = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, gaps: {}, deliveries: {} }

type Counts = Readonly<Record<string, number>>

export const droppedOf = (where: string, reason: string): Attributes => ({
  "kharbranth.where": where,
  "kharbranth.reason": reason
})

const received = { "network.io.direction": "receive" }
const sent = { "network.io.direction": "transmit" }

export class Group {
  /** What the fleet finds it by. */
  readonly key: string
  readonly series: SeriesSet
  /** How many connections it has. */
  members = 0
  private readonly states: Record<ConnectionState["_tag"], Cell>
  private readonly totals: ReadonlyArray<readonly [Cell, (totals: Totals) => number]>
  private readonly held: ReadonlyArray<Cell>
  private readonly outbox: { readonly messages: Cell; readonly size: Cell; readonly age: Cell }
  private readonly inbox: { readonly messages: Cell; readonly size: Cell }
  private readonly silence: Cell

  constructor(registry: Registry, key: string, attributes: Attributes) {
    this.key = key
    const series = new SeriesSet(registry, attributes)
    this.series = series
    const stateCell = (tag: ConnectionState["_tag"]) =>
      series.cell(instruments.connections, { "kharbranth.state": tag.toLowerCase() })
    this.states = {
      Disconnected: stateCell("Disconnected"),
      Connecting: stateCell("Connecting"),
      Connected: stateCell("Connected"),
      Reconnecting: stateCell("Reconnecting"),
      Closing: stateCell("Closing"),
      Failed: stateCell("Failed")
    }
    this.totals = [
      [series.cell(instruments.messages, received), ({ messagesIn }) => messagesIn],
      [series.cell(instruments.messages, sent), ({ messagesOut }) => messagesOut],
      [series.cell(instruments.io, received), ({ bytesIn }) => bytesIn],
      [series.cell(instruments.io, sent), ({ bytesOut }) => bytesOut]
    ]
    this.outbox = {
      messages: series.cell(instruments.outboxMessages),
      size: series.cell(instruments.outboxSize),
      age: series.cell(instruments.outboxAge)
    }
    this.inbox = { messages: series.cell(instruments.inboxMessages), size: series.cell(instruments.inboxSize) }
    this.silence = series.cell(instruments.silence)
    this.held = [
      ...Object.values(this.states),
      ...Object.values(this.outbox),
      ...Object.values(this.inbox),
      this.silence
    ]
    this.beginAtZero()
  }

  /** A counter that appears with its first count hides that count from `rate`. */
  private beginAtZero(): void {
    const { series } = this
    series.cell(instruments.probesMissed)
    series.cell(instruments.readerStalls)
    for (const kind of kinds) series.cell(instruments.dials, { "kharbranth.dial.kind": kind })
    for (const { reason, where } of losses) series.cell(instruments.dropped, droppedOf(where, reason))
    for (const outcome of outcomes) this.delivered(outcome)
  }

  private delivered(outcome: string): Cell {
    return this.series.cell(instruments.deliveries, { "kharbranth.outcome": outcome.toLowerCase() })
  }

  /** Forgets what connections hold: it is about to be added up again. */
  clear(): void {
    for (const cell of this.held) cell.value = 0
  }

  /** Adds what a connection holds. */
  add(state: ConnectionState["_tag"], { inbox, outbox }: Figures, silence: number): void {
    this.states[state].value++
    this.outbox.messages.value += outbox.messages
    this.outbox.size.value += outbox.bytes
    this.inbox.messages.value += inbox.messages
    this.inbox.size.value += inbox.bytes
    this.outbox.age.value = Math.max(this.outbox.age.value, (outbox.oldestAge ?? 0) / 1_000)
    this.silence.value = Math.max(this.silence.value, silence)
  }

  /** Adds what a connection has counted since it was last asked. */
  count(now: Totals, before: Totals): void {
    for (const [cell, of] of this.totals) cell.value += of(now) - of(before)
    if (now.gaps !== before.gaps) {
      this.countEach(now.gaps, before.gaps, (cause) => this.series.cell(instruments.gaps, { "error.type": cause }))
    }
    if (now.deliveries !== before.deliveries) {
      this.countEach(now.deliveries, before.deliveries, (outcome) => this.delivered(outcome))
    }
  }

  private countEach(now: Counts, before: Counts, cellOf: (key: string) => Cell): void {
    for (const [key, count] of Object.entries(now)) cellOf(key).value += count - (before[key] ?? 0)
  }
}
