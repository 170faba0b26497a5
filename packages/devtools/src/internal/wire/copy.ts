/** How a page keeps what it is sent as changes: the fleet and the rows after each frame. */
import type { CellsFrame, Changes, FleetFrame, Frame, Row, RowChange, Rows } from "./wire.ts"

/** Of a page that stands still, a newer frame of these takes an older one's place; the number shows where it builds on that. */
const kinds: Readonly<Partial<Record<Frame["t"], string>>> = {
  totals: "totals",
  fleet: "fleet",
  cells: "fleet",
  rows: "rows",
  changes: "rows",
  detail: "detail",
  budget: "budget"
}

export const kindOf = ({ t }: Frame): string | undefined => kinds[t]

/** Without a frame yet. */
const never = -1

export interface Fleet {
  readonly at: number
  readonly order: number
  readonly ids: ReadonlyArray<number>
  readonly cells: string
}

export const noFleet: Fleet = { at: never, order: never, ids: [], cells: "" }

/** The fleet after a frame; `undefined` when one before it is missing. */
export const fleetAfter = (fleet: Fleet, frame: FleetFrame | CellsFrame): Fleet | undefined => {
  const { at } = frame
  if (frame.t === "cells") return at === fleet.at + 1 ? { ...fleet, at, cells: written(fleet.cells, frame) } : undefined
  const { cells, order } = frame
  if (frame.ids !== undefined) return { at, order, ids: frame.ids, cells }
  return order === fleet.order ? { ...fleet, at, cells } : undefined
}

const written = (text: string, { cells }: CellsFrame): string => {
  const codes = text.split("")
  for (const [cell, state] of cells) codes[cell] = String(state)
  return codes.join("")
}

/** The rows of the last window. */
export interface Window {
  readonly at: number
  readonly from: number
  readonly total: number
  readonly rows: ReadonlyArray<Row>
}

export const noWindow: Window = { at: never, from: 0, total: 0, rows: [] }

/** The window after a frame; `undefined` when one before it is missing. */
export const windowAfter = (window: Window, frame: Rows | Changes): Window | undefined => {
  const { at, from, total } = frame
  if (frame.t === "rows") return { at, from, total, rows: frame.rows }
  if (at !== window.at + 1) return undefined
  const known = new Map(window.rows.map((row) => [row.id, row]))
  const rows = frame.rows.map((change) =>
    typeof change === "number" ? known.get(change) : changed(known.get(change.id), change)
  )
  return rows.every((row) => row !== undefined) ? { at, from, total, rows } : undefined
}

/** A row that nothing is known of is one only with its name. */
const changed = (row: Row | undefined, change: RowChange): Row | undefined => {
  if (row === undefined && change.name === undefined) return undefined
  const now: Record<string, unknown> = { ...row, ...change }
  for (const key in change) now[key] ??= undefined
  return now as unknown as Row
}
