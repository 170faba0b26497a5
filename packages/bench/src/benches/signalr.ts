/**
 * A hub's calls and streams, against the official client on the same hub.
 */
import type { Bench } from "../harness/bench.ts"
import { type Contender, figure, interleaved } from "../harness/figures.ts"
import { runSubject, startServer } from "../harness/process.ts"
import type { Params, Result } from "../subjects/signalr.ts"

const counts: Readonly<Record<Exclude<Params["work"], "slow">, readonly [warm: number, count: number]>> = {
  sequential: [4_000, 16_000],
  pipelined: [60_000, 200_000],
  stream: [100_000, 400_000]
}

const titles = {
  sequential: "sequential invokes",
  pipelined: "pipelined invokes",
  stream: "streamed items"
} as const

const slowItems = 100_000

export const signalr: Bench = {
  name: "signalr",
  title: "SignalR over JSON and WebSockets, against the official client",
  run: async ({ quick, rounds }) => {
    const server = await startServer(0, "server/hub.ts")
    const url = `http://127.0.0.1:${server.port}/hub`
    const run = (subject: string, params: Omit<Params, "url">) =>
      runSubject<Result>("signalr", subject, { url, ...params })
    const figures = []
    for (const work of ["sequential", "pipelined", "stream"] as const) {
      const [warm, count] = counts[work].map((n) => (quick ? n / 4 : n)) as [number, number]
      const contender = (subject: string): Contender => ({
        label: `${subject}, ${titles[work]}`,
        run: () => run(subject, { work, warm, count })
      })
      figures.push(...(await interleaved("signalr", rounds, contender("official"), [contender("kharbranth")], "/s")))
    }
    for (const subject of ["official", "kharbranth"]) {
      const { heapMiB } = await run(subject, { work: "slow", warm: 0, count: slowItems })
      figures.push(figure("signalr", `${subject}, slow reader, growth of the heap`, [heapMiB], "MiB"))
    }
    await server.kill()
    return figures
  }
}
