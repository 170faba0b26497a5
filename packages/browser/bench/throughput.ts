/**
 * Inbound throughput in Chromium: the same flood counted by a bare `onmessage`,
 * by the transport, and by the stream of a whole connection, in the same page,
 * in turns. What counts is the processor time of the page's main thread, which
 * bounds its throughput and does not depend on what else the machine does; the
 * wall clock is shown beside it. A round is compared with the bare counts just
 * before and after it, and the medians are taken. `--check` fails below 0.8.
 */
import * as Chromium from "../test/rig/chromium.ts"

const rounds = Number(process.env["ROUNDS"] ?? 9)
const count = Number(process.env["COUNT"] ?? 20_000)
const ways = ["transport", "connection"] as const

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

interface Cost {
  readonly wall: number
  readonly thread: number
}

const threadSeconds = async (tab: Chromium.Tab) => {
  const { metrics } = await tab.cdp.send("Performance.getMetrics")
  return metrics.find(({ name }) => name === "TaskDuration")!.value
}

const measure = async (tab: Chromium.Tab, url: string) => {
  const ratios: Record<(typeof ways)[number], Array<Cost>> = { transport: [], connection: [] }
  await tab.cdp.send("Performance.enable", { timeDomain: "threadTicks" })
  const time = async (way: string): Promise<Cost> => {
    const before = await threadSeconds(tab)
    const wall = await tab.call<number>(way, url, count)
    return { wall, thread: (await threadSeconds(tab)) - before }
  }
  await time("bare")
  for (const way of ways) await time(way)
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      const before = await time("bare")
      const took = await time(way)
      const after = await time("bare")
      const ratio = (of: keyof Cost) => (before[of] + after[of]) / 2 / took[of]
      ratios[way].push({ wall: ratio("wall"), thread: ratio("thread") })
    }
  }
  return ratios
}

const rig = await Chromium.start()
try {
  for (const size of [128, 1024]) {
    const ratios = await measure(await rig.tab("throughputPage"), rig.ws(`/flood?count=${count}&size=${size}`))
    for (const way of ways) {
      const ratio = median(ratios[way].map(({ thread }) => thread))
      const wall = median(ratios[way].map(({ wall }) => wall))
      const all = ratios[way].map(({ thread }) => thread.toFixed(2)).join(" ")
      console.log(`${size} B, ${way}: ${ratio.toFixed(2)} of a bare onmessage (${all}), by the wall ${wall.toFixed(2)}`)
      if (process.argv.includes("--check") && ratio < 0.8) process.exitCode = 1
    }
    await rig.closeTabs()
  }
} finally {
  await rig.stop()
}
