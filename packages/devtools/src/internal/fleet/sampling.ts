/**
 * What is known of all connections while somebody looks. A connection that reports
 * an event is read again with the next batch. The figures of those that somebody
 * sees are read once a second, and so are those of a thousand others in turn. The
 * rest is not touched: ten thousand do not fit into a processor's cache.
 */
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type { Observed } from "kharbranth/ConnectionObserver"
import { type CellsFrame, type FleetFrame, type StateName, states, type Totals } from "../wire/wire.ts"
import { Cells, type Step } from "./cells.ts"
import { History } from "./history.ts"
import { Member, type Reason } from "./member.ts"
import { Sums } from "./sums.ts"
import { Turns } from "./turns.ts"

export interface SamplingOptions {
  /** Unix milliseconds. */
  readonly now: () => number
  /** Why a connection is where it is, and since when; `undefined` where nobody records. */
  readonly explain: (name: string) => Found | undefined
}

/** What a recording says of a connection. */
export interface Found extends Reason {
  readonly rtt: number | undefined
  /** When the last entry that changed its state was recorded, in Unix milliseconds. */
  readonly changedAt: number | undefined
}

/** How many that nobody sees are explained in a second: it takes time, and in a storm all are in trouble. */
const explainedAtMost = 20

/** How many of those that nobody sees have their figures read in a second: to read ten thousand takes long. */
const measuredAtMost = 1_000

export class Sampling {
  readonly members = new Map<number, Member>()
  private readonly options: SamplingOptions
  /** The newest of each name: recordings are by name. */
  private readonly newest = new Map<string, Member>()
  /** Who reported something since the last batch. */
  private dirty = new Set<Member>()
  /** Those whose row may be at another place since the last time that all were put in theirs. */
  private moved = new Set<Member>()
  /** The same, if rows are in the order of round-trip times. */
  private pulsed = new Set<Member>()
  private readonly troubled = new Set<Member>()
  private readonly gone: Array<Member> = []
  private readonly history = new History()
  private readonly fleet = new Cells()
  /** How many there are in each state, as they were last read. */
  private readonly counts = states.map(() => 0)
  private readonly turns = new Turns()
  private readonly sums = new Sums()

  constructor(options: SamplingOptions) {
    this.options = options
  }

  // --- who there is ------------------------------------------------------------

  enter(id: number, observed: Observed): void {
    const member = new Member(id, observed, this.options.now())
    this.members.set(id, member)
    this.newest.set(member.name, member)
    this.turns.enter(member)
    this.sums.add(member)
    this.fleet.rearrange()
    this.count(member, 1)
    this.dirty.add(member)
    member.stop = observed.listen((event) => this.happened(member, event))
  }

  leave(id: number): void {
    const member = this.members.get(id)
    if (member === undefined) return
    this.readFigures(member, this.options.now())
    member.stop()
    member.isGone = true
    this.members.delete(id)
    if (this.newest.get(member.name) === member) this.newest.delete(member.name)
    for (const some of [this.dirty, this.moved, this.pulsed]) some.delete(member)
    this.turns.leave(member)
    this.sums.remove(member)
    this.gone.push(member)
    this.fleet.rearrange()
    this.count(member, -1)
  }

  end(): void {
    for (const { stop } of this.members.values()) stop()
    this.members.clear()
    this.newest.clear()
    for (const some of [this.dirty, this.moved, this.pulsed, this.troubled]) some.clear()
  }

  private happened(member: Member, event: ConnectionEvent): void {
    if (member.happened(event)) this.dirty.add(member)
    else if (event._tag === "PulseSeen") this.pulsed.add(member)
  }

  // --- what changed ------------------------------------------------------------

  /** Reads the state of those that reported something since the last time. */
  batch(): Batch {
    const now = this.options.now()
    const { dirty } = this
    const gone = this.gone.splice(0)
    this.dirty = new Set()
    for (const member of dirty) {
      this.look(member, now)
      this.moved.add(member)
    }
    this.fleet.advance()
    return { dirty, gone, moved: dirty, pulsed: none }
  }

