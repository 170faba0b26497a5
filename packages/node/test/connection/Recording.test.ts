/**
 * Proves on real sockets that a recording is worth something: of a connection that
 * was closed, cut, refused and left in silence, the recorded steps give the
 * recorded states again, from the text alone; the recording names each end; and a
 * test network that serves it lets the same connection end alike.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Connection from "kharbranth/Connection"
import type { ConnectionState } from "kharbranth/ConnectionState"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Recorder from "kharbranth/Recorder"
import * as Replay from "kharbranth/Replay"
import * as RecordedServer from "kharbranth/testing/RecordedServer"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import { serve } from "../support/wsServer.ts"

const options = {
  heartbeat: Heartbeat.ping({ every: "100 millis", timeout: "200 millis" }),
  reconnect: Reconnect.make({ schedule: Schedule.spaced("10 millis") }),
  startup: "background"
} as const

/** Closes the first session, cuts the second, refuses twice, falls silent in the third, and then behaves. */
const troubled = () => {
  let dials = 0
  return serve(
    (ws, { socket }) => {
      if (dials === 1) setTimeout(() => ws.close(4000, "planted-reason"), 50)
      if (dials === 2) setTimeout(() => socket.resetAndDestroy(), 50)
      if (dials === 5) setTimeout(() => socket.pause(), 250)
    },
    {
      verifyClient: (_, answer) => {
        dials++
        if (dials === 3 || dials === 4) answer(false, 503)
        else answer(true)
      }
    }
  )
}

const ends = [
  "ConnectionClosed 4000",
  "ConnectionDropped",
  "HandshakeRejected 503",
  "HandshakeRejected 503",
  "PongReceiveTimeout"
]

const endsOf = ({ entries }: Recorder.Recording): ReadonlyArray<string> =>
  entries.flatMap(({ event }) => {
    if (event._tag !== "SessionEnded") return []
    const { code, status } = event.error.fields
    return [`${event.error.tag} ${String(status ?? code ?? "")}`.trim()]
  })

const isOnItsLast = (state: ConnectionState): boolean => state._tag === "Connected" && state.epoch > ends.length

const recorded = (target: string) =>
  Effect.gen(function* () {
    const connection = yield* Connection.make("feed", { target, ...options })
    yield* Stream.runHead(Stream.filter(connection.state.changes, isOnItsLast))
    const recorder = yield* Recorder.Recorder
    return yield* Stream.mkString(recorder.dump())
  }).pipe(Effect.provide(Recorder.layer({ steps: 1_000 })))

const read = (text: string): Recorder.Recording => Result.getOrThrow(Recorder.fromText(text))[0]!

describe("a recording of faults on real sockets", () => {
  it.live("is replayed exactly, and served again in a test network", () =>
    Effect.gen(function* () {
      const server = yield* troubled()
      const text = yield* recorded(`${server.url}/?token=planted`).pipe(Effect.provide(NodeTransport.layer))
      assert.notInclude(text, "planted")
      const recording = read(text)
      assert.deepStrictEqual(endsOf(recording), ends)

      const replayed = Result.getOrThrow(Replay.run(recording))
      assert.isUndefined(replayed.differs)
      assert.isAbove(replayed.states.length, 20)
      assert.deepInclude(replayed.states.at(-1), { _tag: "Connected", epoch: ends.length + 1 })

      const again = yield* Effect.promise(() =>
        VirtualTime.run(
          Effect.gen(function* () {
            const network = yield* TestNetwork.make()
            yield* RecordedServer.serve(network, "wss://feed.example/", recording)
            return yield* network.provide(recorded("wss://feed.example/"))
          }).pipe(Effect.scoped)
        )
      )
      assert.deepStrictEqual(endsOf(read(Exit.isSuccess(again) ? again.value : "")), ends)
    })
  )
})
