/** The figures of one connection over the time that the page has followed it. */
import type { Row } from "../../src/internal/wire/wire.ts"

export interface Reading {
  /** Unix seconds, by the program's clock. */
  readonly at: number
  readonly inRate: number
  readonly outRate: number
  readonly rtt: number | undefined
  readonly inbox: number
  readonly outbox: number
}

export type Readings = ReadonlyArray<Reading>

/** Ten minutes of one reading a second. */
const most = 600

export const gauge = (row: Row, now: number): Reading => ({
  at: Math.round(now) / 1000,
  inRate: row.inRate,
  outRate: row.outRate,
  rtt: row.rtt,
  inbox: row.inbox.bytes,
  outbox: row.outbox.bytes
})

/** At most two a second: more would only be the same figures again. */
export const sampled = (readings: Readings, next: Reading): Readings => {
  const last = readings.at(-1)
  if (last !== undefined && next.at - last.at < 0.5) return readings
  return [...readings.slice(-most + 1), next]
}
