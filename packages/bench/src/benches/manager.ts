/**
 * A manager of 10,000 named connections: time to open, a snapshot of all, what
 * one operation costs among more and more of them, and the fan-in of 100; and a
 * thousand that their server cuts at once, under a budget.
 */
import { spawnSync } from "node:child_process"
import { loopback } from "../harness/address.ts"
import type { Bench, Context } from "../harness/bench.ts"
import { type Figure, figure, median } from "../harness/figures.ts"
import { runSubject, type Server, withServer } from "../harness/process.ts"
import type { Result } from "../subjects/idle.ts"
import type { Costs, Cut, Fleet, Messages } from "../subjects/manager.ts"

const few = 100
/** A process needs some descriptors besides its sockets. */
const spare = 500
const operations: ReadonlyArray<readonly [key: keyof Costs, title: string]> = [
  ["lookup", "lookup"],
  ["send", "send by name"],
  ["change", "state change"]
]

const descriptors = (): number => {
  const limit = spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout.trim()
  return limit === "unlimited" ? Infinity : Number(limit)
}

const affordable = (wanted: number): number => {
  const limit = descriptors()
  if (limit >= wanted + spare) return wanted
  const count = Math.max(few, limit - spare)
  process.stderr.write(`manager: only ${count} connections, because \`ulimit -n\` is ${limit}; wanted ${wanted}\n`)
  return count
}

const fleetOf = (server: Server, connections: number): Promise<Fleet> =>
  runSubject("manager", "fleet", { url: loopback(server.port, "/quiet"), connections })

const rawOf = (server: Server, connections: number): Promise<Result> =>
  runSubject("idle", "raw ws", { url: loopback(server.port, "/quiet"), connections, heartbeatMillis: 0, idleMillis: 0 })

interface Round {
  readonly raw: Result
  /** The smallest fleet first. */
  readonly fleets: ReadonlyArray<Fleet>
}

const roundOf = async (server: Server, sizes: ReadonlyArray<number>): Promise<Round> => {
  const fleets: Array<Fleet> = []
  for (const size of sizes.slice(0, -1)) fleets.push(await fleetOf(server, size))
  const raw = await rawOf(server, sizes.at(-1)!)
  fleets.push(await fleetOf(server, sizes.at(-1)!))
  const round = { raw, fleets }
  process.stderr.write(`manager: ${JSON.stringify(round)}\n`)
  return round
}

const costFigures = (rounds: ReadonlyArray<Round>, sizes: ReadonlyArray<number>): ReadonlyArray<Figure> => {
  const figures: Array<Figure> = []
  for (const [key, title] of operations) {
    const of = (index: number): ReadonlyArray<number> => rounds.map(({ fleets }) => fleets.at(index)![key])
    for (const [index, size] of sizes.entries()) {
      figures.push(figure("manager", `${title}, among ${size.toLocaleString("en")}`, of(index), "µs of CPU"))
    }
    const first = of(0)
    const growth = of(-1).map((cost, round) => cost / first[round]!)
    figures.push(figure("manager", `${title}, among 100 times more`, growth))
  }
  return figures
}

const fleetFigures = (rounds: ReadonlyArray<Round>, sizes: ReadonlyArray<number>): ReadonlyArray<Figure> => {
  const note = `${sizes.at(-1)!.toLocaleString("en")} of them`
  const perRound = (of: (most: Fleet, raw: Result) => number): ReadonlyArray<number> =>
    rounds.map(({ fleets, raw }) => of(fleets.at(-1)!, raw))
  const raw = perRound((_, { openMillis }) => openMillis)
  const opened = perRound((most, { openMillis }) => most.openMillis / openMillis)
  const openedByCpu = perRound((most, { openCpuMillis }) => most.openCpuMillis / openCpuMillis)
  const snapshot = perRound(({ snapshotMillis }) => snapshotMillis)
  const left = perRound((most) => most.left)
  const snapshotByCpu = perRound(({ snapshotCpuMillis }) => snapshotCpuMillis)
  return [
    figure("manager", "raw ws, opened", raw, "ms", note),
    { ...figure("manager", "named connections, opened", openedByCpu, "×", note), byClock: median(opened) },
    { ...figure("manager", "snapshot of all", snapshotByCpu, "ms of CPU", note), byClock: median(snapshot) },
    figure("manager", "left after closing", left, "sockets and timers", note),
    ...costFigures(rounds, sizes)
  ]
}

const fanIn = async (server: Server, { quick, rounds }: Context): Promise<Figure> => {
  const kept: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const params = { url: loopback(server.port, "/burst"), connections: 100, each: quick ? 500 : 3_000 }
    kept.push((await runSubject<Messages>("manager", "messages", params)).kept)
  }
  return figure("manager", "messages of 100 busy connections, against single streams", kept)
}

/** The most dials in any second; times ascend. */
const peakOf = (times: ReadonlyArray<number>): number => {
  let [peak, first] = [0, 0]
  for (const [last, at] of times.entries()) {
    while (times[first]! <= at - 1_000) first += 1
    peak = Math.max(peak, last - first + 1)
  }
  return peak
}

const cutAtOnce = async (server: Server, rounds: number): Promise<ReadonlyArray<Figure>> => {
  const [connections, limit] = [1_000, 200]
  const [peak, back, left]: [Array<number>, Array<number>, Array<number>] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    await server.dials()
    const result = await runSubject<Cut>("manager", "cut", { url: loopback(server.port, "/cut"), connections, limit })
    const dials = await server.dials()
    if (dials.length !== 2 * connections) throw new Error(`${dials.length} dials for ${connections}, cut once`)
    peak.push(peakOf(dials))
    back.push(result.backMillis / ((connections / limit - 1) * 1_000))
    left.push(result.left + (await server.sockets()))
    process.stderr.write(`manager: cut ${JSON.stringify({ ...result, peak: peak.at(-1) })}\n`)
  }
  const note = `${connections.toLocaleString("en")} cut at once, ${limit} dials a second`
  return [
    figure("manager", "most dials in any second", peak, "at the server", note),
    figure("manager", "all Ready again, of the least that the budget allows", back, "×", note),
    figure("manager", "left after a cut and closing", left, "sockets and timers", note)
  ]
}

const measure = async (server: Server, context: Context): Promise<ReadonlyArray<Figure>> => {
  const sizes = context.quick ? [few, 1_000] : [few, 1_000, affordable(10_000)]
  const rounds: Array<Round> = []
  for (let round = 0; round < context.rounds; round++) rounds.push(await roundOf(server, sizes))
  const cut = await cutAtOnce(server, context.rounds)
  return [...fleetFigures(rounds, sizes), await fanIn(server, context), ...cut]
}

export const manager: Bench = {
  name: "manager",
  title: "A manager of 10,000 named connections",
  run: (context) => withServer((server) => measure(server, context))
}
