/** Rates, round trips and queues of a live connection, since the page follows it. */
import { useEffect, useRef } from "preact/hooks"
import { readings } from "../state/live.ts"
import { colour, isDark } from "../words/colours.ts"
import { bytes, millis, rate } from "../words/numbers.ts"
import type { Chart, draw, Line } from "./charts.ts"

interface Module {
  readonly draw: typeof draw
}

/** The name of the script, which the build puts in. */
declare const CHARTS: string

let loading: Promise<Module> | undefined

const load = (): Promise<Module> => (loading ??= import(CHARTS) as Promise<Module>)

interface Plan {
  readonly title: string
  readonly write: (value: number) => string
  readonly least: number
  readonly ticks?: Array<number>
  readonly lines: ReadonlyArray<Omit<Line, "colour"> & { readonly property: string }>
}

const plans: ReadonlyArray<Plan> = [
  {
    title: "messages a second",
    write: rate,
    least: 1,
    lines: [
      { name: "in", of: ({ inRate }) => inRate, property: "--line-1" },
      { name: "out", of: ({ outRate }) => outRate, property: "--line-2" }
    ]
  },
  {
    title: "round trip",
    write: millis,
    least: 1,
    lines: [{ name: "round trip", of: ({ rtt }) => rtt, property: "--line-1" }]
  },
  {
    title: "waiting",
    write: bytes,
    least: 1024,
    ticks: Array.from({ length: 32 }, (_, power) => 2 ** power),
    lines: [
      { name: "inbox", of: ({ inbox }) => inbox, property: "--line-1" },
      { name: "outbox", of: ({ outbox }) => outbox, property: "--line-2" }
    ]
  }
]

const now = (line: Plan["lines"][number], write: Plan["write"]): string => {
  const last = readings.value.at(-1)
  const value = last === undefined ? undefined : line.of(last)
  return value === undefined ? "–" : write(value)
}

const OneChart = ({ plan: { least, lines, ticks, title, write } }: { readonly plan: Plan }) => {
  const ref = useRef<HTMLDivElement>(null)
  const dark = isDark.value
  const data = readings.value
  const chart = useRef<Chart | undefined>(undefined)

  useEffect(() => {
    const box = ref.current!
    let isOver = false
    const sizes = new ResizeObserver(() => chart.current?.resize(box.clientWidth))
    load().then(
      ({ draw }) => {
        if (isOver) return
        const coloured = lines.map(({ property, ...line }) => ({ ...line, colour: colour(property) }))
        chart.current = draw(box, coloured, {
          ink: colour("--faint"),
          grid: colour("--line"),
          write,
          least,
          ticks
        })
        chart.current.show(readings.value)
        sizes.observe(box)
      },
      // The page is older than the program: it goes on without charts, whose figures stand above them.
      () => {}
    )
    return () => {
      isOver = true
      sizes.disconnect()
      chart.current?.end()
      chart.current = undefined
    }
  }, [dark])
  useEffect(() => chart.current?.show(data), [data])

  return (
    <figure>
      <figcaption>
        <span>{title}</span>
        {lines.map((line) => (
          <span key={line.name} class="value" data-line={line.property.slice(-1)}>
            {lines.length > 1 ? `${line.name} ` : ""}
            <b>{now(line, write)}</b>
          </span>
        ))}
      </figcaption>
      <div ref={ref} class="chart" aria-hidden="true" />
    </figure>
  )
}

export const Charts = () => (
  <section class="charts" aria-label="Figures over time">
    {plans.map((plan) => (
      <OneChart key={plan.title} plan={plan} />
    ))}
  </section>
)
