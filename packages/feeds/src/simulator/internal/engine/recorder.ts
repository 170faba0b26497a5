/** The ledger while it is written. */
import type { Delivery, Injected, Ledger, Range, Violation } from "../../Ledger.ts"
import type { VenueFault } from "../../VenueFault.ts"
import type { Topic } from "./rules.ts"

interface Open extends Delivery {
  until: number | undefined
  frames: number
  readonly revisions: Array<{ first: number; last: number }>
  readonly trades: Array<{ first: number; last: number }>
}

export type Sent = { readonly revisions?: Range | undefined; readonly trades?: Range | undefined }

const extend = (ranges: Array<{ first: number; last: number }>, { first, last }: Range): void => {
  const newest = ranges.at(-1)
  if (newest !== undefined && newest.last + 1 === first) newest.last = last
  else ranges.push({ first, last })
}

export class Entry {
  readonly delivery: Open

  constructor(connection: number, topic: Topic, since: number) {
    const { channel, instrument, key } = topic
    this.delivery = {
      connection,
      topic: key,
      channel,
      symbol: instrument.symbol,
      since,
      until: undefined,
      frames: 0,
      revisions: [],
      trades: []
    }
  }

  sent({ revisions, trades }: Sent): void {
    this.delivery.frames++
    if (revisions !== undefined) extend(this.delivery.revisions, revisions)
    if (trades !== undefined) extend(this.delivery.trades, trades)
  }

  end(at: number): void {
    this.delivery.until ??= at
  }
}

/** How many of what is kept, and how much of a frame. */
const bounds = { first: 10_000, deliveries: 100_000, frame: 500 }

export class Recorder implements Ledger {
  readonly venue: string
  readonly violations: Array<Violation> = []
  readonly broken: { [rule: string]: number } = {}
  readonly injected: Array<Injected> = []
  readonly deliveries: Array<Delivery> = []
  readonly counts = { dials: 0, refused: 0, bans: 0, received: 0, sent: 0, bytes: 0, requests: 0, injected: 0 }

  constructor(venue: string) {
    this.venue = venue
  }

  open(connection: number, topic: Topic, at: number): Entry {
    const entry = new Entry(connection, topic, at)
    this.deliveries.push(entry.delivery)
    if (this.deliveries.length > bounds.deliveries) this.deliveries.splice(0, bounds.deliveries / 10)
    return entry
  }

  violate(violation: Violation): void {
    const { frame, rule } = violation
    this.broken[rule] = (this.broken[rule] ?? 0) + 1
    if (this.violations.length >= bounds.first) return
    this.violations.push({ ...violation, frame: frame?.slice(0, bounds.frame) })
  }

  inject(at: number, fault: VenueFault, where: Partial<Pick<Injected, "connection" | "topic" | "revision">>): void {
    this.counts.injected++
    if (this.injected.length >= bounds.first) return
    this.injected.push({ at, fault, connection: where.connection, topic: where.topic, revision: where.revision })
  }
}
