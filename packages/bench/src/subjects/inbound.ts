/**
 * Reads a flood for a while and counts what reached the consumer.
 */
import { websocket } from "@atproto/ws-client"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"
import type { LazyText } from "kharbranth/Message"
import { setTimeout as pause } from "node:timers/promises"
import * as EffectSocket from "./effectSocket.ts"
import * as Kharbranth from "./kharbranth.ts"
import { openRaw, wires } from "./wires.ts"

export interface Params {
  readonly url: string
  readonly warmMillis: number
  readonly millis: number
}

export interface Result {
  readonly perSecond: number
  readonly cpuMicros: number
}

/** Starts consuming; `seen` is called with how many more messages the consumer got. */
type Consume = (url: string, seen: (count: number) => void) => void

const wire =
  (name: string): Consume =>
  (url, seen) =>
    void wires[name]!(url, (text) => seen(text.length > 0 ? 1 : 0))

const kharbranth =
  (
    consume: (stream: Kharbranth.Text["stream"], seen: (count: number) => void) => Effect.Effect<void, unknown>
  ): Consume =>
  (url, seen) =>
    void Kharbranth.run(Effect.flatMap(Kharbranth.connect(url), ({ stream }) => consume(stream, seen)))

const effectSocket =
  (consume: (socket: Socket.Socket, seen: (count: number) => void) => Effect.Effect<void, unknown>): Consume =>
  (url, seen) =>
    void EffectSocket.run(Effect.flatMap(EffectSocket.connect(url), (socket) => consume(socket, seen)))

const isTrade = (text: LazyText): boolean => text.startsWith(`{"e":"trade"`)

/** Parses what is wanted of a batch: one message in ten. */
const readTrades = (batch: ReadonlyArray<LazyText>): number => {
  let trades = 0
  for (const text of batch)
    if (isTrade(text)) trades += (JSON.parse(String(text)) as { readonly u: number }).u < 0 ? 0 : 1
  return trades
}

const consumers: Readonly<Record<string, Consume>> = {
  "raw ws": (url, seen) =>
    void openRaw(url).then((ws) => ws.on("message", (data: Buffer) => seen(data.toString().length > 0 ? 1 : 0))),
  "Node's WebSocket": wire("Node's WebSocket"),
  "partysocket": wire("partysocket"),
  "reconnecting-websocket": wire("reconnecting-websocket"),
  "rxjs webSocket": wire("rxjs webSocket"),
  "@atproto/ws-client": async (url, seen) => {
    for await (const text of websocket(url, { dataMode: "text" })) seen(text.length > 0 ? 1 : 0)
  },
  "Effect Socket, stream by arrays": effectSocket((socket, seen) =>
    Stream.runForEachArray(Socket.toStream(socket), (batch) => Effect.sync(() => seen(batch.length)))
  ),
  "Effect Socket, stream of strings by arrays": effectSocket((socket, seen) =>
    Stream.never.pipe(
      Stream.pipeThroughChannel(Socket.toChannelString(socket)),
      Stream.runForEachArray((batch) => Effect.sync(() => seen(batch.length)))
    )
  ),
  "Effect Socket, string reader": effectSocket((socket, seen) =>
    Effect.scoped(
      Effect.gen(function* () {
        const pull = yield* Socket.readerString(socket)
        while (true) seen((yield* pull).length)
      })
    )
  ),
  "raw ws, all parsed": (url, seen) =>
    void openRaw(url).then((ws) =>
      ws.on("message", (data: Buffer) => seen(JSON.parse(data.toString()) === undefined ? 0 : 1))
    ),
  "kharbranth, one text in ten parsed": kharbranth((stream, seen) =>
    Stream.runForEachArray(stream, (batch) => Effect.sync(() => seen(readTrades(batch) < 0 ? 0 : batch.length)))
  ),
  "kharbranth, one lazy text in ten parsed": (url, seen) =>
    void Kharbranth.run(
      Effect.flatMap(Kharbranth.connectLazily(url), ({ stream }) =>
        Stream.runForEachArray(stream, (batch) => Effect.sync(() => seen(readTrades(batch) < 0 ? 0 : batch.length)))
      )
    ),
  "kharbranth, by arrays": kharbranth((stream, seen) =>
    Stream.runForEachArray(stream, (batch) => Effect.sync(() => seen(batch.length)))
  ),
  "kharbranth, runForEach": kharbranth((stream, seen) =>
    Stream.runForEach(stream, (text) => Effect.sync(() => seen(text.length > 0 ? 1 : 0)))
  ),
  "kharbranth, map + filter + runForEach": kharbranth((stream, seen) =>
    stream.pipe(
      Stream.map((text) => text.length),
      Stream.filter((length) => length > 0),
      Stream.runForEach(() => Effect.sync(() => seen(1)))
    )
  )
}

export const subjects: ReadonlyArray<string> = Object.keys(consumers)

export const measure = async (subject: string, { millis, url, warmMillis }: Params): Promise<Result> => {
  let count = 0
  consumers[subject]!(url, (more) => {
    count += more
  })
  await pause(warmMillis)
  const before = count
  const cpu = process.cpuUsage()
  const started = performance.now()
  await pause(millis)
  const seconds = (performance.now() - started) / 1_000
  const used = process.cpuUsage(cpu)
  const seen = count - before
  return { perSecond: seen / seconds, cpuMicros: (used.user + used.system) / seen }
}
