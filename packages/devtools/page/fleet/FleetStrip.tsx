/**
 * One cell a connection, in the colour of its state: the sick ones show without
 * scrolling. A click filters the table by the cell's state, as the chip of that state
 * does; a double click leaves the filter as it was and opens the connection.
 */
import { effect } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { states } from "../../src/internal/wire/wire.ts"
import { fleet, totals } from "../state/live.ts"
import { go } from "../state/route.ts"
import { toggleState } from "../state/view.ts"
import { colour, isDark, pen } from "../words/colours.ts"
import { grouped } from "../words/numbers.ts"
import { type Grid, gridOf } from "./grid.ts"

/** What is on the canvas. */
interface Drawn {
  readonly cells: string
  readonly grid: Grid
  readonly isDark: boolean
}

const draw = (canvas: HTMLCanvasElement, width: number, before: Drawn | undefined): Drawn => {
  const now: Drawn = { cells: fleet.value.cells, grid: gridOf(fleet.value.cells.length, width), isDark: isDark.value }
  const { columns, pitch, rows } = now.grid
  const isSame =
    before !== undefined &&
    before.cells.length === now.cells.length &&
    before.grid.columns === columns &&
    before.grid.pitch === pitch &&
    before.isDark === now.isDark
  if (!isSame) canvas.style.height = `${rows * pitch}px`
  const context = pen(canvas, width, rows * pitch)
  if (!isSame) context.clearRect(0, 0, width, rows * pitch)
  const fill = states.map((state) => colour(`--cell-${state}`))
  // The gap is one of the screen's own pixels, so that no edge is blurred.
  const size = pitch - 1 / Math.max(1, Math.floor(devicePixelRatio))
  for (let index = 0; index < now.cells.length; index++) {
    if (isSame && before.cells[index] === now.cells[index]) continue
    context.fillStyle = fill[Number(now.cells[index])] ?? "gray"
    const [x, y] = [(index % columns) * pitch, Math.floor(index / columns) * pitch]
    context.clearRect(x, y, pitch, pitch)
    context.fillRect(x, y, size, size)
  }
  return now
}

/** The cell below the mouse. */
const cellAt = (event: MouseEvent, width: number): number | undefined => {
  const { cells } = fleet.value
  const { columns, pitch } = gridOf(cells.length, width)
  const column = Math.floor(event.offsetX / pitch)
  const index = Math.floor(event.offsetY / pitch) * columns + column
  return column < columns && index < cells.length ? index : undefined
}

const summary = (): string => {
  const now = totals.value
  if (now === undefined) return "the fleet"
  const parts = states.filter((state) => now.states[state] > 0).map((state) => `${grouped(now.states[state])} ${state}`)
  return `${grouped(now.connections)} connections: ${parts.join(", ")}`
}

export const FleetStrip = () => {
  const ref = useRef<HTMLCanvasElement>(null)

  useEffect(() => {
    const canvas = ref.current!
    const box = canvas.parentElement!
    let drawn: Drawn | undefined
    let width = box.clientWidth
    const again = () => {
      drawn = draw(canvas, width, drawn)
    }
    const stop = effect(again)
    const sizes = new ResizeObserver(() => {
      if (box.clientWidth === width) return
      width = box.clientWidth
      drawn = undefined
      again()
    })
    sizes.observe(box)
    return () => {
      stop()
      sizes.disconnect()
    }
  }, [])

  const widthOf = () => ref.current?.parentElement?.clientWidth ?? 0
  const stateAt = (cell: number | undefined) =>
    cell === undefined ? undefined : states[Number(fleet.value.cells[cell])]
  const point = (event: MouseEvent) => {
    ref.current!.title = stateAt(cellAt(event, widthOf())) ?? ""
  }
  const filter = (event: MouseEvent) => {
    const state = stateAt(cellAt(event, widthOf()))
    if (state !== undefined) toggleState(state)
  }
  const open = (event: MouseEvent) => {
    const cell = cellAt(event, widthOf())
    const id = cell === undefined ? undefined : fleet.value.ids[cell]
    if (id !== undefined) go({ page: "connection", id })
  }
  return (
    <div class="strip">
      <canvas ref={ref} role="img" aria-label={summary()} onMouseMove={point} onClick={filter} onDblClick={open} />
    </div>
  )
}
