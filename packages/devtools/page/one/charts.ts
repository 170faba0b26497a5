/** Draws the charts of one connection. A script of its own, which loads with the first chart. */
import uPlot from "uplot"
import type { Readings } from "../state/history.ts"

export interface Line {
  readonly name: string
  readonly of: (reading: Readings[number]) => number | undefined
  readonly colour: string
}

export interface Look {
  readonly ink: string
  readonly grid: string
  readonly write: (value: number) => string
  /** The least that the axis spans. */
  readonly least: number
  /** How far apart ticks may be. Default: round decimal numbers. */
  readonly ticks?: Array<number> | undefined
}

export interface Chart {
  readonly show: (readings: Readings) => void
  readonly resize: (width: number) => void
  readonly end: () => void
}

const height = 116

const dataOf = (readings: Readings, lines: ReadonlyArray<Line>): uPlot.AlignedData => [
  readings.map(({ at }) => at),
  ...lines.map(({ of }) => readings.map((reading) => of(reading) ?? null))
]

export const draw = (box: HTMLElement, lines: ReadonlyArray<Line>, look: Look): Chart => {
  const font = `11px ${getComputedStyle(box).fontFamily}`
  const axis: uPlot.Axis = {
    stroke: look.ink,
    font,
    grid: { stroke: look.grid, width: 1 },
    ticks: { show: false }
  }
  const plot = new uPlot(
    {
      width: box.clientWidth,
      height,
      legend: { show: false },
      cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
      // From nothing to a little more than the most, also while all is nothing.
      scales: { y: { range: (_, __, most) => [0, Math.max(look.least, (most ?? 0) * 1.1)] } },
      axes: [
        { ...axis, size: 22, space: 70, grid: { show: false }, incrs: [1, 5, 10, 30, 60, 120, 300] },
        {
          ...axis,
          size: 52,
          space: 26,
          values: (_, ticks) => ticks.map(look.write),
          ...(look.ticks === undefined ? {} : { incrs: look.ticks })
        }
      ],
      series: [
        {},
        ...lines.map(({ colour, name }) => ({ label: name, stroke: colour, width: 1.5, points: { show: false } }))
      ]
    },
    dataOf([], lines),
    box
  )
  return {
    show: (readings) => plot.setData(dataOf(readings, lines)),
    resize: (width) => plot.setSize({ width, height }),
    end: () => plot.destroy()
  }
}
