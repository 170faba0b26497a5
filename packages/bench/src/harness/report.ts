/**
 * The results as one table, for the terminal and for RESULTS.md.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { availableParallelism, cpus, release, totalmem, type } from "node:os"
import type { Bench } from "./bench.ts"
import { confidenceOf, type Figure, intervalOf } from "./figures.ts"
import { canPin } from "./process.ts"
import { barOf, verdict } from "./verdict.ts"

const packages = [
  "ws",
  "effect",
  "@effect/platform-node",
  "partysocket",
  "reconnecting-websocket",
  "@atproto/ws-client",
  "rxjs",
  "@microsoft/signalr"
]

const versionOf = (name: string): string => {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? []
  for (const path of paths) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(`${path}/${name}/package.json`, "utf8"))
      return (manifest as { readonly version: string }).version
    } catch {
      // not in this directory
    }
  }
  return "?"
}

export interface Machine {
  readonly date: string
  readonly machine: string
  readonly versions: string
}

export const machine = (): Machine => ({
  date: new Date().toISOString().slice(0, 16).replace("T", " "),
  machine: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}; ${
    canPin ? "server and client pinned to a core each" : "not pinned"
  }`,
  versions: [`Node ${process.versions.node}`, ...packages.map((name) => `${name} ${versionOf(name)}`)].join(", ")
})

const show = (value: number): string =>
  Math.abs(value) >= 10_000 ? Math.round(value).toLocaleString("en") : value.toFixed(Math.abs(value) >= 100 ? 0 : 2)

const withUnit = (value: number, unit: string): string => `${show(value)}${unit === "" ? "" : ` ${unit}`}`

const limits = (figure: Figure): string => {
  const bar = barOf(figure)
  if (bar === undefined) return ""
  const sign = bar.better === "more" ? "≥" : "≤"
  return `${sign} ${bar.hard}${bar.goal === undefined ? "" : ` (${bar.goal})`}`
}

const cells = (figure: Figure): ReadonlyArray<string> => [
  figure.label,
  withUnit(figure.value, figure.unit),
  figure.rounds.length < 2 ? "" : intervalOf(figure.rounds).map(show).join(" – "),
  figure.byClock === undefined ? "" : show(figure.byClock),
  limits(figure),
  verdict(figure),
  figure.note ?? ""
]

const head = (interval: string) => ["", "median", interval, "by the clock", "hard bar (goal)", "", "a peer does less"]

const row = (values: ReadonlyArray<string>): string => `| ${values.join(" | ")} |`

/** What the intervals of a table promise: as much as that of the row with the fewest rounds. */
const intervalHead = (figures: ReadonlyArray<Figure>): string => {
  const counts = figures.map(({ rounds }) => rounds.length).filter((count) => count > 1)
  return counts.length === 0 ? "interval" : `${confidenceOf(Math.min(...counts))} % interval`
}

const table = (figures: ReadonlyArray<Figure>): string => {
  const heads = head(intervalHead(figures))
  return [row(heads), row(heads.map(() => "---")), ...figures.map((figure) => row(cells(figure)))].join("\n")
}

const intro =
  "A number followed by × is a ratio to raw `ws`, or to what its table or row names instead, in the same interleaved run (A B A B …); medians over all rounds, with the interval that holds the true median, as surely as the head of its column says. A hard bar is missed when the whole interval is beyond it. Ratios of messages are in CPU time of the client for each message. 'By the clock' is the same ratio in elapsed time; where the two disagree, the machine was busy with something else, or the server was the bottleneck. Loopback; no TLS and no compression unless a row says so. Absolute figures mean nothing on another machine."

const mark = "\n## "

/** One bench's part of the results, which says when and where it was measured. */
const section = ({ title }: Bench, figures: ReadonlyArray<Figure>, { date, machine, versions }: Machine, how: string) =>
  `${title}\n\n${table(figures)}\n\n${date} UTC, ${how} ${machine}. ${versions}.\n`

/** The results as text: those just measured, and for the other benches what `before` says of them. */
export const render = (
  benches: ReadonlyArray<Bench>,
  figures: ReadonlyArray<Figure>,
  about: Machine,
  how: string,
  before = ""
): string => {
  const kept = before.split(mark).slice(1)
  const sections = benches.flatMap((bench) => {
    const own = figures.filter((figure) => figure.bench === bench.name)
    if (own.length > 0) return [section(bench, own, about, how)]
    return kept.filter((text) => text.startsWith(`${bench.title}\n`))
  })
  return [`# Benchmarks\n\n${intro}\n`, ...sections].join(mark)
}
