/**
 * What the store does, as plain code: tables in memory, one function for each
 * verb, and the time as an argument. The store in memory runs it; the SQL must do
 * the same, and one conformance suite holds both to it.
 */
import * as Equal from "effect/Equal"
import type {
  Block,
  Breaker,
  Busy,
  Claim,
  Claimed,
  Handover,
  Note,
  Notice,
  Parked,
  Renewed,
  Selection,
  Standing,
  Take,
  Taken,
  Wish,
  Wished
} from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"

interface LeaseRow {
  readonly epoch: number
  readonly holder: string | undefined
  /** Who held it last, released or not. */
  readonly last: string
  readonly aliveAt: number
  readonly expiresAt: number
  readonly wantedBy: string | undefined
  /** A lease before, whose holder may go on. */
  readonly overlap: { readonly holder: string; readonly epoch: number; readonly until: number } | undefined
}

interface NoteRow extends Note {
  readonly bucket: string
  readonly epoch: number
}

interface ParkedRow extends Omit<Parked, "ttl"> {
  readonly bucket: string
  /** The epoch of the lease that put it there. */
  readonly epoch: number
  readonly expiresAt: number
  /** The epoch of the one lease that may have it. */
  readonly taken: number | undefined
}

interface BlockRow {
  readonly key: string
  readonly permits: number
  /** When the server has seen the last dial of it. */
  readonly seenBy: number
  readonly window: number
}

interface BreakerRow {
  /** How many dials failed in a row. */
  readonly failures: number
  /** How often in a row that held the key. */
  readonly level: number
  /** Until when one dial tries for all. */
  readonly probeUntil: number
}

export interface Tables {
  readonly leases: Map<string, LeaseRow>
  readonly wishes: Map<string, Wished>
  readonly outbox: Map<string, ParkedRow>
  readonly notes: Map<string, NoteRow>
  readonly blocks: Map<string, BlockRow>
  readonly holds: Map<string, number>
  readonly breakers: Map<string, BreakerRow>
  /** Where notices go. */
  readonly tell: (notice: Notice) => void
  version: number
  blockIds: number
}

export const empty = (tell: Tables["tell"] = () => {}): Tables => ({
  tell,
  leases: new Map(),
  wishes: new Map(),
  outbox: new Map(),
  notes: new Map(),
  blocks: new Map(),
  holds: new Map(),
  breakers: new Map(),
  version: 0,
  blockIds: 0
})

/** The same rows in other maps; rows are never changed in place. */
export const copy = (tables: Tables): Tables => ({
  tell: tables.tell,
  leases: new Map(tables.leases),
  wishes: new Map(tables.wishes),
  outbox: new Map(tables.outbox),
  notes: new Map(tables.notes),
  blocks: new Map(tables.blocks),
  holds: new Map(tables.holds),
  breakers: new Map(tables.breakers),
  version: tables.version,
  blockIds: tables.blockIds
})

// -------------------------------------------------------------------- leases

const isFree = (row: LeaseRow, now: number, holder: string): boolean =>
  row.holder === undefined || row.holder === holder || row.expiresAt < now

const lasting = (row: LeaseRow | undefined, now: number): LeaseRow["overlap"] =>
  row?.overlap !== undefined && row.overlap.until > now ? row.overlap : undefined

export const claim = (tables: Tables, now: number, { buckets, holder, ttl }: Claim) => {
  const claimed: Array<Claimed> = []
  const busy: Array<Busy> = []
  for (const bucket of buckets) {
    const row = tables.leases.get(bucket)
    if (row !== undefined && !isFree(row, now, holder)) {
      tables.leases.set(bucket, { ...row, wantedBy: holder })
      if (row.wantedBy !== holder) tables.tell({ _tag: "Wanted", holder: row.last })
      busy.push({ bucket, holder: row.last })
      continue
    }
    const epoch = (row?.epoch ?? 0) + 1
    const overlap = lasting(row, now)
    tables.leases.set(bucket, {
      epoch,
      holder,
      last: holder,
      aliveAt: now,
      expiresAt: now + ttl,
      wantedBy: undefined,
      overlap
    })
    const silence = row === undefined ? undefined : now - row.aliveAt
    claimed.push({
      bucket,
      epoch,
      holder,
      before: row?.last,
      silence,
      overlap: overlap && { epoch: overlap.epoch, millis: overlap.until - now }
    })
  }
  return { claimed, busy }
}

