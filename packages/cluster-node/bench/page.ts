/** The page of results. */
import { readFileSync } from "node:fs"
import { cpus, release, totalmem, type as system } from "node:os"
import type { Bar, Outcome } from "../test/rig/scenarios.ts"

export interface Row {
  readonly name: string
  /** The machine's load average at the end. */
  readonly load: number
  readonly outcome: Outcome
}

export interface Run {
  readonly names: number
  readonly rows: ReadonlyArray<Row>
  readonly shards: number
  /** Of a lease, in milliseconds. */
  readonly ttl: number
}

const version = (name: string): string =>
  (
    JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")) as {
      readonly version: string
    }
  ).version

const judged = ({ unjudged }: Outcome, { bar, isMet }: Bar): string => {
  if (isMet) return "met"
  // Of two halves of a scenario, each has its own name before the bar.
  return unjudged.some((one) => bar.endsWith(one)) ? "not met, on a busy machine" : "**not met**"
}

/** Every promise of a scenario, a line each. */
const bars = ({ name, outcome }: Row): ReadonlyArray<string> =>
  outcome.bars.map((bar) =>
    ["", name, bar.bar, bar.figure?.toLocaleString("en") ?? "", judged(outcome, bar), ""].join(" | ").trim()
  )

const figure = ([key, value]: readonly [string, number]): string => `${key}: ${value.toLocaleString("en")}`

/** What the database is asked for, where a scenario has counted it. */
const asked = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const counted = rows.filter(({ outcome }) => outcome.statements !== undefined)
  if (counted.length === 0) return []
  return [
    "## Statements",
    "",
    "As Postgres counts them, with all processes together: while the names open, and in 100 seconds in which nothing happens. Each block that was granted comes back once; the takes beyond those were told to wait. A take is a transaction, but Postgres counts a prepared `BEGIN` or `COMMIT` once for each connection only: add one of both for each take. Listening, notices and the cluster's pings are no statements.",
    "",
    "| scenario | what for | while they open | idle, 100 s |",
    "|---|---|---|---|",
    ...counted.flatMap(({ name, outcome }) =>
      outcome.statements!.map(({ idle, opening, what }) =>
        ["", name, what, opening.toLocaleString("en"), idle.toLocaleString("en"), ""].join(" | ").trim()
      )
    ),
    ""
  ]
}

export const page = ({ names, rows, shards, ttl }: Run): string =>
  [
    "# Results",
    "",
    `Real processes: three runners, where the row says nothing else, with ${names.toLocaleString("en")} names, a Postgres, and a server of feeds that writes down which sockets of a name were open when. All share one machine. Leases last ${ttl / 1000} seconds, there are ${shards} shards, and all else is as by default. Figures are milliseconds where they say nothing else; each is one run. \`pnpm --filter @kharbranth/cluster-node bench\` writes this page.`,
    "",
    "A gap is the time in which a name that was open had no socket. *Load* is the machine's load average at the end of a scenario: where it is above the number of cores, times say little, and counts still hold. A promise about a time that did not hold is *not judged* where something else kept all processors busy before the scenario or after it.",
    "",
    "| scenario | figures | promises | load |",
    "|---|---|---|---|",
    ...rows.map(({ load, name, outcome: { broken, figures, unjudged } }) => {
      const words = [
        broken.length === 0 ? [] : [`broken: ${broken.join("; ")}`],
        unjudged.length === 0 ? [] : [`not judged: ${unjudged.join("; ")}`]
      ].flat()
      return `| ${name} | ${Object.entries(figures).map(figure).join(", ")} | ${words.length === 0 ? "all hold" : words.join(". ")} | ${load.toFixed(1)} |`
    }),
    "",
    "## Bars",
    "",
    "Each promise, what was measured, and whether it was met. A promise without a figure has no number in it; where it has one, the figure is at most what the promise says, 0 where it says that something never happens. Times are milliseconds.",
    "",
    "| scenario | bar | figure | |",
    "|---|---|---|---|",
    ...rows.flatMap(bars),
    "",
    ...asked(rows),
    "What a fleet of one process costs beside a plain manager is measured [with the other benchmarks](../bench/RESULTS.md#a-fleet-of-one-process-against-a-manager-by-cpu).",
    "",
    `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC. ${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${system()} ${release()}. Node ${process.versions.node}, effect ${version("effect")}, @effect/sql-pg ${version("@effect/sql-pg")}.`,
    ""
  ].join("\n")
