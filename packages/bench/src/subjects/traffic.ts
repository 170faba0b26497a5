/**
 * Reads moderate traffic on many connections, each message parsed: CPU time of
 * this process for each message, and how late messages come.
 */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import type { Data } from "kharbranth/Message"
import type { Transport } from "kharbranth/Transport"
import { readFileSync } from "node:fs"
import { setTimeout as pause } from "node:timers/promises"
import { WebSocket as Ws } from "ws"
import { certificates } from "../server/wire.ts"
import { openMany } from "./idle.ts"

export interface Params {
  readonly url: string
  readonly connections: number
  readonly warmMillis: number
  readonly millis: number
}

export interface Result {
  readonly cpuMicros: number
  readonly perSecond: number
  /** Of the time from the server's write to the reader, in microseconds. */
  readonly p99: number
}

interface Tick {
  /** When the server wrote it, in microseconds. */
  readonly E: number
}

/** Opens all connections and calls `seen` for every message; resolves when all are open. */
type Read = (params: Params, seen: (tick: Tick) => void) => Promise<unknown>

const ca = readFileSync(new URL("ca.pem", certificates))

const raw: Read = ({ connections, url }, seen) =>
  openMany(
    connections,
    () =>
      new Promise<void>((resolve, reject) => {
        const ws = new Ws(url, { perMessageDeflate: false, ca })
        ws.on("message", (data: Buffer) => seen(JSON.parse(data.toString()) as Tick))
        ws.on("open", () => resolve())
        ws.on("error", reject)
      })
  )

const transport = NodeTransport.layerWith({ proxy: false, tls: { ca } })

/** A line on the console for each session would cost more than the session. */
const run = (program: Effect.Effect<void, unknown, Transport>): Promise<void> =>
  Effect.runPromise(program.pipe(Effect.provide(transport), Effect.provideService(References.MinimumLogLevel, "Error")))

const single =
  <In, Out>(codec: Codec.Codec<In, Out>, parse: (message: In) => Tick): Read =>
  ({ connections, url }, seen) =>
    new Promise((resolve, reject) => {
      const all = Array.from({ length: connections }, (_, index) => index)
      const read = ({ stream }: Connection.Connection<In, Out>) =>
        Stream.runForEachArray(stream, (batch) =>
          Effect.sync(() => {
            for (const message of batch) seen(parse(message))
          })
        )
      const program = Effect.gen(function* () {
        const open = (index: number) => Connection.make(`feed ${index}`, { target: url, codec })
        const opened = yield* Effect.forEach(all, open, { concurrency: 256 })
        for (const connection of opened) yield* Effect.forkScoped(read(connection), { startImmediately: true })
        resolve(undefined)
        return yield* Effect.never
      })
      run(Effect.scoped(program)).catch(reject)
    })

const managed: Read = ({ connections, url }, seen) =>
  new Promise((resolve, reject) => {
    const program = Effect.gen(function* () {
      const manager = yield* ConnectionManager.make()
      for (let index = 0; index < connections; index++)
        yield* manager.connect(`feed ${index}`, { target: url, codec: Codec.json, startup: "background" })
      yield* manager.awaitReady()
      resolve(undefined)
      yield* Stream.runForEachArray(manager.messages(), (batch) =>
        Effect.sync(() => {
          for (const { message } of batch) seen(message as Tick)
        })
      )
    })
    run(Effect.scoped(program)).catch(reject)
  })

/** The server sends text. */
const textOf = (message: Data): string => (message._tag === "Text" ? message.text : "")

const readers: Readonly<Record<string, Read>> = {
  "raw ws": raw,
  "kharbranth": single(Codec.frames, (message) => JSON.parse(textOf(message)) as Tick),
  "kharbranth, Codec.json": single(Codec.json, (message) => message as Tick),
  "kharbranth, a manager's messages": managed
}

export const subjects: ReadonlyArray<string> = Object.keys(readers)

const now = (): number => (performance.timeOrigin + performance.now()) * 1_000

export const measure = async (subject: string, params: Params): Promise<Result> => {
  const delays: Array<number> = []
  let count = 0
  await readers[subject]!(params, ({ E }) => {
    // a few are enough for a percentile, and all would cost as much as a cheap message
    if (count++ % 8 === 0) delays.push(now() - E)
  })
  await pause(params.warmMillis)
  globalThis.gc?.()
  delays.length = count = 0
  const cpu = process.cpuUsage()
  const started = performance.now()
  await pause(params.millis)
  const used = process.cpuUsage(cpu)
  const seconds = (performance.now() - started) / 1_000
  const seen = count
  const sorted = delays.toSorted((a, b) => a - b)
  return {
    cpuMicros: (used.user + used.system) / seen,
    perSecond: seen / seconds,
    p99: sorted[Math.floor(sorted.length * 0.99)]!
  }
}
