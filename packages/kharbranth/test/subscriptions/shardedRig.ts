/** A feed server on a `TestNetwork`, a pool of connections to it, and subscriptions on the pool. */
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as ConnectionPool from "kharbranth/ConnectionPool"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import { rig as managerRig } from "../manager/managerRig.ts"
import { type FromServer, options, type ToServer, TopicServer, url } from "./topicServer.ts"
import { pass, settle } from "../support/passing.ts"

export interface Overrides {
  readonly network?: TestNetwork.Options | undefined
  readonly pool?: {
    readonly min?: number
    readonly max?: number
    readonly maxCount?: number
    readonly maxSize?: number
  }
  readonly options?: Partial<Subscriptions.ShardedOptions<string, FromServer, ToServer>>
}

export const sharded = (overrides: Overrides = {}) =>
  Effect.gen(function* () {
    // The network's clock is known only when it is made, and the server's script before.
    let now = (): number => 0
    const server = new TopicServer(() => now())
    const { manager, network } = yield* managerRig({
      network: overrides.network,
      script: (peer) => server.script(peer)
    })
    now = () => network.clock.currentTimeMillisUnsafe()
    // Closing handshakes take time where the network has latency: let it pass until the pool is closed.
    let closing = true
    yield* Effect.addFinalizer(() => Effect.sync(() => (closing = false)))
    // Its chance is the network's too: without it a seed would not replay a history.
    const pool = yield* network.provide(
      ConnectionPool.shards(manager, "md", {
        member: () => ({
          target: url,
          codec: Codec.jsonAs<FromServer, ToServer>(),
          heartbeat: Heartbeat.none,
          reconnect: Reconnect.prompt
        }),
        ...overrides.pool
      })
    )
    const subscriptions = yield* network.provide(Subscriptions.sharded(pool, { ...options, ...overrides.options }))
    yield* Effect.addFinalizer(() =>
      Effect.forkDetach(Effect.whileLoop({ while: () => closing, body: () => pass(50), step: () => {} }))
    )
    yield* settle
    return { manager, network, server, pool, subscriptions }
  })

/** What each socket has, sorted; those that have nothing are left out. */
export const spread = (server: TopicServer): ReadonlyArray<string> =>
  [...server.granted.values()].flatMap((topics) => (topics.size === 0 ? [] : [[...topics].toSorted().join(" ")]))
