/**
 * A transport in memory, for what is compared in pairs within one process. Sockets
 * would only add what is the same for both, and noise.
 */
import * as Effect from "effect/Effect"
import { ConnectionDropped } from "kharbranth/ConnectionError"
import * as Heartbeat from "kharbranth/Heartbeat"
import { type Receiver, Transport } from "kharbranth/Transport"

const receivers = new Map<string, Receiver>()
const nothing = (): void => undefined

const service: Transport["Service"] = {
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
        close: () =>
          setImmediate(() => receiver.ended(new ConnectionDropped({ connection, epoch: 1, cause: undefined }))),
        terminate: nothing
      }
    })
}

export const overMemory = Effect.provideService(Transport, service)

const text = "x".repeat(128)
/** As many as a read of a socket brings. */
const together = 64

export const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** CPU microseconds that a program takes. */
export const cpuOf = <E, R>(program: Effect.Effect<unknown, E, R>): Effect.Effect<number, E, R> =>
  Effect.gen(function* () {
    const before = process.cpuUsage()
    yield* program
    const { system, user } = process.cpuUsage(before)
    return system + user
  })

/** CPU microseconds that so many messages take from the socket of a connection to its reader, who has `seen` so many. */
export const spent = (name: string, messages: number, seen: () => number): Effect.Effect<number> =>
  cpuOf(
    Effect.gen(function* () {
      const receiver = receivers.get(name)!
      const until = seen() + messages
      for (let sent = 0; sent < messages; sent += together) {
        for (let n = 0; n < together; n++) receiver.frame(text, text.length)
        yield* turn
      }
      while (seen() < until) yield* turn
    })
  )

/** What the same work costs without something over with it, a pair each. */
export const ratiosOf = <E, R>(
  pairs: number,
  without: Effect.Effect<number, E, R>,
  own: Effect.Effect<number, E, R>
): Effect.Effect<ReadonlyArray<number>, E, R> =>
  Effect.gen(function* () {
    for (const run of [without, own, without, own]) yield* run
    const ratios: Array<number> = []
    for (let pair = 0; pair < pairs; pair++) {
      // A machine drifts, so the two take turns at going first.
      const isFirst = pair % 2 === 0
      const one = yield* isFirst ? without : own
      const other = yield* isFirst ? own : without
      ratios.push(isFirst ? one / other : other / one)
    }
    return ratios
  })
