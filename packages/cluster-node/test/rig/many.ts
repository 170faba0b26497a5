/**
 * Many names on several processes: how long they take to open beside one process with
 * the same budget, and what the fleet costs while nothing happens.
 */
import type { Overview } from "@kharbranth/cluster/Fleet"
import { setTimeout as sleep } from "node:timers/promises"
import { busiest, most } from "./figures.ts"
import { isQuiet } from "./quiet.ts"
import { Rig, type Options } from "./rig.ts"
import { never, type Outcome, outcome } from "./scenarios.ts"

export const processes = 4
export const shards = 60
/** Dials in any five seconds, by one process or by all. */
export const budget = { limit: 2_000, window: 5_000 }
/** How much longer a fleet may take than one process, where the budget is what both wait for. */
const bar = 1.5
export const idleFor = 30_000

const optionsOf = (names: number): Options => ({
  names,
  ttl: 15_000,
  shards,
  moveBar: 1_000,
  isQuiet: true,
  limit: budget,
  database: ["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=top"]
})

/** From the wish to the last name that opened, as the server saw it, and the dials. */
const opening = async (rig: Rig) => {
  await rig.forget()
  const at = Date.now()
  await rig.want()
  const verdict = await rig.settled(rig.runners.size, 300)
  return { took: most(verdict.dials) - at, verdict }
}

const openedAlone = async (names: number): Promise<number> => {
  const rig = await Rig.create(optionsOf(names))
  try {
    await rig.join({ isAlone: true })
    return (await opening(rig)).took
  } finally {
    await rig.remove()
  }
}

/** Every bucket has an owner, so what follows is the opening alone. */
const owned = async (rig: Rig): Promise<void> => {
  const client = await rig.client()
  for (let n = 0; ; n++) {
    const { holders } = (await client.ask<Overview>("overview"))!
    const buckets = holders.reduce((sum, share) => sum + share.buckets, 0)
    if (buckets === rig.options.shards && holders.length === processes) break
    if (n > 600) throw new Error(`only ${buckets} buckets are owned, by ${holders.length} processes`)
    await sleep(200)
  }
  await client.kill()
}

interface Statements {
  /** Of the fleet's own tables, and of the cluster's. */
  readonly fleet: number
  readonly cluster: number
}

const statements = ({ database }: Rig): Statements => {
  const [fleet = 0, cluster = 0] = database
    .query(
      `SELECT coalesce(sum(calls) FILTER (WHERE query ~ '(FROM|INTO|UPDATE|JOIN) "?kh_' AND query !~ 'kh_cluster_|kh_runners'), 0),
        coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query !~ 'pg_stat_statements'`
    )
    .split("|")
    .map(Number)
  return { fleet, cluster: cluster - fleet }
}

const used = async (rig: Rig) => {
  const all = await Promise.all([...rig.runners.values()].map((runner) => rig.stats(runner)))
  return {
    cpu: all.reduce((sum, one) => sum + (one?.cpu ?? NaN), 0),
    memory: most(all.map((one) => one?.memory ?? NaN))
  }
}

/** What all processes and the store do for names to which nothing happens. */
const idle = async (rig: Rig) => {
  await sleep(5_000)
  const [before, asked] = [await used(rig), statements(rig)]
  await sleep(idleFor)
  const [after, answered] = [await used(rig), statements(rig)]
  const perSecond = (key: keyof Statements) => (answered[key] - asked[key]) / (idleFor / 1_000)
  return {
    "idle: CPU of a process (per mille of a core)": ((after.cpu - before.cpu) / idleFor / processes) * 1_000,
    "memory of the largest process (MiB)": after.memory / 2 ** 20,
    "idle: the fleet's statements in 100 s": perSecond("fleet") * 100,
    "idle: other statements in 100 s": perSecond("cluster") * 100
  }
}

export const many = async (names: number): Promise<Outcome> => {
  const wasQuiet = await isQuiet()
  const alone = await openedAlone(names)
  const rig = await Rig.create(optionsOf(names))
  try {
    await rig.joinAll(processes)
    await owned(rig)
    rig.database.query("CREATE EXTENSION pg_stat_statements")
    const before = statements(rig)
    const { took, verdict } = await opening(rig)
    const asked = statements(rig).fleet - before.fleet
    const figures = await idle(rig)
    const inWindow = busiest(verdict.dials, budget.window)
    const { closes } = await rig.verdict()
    return outcome(
      {
        names,
        "opened by one process": alone,
        "opened by four": took,
        "that is percent of one": (took / alone) * 100,
        "the fleet's statements while they open (number)": asked,
        ...figures
      },
      {
        ...never(verdict),
        "nothing closed": closes === 0,
        "each name was dialed once": verdict.dials.length === names,
        "no window had more dials than the limit": inWindow <= budget.limit
      },
      names > budget.limit ? { [`opened within ${bar} times of one process`]: took <= bar * alone } : {},
      wasQuiet && (await isQuiet())
    )
  } finally {
    await rig.remove()
  }
}
