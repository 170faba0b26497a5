/**
 * All connections that are observed, in their groups. Exporters read series one
 * by one; the first one that they read adds everything up.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type { Observed } from "kharbranth/ConnectionObserver"
import { Group } from "./group.ts"
import { type KeyOptions, Keys } from "./keys.ts"
import { Member, type MemberFleet } from "./member.ts"
import { type Attributes, type Cell, type Registry, SeriesSet } from "./series.ts"

/** Something else to be brought up to date for a reading. */
export type Source = () => void

export class Fleet implements MemberFleet, Registry {
  readonly context: Context.Context<never>
  readonly sessionBegan: MemberFleet["sessionBegan"]
  private readonly clock: Clock.Clock
  private readonly keys: Keys
  private readonly perConnection: boolean
  private readonly members = new Set<Member>()
  private readonly sources = new Set<Source>()
  private readonly groups = new Map<string, Group>()
  private readonly sets = new Set<SeriesSet>()
  /** How often everything was added up. */
  private readings = 0
  /** It was in this turn. */
  private isFresh = false

  constructor(context: Context.Context<never>, options: KeyOptions, sessionBegan: MemberFleet["sessionBegan"]) {
    this.context = context
    this.sessionBegan = sessionBegan
    this.clock = Context.get(context, Clock.Clock)
    this.keys = new Keys(options)
    this.perConnection = options.perConnection > 0
  }

  // --- who belongs to it -------------------------------------------------------

  readonly observe = (connection: Observed): Member => {
    const member = new Member(connection, this)
    this.members.add(member)
    return member
  }

  left(member: Member): void {
    this.members.delete(member)
    this.keys.forget(member.connection.name)
  }

  /** Counters of a group outlast its connections. Those of a single one would be series without end. */
  emptied(group: Group): void {
    if (!this.perConnection || group.members > 0) return
    group.series.remove()
    this.groups.delete(group.key)
  }

  groupOf(connection: Observed, origin: string | undefined): Group {
    const attributes = this.keys.attributesOf(connection, origin)
    const key = JSON.stringify(attributes)
    const known = this.groups.get(key)
    if (known !== undefined) return known
    const group = new Group(this, key, attributes)
    this.groups.set(key, group)
    return group
  }

  /** Series that a source of its own keeps up to date, until the function it returns is called. */
  watch(attributes: Attributes, sourceOf: (series: SeriesSet) => Source): () => void {
    const series = new SeriesSet(this, attributes)
    const source = sourceOf(series)
    this.sets.add(series)
    this.sources.add(source)
    return () => {
      this.sets.delete(series)
      this.sources.delete(source)
      series.remove()
    }
  }

  // --- time --------------------------------------------------------------------

  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1e9
  }

  // --- readings ----------------------------------------------------------------

  /** A reading goes through all series within one turn, so one that is read twice is in a new reading. */
  readonly refresh = (cell: Cell): void => {
    if (!this.isFresh || cell.seen === this.readings) this.addUp()
    cell.seen = this.readings
  }

  private addUp(): void {
    this.readings++
    this.isFresh = true
    queueMicrotask(() => {
      this.isFresh = false
    })
    for (const group of this.groups.values()) group.clear()
    const wall = this.clock.currentTimeMillisUnsafe()
    for (const member of this.members) member.read(wall)
    for (const source of this.sources) source()
  }

  /** Nothing of it is left in the registry. */
  end(): void {
    for (const { series } of this.groups.values()) series.remove()
    for (const series of this.sets) series.remove()
  }
}
