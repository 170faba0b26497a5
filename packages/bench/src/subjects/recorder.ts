/**
 * Two connections of one process over a transport in memory, one with a flight
 * recorder: the CPU that the same messages take on either, in turn. Sockets would
 * only add what is the same for both, and noise.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Recorder from "kharbranth/Recorder"
import { type Receiver, Transport } from "kharbranth/Transport"

export interface Params {
  readonly pairs: number
  readonly messages: number
}

export interface Result {
  /** The CPU without a recorder over that with one, a pair each. */
  readonly ratios: ReadonlyArray<number>
}

const receivers = new Map<string, Receiver>()
const nothing = (): void => undefined

const transport: Transport["Service"] = {
  name: "memory",
  capabilities: { ping: Heartbeat.ping(), pause: false, headers: false, bytes: false },
  dial: ({ connection }, receiver) =>
    Effect.sync(() => {
      receivers.set(connection, receiver)
      return {
        protocol: "",
        write: nothing,
        ping: (payload: Uint8Array) => setImmediate(() => receiver.pong(payload)),
        buffered: () => 0,
        received: () => 0,
        pause: nothing,
        resume: nothing,
        close: nothing,
        terminate: nothing
      }
    })
}

const text = "x".repeat(128)
/** As many as a read of a socket brings. */
const together = 64

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** CPU microseconds that so many messages take on the way to their reader. */
const spent = (name: string, messages: number, seen: () => number) =>
  Effect.gen(function* () {
    const receiver = receivers.get(name)!
    const until = seen() + messages
    const before = process.cpuUsage()
    for (let sent = 0; sent < messages; sent += together) {
      for (let n = 0; n < together; n++) receiver.frame(text, text.length)
      yield* turn
    }
    while (seen() < until) yield* turn
    const { system, user } = process.cpuUsage(before)
    return system + user
  })

const opened = (name: string) =>
  Effect.gen(function* () {
    let count = 0
    const { stream } = yield* Connection.make(name, {
      target: "wss://feed.example/",
      codec: Codec.text,
      heartbeat: Heartbeat.ping({ every: "20 millis", timeout: "5 seconds" })
    })
    yield* Effect.forkScoped(Stream.runForEachArray(stream, (batch) => Effect.sync(() => void (count += batch.length))))
    return (messages: number) => spent(name, messages, () => count)
  })

const program = ({ messages, pairs }: Params) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(Recorder.layer())
    const off = yield* opened("off")
    const on = yield* Effect.provideContext(opened("on"), context)
    for (const run of [off, on, off, on]) yield* run(messages)
    const ratios: Array<number> = []
    for (let pair = 0; pair < pairs; pair++) {
      // A machine drifts, so the two take turns at going first.
      const isFirst = pair % 2 === 0
      const one = yield* (isFirst ? off : on)(messages)
      const other = yield* (isFirst ? on : off)(messages)
      ratios.push(isFirst ? one / other : other / one)
    }
    return { ratios }
  })

export const measure = (_: string, params: Params): Promise<Result> =>
  Effect.runPromise(Effect.scoped(Effect.provideService(program(params), Transport, transport)))
