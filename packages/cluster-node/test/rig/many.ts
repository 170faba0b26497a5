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

/** What statements are for, by what they name; the first that fits. Postgres counts each statement of a verb. */
const purposes: ReadonlyArray<readonly [what: string, of: "fleet" | "others", names: RegExp]> = [
  ["blocks of permits to dial that came back", "fleet", /^UPDATE kh_blocks/],
  ["takes of permits to dial, two statements each", "fleet", /kh_(blocks|budgets)/],
  ["whether wishes changed", "fleet", /FROM kh_version/],
  ["leases", "fleet", /kh_leases/],
  ["wishes, outboxes and notes", "fleet", /kh_(names|outbox|notes|version)/],
  ["the cluster: which processes live", "others", /kh_cluster_runners/],
  ["the cluster: locks of shards", "others", /pg_locks|advisory/],
  ["signs of life", "others", /kh_runners/],
  ["BEGIN and COMMIT", "others", /^(BEGIN|COMMIT)/],
  ["others", "others", /^/]
]

/** How many there were so far, in the order of `purposes`. */
type Statements = ReadonlyArray<number>

const statements = ({ database }: Rig): Statements => {
  const counts = purposes.map(() => 0)
  const lines = database.query(
    `SELECT calls || ' ' || regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_statements WHERE query !~ 'pg_stat_statements'`
  )
  for (const line of lines.split("\n")) {
    const [, calls, query = ""] = /^(\d+) (.*)$/.exec(line) ?? []
    counts[purposes.findIndex(([, , names]) => names.test(query))]! += Number(calls ?? 0)
  }
  return counts
}

const since = (now: Statements, before: Statements): Statements => now.map((count, index) => count - before[index]!)

const sumOf = (all: Statements, whose: "fleet" | "others"): number =>
  all.reduce((sum, count, index) => (purposes[index]![1] === whose ? sum + count : sum), 0)

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
  // In a hundred seconds.
  const still = since(answered, asked).map((count) => count * (100_000 / idleFor))
  const figures = {
    "idle: CPU of a process (per mille of a core)": ((after.cpu - before.cpu) / idleFor / processes) * 1_000,
    "memory of the largest process (MiB)": after.memory / 2 ** 20,
    "idle: the fleet's statements in 100 s": sumOf(still, "fleet"),
    "idle: other statements in 100 s": sumOf(still, "others")
  }
  return { figures, still }
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
    const asked = since(statements(rig), before)
    const { figures, still } = await idle(rig)
    const inWindow = busiest(verdict.dials, budget.window)
    const { closes } = await rig.verdict()
    const judged = outcome(
      {
        names,
        "opened by one process": alone,
        "opened by four": took,
        "that is percent of one": (took / alone) * 100,
        "the fleet's statements while they open (number)": sumOf(asked, "fleet"),
        ...figures
      },
      {
        ...never(verdict),
        "nothing closed": [closes, 0],
        "each name was dialed once": verdict.dials.length === names,
        "no window had more dials than the limit": [inWindow, budget.limit]
      },
      names > budget.limit ? { [`opened within ${bar} times of one process`]: [took, bar * alone] } : {},
      wasQuiet && (await isQuiet())
    )
    const by = purposes.map(([what], index) => ({ what, opening: asked[index]!, idle: Math.round(still[index]!) }))
    return { ...judged, statements: by.filter(({ idle, opening }) => idle + opening > 0) }
  } finally {
    await rig.remove()
  }
}
