/**
 * Latency in Chromium: round trips of 128 bytes, one at a time, by a bare
 * `onmessage` and by the stream of a whole connection, in turns in the same
 * page; and how long a message of a flood waits between its event and its
 * reader. A page's clock has steps of 0.1 ms.
 */
import * as Chromium from "../test/rig/chromium.ts"

const rounds = Number(process.env["ROUNDS"] ?? 9)
const echoes = 500
const flood = 20_000

const report = (name: string, values: ReadonlyArray<number>) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1)
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length
  console.log(`${name}: mean ${mean.toFixed(2)} ms, p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`)
}

const rig = await Chromium.start()
try {
  const tab = await rig.tab("latencyPage")
  const trips: Record<"bare" | "connection", Array<number>> = { bare: [], connection: [] }
  for (let round = 0; round < rounds; round++) {
    for (const way of ["bare", "connection"] as const) {
      trips[way].push(...(await tab.call<ReadonlyArray<number>>(way, rig.ws("/echo"), echoes)))
    }
  }
  report("echo, bare", trips.bare)
  report("echo, connection", trips.connection)
  const waits = await tab.call<ReadonlyArray<number>>("waits", rig.ws(`/flood?count=${flood}&size=128`), flood)
  report("flood, from the event to the reader", waits)
} finally {
  await rig.stop()
}
