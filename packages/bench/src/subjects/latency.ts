/**
 * Echo round trips, one in flight.
 */
import { type Sender, websocket } from "@atproto/ws-client"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"
import * as EffectSocket from "./effectSocket.ts"
import * as Kharbranth from "./kharbranth.ts"
import { openRaw, wires } from "./wires.ts"

export interface Params {
  readonly url: string
  readonly warm: number
  readonly count: number
  readonly size: number
}

export interface Result {
  readonly p50: number
  readonly p99: number
}

/** Calls `next` for each echo, which says whether to send once more. */
type Play = (url: string, message: string, next: () => boolean) => Promise<unknown>

const wire =
  (name: string): Play =>
  async (url, message, next) => {
    const opened = await wires[name]!(url, () => next() && opened.send(message))
    opened.send(message)
  }

const players: Readonly<Record<string, Play>> = {
  "raw ws": async (url, message, next) => {
    const ws = await openRaw(url)
    ws.on("message", (data: Buffer) => data.toString().length > 0 && next() && ws.send(message))
    ws.send(message)
  },
  "Node's WebSocket": wire("Node's WebSocket"),
  "partysocket": wire("partysocket"),
  "reconnecting-websocket": wire("reconnecting-websocket"),
  "rxjs webSocket": wire("rxjs webSocket"),
  "@atproto/ws-client": async (url, message, next) => {
    let sender: Sender<"text"> | undefined
    const onConnect = (opened: Sender<"text">): void => {
      sender = opened
      void opened.send(message)
    }
    for await (const _ of websocket(url, { dataMode: "text", onConnect })) if (next()) void sender?.send(message)
  },
  "Effect Socket": (url, message, next) =>
    EffectSocket.run(
      Effect.gen(function* () {
        const socket = yield* EffectSocket.connect(url)
        const writer = yield* socket.writer
        const pull = yield* Socket.readerString(socket)
        yield* writer.write(message)
        while (true) {
          yield* pull
          if (next()) yield* writer.write(message)
        }
      })
    ),
  "kharbranth": (url, message, next) =>
    Kharbranth.run(
      Effect.gen(function* () {
        const connection = yield* Kharbranth.connect(url)
        yield* connection.send(message)
        yield* Stream.runForEach(connection.stream, () => (next() ? connection.send(message) : Effect.void))
      })
    )
}

export const subjects: ReadonlyArray<string> = Object.keys(players)

export const measure = (subject: string, { count, size, url, warm }: Params): Promise<Result> =>
  new Promise((resolve, reject) => {
    const times = new Float64Array(count)
    let seen = -warm
    let sent = performance.now()
    const next = (): boolean => {
      const now = performance.now()
      if (seen >= 0) times[seen] = (now - sent) * 1_000
      seen += 1
      if (seen < count) {
        sent = now
        return true
      }
      times.sort()
      resolve({ p50: times[Math.floor(count * 0.5)]!, p99: times[Math.floor(count * 0.99)]! })
      return false
    }
    players[subject]!(url, "x".repeat(size), next).catch(reject)
  })
