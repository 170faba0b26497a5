/** The page of the throughput benchmark: five ways to count the messages of a flood. */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Transport from "kharbranth/Transport"
import { expose } from "../test/rig/bridge.ts"
import * as Recorder from "../test/rig/recorder.ts"

/** Milliseconds from the first message to the last of `count`. */
const stopwatch = (count: number) => {
  let from = 0
  let seen = 0
  return (more: number): number | undefined => {
    if (seen === 0) from = performance.now()
    seen += more
    return seen >= count ? performance.now() - from : undefined
  }
}

const counter = (look: (event: MessageEvent<string>) => void) => (url: string, count: number) =>
  new Promise<number>((resolve) => {
    const socket = new WebSocket(url)
    const watch = stopwatch(count)
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      look(event)
      const took = watch(1)
      if (took === undefined) return
      socket.close()
      resolve(took)
    })
  })

const bare = counter(() => {})

let last = ""
const reading = counter((event) => (last = event.data))

const ignore = () => {}

const transport = (url: string, count: number) =>
  Effect.gen(function* () {
    const { dial } = yield* Transport.Transport
    const finished = yield* Deferred.make<number>()
    const watch = stopwatch(count)
    const frame = () => {
      const took = watch(1)
      if (took !== undefined) Deferred.doneUnsafe(finished, Exit.succeed(took))
    }
    yield* dial(Recorder.dialOf(url), { frame, ping: ignore, pong: ignore, drained: ignore, ended: ignore })
    return yield* Deferred.await(finished)
  }).pipe(Effect.scoped, Effect.provide(BrowserTransport.layer()))

const connectionBy = (layer: Layer.Layer<Transport.Transport>) => (url: string, count: number) =>
  Effect.gen(function* () {
    const finished = yield* Deferred.make<number>()
    const watch = stopwatch(count)
    const made = yield* Connection.make("bench", {
      target: url,
      codec: Codec.text,
      inbox: { highWaterMark: 64 * 1024 * 1024 },
      startup: "background"
    })
    yield* made.stream.pipe(
      Stream.runForEachArray((batch) => {
        const took = watch(batch.length)
        return took === undefined ? Effect.void : Deferred.succeed(finished, took)
      }),
      Effect.forkScoped({ startImmediately: true })
    )
    return yield* Deferred.await(finished)
  }).pipe(Effect.scoped, Effect.provide(layer))

const connection = connectionBy(BrowserTransport.layer())
const stream = connectionBy(BrowserTransport.layerStream())

expose({ bare, reading, transport, connection, stream, last: () => last })
