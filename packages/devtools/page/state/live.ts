/** What the program said last, as signals. `hear` is the one place where a frame changes them. */
import { batch, signal } from "@preact/signals"
import * as Copy from "../../src/internal/wire/copy.ts"
import type {
  Budget,
  CellsFrame,
  Changes,
  Detail,
  FleetFrame,
  Frame,
  Hello,
  Outcome,
  Row,
  Rows,
  Totals
} from "../../src/internal/wire/wire.ts"
import { gauge, type Readings, sampled } from "./history.ts"

/** How the page stands to the program. */
export type Link =
  | { readonly is: "none" }
  | { readonly is: "dialing" }
  | { readonly is: "live" }
  | { readonly is: "retrying" }
  | { readonly is: "away" }
  /** The program does not know this browser's cookie. */
  | { readonly is: "refused" }
  /** The program speaks another version of the wire. */
  | { readonly is: "differs" }
  | { readonly is: "broken"; readonly text: string }

export const link = signal<Link>({ is: "dialing" })
/** A dial that is under way does not hide why the last one was turned away. */
export const stand = (next: Link): void => {
  const { is } = link.value
  if (next.is !== "retrying" || (is !== "refused" && is !== "differs")) link.value = next
}

export const hello = signal<Hello | undefined>(undefined)
export const totals = signal<Totals | undefined>(undefined)
export const fleet = signal(Copy.noFleet)
export const budget = signal<Budget | undefined>(undefined)
export const detail = signal<Detail | undefined>(undefined)
/** The connection that was followed until it ended. */
export const gone = signal<number | undefined>(undefined)
/** The last figures of the connection that is followed. */
export const readings = signal<Readings>([])

export interface Window {
  readonly total: number
  /** Rows by their place, those near the last window. */
  readonly rows: ReadonlyMap<number, Row>
  /** Where the last window began. */
  readonly from: number
}

export const table = signal<Window>({ total: 0, rows: new Map(), from: 0 })

/** By how much the program's clock is ahead of this page's. */
let ahead = 0

/** The program's time, in Unix milliseconds. */
export const programNow = (): number => Date.now() + ahead

/** How far from the last window a row is still kept. */
const kept = 400

const place = ({ from, rows, total }: Copy.Window): void => {
  const next = new Map<number, Row>()
  for (const [index, row] of table.value.rows)
    if (index >= from - kept && index < from + rows.length + kept && index < total) next.set(index, row)
  for (const [offset, row] of rows.entries()) next.set(from + offset, row)
  table.value = { total, rows: next, from }
}

const follow = (frame: Detail): void => {
  if (detail.value?.row.id !== frame.row.id) readings.value = []
  detail.value = frame
  gone.value = undefined
  readings.value = sampled(readings.value, gauge(frame.row, programNow()))
}

/** Someone who waits for the answer to a command. */
const waiting = new Map<number, (outcome: Outcome) => void>()
let asked = 0

/** Names a question, whose answer `answered` gets. */
export const ask = (answered: (outcome: Outcome) => void): number => {
  waiting.set(++asked, answered)
  return asked
}

const answer = (outcome: Outcome): void => {
  waiting.get(outcome.ask)?.(outcome)
  waiting.delete(outcome.ask)
}

/** How often the program was to send cells and rows whole. */
export const again = signal(0)

/** Of what a frame is missing. */
const behind = new Set<"cells" | "rows">()
/** When it was last asked, in Unix milliseconds of the program. */
let askedAt = -Infinity
/** How long an answer is waited for before the same question, in milliseconds. */
const patience = 1000

const catchUp = (): void => {
  const now = totals.value?.now ?? 0
  if (behind.size === 0 || Math.abs(now - askedAt) < patience) return
  askedAt = now
  again.value++
}

const colour = (frame: FleetFrame | CellsFrame): void => {
  const next = Copy.fleetAfter(fleet.value, frame)
  if (next === undefined) behind.add("cells")
  else {
    behind.delete("cells")
    fleet.value = next
  }
}

/** The rows of the last window, without those around it. */
let latest = Copy.noWindow

const show = (frame: Rows | Changes): void => {
  const next = Copy.windowAfter(latest, frame)
  if (next === undefined) behind.add("rows")
  else {
    behind.delete("rows")
    latest = next
    place(next)
  }
}

const change = (frame: Frame): void => {
  switch (frame.t) {
    case "hello":
      hello.value = frame
      // Another program: its numbers are not those of the last one.
      waiting.clear()
      behind.clear()
      fleet.value = Copy.noFleet
      latest = Copy.noWindow
      askedAt = -Infinity
      break
    case "totals":
      ahead = frame.now - Date.now()
      totals.value = frame
      break
    case "fleet":
    case "cells":
      return colour(frame)
    case "rows":
    case "changes":
      return show(frame)
    case "detail":
      return follow(frame)
    case "gone":
      gone.value = frame.id
      break
    case "budget":
      budget.value = frame
      break
    case "outcome":
      return answer(frame)
  }
}

export const hear = (frame: Frame): void =>
  batch(() => {
    change(frame)
    // Also after the totals, which come every second.
    catchUp()
  })
