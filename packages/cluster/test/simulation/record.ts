/** What happened in a history, as the servers, the consumers and the callers saw it. */
import type { FleetEvent } from "../../src/FleetEvent.ts"

export interface Write {
  readonly at: number
  /** The socket, as the server numbers it. */
  readonly socket: number
  readonly name: string
  readonly epoch: number
}

export type Read = {
  readonly at: number
  readonly name: string
  readonly epoch: number
} & ({ readonly seq: number } | { readonly gap: string } | { readonly doubles: number })

export interface Opened {
  readonly at: number
  readonly name: string
  readonly bucket: string
  readonly epoch: number
  readonly holder: string
  readonly cursor: number
}

export interface Sending {
  readonly id: string
  outcome: "Written" | "Refused" | "Unknown" | undefined
}

/** A time in which the store kept the dials of all processes back, as a look at it every few milliseconds saw it. */
export interface KeptBack {
  readonly what: "held" | "probed"
  readonly from: number
  /** The last look at it. */
  to: number
  /** When it would be over, as that look saw it. */
  until: number
}

export interface Record {
  readonly writes: Array<Write>
  readonly reads: Array<Read>
  /** What processes saw that watched a name, wherever it was open; each watcher by a name of its own. */
  readonly watched: Array<Read>
  readonly opened: Array<Opened>
  readonly sendings: Map<string, Sending>
  /** How often a message that was sent by name reached the server. */
  readonly arrivals: Map<string, number>
  /** When dials reached the server, and when they left their processes, whatever became of them. */
  readonly dials: Array<number>
  readonly dialed: Array<number>
  readonly keptBack: Array<KeptBack>
  /** Leases whose holders went on after they were freed. */
  readonly overlaps: Array<{ readonly at: number; readonly bucket: string; readonly epoch: number }>
  /** When a name was released: its cursor goes with it. */
  readonly released: Array<{ readonly at: number; readonly name: string }>
  /** Sockets of each name that were used in the last second. */
  readonly sockets: Map<string, ReadonlySet<number>>
  /** Names whose consumer got a message in the last second. */
  readonly fresh: Set<string>
  wanted: ReadonlyArray<string>
  readonly counts: Map<string, number>
}

/** What the fleet may dial, in any window. */
export const dialLimit = { most: 6, window: 1_000 }

/** How long two owners may overlap, in virtual milliseconds. */
export const overlap = 3_000

export const empty = (): Record => ({
  writes: [],
  reads: [],
  watched: [],
  opened: [],
  sendings: new Map(),
  arrivals: new Map(),
  dials: [],
  dialed: [],
  keptBack: [],
  overlaps: [],
  released: [],
  sockets: new Map(),
  fresh: new Set(),
  wanted: [],
  counts: new Map()
})

export const count = ({ counts }: Record, what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)

/** How often the store is looked at. */
export const lookEvery = 20

/** What one look at the store saw. */
export const look = (record: Record, at: number, what: KeptBack["what"], left: number): void => {
  if (left === 0) return
  const last = record.keptBack.findLast((one) => one.what === what)
  // One that was over in between is another, however short the time was.
  if (last !== undefined && at < last.until && at - last.to <= lookEvery) {
    last.to = at
    last.until = at + left
  } else {
    record.keptBack.push({ what, from: at, to: at, until: at + left })
    count(record, what)
  }
}

/** What a process of the fleet reports. */
export const note = (record: Record, at: number, event: FleetEvent): void => {
  if (event._tag === "Overlapping") {
    count(record, event._tag)
    record.overlaps.push({ at, bucket: event.lease.bucket, epoch: event.lease.epoch })
  }
  if (counted.has(event._tag)) count(record, event._tag)
}

const counted: ReadonlySet<FleetEvent["_tag"]> = new Set([
  "OutboxParked",
  "OutboxTaken",
  "BreakerOpened",
  "BreakerClosed"
])
