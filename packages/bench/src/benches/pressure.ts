/**
 * Bounds under pressure: a slow consumer under a flood, a server that never
 * reads.
 */
import { loopback } from "../harness/address.ts"
import type { Bench } from "../harness/bench.ts"
import { figure } from "../harness/figures.ts"
import { runSubject, startServer } from "../harness/process.ts"
import type { Params, Result } from "../subjects/pressure.ts"

const kib = 1_024

export const pressure: Bench = {
  name: "pressure",
  title: "Bytes that wait under pressure",
  run: async ({ quick }) => {
    const server = await startServer()
    const params = (path: string, millis: number): Params => ({ url: loopback(server.port, path), millis })
    const consumer = await runSubject<Result>(
      "pressure",
      "slow consumer",
      params("/flood?size=4096", quick ? 6_000 : 60_000)
    )
    const deaf = await runSubject<Result>("pressure", "slow server", params("/deaf", quick ? 3_000 : 10_000))
    await server.kill()
    return [
      figure("pressure", "slow consumer, most bytes unread", [consumer.maxBytes / kib], "KiB"),
      figure("pressure", "slow consumer, growth of memory", [consumer.rssGrowthMiB], "MiB"),
      figure("pressure", "slow consumer, messages consumed", [consumer.count], ""),
      figure("pressure", "slow server, most bytes in the outbox", [deaf.maxBytes / kib], "KiB"),
      figure("pressure", "slow server, growth of memory", [deaf.rssGrowthMiB], "MiB"),
      figure("pressure", "slow server, sends that completed", [deaf.count], "")
    ]
  }
}
