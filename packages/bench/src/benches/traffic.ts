/**
 * What users have: many connections with moderate traffic, a reader on each,
 * and JSON that is parsed. Judged by the client's CPU time for each message, in
 * pairs with raw `ws` that parses too; less is better.
 */
import { loopback } from "../harness/address.ts"
import type { Bench, Context } from "../harness/bench.ts"
import { type Figure, figure } from "../harness/figures.ts"
import { runSubject, type Server, withServer } from "../harness/process.ts"
import type { Params, Result } from "../subjects/traffic.ts"

interface Load {
  readonly name: string
  readonly connections: number
  /** Each gets `burst` messages every so many milliseconds. */
  readonly every: number
  readonly burst: number
  readonly size: number
  readonly symbol?: string
  readonly tls?: boolean
  /** How late messages come is judged too. */
  readonly latency?: boolean
  readonly subjects: ReadonlyArray<string>
}

const [frames, json, manager] = ["kharbranth", "kharbranth, Codec.json", "kharbranth, a manager's messages"]

const moderate = { connections: 500, every: 50, burst: 1, size: 180 }

const loads: ReadonlyArray<Load> = [
  { name: "500 × 20/s", ...moderate, subjects: [frames, json, manager] },
  { name: "50 × 400/s in bursts of 20", connections: 50, every: 50, burst: 20, size: 180, subjects: [json, manager] },
  { name: "2,000 × 1/s", connections: 2_000, every: 1_000, burst: 1, size: 180, subjects: [json, manager] },
  {
    name: "1 × 20,000/s of 4 KiB",
    connections: 1,
    every: 1,
    burst: 20,
    size: 4_096,
    latency: true,
    subjects: [json]
  },
  { name: "500 × 20/s over TLS", ...moderate, tls: true, subjects: [json] },
  { name: "500 × 20/s, not ASCII", ...moderate, symbol: "₿USDT", subjects: [json] }
]

const urlOf = ({ port, tlsPort }: Server, { burst, every, size, symbol, tls }: Load): string => {
  const query = new URLSearchParams({ every: String(every), burst: String(burst), size: String(size) })
  if (symbol !== undefined) query.set("symbol", symbol)
  const path = `/ticks?${query.toString()}`
  // the certificate is for this one address
  return tls === true ? `wss://127.0.0.1:${tlsPort}${path}` : loopback(port, path)
}

/** A sample of a subject, and that of raw `ws` right before it. */
interface Pair {
  readonly base: Result
  readonly own: Result
}

type Judged = "cpuMicros" | "p99"

const ratio = ({ base, own }: Pair, of: Judged): number => own[of] / base[of]

const measure = async ({ quick, rounds }: Context, server: Server, load: Load): Promise<ReadonlyArray<Figure>> => {
  const connections = quick ? Math.ceil(load.connections / 10) : load.connections
  const times = quick ? { warmMillis: 500, millis: 1_000 } : { warmMillis: 2_000, millis: 4_000 }
  const sample = (subject: string): Promise<Result> => {
    const params: Params = { url: urlOf(server, load), connections, ...times }
    return runSubject<Result>("traffic", subject, params)
  }
  const bases: Array<Result> = []
  const pairs = load.subjects.map((): Array<Pair> => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, subject] of load.subjects.entries()) {
      const base = await sample("raw ws")
      const own = await sample(subject)
      const pair = { base, own }
      bases.push(base)
      pairs[index]!.push(pair)
      const [cpu, p99] = [ratio(pair, "cpuMicros").toFixed(2), ratio(pair, "p99").toFixed(2)]
      const rates = `${Math.round(own.perSecond)} and ${Math.round(base.perSecond)} a second`
      process.stderr.write(`traffic: ${load.name}, ${subject} ${cpu}, p99 ${p99}, ${rates} (${round + 1}/${rounds})\n`)
    }
  }
  const table = (of: Judged, unit: string, suffix = ""): ReadonlyArray<Figure> => {
    const label = (subject: string): string => `${load.name}: ${subject}${suffix}`
    const taken = bases.map((base) => base[of])
    const ratios = pairs.map((own) => own.map((pair) => ratio(pair, of)))
    return [
      figure("traffic", label("raw ws"), taken, unit),
      ...load.subjects.map((subject, index) => figure("traffic", label(subject), ratios[index]!))
    ]
  }
  const costs = table("cpuMicros", "µs of CPU a message")
  return load.latency === true ? [...costs, ...table("p99", "µs", ", p99 of the delay")] : costs
}

export const traffic: Bench = {
  name: "traffic",
  title: "Moderate traffic on many connections, JSON parsed: CPU time for each message, against raw ws",
  run: (context) =>
    withServer(async (server) => {
      const figures: Array<Figure> = []
      for (const load of loads) figures.push(...(await measure(context, server, load)))
      return figures
    })
}
