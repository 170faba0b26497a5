/** What the tests of managers and pools share: a network, a server and a manager on it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "../../src/Codec.ts"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { mulberry32 } from "../support/random.ts"

export const url = "wss://feed.example/ws"

/** Options of a connection without timers of its own: what moves in a test is what the test moves. */
export const plain = {
  target: url,
  codec: Codec.text,
  heartbeat: Heartbeat.none,
  reconnect: Reconnect.prompt
} as const

export interface Rig {
  readonly network: TestNetwork.TestNetwork
  readonly server: TestNetwork.Server
  readonly manager: ConnectionManager.Manager
}

export interface RigOptions {
  readonly manager?: ConnectionManager.Options | undefined
  readonly network?: TestNetwork.Options | undefined
  readonly script?: TestNetwork.Script<unknown> | undefined
  readonly serve?: TestNetwork.ServeOptions | undefined
}

export const rig = (options: RigOptions = {}): Effect.Effect<Rig, never, Scope.Scope> =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make(options.network)
    const server = yield* network.serve(url, options.script ?? TestNetwork.echo, options.serve)
    // A closing handshake takes time where the network has latency: let it pass until the manager is closed.
    let closing = true
    yield* Effect.addFinalizer(() => Effect.sync(() => (closing = false)))
    const manager = yield* ConnectionManager.make(options.manager).pipe(network.provide)
    yield* Effect.addFinalizer(() =>
      Effect.forkDetach(Effect.whileLoop({ while: () => closing, body: () => pass(50), step: () => {} }))
    )
    return { network, server, manager }
  }).pipe(Effect.orDie)

/** Lets everything happen that needs no time, however many turns it takes. */
export const settle: Effect.Effect<void> = Effect.forEach(
  Array.from({ length: 8 }),
  () =>
    Effect.andThen(
      TestClock.adjust(0),
      Effect.promise(() => Promise.resolve())
    ),
  { discard: true }
)

/**
 * Lets time pass in small steps: what follows from one moment has happened
 * before the next, as on a real clock.
 */
export const pass = (duration: Duration.Input, step = 50): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* settle
    for (let left = Duration.toMillis(Duration.fromInputUnsafe(duration)); left > 0; left -= step) {
      yield* TestClock.adjust(Math.min(step, left))
      yield* settle
    }
  })

export const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

/** A small generator that gives the same numbers for the same seed. */
export const randomOf = (seed: number) => {
  const next = mulberry32(seed)
  return {
    next,
    whole: (least: number, most: number) => least + Math.floor(next() * (most - least + 1)),
    pick: <A>(items: ReadonlyArray<A>): A => items[Math.floor(next() * items.length)]!
  }
}
