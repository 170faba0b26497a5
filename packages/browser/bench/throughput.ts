/**
 * Inbound throughput in Chromium: the same flood counted by a bare `onmessage`
 * that looks at nothing, by one that reads the data, by the transport, and by
 * the stream of a whole connection on `WebSocket` and on `WebSocketStream`, in
 * the same page, in turns. What counts is the processor time of the page's main
 * thread, which bounds its throughput; the wall clock is shown beside it. A
 * round is compared with the bare counts just before and after it, and the
 * medians are taken; the best round beside the best bare count is what noise
 * touches least. The median microseconds for each message are shown as well:
 * they can be subtracted from each other. `--check` fails if the median of the
 * connection is below 0.8.
 */
import * as Chromium from "../test/rig/chromium.ts"

const rounds = Number(process.env["ROUNDS"] ?? 9)
const count = Number(process.env["COUNT"] ?? 20_000)
const ways = ["reading", "transport", "connection", "stream"] as const
type Way = (typeof ways)[number]

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
  const ratios: Record<Way, Array<Cost>> = { reading: [], transport: [], connection: [], stream: [] }
  const seconds: Record<Way | "bare", Array<number>> = {
    bare: [],
    reading: [],
    transport: [],
    connection: [],
    stream: []
  }
  await tab.cdp.send("Performance.enable", { timeDomain: "threadTicks" })
  const time = async (way: Way | "bare"): Promise<Cost> => {
    const before = await threadSeconds(tab)
    const wall = await tab.call<number>(way, url, count)
    const thread = (await threadSeconds(tab)) - before
    seconds[way].push(thread)
    return { wall, thread }
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
  return { ratios, seconds }
}

const rig = await Chromium.start()
try {
  for (const size of [128, 1024]) {
    const { ratios, seconds } = await measure(
      await rig.tab("throughputPage"),
      rig.ws(`/flood?count=${count}&size=${size}`)
    )
    const best = (way: Way | "bare") => Math.min(...seconds[way])
    const micros = (way: Way | "bare") => ((median(seconds[way]) / count) * 1e6).toFixed(2)
    console.log(`${size} B, a bare onmessage: ${micros("bare")} µs for each message`)
    for (const way of ways) {
      const ratio = median(ratios[way].map(({ thread }) => thread))
      const wall = median(ratios[way].map(({ wall }) => wall))
      const all = ratios[way].map(({ thread }) => thread.toFixed(2)).join(" ")
      console.log(
        `${size} B, ${way}: ${micros(way)} µs for each message, ${ratio.toFixed(2)} of a bare onmessage (${all}), ` +
          `best against best ${(best("bare") / best(way)).toFixed(2)}, by the wall ${wall.toFixed(2)}`
      )
      if (process.argv.includes("--check") && way === "connection" && ratio < 0.8) process.exitCode = 1
    }
    await rig.closeTabs()
  }
} finally {
  await rig.stop()
}
