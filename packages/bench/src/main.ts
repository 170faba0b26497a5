/**
 * Runs benchmarks against peers: `bench [NAME…] [--quick] [--check] [--json]
 * [--rounds N]`.
 *
 * `--check` fails when a hard bar does not hold; `--json` prints figures as JSON
 * instead of the table; `--quick` only shows whether everything runs. Any other
 * run rewrites its benches' parts of RESULTS.md.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { alone } from "./benches/alone.ts"
import { faults } from "./benches/faults.ts"
import { feeds } from "./benches/feeds.ts"
import { idle } from "./benches/idle.ts"
import { inbound } from "./benches/inbound.ts"
import { latency } from "./benches/latency.ts"
import { manager } from "./benches/manager.ts"
import { market } from "./benches/market.ts"
import { outbound } from "./benches/outbound.ts"
import { pressure } from "./benches/pressure.ts"
import { recorder } from "./benches/recorder.ts"
import { signalr } from "./benches/signalr.ts"
import { traffic } from "./benches/traffic.ts"
import type { Figure } from "./harness/figures.ts"
import { machine, render } from "./harness/report.ts"
import { complaints } from "./harness/verdict.ts"

const benches = [
  inbound,
  traffic,
  outbound,
  latency,
  idle,
  pressure,
  faults,
  manager,
  signalr,
  feeds,
  market,
  recorder,
  alone
]

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    rounds: { type: "string" }
  }
})

const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name))
if (unknown.length > 0) {
  console.error(`No bench is named ${unknown.join(", ")}; there are ${benches.map(({ name }) => name).join(", ")}.`)
  process.exit(2)
}

const rounds = Number(values.rounds ?? (values.quick ? 1 : 6))
const about = machine()
const how = `${rounds} rounds${values.quick ? ", quick: too short to mean anything" : ""}.`
const results = new URL("../RESULTS.md", import.meta.url)

/** After each bench, so that a run which is stopped loses only what it had not measured. */
const keep = (figures: ReadonlyArray<Figure>): void => {
  const before = existsSync(results) ? readFileSync(results, "utf8") : ""
  writeFileSync(results, render(benches, figures, about, how, before))
}

const figures: Array<Figure> = []
for (const bench of chosen) {
  const own = await bench.run({ rounds, quick: values.quick })
  figures.push(...own)
  if (!values.quick) keep(own)
}
console.log(
  values.json
    ? JSON.stringify({ ...about, rounds, quick: values.quick, figures }, undefined, 2)
    : render(chosen, figures, about, how)
)

if (values.check) {
  const failed = complaints(figures, new Set(chosen.map(({ name }) => name)))
  for (const complaint of failed) console.error(`below the bar: ${complaint}`)
  process.exitCode = failed.length === 0 ? 0 : 1
}