const isOverlap = (row: LeaseRow | undefined, { epoch, holder }: Lease): boolean =>
  row?.overlap?.epoch === epoch && row.overlap.holder === holder

/** The row of a lease that is in force and not another's. */
const liveRow = (tables: Tables, now: number, lease: Lease): LeaseRow | undefined => {
  const row = ownRow(tables, lease)
  return row === undefined || row.expiresAt <= now ? undefined : row
}

const ownRow = (tables: Tables, { bucket, epoch, holder }: Lease): LeaseRow | undefined => {
  const row = tables.leases.get(bucket)
  return row?.holder === holder && row.epoch === epoch ? row : undefined
}

export const renew = (
  tables: Tables,
  now: number,
  leases: ReadonlyArray<Lease>,
  ttl: number
): ReadonlyArray<Renewed> => {
  const renewed: Array<Renewed> = []
  for (const lease of leases) {
    const row = liveRow(tables, now, lease)
    if (row === undefined) continue
    tables.leases.set(lease.bucket, { ...row, aliveAt: now, expiresAt: now + ttl })
    renewed.push({ bucket: lease.bucket, epoch: lease.epoch, wantedBy: row.wantedBy })
  }
  return renewed
}

const tellFreed = ({ tell }: Tables, { wantedBy }: LeaseRow): void => {
  if (wantedBy !== undefined) tell({ _tag: "Freed", holder: wantedBy })
}

export const release = (tables: Tables, now: number, leases: ReadonlyArray<Lease>): void => {
  for (const lease of leases) {
    const known = tables.leases.get(lease.bucket)
    if (isOverlap(known, lease)) tables.leases.set(lease.bucket, { ...known!, overlap: undefined })
    const row = ownRow(tables, lease)
    if (row === undefined) continue
    const aliveAt = Math.min(now, row.expiresAt)
    tables.leases.set(lease.bucket, { ...row, holder: undefined, aliveAt, expiresAt: now, wantedBy: undefined })
    tellFreed(tables, row)
  }
}

export const standings = (tables: Tables, now: number): ReadonlyArray<Standing> =>
  [...tables.leases].map(([bucket, { epoch, expiresAt, holder }]) => ({
    bucket,
    epoch,
    holder: expiresAt < now ? undefined : holder
  }))

// -------------------------------------------------------------------- wishes

const says = (wished: Wished, wish: Wish): boolean => {
  const { cursor: _, cursorEpoch: __, version: ___, ...known } = wished
  return Equal.equals(known, { ...wish })
}

export const put = (tables: Tables, wishes: ReadonlyArray<Wish>): void => {
  const news = wishes.filter((wish) => {
    const known = tables.wishes.get(wish.name)
    return known === undefined || !says(known, wish)
  })
  if (news.length === 0) return
  const version = ++tables.version
  tables.tell({ _tag: "Wishes" })
  for (const wish of news) {
    const known = tables.wishes.get(wish.name)
    tables.wishes.set(wish.name, { ...wish, version, cursor: known?.cursor, cursorEpoch: known?.cursorEpoch })
  }
}

export const remove = (tables: Tables, names: ReadonlyArray<string>): void => {
  const gone = names.filter((name) => tables.wishes.delete(name))
  if (gone.length === 0) return
  tables.version++
  tables.tell({ _tag: "Wishes" })
}

export const pause = (tables: Tables, names: ReadonlyArray<string>, paused: boolean): void =>
  put(
    tables,
    names.flatMap((name) => {
      const known = tables.wishes.get(name)
      if (known === undefined) return []
      const { cursor: _, cursorEpoch: __, version: ___, ...wish } = known
      return [{ ...wish, paused }]
    })
  )

