/**
 * Thousands of idle connections: heap for each, CPU, time to open, and what is
 * left after closing.
 */
import { loopback } from "../harness/address.ts"
import type { Bench, Context } from "../harness/bench.ts"
import { type Figure, figure } from "../harness/figures.ts"
import { runSubject, type Server, withServer } from "../harness/process.ts"
import type { Params, Result } from "../subjects/idle.ts"

const bare = "raw ws"
const beating = "raw ws with a ping timer"
const reading = "kharbranth, a reader each"
const contenders = ["partysocket", "kharbranth", reading]
const noBeat = "no heartbeat"

type Results = ReadonlyMap<string, ReadonlyArray<Result>>

const sampleAll = async (
  server: Server,
  rounds: number,
  subjects: ReadonlyArray<string>,
  params: Omit<Params, "url">
) => {
  const results = new Map<string, Array<Result>>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) {
      const result = await runSubject<Result>("idle", subject, { ...params, url: loopback(server.port, "/quiet") })
      results.get(subject)!.push(result)
      process.stderr.write(`idle: ${subject} ${JSON.stringify(result)} (${round + 1}/${rounds})\n`)
    }
  }
  return results
}

const paired = (
  results: Results,
  base: string,
  subject: string,
  combine: (value: Result, base: Result) => number
): ReadonlyArray<number> => results.get(subject)!.map((value, round) => combine(value, results.get(base)![round]!))

const idleFigures = (results: Results): ReadonlyArray<Figure> => [
  figure(
    "idle",
    "raw ws, heap each",
    results.get(bare)!.map(({ heapKiB }) => heapKiB),
    "KiB"
  ),
  figure(
    "idle",
    "raw ws with a ping timer, heap each",
    results.get(beating)!.map(({ heapKiB }) => heapKiB),
    "KiB"
  ),
  ...contenders.map((subject) =>
    figure(
      "idle",
      `${subject}, heap each beyond raw ws`,
      paired(results, bare, subject, (value, base) => value.heapKiB - base.heapKiB),
      "KiB",
      subject === "partysocket" ? noBeat : undefined
    )
  ),
  figure(
    "idle",
    "raw ws with a ping timer, CPU",
    results.get(beating)!.map(({ cpu }) => cpu * 100),
    "%"
  ),
  ...contenders.slice(1).map((subject) =>
    figure(
      "idle",
      `${subject}, CPU against a ping timer`,
      paired(results, beating, subject, (value, base) => value.cpu / base.cpu)
    )
  )
]

const readFigures = (results: Results): ReadonlyArray<Figure> => [
  figure(
    "idle",
    `${reading}, 5,000 opened, by CPU`,
    paired(results, bare, reading, (value, base) => value.openCpuMillis / base.openCpuMillis)
  )
]

const openFigures = (results: Results): ReadonlyArray<Figure> => [
  figure(
    "idle",
    "raw ws, 10,000 opened",
    results.get(bare)!.map(({ openMillis }) => openMillis),
    "ms"
  ),
  figure(
    "idle",
    "kharbranth, 10,000 opened",
    paired(results, bare, "kharbranth", (value, base) => value.openMillis / base.openMillis)
  ),
  figure(
    "idle",
    "kharbranth, 10,000 closed",
    results.get("kharbranth")!.map(({ closeMillis }) => closeMillis),
    "ms"
  ),
  figure(
    "idle",
    "kharbranth, left after closing",
    results.get("kharbranth")!.map(({ left }) => left),
    "sockets and timers"
  )
]

const measure = async ({ quick, rounds }: Context, server: Server): Promise<ReadonlyArray<Figure>> => {
  // a heartbeat every two seconds, or the CPU that it takes would be too little to measure
  const beat = { heartbeatMillis: 2_000, idleMillis: quick ? 4_000 : 8_000 }
  const few = quick ? 500 : 5_000
  const many = quick ? 1_000 : 10_000
  const idle = await sampleAll(server, rounds, [bare, beating, ...contenders], {
    connections: few,
    warm: few / 10,
    ...beat
  })
  // no heart beats while they open
  const opening = { heartbeatMillis: 20_000, idleMillis: 100 }
  const read = await sampleAll(server, rounds, [bare, reading], { connections: few, ...opening })
  const opened = await sampleAll(server, rounds, [bare, "kharbranth"], { connections: many, ...opening })
  const left = await server.sockets()
  return [
    ...idleFigures(idle),
    ...readFigures(read),
    ...openFigures(opened),
    figure("idle", "sockets left at the server", [left], "sockets")
  ]
}

export const idle: Bench = {
  name: "idle",
  title: "5,000 idle connections with a heartbeat every 2 s; 10,000 opened",
  run: (context) => withServer((server) => measure(context, server))
}
