/**
 * The rows that are in sight, at their places in a body as high as all rows
 * together. Every row has the same height, so a scroll position is a place.
 */
import { useSignal, useSignalEffect } from "@preact/signals"
import { Component } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import type { Row } from "../../src/internal/wire/wire.ts"
import { table } from "../state/live.ts"
import { go } from "../state/route.ts"
import { lookAt, selected, selectPlace, sortBy, view } from "../state/view.ts"
import { type TableColumn, tableColumns } from "./columns.tsx"

/** As the stylesheet's `--row`. */
const rowHeight = 26

/** Rows above and below that are ready before they are in sight. */
const ready = 8

const HeadCell = ({ column: { isNumber, sort, title } }: { readonly column: TableColumn }) => {
  const { descending, sort: current } = view.value
  const isSorted = sort !== undefined && sort === current
  return (
    <div
      role="columnheader"
      data-number={isNumber}
      aria-sort={isSorted ? (descending ? "descending" : "ascending") : undefined}
    >
      {sort === undefined ? (
        title
      ) : (
        <button type="button" onClick={() => sortBy(sort)}>
          {title}
        </button>
      )}
    </div>
  )
}

interface RowProps {
  readonly place: number
  readonly row: Row | undefined
  readonly isSelected: boolean
}

class BodyRow extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { isSelected, place, row } = this.props
    return next.row !== row || next.place !== place || next.isSelected !== isSelected
  }

  readonly open = (): void => {
    const { place, row } = this.props
    selectPlace(place)
    if (row !== undefined) go({ page: "connection", id: row.id })
  }

  override render() {
    const { isSelected, place, row } = this.props
    return (
      <div
        role="row"
        id={`row-${place}`}
        aria-rowindex={place + 2}
        aria-selected={isSelected}
        style={{ top: `${place * rowHeight}px` }}
        onClick={this.open}
      >
        {tableColumns.map(({ cell, isNumber, title }) => (
          <div key={title} role="gridcell" data-number={isNumber} data-column={title}>
            {row === undefined ? null : cell(row)}
          </div>
        ))}
      </div>
    )
  }
}

const reach = (box: HTMLElement) => ({
  first: Math.floor(box.scrollTop / rowHeight),
  // The head takes the place of one row.
  visible: Math.max(1, Math.floor(box.clientHeight / rowHeight) - 1)
})

/** Scrolls as far as it takes to see a row. */
const reveal = (box: HTMLElement, place: number): void => {
  const { first, visible } = reach(box)
  const isAbove = place < Math.ceil(box.scrollTop / rowHeight)
  if (isAbove) box.scrollTop = place * rowHeight
  else if (place >= first + visible) box.scrollTop = (place - visible + 1) * rowHeight
}

export const Table = () => {
  const ref = useRef<HTMLDivElement>(null)
  const sight = useSignal({ first: 0, visible: 40 })

  const look = () => {
    const next = reach(ref.current!)
    if (next.first !== sight.value.first || next.visible !== sight.value.visible) sight.value = next
    lookAt(next.first, next.first + next.visible)
  }
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(look)
    sizes.observe(ref.current!)
    return () => sizes.disconnect()
  }, [])
  useSignalEffect(() => reveal(ref.current!, selected.value))

  const { rows, total } = table.value
  const from = Math.max(0, sight.value.first - ready)
  const to = Math.min(total, sight.value.first + sight.value.visible + ready + 1)
  const places = Array.from({ length: Math.max(0, to - from) }, (_, offset) => from + offset)
  return (
    <div
      ref={ref}
      class="table"
      role="grid"
      aria-label="Connections"
      aria-rowcount={total + 1}
      aria-activedescendant={total > 0 ? `row-${selected.value}` : undefined}
      tabIndex={0}
      onScroll={look}
    >
      <div role="row" class="head" aria-rowindex={1}>
        {tableColumns.map((column) => (
          <HeadCell key={column.title} column={column} />
        ))}
      </div>
      <div role="rowgroup" class="body" style={{ height: `${total * rowHeight}px` }}>
        {places.map((place) => (
          <BodyRow key={place} place={place} row={rows.get(place)} isSelected={place === selected.value} />
        ))}
      </div>
    </div>
  )
}
