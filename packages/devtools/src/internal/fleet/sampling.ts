/**
 * What is known of all connections while somebody looks. A connection that reports
 * an event is read again with the next batch. The figures of those that somebody
 * sees are read once a second, and so are those of a thousand others in turn.
 */
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type { Observed } from "kharbranth/ConnectionObserver"
import { type FleetFrame, type StateName, states, type Totals } from "../wire/wire.ts"
import { Cells } from "./cells.ts"
import { History } from "./history.ts"
import { Member, type Reason } from "./member.ts"

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
  private readonly gone: Array<Member> = []
  private readonly history = new History()
  private readonly fleet = new Cells()
  /** How many there are in each state, as they were last read. */
  private readonly counts = states.map(() => 0)
  private turns = 0
  /** Added up once a second. */
  private sums: Sums = { inRate: 0, outRate: 0, blame: {} }

  constructor(options: SamplingOptions) {
    this.options = options
  }

  // --- who there is ------------------------------------------------------------

  enter(id: number, observed: Observed): void {
    const member = new Member(id, observed, this.options.now())
    this.members.set(id, member)
    this.newest.set(member.name, member)
    this.fleet.rearrange()
    this.count(member.code, 1)
    this.dirty.add(member)
    member.stop = observed.listen((event) => this.happened(member, event))
  }

  leave(id: number): void {
    const member = this.members.get(id)
    if (member === undefined) return
    member.measure(this.options.now())
    this.history.left(member)
    member.stop()
    this.members.delete(id)
    if (this.newest.get(member.name) === member) this.newest.delete(member.name)
    this.dirty.delete(member)
    this.gone.push(member)
    this.fleet.rearrange()
    this.count(member.code, -1)
  }

  end(): void {
    for (const { stop } of this.members.values()) stop()
    this.members.clear()
    this.newest.clear()
    this.dirty.clear()
  }

  private happened(member: Member, event: ConnectionEvent): void {
    if (member.happened(event)) this.dirty.add(member)
  }

  // --- what changed ------------------------------------------------------------

  /** Reads the state of those that reported something since the last time. */
  batch(): Batch {
    const now = this.options.now()
    const { dirty } = this
    const gone = this.gone.splice(0)
    this.dirty = new Set()
    for (const member of dirty) this.look(member, now)
    return { dirty, gone }
  }

  /** Measures all of them. */
  measure(): void {
    const now = this.options.now()
    for (const member of this.members.values()) this.measureOne(member, now)
    this.addUp(now)
  }

  /** Measures those that somebody sees, and a part of the others in turn: the figures of ten thousand take time. */
  measureSome(seen: Iterable<Member>): void {
    const now = this.options.now()
    const parts = Math.max(1, Math.ceil(this.members.size / measuredAtMost))
    const turn = ++this.turns % parts
    for (const member of this.members.values()) if (member.id % parts === turn) this.measureOne(member, now)
    for (const member of seen) if (member.id % parts !== turn) this.measureOne(member, now)
    this.addUp(now)
  }

  /** Its state too: not every change of that is an event. */
  private measureOne(member: Member, now: number): void {
    if (this.look(member, now)) this.dirty.add(member)
    member.measure(now)
  }

  private addUp(now: number): void {
    let inRate = 0
    let outRate = 0
    const blame: Record<string, number> = {}
    for (const member of this.members.values()) {
      inRate += member.inRate
      outRate += member.outRate
      const who = member.blame
      if (who !== undefined) blame[who] = (blame[who] ?? 0) + 1
    }
    this.sums = { inRate, outRate, blame }
    this.history.add(this.members.values(), now)
  }

  private look(member: Member, now: number): boolean {
    const before = member.code
    const isNew = member.look(now)
    if (member.code !== before) {
      this.count(before, -1)
      this.count(member.code, 1)
      this.fleet.change(member)
    }
    return isNew
  }

  private count(code: number, change: 1 | -1): void {
    this.counts[code] = (this.counts[code] ?? 0) + change
  }

  /** Explains those that somebody sees. */
  explain(seen: Iterable<Member>): void {
    for (const member of seen) this.explainOne(member)
  }

  /** Explains those that somebody sees, and some of the others that are in trouble. */
  explainAll(seen: Iterable<Member>): void {
    this.explain(seen)
    let left = explainedAtMost
    for (const member of this.members.values()) {
      if (left === 0) return
      if (!member.isInTrouble || member.isExplained) continue
      this.explainOne(member)
      left--
    }
  }

  private explainOne(member: Member): void {
    if (member.isExplained) return
    const found = this.newest.get(member.name) === member ? this.options.explain(member.name) : undefined
    member.explained(found)
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
      ...this.sums,
      ...this.history.lastHour
    }
  }

  /** The numbers of all, in the order of the cells; another array only when they changed. */
  get order(): ReadonlyArray<number> {
    return this.fleet.order(this.members)
  }

  cells(): FleetFrame["cells"] {
    return this.fleet.text(this.members)
  }
}

type Sums = Pick<Totals, "inRate" | "outRate" | "blame">

/** What a batch found. */
export interface Batch {
  readonly dirty: ReadonlySet<Member>
  /** Those that ended. */
  readonly gone: ReadonlyArray<Member>
}