export const select = (tables: Tables, { buckets, kind, names, tag }: Selection): ReadonlyArray<Wished> => {
  const wanted = names === undefined ? undefined : new Set(names)
  const inside = buckets === undefined ? undefined : new Set(buckets)
  return [...tables.wishes.values()].filter(
    (wish) =>
      (wanted === undefined || wanted.has(wish.name)) &&
      (inside === undefined || inside.has(wish.bucket)) &&
      (kind === undefined || wish.kind === kind) &&
      (tag === undefined || wish.tags.includes(tag))
  )
}

export const saveCursors = (
  tables: Tables,
  now: number,
  lease: Lease,
  cursors: ReadonlyArray<{ readonly name: string; readonly value: unknown }>
): ReadonlyArray<string> => {
  if (liveRow(tables, now, lease) === undefined) return []
  const kept: Array<string> = []
  for (const { name, value } of cursors) {
    const wish = tables.wishes.get(name)
    if (wish?.bucket !== lease.bucket) continue
    tables.wishes.set(name, { ...wish, cursor: value, cursorEpoch: lease.epoch })
    kept.push(name)
  }
  return kept
}

// ------------------------------------------------------------------ outboxes

export const putParked = (tables: Tables, now: number, lease: Lease, parked: ReadonlyArray<Parked>): void => {
  if (liveRow(tables, now, lease) === undefined) return
  const { bucket, epoch } = lease
  for (const { item, name, position, ttl } of parked) {
    const key = JSON.stringify([name, epoch, position])
    if (tables.outbox.has(key)) continue
    const expiresAt = ttl === undefined ? Infinity : now + ttl
    tables.outbox.set(key, { bucket, epoch, name, position, item, expiresAt, taken: undefined })
  }
}

export const takeParked = (tables: Tables, now: number, leases: ReadonlyArray<Lease>): ReadonlyArray<Taken> => {
  const found: Array<ParkedRow> = []
  for (const lease of leases) {
    if (liveRow(tables, now, lease) === undefined) continue
    for (const [key, row] of tables.outbox) {
      if (row.bucket !== lease.bucket || row.epoch >= lease.epoch) continue
      if ((row.taken ?? lease.epoch) !== lease.epoch || row.expiresAt <= now) tables.outbox.delete(key)
      else {
        tables.outbox.set(key, { ...row, taken: lease.epoch })
        found.push(row)
      }
    }
  }
  return found
    .toSorted((a, b) => (a.name === b.name ? a.epoch - b.epoch || a.position - b.position : a.name < b.name ? -1 : 1))
    .map(({ bucket, expiresAt, item, name, position }) => ({
      bucket,
      name,
      position,
      item,
      ttl: expiresAt === Infinity ? undefined : expiresAt - now
    }))
}

export const forgetParked = (tables: Tables, leases: ReadonlyArray<Lease>): void => {
  const taken = new Set(leases.map(({ bucket, epoch }) => JSON.stringify([bucket, epoch])))
  for (const [key, row] of tables.outbox) {
    if (taken.has(JSON.stringify([row.bucket, row.taken]))) tables.outbox.delete(key)
  }
}

// ----------------------------------------------------------------- handovers

const noteKey = (bucket: string, epoch: number, name: string) => JSON.stringify([bucket, epoch, name])

export const beginOverlap = (
  tables: Tables,
  now: number,
  lease: Lease,
  notes: ReadonlyArray<Note>,
  millis: number
): boolean => {
  const { bucket, epoch, holder } = lease
  const row = liveRow(tables, now, lease)
  if (row === undefined || lasting(row, now) !== undefined) return false
  const overlap = { holder, epoch, until: now + millis }
  tables.leases.set(bucket, { ...row, holder: undefined, aliveAt: now, expiresAt: now, wantedBy: undefined, overlap })
  tellFreed(tables, row)
  for (const [key, note] of tables.notes) if (note.bucket === bucket) tables.notes.delete(key)
  for (const note of notes) tables.notes.set(noteKey(bucket, epoch, note.name), { ...note, bucket, epoch })
  return true
}

