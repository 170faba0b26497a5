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

/** Rows that are asked for beyond the visible ones: more of them where the scrolling goes. */
const behind = 30
const onward = 130
/** So near to the edge of the window, the next one is asked for. */
const near = 25
/** How long an answer is waited for before the next question, in milliseconds. */
const patience = 500

interface Sight {
  readonly first: number
  readonly last: number
}

let sight: Sight = { first: 0, last: 0 }
/** When the present window was asked for; until its answer there is one question at a time. */
let askedAt = -patience
let isAnswered = true

const isInside = ({ first, last }: Sight): boolean => {
  const { from, to } = view.value
  return (from === 0 || first - near >= from) && (to >= table.value.total || last + near <= to)
}

const askFor = ({ first, last }: Sight): void => {
  const { from, to } = view.value
  const isDown = first + last >= from + to
  const start = Math.max(0, first - (isDown ? behind : onward))
  isAnswered = false
  askedAt = performance.now()
  view.value = { ...view.value, from: start, to: Math.min(start + maxRows, last + (isDown ? onward : behind)) }
}

/** Asks for other rows when the visible ones come near the edge of the window. */
export const lookAt = (first: number, last: number): void => {
  sight = { first, last }
  const mayAsk = isAnswered || performance.now() - askedAt > patience
  if (mayAsk && !isInside(sight)) askFor(sight)
}

/** Rows have come: those that were asked for, or the newest of the window before. */
export const answered = (from: number): void => {
  if (from !== view.value.from) return
  isAnswered = true
  if (!isInside(sight)) askFor(sight)
}

/** The place of the selected row. */
export const selected = signal(0)
/** Its connection, which the selection follows when the order changes. */
let selectedId: number | undefined

export const selectedRow = (): Row | undefined => table.value.rows.get(selected.value)

export const selectPlace = (place: number): void => {
  const { rows, total } = table.value
  const next = Math.max(0, Math.min(place, total - 1))
  selectedId = rows.get(next)?.id
  selected.value = next
}

/** After new rows: the selection stays with its connection where that is in sight, else with its place. */
export const followSelection = (): void => {
  const { rows, total } = table.value
  if (rows.get(selected.value)?.id === selectedId && selectedId !== undefined) return
  for (const [place, row] of rows) if (row.id === selectedId) return void (selected.value = place)
  selectPlace(Math.min(selected.value, total - 1))
}
