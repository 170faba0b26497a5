/**
 * Sends a number of messages and waits until the server has read them all.
 */
import { type Sender, websocket } from "@atproto/ws-client"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"
import type { Socket as TcpSocket } from "node:net"
import type { WebSocket } from "ws"
import * as EffectSocket from "./effectSocket.ts"
import * as Kharbranth from "./kharbranth.ts"
import { openRaw, type Wire, wires } from "./wires.ts"

export interface Params {
  readonly url: string
  readonly warm: number
  readonly count: number
  readonly size: number
}

export interface Result {
  readonly perSecond: number
  readonly cpuMicros: number
}

/** Sends this many messages, then calls back; the server's marks arrive through `onText`. */
type Blast = (count: number) => Promise<void>
type Open = (url: string, message: string, onText: (text: string) => void) => Promise<Blast>

const high = 262_144
const chunk = 64
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const wireLoop = async (wire: Wire, message: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    wire.send(message)
    while (wire.bufferedAmount() >= high) await turn()
  }
}

const wire =
  (name: string): Open =>
  async (url, message, onText) => {
    const opened = await wires[name]!(url, onText)
    return (count) => wireLoop(opened, message, count)
  }

const raw =
  (blast: (ws: WebSocket, message: string, count: number) => Promise<void>): Open =>
  async (url, message, onText) => {
    const ws = await openRaw(url)
    ws.on("message", (data: Buffer) => onText(data.toString()))
    return (count) => blast(ws, message, count)
  }

const sendAwaited = (ws: WebSocket, message: string): Promise<void> =>
  new Promise((resolve) => ws.send(message, () => resolve()))

const rawLoop = async (ws: WebSocket, message: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    if (ws.bufferedAmount >= high) await sendAwaited(ws, message)
    else ws.send(message)
  }
}

const rawCorked = async (ws: WebSocket, message: string, count: number): Promise<void> => {
  const { _socket: socket } = ws as unknown as { readonly _socket: TcpSocket }
  for (let sent = 0; sent < count; sent += chunk) {
    socket.cork()
    for (let i = 1; i < chunk; i++) ws.send(message)
    const last = sendAwaited(ws, message)
    socket.uncork()
    if (ws.bufferedAmount >= high) await last
  }
}

/**
 * As one who knows `ws` well writes: corked until so many bytes have come
 * together, without a callback for each batch.
 */
const rawCorkedTo =
  (bytes: number, encode: (message: string) => string | Buffer) =>
  async (ws: WebSocket, message: string, count: number): Promise<void> => {
    const { _socket: socket } = ws as unknown as { readonly _socket: TcpSocket }
    const data = encode(message)
    const options = { binary: false }
    socket.cork()
    for (let sent = 1; sent <= count; sent++) {
      if (ws.bufferedAmount < bytes && sent < count) ws.send(data, options)
      else {
        const gone = ws.bufferedAmount < high ? ws.send(data, options) : sendAwaited(ws, message)
        socket.uncork()
        await gone
        socket.cork()
      }
    }
    socket.uncork()
  }

const asIs = (message: string): string => message
const encoded = (message: string): Buffer => Buffer.from(message)

const rawAwaited = async (ws: WebSocket, message: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await sendAwaited(ws, message)
}

const kharbranth =
  (blast: (connection: Kharbranth.Text, message: string, count: number) => Effect.Effect<void, unknown>): Open =>
  (url, message, onText) =>
    new Promise((resolve, reject) => {
      Kharbranth.run(
        Effect.gen(function* () {
          const connection = yield* Kharbranth.connect(url)
          resolve((count) => Effect.runPromise(blast(connection, message, count)))
          yield* Stream.runForEach(connection.stream, (text) => Effect.sync(() => onText(text)))
        })
      ).catch(reject)
    })

const batch = (message: string): readonly [string, ...Array<string>] => [
  message,
  ...Array.from({ length: chunk - 1 }, () => message)
]

