/**
 * What tests of a whole connection in virtual time share: how to run one, and a
 * server that answers every message.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as VirtualTime from "../../src/testing/VirtualTime.ts"

export const url = "wss://peer.example/ws"

/** Runs a scoped program in virtual time; a failure is thrown. */
export const run = async <A, E>(program: Effect.Effect<A, E, Scope.Scope>): Promise<A> => {
  const exit = await VirtualTime.run(
    Effect.scoped(program).pipe(Random.withSeed(1), Effect.provideService(References.MinimumLogLevel, "None"))
  )
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

export const clock = Clock.clockWith(Effect.succeed)
export const now = Effect.map(clock, (clock) => clock.currentTimeMillisUnsafe())

/** A server that answers every message. */
export const polite = (peer: TestNetwork.Peer) =>
  peer.listen({ frame: (frame) => void peer.sendUnsafe([`re:${String(frame)}`]) })
