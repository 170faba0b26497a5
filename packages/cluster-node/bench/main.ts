/**
 * Runs every scenario on a fleet with the defaults of a user, but for fewer shards, and writes what the
 * server saw to RESULTS.md. With names of scenarios it runs only those and writes
 * nothing. Fails when a promise is broken. It takes about twenty-five minutes.
 */
import { writeFileSync } from "node:fs"
import { loadavg } from "node:os"
import { many } from "../test/rig/many.ts"
import { deployedMakeFirst } from "../test/rig/overlaps.ts"
import { type Options, Rig, type Runner } from "../test/rig/rig.ts"
import * as Scenarios from "../test/rig/scenarios.ts"
import { extrapolated } from "./extrapolated.ts"
import { page, type Row } from "./page.ts"

const rows: Array<Row> = []

const names = 1_000
/** That of a lease by default. */
const ttl = 15_000
/** Fewer than by default: all processes share one machine, and the cluster moves shards one by one. */
const shards = 60

/** A runner as a scenario needs it, in a fleet of three. */
const runner = async (rig: Rig, watchdog?: "thread" | "none"): Promise<Runner> => {
  await rig.buryTheDead()
  await rig.fill(2)
  const special = watchdog === undefined ? undefined : await rig.join({ watchdog })
  await rig.fill(3)
  await rig.settled(undefined, 300)
  // The cluster moves shards to a runner that has just joined one by one: who has few of its names proves little.
  await Scenarios.atRest(rig)
  return special ?? rig.any()
}

const whole = async (rig: Rig): Promise<Rig> => {
  await runner(rig)
  return rig
}

/** On one fleet of three, each with what the one before left. */
const scenarios: Readonly<Record<string, (rig: Rig) => Promise<Scenarios.Outcome>>> = {
  "kill -9": async (rig) => Scenarios.killed(rig, await runner(rig)),
  "SIGSTOP longer than the lease, no watchdog": async (rig) =>
    Scenarios.stoppedUnwatched(rig, await runner(rig, "none")),
  "SIGSTOP shorter than the lease": async (rig) => Scenarios.stoppedShortly(rig, await runner(rig)),
  "SIGSTOP longer than the lease": async (rig) => Scenarios.stoppedWatched(rig, await runner(rig)),
  "database away for 2 s": async (rig) => Scenarios.databaseRestarted(await whole(rig), 2_000),
  "database away for 8 s": async (rig) => Scenarios.databaseRestarted(await whole(rig), 8_000),
  "cut from the database": async (rig) => Scenarios.cutFromDatabase(rig, await runner(rig)),
  "SIGTERM": async (rig) => Scenarios.left(rig, [await runner(rig)]),
  "a process joins": (rig) => Scenarios.joined(rig, 1),
  "event loop blocked, watchdog in a thread": async (rig) => Scenarios.blocked(rig, await runner(rig, "thread")),
  "blue-green deploy": async (rig) => Scenarios.deployed(await whole(rig)),
  "database away for longer than the lease": async (rig) => Scenarios.databaseAway(await whole(rig))
}

/** Each on a fleet of its own. */
const others: Readonly<Record<string, () => Promise<Scenarios.Outcome>>> = {
  "blue-green deploy, makeFirst": () => withRig({ handover: "makeFirst" }, deployedMakeFirst),
  "kill -9 with a budget of 200 dials in 5 s": () =>
    withRig({ limit: { limit: 200, window: "5 seconds" } }, (rig) =>
      Scenarios.withinBudget(rig, rig.any(), 200, 5_000)
    ),
  "1,000 names on 4 processes": () => many(1_000),
  "10,000 names on 4 processes": () => many(10_000),
  "100,000 names on 4 processes, simulated": async () =>
    extrapolated({
      few: await measured("1,000 names on 4 processes", 1_000),
      many: await measured("10,000 names on 4 processes", 10_000)
    })
}

/** As this run has measured it, or does now. */
const measured = async (name: string, names: number): Promise<Scenarios.Outcome> =>
  rows.find((row) => row.name === name)?.outcome ?? (await many(names))

// Then what runs beside it ends with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1))

const wanted = process.argv.slice(2)
const chosen = <A>(all: Readonly<Record<string, A>>): ReadonlyArray<readonly [string, A]> =>
  Object.entries(all).filter(([name]) => wanted.length === 0 || wanted.includes(name))
const record = async (name: string, run: () => Promise<Scenarios.Outcome>): Promise<void> => {
  let outcome: Scenarios.Outcome
  try {
    outcome = await run()
  } catch (error) {
    const bar = String(error)
    outcome = { figures: {}, broken: [bar], unjudged: [], bars: [{ bar, figure: undefined, isMet: false }] }
  }
  rows.push({ name, outcome, load: loadavg()[0]! })
  // A run that is stopped leaves what it has.
  if (wanted.length === 0) writeFileSync(new URL("../RESULTS.md", import.meta.url), page({ names, rows, shards, ttl }))
  console.log(name, JSON.stringify(outcome))
}

const withRig = async <A>(over: Partial<Options>, run: (rig: Rig) => Promise<A>): Promise<A> => {
  const rig = await Rig.create({ names, shards, ttl, moveBar: 1_000, ...over })
  try {
    await rig.joinAll(3)
    await rig.want()
    return await run(rig)
  } finally {
    await rig.remove()
  }
}

const shared = chosen(scenarios)
if (shared.length > 0) {
  await withRig({}, async (rig) => {
    for (const [name, run] of shared) await record(name, () => run(rig))
  })
}
for (const [name, run] of chosen(others)) await record(name, run)

process.exitCode = rows.every(({ outcome }) => outcome.broken.length === 0) ? 0 : 1
