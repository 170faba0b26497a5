/**
 * A bare client for tests of the network: it dials, and writes down what its
 * link tells it, with the time.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import type * as Transport from "kharbranth/Transport"

export const url = "wss://feed.example/ws"

export const dialOf = (change: Partial<Transport.Dial> = {}): Transport.Dial => ({
  connection: "feed",
  epoch: 1,
  url,
  subprotocols: [],
  headers: {},
  maxMessageSize: 1 << 20,
  writeMark: { high: 65_536, low: 16_384 },
  ...change
})

/** Dials in a scope of its own below the test's. */
export const connect = Effect.fnUntraced(function* (
  network: TestNetwork.TestNetwork,
  change: Partial<Transport.Dial> = {}
) {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const frames: Array<Frame> = []
  const log: Array<string> = []
  const ended = yield* Deferred.make<ConnectionError.LinkError>()
  const scope = yield* Scope.fork(yield* Effect.scope)
  const note = (what: string) => void log.push(`${clock.currentTimeMillisUnsafe()} ${what}`)
  const receiver: Transport.Receiver = {
    frame: (frame, size) => {
      frames.push(frame)
      note(`frame ${typeof frame === "string" && frame.length < 20 ? frame : size}`)
    },
    ping: () => note("ping"),
    pong: () => note("pong"),
    drained: () => note("drained"),
    ended: (error) => {
      note(`ended ${error._tag}`)
      Deferred.doneUnsafe(ended, Effect.succeed(error))
    }
  }
  const link = yield* network.transport.dial(dialOf(change), receiver).pipe(Scope.provide(scope))
  return { link, frames, log, ended: Deferred.await(ended), leave: Scope.close(scope, Exit.void) }
})
