/**
 * Inbound throughput in Chromium: the same flood counted by a bare `onmessage`,
 * by the transport, and by the stream of a whole connection, in the same page,
 * in turns. A round is compared with the bare counts just before and after it;
 * the medians count. `--check` fails below 0.8.
 */
import * as Chromium from "../test/rig/chromium.ts"

const rounds = Number(process.env["ROUNDS"] ?? 9)
const count = Number(process.env["COUNT"] ?? 20_000)
const ways = ["transport", "connection"] as const

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

const measure = async (tab: Chromium.Tab, url: string) => {
  const ratios: Record<(typeof ways)[number], Array<number>> = { transport: [], connection: [] }
  const time = (way: string) => tab.call<number>(way, url, count)
  await time("bare")
  for (const way of ways) await time(way)
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      const before = await time("bare")
      const took = await time(way)
      const after = await time("bare")
      ratios[way].push((before + after) / 2 / took)
    }
  }
  return ratios
}

const rig = await Chromium.start()
try {
  for (const size of [128, 1024]) {
    const ratios = await measure(await rig.tab("throughputPage"), rig.ws(`/flood?count=${count}&size=${size}`))
    for (const way of ways) {
      const ratio = median(ratios[way])
      const all = ratios[way].map((ratio) => ratio.toFixed(2)).join(" ")
      console.log(`${size} B, ${way}: ${ratio.toFixed(2)} of a bare onmessage (${all})`)
      if (process.argv.includes("--check") && ratio < 0.8) process.exitCode = 1
    }
    await rig.closeTabs()
  }
} finally {
  await rig.stop()
}
