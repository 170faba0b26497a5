/** How the instruments are asked for in PromQL. A misspelled instrument does not compile. */
import { type Instrument, instruments, prometheusName } from "../src/Instruments.ts"

export type Name = keyof typeof instruments

/** The series of an instrument; a histogram's part is `bucket`, `sum` or `count`. */
export const series = (name: Name, part?: "bucket" | "sum" | "count"): string => {
  const instrument: Instrument = instruments[name]
  return prometheusName(instrument.name) + (part === undefined ? "" : `_${part}`)
}

export const sumBy = (labels: string, of: string): string => `sum by (${labels}) (${of})`

export const rate = (of: string, range: string): string => `rate(${of}[${range}])`

export const increase = (of: string, range: string): string => `increase(${of}[${range}])`

/** A quantile of a histogram, for each value of the labels. */
export const quantile = (q: number, name: Name, labels: string, selector: string, range: string): string =>
  `histogram_quantile(${q}, ${sumBy(["le", labels].filter((label) => label !== "").join(", "), rate(series(name, "bucket") + selector, range))})`