/** The messages as a stream of arrays of 64. */
const arrays = (message: string, count: number): Stream.Stream<string> =>
  Stream.fromPull(
    Effect.sync(() => {
      const whole = batch(message)
      let left = count
      return Effect.suspend(() => {
        if (left <= 0) return Cause.done()
        left -= chunk
        return Effect.succeed(whole)
      })
    })
  )

const concurrent = 1_000

const effectSocket =
  (blast: (writer: Socket.Writer, message: string, count: number) => Effect.Effect<void, unknown>): Open =>
  (url, message, onText) =>
    new Promise((resolve, reject) => {
      EffectSocket.run(
        Effect.gen(function* () {
          const socket = yield* EffectSocket.connect(url)
          const writer = yield* socket.writer
          const pull = yield* Socket.readerString(socket)
          resolve((count) => Effect.runPromise(blast(writer, message, count)))
          while (true) for (const text of yield* pull) onText(text)
        })
      ).catch(reject)
    })

const times = (count: number, effect: Effect.Effect<void, unknown>): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    for (let i = 0; i < count; i++) yield* effect
  })

const openers: Readonly<Record<string, Open>> = {
  "raw ws": raw(rawLoop),
  "raw ws, corked by 64": raw(rawCorked),
  "raw ws, corked to 16 KiB": raw(rawCorkedTo(16_384, asIs)),
  "raw ws, corked to 64 KiB": raw(rawCorkedTo(65_536, asIs)),
  "raw ws, Buffers corked to 16 KiB": raw(rawCorkedTo(16_384, encoded)),
  "raw ws, Buffers corked to 64 KiB": raw(rawCorkedTo(65_536, encoded)),
  "raw ws, each send awaited": raw(rawAwaited),
  "Node's WebSocket": wire("Node's WebSocket"),
  "partysocket": wire("partysocket"),
  "reconnecting-websocket": wire("reconnecting-websocket"),
  "rxjs webSocket": wire("rxjs webSocket"),
  "@atproto/ws-client": (url, message, onText) =>
    new Promise((resolve) => {
      const onConnect = (sender: Sender<"text">): void =>
        resolve(async (count) => {
          for (let i = 0; i < count; i++) await sender.send(message)
        })
      const read = async (): Promise<void> => {
        for await (const text of websocket(url, { dataMode: "text", onConnect })) onText(text)
      }
      void read()
    }),
  "Effect Socket, write": effectSocket((writer, message, count) => times(count, writer.write(message))),
  "Effect Socket, writeAll by 64": effectSocket((writer, message, count) =>
    times(Math.ceil(count / chunk), writer.writeAll(batch(message)))
  ),
  "kharbranth, sink fed in arrays": kharbranth((connection, message, count) =>
    Stream.run(arrays(message, count), connection.sink)
  ),
  "kharbranth, 1,000 concurrent sends": kharbranth((connection, message, count) => {
    const round = Effect.forEach(
      Array.from({ length: concurrent }, () => message),
      (text) => connection.send(text),
      {
        concurrency: "unbounded",
        discard: true
      }
    )
    return times(Math.ceil(count / concurrent), round)
  }),
  "kharbranth, one awaited send at a time": kharbranth((connection, message, count) =>
    times(count, connection.send(message))
  )
}

export const subjects: ReadonlyArray<string> = Object.keys(openers)

export const measure = async (subject: string, { count, size, url, warm }: Params): Promise<Result> => {
  let marks = 0
  let wake = (): void => undefined
  const onText = (): void => {
    marks += 1
    wake()
  }
  const reached = (mark: number): Promise<void> =>
    new Promise((resolve) => {
      wake = () => marks >= mark && resolve()
      wake()
    })
  const blast = await openers[subject]!(url, "x".repeat(size), onText)
  await blast(warm)
  await reached(1)
  const cpu = process.cpuUsage()
  const started = performance.now()
  await blast(count)
  await reached(2)
  const seconds = (performance.now() - started) / 1_000
  const used = process.cpuUsage(cpu)
  return { perSecond: count / seconds, cpuMicros: (used.user + used.system) / count }
}
