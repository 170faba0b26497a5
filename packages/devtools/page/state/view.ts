/** What of the fleet the table shows: order, filter, window; and which row is selected. */
import { batch, signal } from "@preact/signals"
import { type Column, maxRows, type Row, type StateName, type View } from "../../src/internal/wire/wire.ts"
import { table } from "./live.ts"

/** Trouble first: that is what one comes for. */
export const view = signal<View>({ sort: "state", descending: true, text: "", states: [], from: 0, to: 100 })

/** A new order or filter begins at the top. */
const restart = (change: Partial<View>): void => {
  view.value = { ...view.value, from: 0, to: 100, ...change }
  selectPlace(0)
}

export const sortBy = (sort: Column): void =>
  batch(() => {
    const { descending, sort: current } = view.value
    // Names read downwards; of figures, the largest are of interest.
    restart({ sort, descending: sort === current ? !descending : !["name", "next"].includes(sort) })
  })

export const filterText = (text: string): void => batch(() => restart({ text }))

export const toggleState = (state: StateName): void =>
  batch(() => {
    const { states } = view.value
    restart({ states: states.includes(state) ? states.filter((other) => other !== state) : [...states, state] })
  })

export const clearFilter = (): void => batch(() => restart({ text: "", states: [] }))

/** Rows beyond the visible ones that are asked for too. */
const margin = 60

/** Asks for other rows when the visible ones come near the edge of the window. */
export const lookAt = (first: number, last: number): void => {
  const { from, to } = view.value
  const { total } = table.value
  const near = margin / 3
  const isInside = (first - near >= from || from === 0) && (last + near <= to || to >= total)
  if (isInside) return
  const start = Math.max(0, first - margin)
  view.value = { ...view.value, from: start, to: Math.min(start + maxRows, last + margin) }
}

/** The place of the selected row. */
export const selected = signal(0)
/** Its connection, which the selection follows when the order changes. */
let selectedId: number | undefined

export const selectedRow = (): Row | undefined => table.value.rows.get(selected.value)

export const selectPlace = (place: number): void => {
  const { rows, total } = table.value
  selected.value = Math.max(0, Math.min(place, total - 1))
  selectedId = rows.get(selected.value)?.id
}

/** After new rows: the selection stays with its connection where that is in sight, else with its place. */
export const followSelection = (): void => {
  const { rows, total } = table.value
  if (rows.get(selected.value)?.id === selectedId && selectedId !== undefined) return
  for (const [place, row] of rows) if (row.id === selectedId) return void (selected.value = place)
  selectPlace(Math.min(selected.value, total - 1))
}
