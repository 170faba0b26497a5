/**
 * What a flight recorder costs: a flood read with it and without it, in pairs and
 * by CPU, and the heap of a connection that has nothing to record.
 */
import { loopback } from "../harness/address.ts"
import type { Bench, Context } from "../harness/bench.ts"
import { type Figure, figure } from "../harness/figures.ts"
import { runSubject, type Server, withServer } from "../harness/process.ts"
import type * as Idle from "../subjects/idle.ts"
import type * as Inbound from "../subjects/inbound.ts"

const off = "kharbranth, by arrays"
const on = "kharbranth, by arrays, recorded"

/** The CPU of a message without a recorder, over that with one. The order changes each round: a machine drifts. */
const flooded = async (server: Server, { quick, rounds }: Context): Promise<Figure> => {
  const times = quick ? { warmMillis: 500, millis: 400 } : { warmMillis: 800, millis: 2_000 }
  const params: Inbound.Params = { url: loopback(server.port, "/flood?size=128"), ...times }
  const cpuOf = async (subject: string) => (await runSubject<Inbound.Result>("inbound", subject, params)).cpuMicros
  const ratios: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0 ? off : on
    const one = await cpuOf(first)
    const other = await cpuOf(first === off ? on : off)
    ratios.push(first === off ? one / other : other / one)
    process.stderr.write(`recorder: ${ratios.at(-1)?.toFixed(3)} (${round + 1}/${rounds})\n`)
  }
  return figure("recorder", "inbound by CPU, recorded", ratios)
}

/** Heartbeats come every two seconds, so a recording has some to fold. */
const quiet = async (server: Server, { quick, rounds }: Context): Promise<Figure> => {
  const params: Idle.Params = {
    url: loopback(server.port, "/quiet"),
    connections: quick ? 500 : 5_000,
    heartbeatMillis: 2_000,
    idleMillis: 100,
    // Stable after half of that: a session that is not Stable yet has its dial on record.
    settleMillis: quick ? 6_000 : 10_000
  }
  const heapOf = async (subject: string) => (await runSubject<Idle.Result>("idle", subject, params)).heapKiB
  const more: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const without = await heapOf("kharbranth")
    more.push((await heapOf("kharbranth, recorded")) - without)
    process.stderr.write(`recorder: ${more.at(-1)?.toFixed(2)} KiB (${round + 1}/${rounds})\n`)
  }
  return figure("recorder", "heap of a quiet connection's recording", more, "KiB")
}

export const recorder: Bench = {
  name: "recorder",
  title: "A flight recorder, on against off",
  run: (context) => withServer(async (server) => [await flooded(server, context), await quiet(server, context)])
}
