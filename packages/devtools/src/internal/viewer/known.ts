/** What a viewer knows of the rows of its window, so that it is sent only what is new in them. */
import type { Member } from "../fleet/member.ts"
import { rowOf } from "../fleet/row.ts"
import type { Window } from "../fleet/window.ts"
import type { Changes, Row, RowChange, Rows } from "../wire/wire.ts"

interface Known {
  readonly row: Row
  /** The member's count of changes when the row was made. */
  readonly changes: number
}

/** The same value, or the same list or counts once more. */
const isSame = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  const [before, now] = [Object.entries(a), Object.entries(b)]
  return before.length === now.length && before.every(([key, value], n) => key === now[n]?.[0] && value === now[n][1])
}

/** What is new in a row; only its number where nothing is. */
const news = (before: Row, row: Row): number | RowChange => {
  const change: Record<string, unknown> = {}
  let isNew = false
  for (const key of Object.keys(row) as ReadonlyArray<keyof Row>) {
    if (isSame(before[key], row[key])) continue
    change[key] = row[key] ?? null
    isNew = true
  }
  return isNew ? { id: row.id, ...change } : row.id
}

export class KnownRows {
  /** The rows of the last frame. */
  private known: ReadonlyMap<number, Known> | undefined
  private ids: ReadonlyArray<number> = []
  private from = 0
  private total = 0
  private at = 0

  /** What comes next is whole. */
  forget(): void {
    this.known = undefined
  }

  /** The next frame: it counts as sent. */
  next(window: Window): Rows | Changes {
    const { from, shown, total } = window
    const before = this.known
    const known = new Map<number, Known>()
    const changes = shown.map((member) => this.take(member, before, known))
    this.known = known
    this.ids = shown.map(({ id }) => id)
    this.from = from
    this.total = total
    const at = ++this.at
    if (before !== undefined) return { t: "changes", at, from, total, rows: changes }
    return { t: "rows", at, from, total, rows: Array.from(known.values(), ({ row }) => row) }
  }

  /** Whether there is anything to send. */
  isBehind({ from, shown, total }: Window): boolean {
    const { ids, known } = this
    if (known === undefined || from !== this.from || total !== this.total || shown.length !== ids.length) return true
    return shown.some(({ changes, id }, n) => id !== ids[n] || known.get(id)?.changes !== changes)
  }

  private take(
    member: Member,
    before: ReadonlyMap<number, Known> | undefined,
    known: Map<number, Known>
  ): number | RowChange {
    const { changes, id } = member
    const was = before?.get(id)
    if (was?.changes === changes) {
      known.set(id, was)
      return id
    }
    const row = rowOf(member)
    known.set(id, { row, changes })
    return was === undefined ? row : news(was.row, row)
  }
}
