/** What a scrape shows, as numbers by name and labels. */
import * as Effect from "effect/Effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { prometheusName } from "../../src/Instruments.ts"

export const page: Effect.Effect<string> = PrometheusMetrics.format({ metricNameMapper: prometheusName })

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const samplesOf = (text: string): ReadonlyArray<Sample> =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (.*)$/.exec(line) ?? []
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text] as const)
      return { name, labels: Object.fromEntries(pairs), value: Number(value) }
    })

export class Scrape {
  readonly samples: ReadonlyArray<Sample>

  constructor(text: string) {
    this.samples = samplesOf(text)
  }

  /** The samples of a name whose labels include these. */
  all(name: string, labels: Readonly<Record<string, string>> = {}): ReadonlyArray<Sample> {
    return this.samples.filter(
      (sample) =>
        sample.name === `kharbranth_${name}` &&
        Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
    )
  }

  /** Their sum; `undefined` where there are none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.all(name, labels)
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
  }

  /** By one label, without those that are zero. */
  by(name: string, label: string): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {}
    for (const { labels, value } of this.all(name)) {
      if (value !== 0) sums[labels[label] ?? ""] = (sums[labels[label] ?? ""] ?? 0) + value
    }
    return sums
  }
}

export const scrape: Effect.Effect<Scrape> = Effect.map(page, (text) => new Scrape(text))
