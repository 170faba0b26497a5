/** The page of the latency benchmark: how long an echo takes, and how long a message of a burst waits for its reader. */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import { expose } from "../test/rig/bridge.ts"

const text = "x".repeat(128)

/** Milliseconds of each round trip, one at a time, by a bare `onmessage`. */
const bare = (url: string, count: number) =>
  new Promise<ReadonlyArray<number>>((resolve) => {
    const socket = new WebSocket(url)
    const took: Array<number> = []
    let from = 0
    const send = () => {
      from = performance.now()
      socket.send(text)
    }
    socket.addEventListener("open", send)
    socket.addEventListener("message", () => {
      took.push(performance.now() - from)
      if (took.length < count) return send()
      socket.close()
      resolve(took)
    })
  })

const connect = (url: string) =>
  Connection.make("bench", { target: url, codec: Codec.text, inbox: { highWaterMark: 64 * 1024 * 1024 } })

/** The same, by the stream of a connection. */
const connection = (url: string, count: number) =>
  Effect.gen(function* () {
    const made = yield* connect(url)
    const took: Array<number> = []
    let from = performance.now()
    yield* made.send(text)
    yield* made.stream.pipe(
      Stream.take(count),
      Stream.runForEachArray((batch) => {
        took.push(performance.now() - from)
        from = performance.now()
        return made.send(batch[0])
      })
    )
    return took
  }).pipe(Effect.scoped, Effect.provide(BrowserTransport.layer()))

/** Milliseconds from each message's event to its reader, while the server sends as fast as it can. */
const waits = (url: string, count: number) =>
  Effect.gen(function* () {
    const finished = yield* Deferred.make<ReadonlyArray<number>>()
    const arrived: Array<number> = []
    const waited: Array<number> = []
    const unwatched = globalThis.WebSocket
    globalThis.WebSocket = class extends unwatched {
      constructor(url: string | URL, protocols?: string | Array<string>) {
        super(url, protocols)
        this.addEventListener("message", () => arrived.push(performance.now()))
      }
    }
    yield* Effect.addFinalizer(() => Effect.sync(() => (globalThis.WebSocket = unwatched)))
    const made = yield* connect(url)
    yield* made.stream.pipe(
      Stream.runForEachArray((batch) => {
        const now = performance.now()
        for (let index = 0; index < batch.length; index++) waited.push(now - arrived[waited.length]!)
        return waited.length < count ? Effect.void : Deferred.succeed(finished, waited)
      }),
      Effect.forkScoped({ startImmediately: true })
    )
    return yield* Deferred.await(finished)
  }).pipe(Effect.scoped, Effect.provide(BrowserTransport.layer()))

expose({ bare, connection, waits })
