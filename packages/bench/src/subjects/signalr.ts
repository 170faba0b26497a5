/**
 * The same calls and streams through two clients of the same hub: the official
 * one, and ours. Callers of ours are Effects, callers of the other are promises.
 */
import * as HubConnection from "@kharbranth/signalr/HubConnection"
import * as SignalR from "@microsoft/signalr"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Stream from "effect/Stream"
import * as Kharbranth from "./kharbranth.ts"

export type Work = "sequential" | "pipelined" | "stream" | "slow"

export interface Params {
  readonly url: string
  readonly work: Work
  readonly warm: number
  readonly count: number
}

export interface Result {
  readonly perSecond: number
  readonly cpuMicros: number
  /** Growth of the heap while a reader stood still, in MiB; 0 for other work. */
  readonly heapMiB: number
}

/** Does so many of a thing. */
type Do = (count: number) => Promise<unknown>
type Works = Readonly<Record<Exclude<Work, "slow">, Do>> & {
  /** A stream of so many large items, whose reader stops after the first; goes on when the promise says so. */
  readonly slow: (count: number, stuck: Promise<void>) => Promise<unknown>
}

const inFlight = 1_000
const itemSize = 16
const largeItem = 1_024
const standing = 3_000

interface Item {
  readonly text: string
  readonly number: number
}

const official = async (url: string): Promise<Works> => {
  const hub = new SignalR.HubConnectionBuilder().withUrl(url).configureLogging(SignalR.LogLevel.None).build()
  await hub.start()
  const stream = (count: number, size: number, next: (item: Item) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      hub.stream<Item>("Range", count, size).subscribe({ next, complete: resolve, error: reject })
    })
  return {
    sequential: async (count) => {
      for (let i = 0; i < count; i++) await hub.invoke("Echo", String(i))
    },
    pipelined: async (count) => {
      for (let done = 0; done < count; done += inFlight) {
        await Promise.all(Array.from({ length: inFlight }, (_, i) => hub.invoke("Echo", String(done + i))))
      }
    },
    stream: (count) => {
      let sum = 0
      return stream(count, itemSize, ({ number }) => (sum += number))
    },
    // it has no way to hold the server back: what its reader cannot take yet is kept
    slow: async (count, stuck) => {
      const kept: Array<Item> = []
      const arrived = stream(count, largeItem, (item) => kept.push(item))
      await stuck
      await arrived
      return kept.length
    }
  }
}

const worksOf = ({ invoke, stream }: HubConnection.UntypedCaller): Works => ({
  sequential: (count) =>
    Effect.runPromise(
      Effect.gen(function* () {
        for (let i = 0; i < count; i++) yield* invoke("Echo", [String(i)])
      })
    ),
  pipelined: (count) => {
    let done = 0
    const round = Effect.suspend(() => {
      const from = done
      done += inFlight
      return Effect.forEach(
        Array.from({ length: inFlight }, (_, i) => from + i),
        (i) => invoke("Echo", [String(i)]),
        { concurrency: "unbounded" }
      )
    })
    return Effect.runPromise(Effect.repeat(round, { times: Math.ceil(count / inFlight) - 1 }))
  },
  stream: (count) => {
    let sum = 0
    return Effect.runPromise(
      Stream.runForEachArray(stream("Range", [count, itemSize]), (items) => {
        for (const item of items) sum += (item as Item).number
        return Effect.void
      })
    )
  },
  slow: (count, stuck) =>
    Effect.runPromise(
      Stream.runForEach(Stream.take(stream("Range", [count, largeItem]), 2), () => Effect.promise(() => stuck))
    )
})

const ours = (url: string): Promise<Works> =>
  new Promise((resolve, reject) => {
    const program = Effect.gen(function* () {
      const hub = yield* HubConnection.make("bench", { url })
      resolve(worksOf(hub.untyped))
      return yield* Effect.never
    })
    Kharbranth.run(Effect.provide(program, FetchHttpClient.layer)).catch(reject)
  })

const clients: Readonly<Record<string, (url: string) => Promise<Works>>> = { official, kharbranth: ours }

const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1_048_576
}

const standStill = async ({ slow }: Works, count: number): Promise<number> => {
  let go = (): void => undefined
  const stuck = new Promise<void>((resolve) => (go = resolve))
  const before = heap()
  const done = slow(count, stuck)
  await new Promise((resolve) => setTimeout(resolve, standing))
  const after = heap()
  go()
  await done
  return after - before
}

export const measure = async (subject: string, { count, url, warm, work }: Params): Promise<Result> => {
  const works = await clients[subject]!(url)
  if (work === "slow") return { perSecond: 0, cpuMicros: 0, heapMiB: await standStill(works, count) }
  await works[work](warm)
  const cpu = process.cpuUsage()
  const started = performance.now()
  await works[work](count)
  const seconds = (performance.now() - started) / 1_000
  const used = process.cpuUsage(cpu)
  return { perSecond: count / seconds, cpuMicros: (used.user + used.system) / count, heapMiB: 0 }
}