export const note = (tables: Tables, now: number, lease: Lease, notes: ReadonlyArray<Note>): void => {
  const { bucket, epoch } = lease
  const isLasting = isOverlap(tables.leases.get(bucket), lease) && lasting(tables.leases.get(bucket), now) !== undefined
  if (!isLasting && liveRow(tables, now, lease) === undefined) return
  for (const one of notes) tables.notes.set(noteKey(bucket, epoch, one.name), { ...one, bucket, epoch })
}

export const readHandover = (tables: Tables, now: number, bucket: string): Handover => {
  const row = tables.leases.get(bucket)
  return {
    holder: row === undefined || row.expiresAt < now ? undefined : row.holder,
    overlap: lasting(row, now)?.epoch,
    notes: [...tables.notes.values()]
      .filter((one) => one.bucket === bucket)
      .map(({ epoch, name, value }) => ({ epoch, name, value }))
  }
}

// ------------------------------------------------------------------- permits

const breakerOf = (tables: Tables, key: string): BreakerRow =>
  tables.breakers.get(key) ?? { failures: 0, level: 0, probeUntil: 0 }

/** How long dials of a key are kept back for all: by a hold, and by one that tries for all. */
export const keptBack = (tables: Tables, now: number, key: string) => ({
  held: Math.max(0, (tables.holds.get(key) ?? now) - now),
  probed: Math.max(0, breakerOf(tables, key).probeUntil - now)
})

export const take = (tables: Tables, now: number, { key, limit, want, window, within }: Take): Block => {
  const breaker = breakerOf(tables, key)
  const { held, probed } = keptBack(tables, now, key)
  if (held > 0 || probed > 0) return { _tag: "Wait", millis: Math.max(held, probed) }
  let used = 0
  let next = Infinity
  for (const [id, row] of tables.blocks) {
    if (row.key !== key) continue
    const over = row.seenBy + row.window
    if (over <= now) tables.blocks.delete(id)
    else {
      used += row.permits
      next = Math.min(next, over)
    }
  }
  const isProbe = breaker.level > 0
  const permits = Math.min(isProbe ? 1 : want, limit - used)
  if (permits <= 0) return { _tag: "Wait", millis: next - now }
  if (isProbe) tables.breakers.set(key, { ...breaker, probeUntil: now + within })
  const id = String(++tables.blockIds)
  tables.blocks.set(id, { key, permits, seenBy: now + within, window })
  return { _tag: "Granted", id, permits, failures: breaker.failures }
}

export const settle = (tables: Tables, now: number, id: string, unused: number): void => {
  const row = tables.blocks.get(id)
  if (row === undefined) return
  if (row.permits <= unused) tables.blocks.delete(id)
  else tables.blocks.set(id, { ...row, permits: row.permits - unused, seenBy: Math.min(row.seenBy, now) })
}

export const hold = (tables: Tables, now: number, key: string, millis: number): void => {
  const until = tables.holds.get(key) ?? 0
  if (now + millis <= until) return
  tables.holds.set(key, now + millis)
  tables.tell({ _tag: "Held", key })
}

/** How long a key is held after another failure; 0 when it is not. */
export const cooldownOf = (
  { failures, level }: Pick<BreakerRow, "failures" | "level">,
  { cooldown, failures: enough, maxCooldown }: Breaker
): number => (level === 0 && failures < enough ? 0 : Math.min(maxCooldown, cooldown * 2 ** level))

export const failed = (tables: Tables, now: number, key: string, breaker: Breaker): number => {
  // Dials that were under way when it opened say nothing new.
  if ((tables.holds.get(key) ?? now) > now) return 0
  const { failures, level, probeUntil } = breakerOf(tables, key)
  const row = { failures: failures + 1, level, probeUntil }
  const millis = cooldownOf(row, breaker)
  if (millis > 0) hold(tables, now, key, millis)
  tables.breakers.set(key, millis > 0 ? { ...row, level: level + 1, probeUntil: 0 } : row)
  return millis
}

export const worked = (tables: Tables, key: string): boolean => {
  const { level } = breakerOf(tables, key)
  tables.breakers.delete(key)
  return level > 0
}
