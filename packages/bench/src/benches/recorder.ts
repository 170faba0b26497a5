/**
 * What a flight recorder costs: the CPU of messages that are read with it and
 * without it, in pairs, and the heap of a connection that has nothing to record.
 */
import { loopback } from "../harness/address.ts"
import type { Bench, Context } from "../harness/bench.ts"
import { type Figure, figure, median } from "../harness/figures.ts"
import { runSubject, type Server, withServer } from "../harness/process.ts"
import type * as Idle from "../subjects/idle.ts"
import type * as Recorder from "../subjects/recorder.ts"

/** A process each round, so that no one layout of memory decides. */
const flooded = async ({ quick, rounds }: Context): Promise<Figure> => {
  const params: Recorder.Params = { pairs: quick ? 20 : 400, messages: 16_384 }
  const ratios: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    ratios.push(median((await runSubject<Recorder.Result>("recorder", "inbound", params)).ratios))
    process.stderr.write(`recorder: ${ratios.at(-1)?.toFixed(3)} (${round + 1}/${rounds})\n`)
  }
  return figure("recorder", "inbound by CPU, recorded", ratios)
}

/** Long enough for each connection to have some heartbeats to fold. */
const quiet = async (server: Server, { quick, rounds }: Context): Promise<Figure> => {
  const params: Idle.Params = {
    url: loopback(server.port, "/quiet"),
    connections: quick ? 500 : 2_000,
    heartbeatMillis: 5_000,
    idleMillis: 100,
    // Stable after half of that: a session that is not Stable yet has its dial on record.
    settleMillis: 12_000
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
  run: (context) => withServer(async (server) => [await flooded(context), await quiet(server, context)])
}
