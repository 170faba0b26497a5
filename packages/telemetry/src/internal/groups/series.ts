/**
 * Series in Effect's registry of metrics, which exporters read. Counters and
 * gauges are cells that are read at the moment of a scrape; histograms take
 * values as they come.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { Instrument } from "../../Instruments.ts"

export type Attributes = Readonly<Record<string, string>>

/** A counter or gauge. Its group, or its source, writes the value. */
export interface Cell {
  value: number
  /** The reading in which it was last read. */
  seen: number
}

/** Where series are registered, and how their values are brought up to date. */
export interface Registry {
  readonly context: Context.Context<never>
  /** Called before a cell is read. */
  readonly refresh: (cell: Cell) => void
}

const keyOf = (instrument: Instrument, attributes: Attributes): string =>
  Object.entries(attributes).reduce((key, [name, value]) => `${key}\u0000${name}\u0000${value}`, instrument.name)

/** The series that have some attributes in common. */
export class SeriesSet {
  private readonly registry: Registry
  private readonly common: Attributes
  private readonly cells = new Map<string, Cell>()
  private readonly histograms = new Map<string, Metric.Metric<number, unknown>>()
  private readonly removals: Array<() => void> = []

  constructor(registry: Registry, common: Attributes) {
    this.registry = registry
    this.common = common
  }

  /** The counter or gauge with these attributes, registered when it is first asked for. */
  cell(instrument: Instrument, attributes: Attributes = none): Cell {
    const key = keyOf(instrument, attributes)
    const known = this.cells.get(key)
    if (known !== undefined) return known
    const cell: Cell = { value: 0, seen: 0 }
    this.cells.set(key, cell)
    this.register(instrument, attributes, cell)
    return cell
  }

  private register(instrument: Instrument, attributes: Attributes, cell: Cell): void {
    const { context, refresh } = this.registry
    const options = this.optionsOf(instrument, attributes)
    const mutations = { update: nothing, modify: nothing }
    const read = (): number => {
      refresh(cell)
      return cell.value
    }
    const registration =
      instrument.kind === "counter"
        ? Metric.registerUnsafe(Metric.counter(instrument.name, { ...options, incremental: true }), context, {
            get: () => ({ count: read(), incremental: true }),
            ...mutations
          })
        : Metric.registerUnsafe(Metric.gauge(instrument.name, options), context, {
            get: () => ({ value: read() }),
            ...mutations
          })
    this.removals.push(() => registration.remove())
  }

  /** One value of a histogram. */
  observe(instrument: Instrument, value: number, attributes: Attributes = none): void {
    const key = keyOf(instrument, attributes)
    const known = this.histograms.get(key)
    if (known !== undefined) return known.updateUnsafe(value, this.registry.context)
    const { context } = this.registry
    const { boundaries } = instrument
    const histogram = Metric.histogram(instrument.name, { ...this.optionsOf(instrument, attributes), boundaries })
    this.histograms.set(key, histogram)
    this.removals.push(() => Metric.removeUnsafe(histogram, context))
    histogram.updateUnsafe(value, context)
  }

  private optionsOf({ description, unit }: Instrument, attributes: Attributes) {
    return { description, attributes: { ...this.common, ...attributes, unit } }
  }

  /** Takes every series out of the registry. */
  remove(): void {
    for (const remove of this.removals) remove()
  }
}

const none: Attributes = {}
const nothing = (): void => {}
