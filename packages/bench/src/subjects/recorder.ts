/** Two connections of one process, one with a flight recorder: the CPU that the same messages take on either. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Recorder from "kharbranth/Recorder"
import { overMemory, ratiosOf, spent } from "./memory.ts"

export interface Params {
  readonly pairs: number
  readonly messages: number
}

export interface Result {
  /** The CPU without a recorder over that with one, a pair each. */
  readonly ratios: ReadonlyArray<number>
}

const opened = (name: string, messages: number) =>
  Effect.gen(function* () {
    let count = 0
    const { stream } = yield* Connection.make(name, {
      target: "wss://feed.example/",
      codec: Codec.text,
      heartbeat: Heartbeat.ping({ every: "20 millis", timeout: "5 seconds" })
    })
    yield* Effect.forkScoped(Stream.runForEachArray(stream, (batch) => Effect.sync(() => void (count += batch.length))))
    return spent(name, messages, () => count)
  })

const program = ({ messages, pairs }: Params) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(Recorder.layer())
    const off = yield* opened("off", messages)
    const on = yield* Effect.provideContext(opened("on", messages), context)
    return { ratios: yield* ratiosOf(pairs, off, on) }
  })

export const measure = (_: string, params: Params): Promise<Result> =>
  Effect.runPromise(Effect.scoped(overMemory(program(params))))
