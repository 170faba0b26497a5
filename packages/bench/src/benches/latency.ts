/**
 * Echo round trips, one in flight: p50 and p99.
 */
import { loopback } from "../harness/address.ts"
import type { Bench } from "../harness/bench.ts"
import { type Figure, figure } from "../harness/figures.ts"
import { runSubject, startServer } from "../harness/process.ts"
import type { Params, Result } from "../subjects/latency.ts"
import { subjects } from "../subjects/latency.ts"

const baseline = "raw ws"

export const latency: Bench = {
  name: "latency",
  title: "Echo round trip, 128 B text, one in flight",
  run: async ({ quick, rounds }) => {
    const server = await startServer()
    const counts = quick ? { warm: 1_000, count: 3_000 } : { warm: 15_000, count: 30_000 }
    const sample = (subject: string): Promise<Result> => {
      const params: Params = { url: loopback(server.port, "/echo"), size: 128, ...counts }
      return runSubject<Result>("latency", subject, params)
    }
    const bases: Array<Result> = []
    const ratios = new Map<string, Array<Result>>()
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects.filter((name) => name !== baseline)) {
        const base = await sample(baseline)
        const result = await sample(subject)
        bases.push(base)
        const ratio = { p50: result.p50 / base.p50, p99: result.p99 / base.p99 }
        ratios.set(subject, [...(ratios.get(subject) ?? []), ratio])
        process.stderr.write(
          `latency: ${subject} ${ratio.p50.toFixed(2)} ${ratio.p99.toFixed(2)} (${round + 1}/${rounds})\n`
        )
      }
    }
    await server.kill()
    const both = (label: string, results: ReadonlyArray<Result>, unit: string): ReadonlyArray<Figure> => [
      figure(
        "latency",
        `${label}, p50`,
        results.map(({ p50 }) => p50),
        unit
      ),
      figure(
        "latency",
        `${label}, p99`,
        results.map(({ p99 }) => p99),
        unit
      )
    ]
    return [...both(baseline, bases, "µs"), ...[...ratios].flatMap(([label, results]) => both(label, results, "×"))]
  }
}