  /** The same, with all whose place may be another since this was last asked for. */
  settle(): Batch {
    const { dirty, gone } = this.batch()
    const { moved, pulsed } = this
    this.moved = new Set()
    this.pulsed = new Set()
    return { dirty, gone, moved, pulsed }
  }

  /** Measures all of them. */
  measure(): void {
    const now = this.options.now()
    for (const member of this.members.values()) this.measureOne(member, now)
    this.history.mark(now)
  }

  /** Measures those that somebody sees, and a part of the others in turn: the figures of ten thousand take time. */
  measureSome(seen: Iterable<Member>): void {
    const now = this.options.now()
    for (const member of this.turns.take(measuredAtMost)) this.measureOne(member, now)
    for (const member of seen) this.measureOne(member, now)
    this.history.mark(now)
  }

  /** Its state too: not every change of that is an event. */
  private measureOne(member: Member, now: number): void {
    if (member.isGone) return
    if (this.look(member, now)) this.dirty.add(member)
    if (this.readFigures(member, now)) this.moved.add(member)
  }

  private readFigures(member: Member, now: number): boolean {
    const { gaps, losses } = member
    this.sums.remove(member)
    const isNew = member.measure(now)
    this.sums.add(member)
    this.history.add(member.gaps - gaps, member.losses - losses)
    return isNew
  }

  private look(member: Member, now: number): boolean {
    if (!member.isOther) return false
    const { code } = member
    this.sums.remove(member)
    this.count(member, -1)
    member.look(now)
    this.count(member, 1)
    this.sums.add(member)
    if (member.code !== code) this.fleet.change(member)
    return true
  }

  private count(member: Member, change: 1 | -1): void {
    this.counts[member.code] = (this.counts[member.code] ?? 0) + change
    if (change === 1 && member.isInTrouble) this.troubled.add(member)
    else this.troubled.delete(member)
  }

  /** Explains those that somebody sees. */
  explain(seen: Iterable<Member>): void {
    for (const member of seen) this.explainOne(member)
  }

  /** Explains those that somebody sees, and some of the others that are in trouble. */
  explainAll(seen: Iterable<Member>): void {
    this.explain(seen)
    let left = explainedAtMost
    for (const member of this.troubled) {
      if (left === 0) return
      if (member.isExplained) continue
      this.explainOne(member)
      left--
    }
  }

  private explainOne(member: Member): void {
    if (member.isExplained || member.isGone) return
    const found = this.newest.get(member.name) === member ? this.options.explain(member.name) : undefined
    this.sums.remove(member)
    member.explained(found)
    this.sums.add(member)
    this.moved.add(member)
    if (found === undefined) return
    if (member.rtts === undefined && found.rtt !== undefined) member.rtts = [found.rtt]
    if (member.isSinceGuessed && found.changedAt !== undefined) member.since = found.changedAt
  }

  isNewest(member: Member): boolean {
    return this.newest.get(member.name) === member
  }

  // --- what is said of all -----------------------------------------------------

  totals(): Omit<Totals, "t" | "breakersOpen" | "loopDelay"> {
    return {
      now: this.options.now(),
      connections: this.members.size,
      states: Object.fromEntries(states.map((state, code) => [state, this.counts[code]])) as Record<StateName, number>,
      ...this.sums.all,
      ...this.history.lastHour
    }
  }

  /** How far viewers have been told of the cells who were told everything. */
  get step(): Step {
    return this.fleet.last(this.members)
  }

  /** What is new of the cells since a step; all of them without one, `undefined` for nothing. */
  cells(since: Step | undefined): FleetFrame | CellsFrame | undefined {
    return this.fleet.news(this.members, since)
  }
}

const none: ReadonlySet<Member> = new Set()

/** What a batch found. */
export interface Batch {
  readonly dirty: ReadonlySet<Member>
  /** Those that ended. */
  readonly gone: ReadonlyArray<Member>
  /** Those whose row may be at another place: the dirty ones, and once a second all others too. */
  readonly moved: ReadonlySet<Member>
  /** The same, if rows are in the order of round-trip times. */
  readonly pulsed: ReadonlySet<Member>
}
