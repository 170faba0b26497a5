/**
 * A fleet in one test: several processes in one `TestNetwork`, each with its own
 * clock, its own way to the store and its own view of who is there. All of it runs
 * on the test's clock, and one seed gives one history.
 *
 * Ownership is a model of a cluster, not Effect Cluster: processes notice joins
 * and deaths late and not at the same time.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InvalidOptions } from "kharbranth/ConnectionError"
import type * as ConnectionManager from "kharbranth/ConnectionManager"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import type * as ClusterManager from "../ClusterManager.ts"
import type * as Fleet from "../Fleet.ts"
import type { InvalidFleet, StoreFailed } from "../FleetError.ts"
import type * as FleetKind from "../FleetKind.ts"
import type { FleetStore } from "../FleetStore.ts"
import * as internal from "./internal/fleet.ts"

/**
 * Options of `make`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<Kinds extends ReadonlyArray<FleetKind.Any>> extends ClusterManager.Options<Kinds> {
  /** How many processes it starts with, called `"r1"`, `"r2"`, … Default: 3. */
  readonly runners?: number | undefined
  /** What all chance comes from. Default: 1. */
  readonly seed?: number | undefined
  /** How many buckets names are spread over. Default: 12. */
  readonly buckets?: number | undefined
  /** How long until a process that died, or lost the store, is noticed. Default: 3 seconds. */
  readonly detection?: Duration.Input | undefined
  /** How differently late processes see that others came or went, at most. Default: 1 second. */
  readonly lag?: Duration.Input | undefined
  /**
   * What processes hear of the store at once: everything; late, twice, or not at all, as chance decides; or nothing, so
   * that they find changes by looking alone. Default: `"all"`.
   */
  readonly notices?: "all" | "some" | "none" | undefined
  /** Of the network between the processes and their servers. Default: an ideal one. */
  readonly network?: Omit<TestNetwork.Options, "seed"> | undefined
}

/**
 * How a process joins.
 *
 * @category options
 * @since 0.1.0
 */
export interface JoinOptions {
  /** How fast its clock runs beside the test's. Default: 1. */
  readonly rate?: number | undefined
}

/**
 * One process of the fleet, and what can be done to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestRunner {
  readonly name: string
  readonly process: TestNetwork.TestProcess
  readonly fleet: Fleet.Service
  readonly manager: ConnectionManager.Manager
  /** Stops it as `SIGSTOP` does; its monotonic clock stops or runs on. Default: `"runs"`. */
  readonly pause: (monotonic?: "stops" | "runs") => Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** `kill -9`: it never runs again, and joins again under the same name as another holder. */
  readonly kill: Effect.Effect<void>
  /** Hands over what it holds and ends, as on `SIGTERM`. */
  readonly leave: Effect.Effect<void>
  /** Cuts it from the store: its requests get lost, or only the answers to them; chance decides. */
  readonly cutStore: Effect.Effect<void>
  readonly healStore: Effect.Effect<void>
  /** How long the store takes to answer it. At first: 0. */
  readonly slowStore: (latency: Duration.Input) => Effect.Effect<void>
}

/**
 * How many milliseconds the store still keeps the dials of a key back, for all
 * processes; 0 when it does not.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeptBack {
  /** No dial may begin: a server said "not now", or dials failed in a row. */
  readonly held: number
  /** One dial tries for all: no other may begin. */
  readonly probed: number
}

/**
 * A fleet in a test.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestFleet {
  readonly network: TestNetwork.TestNetwork
  /** The store itself, with no way in between. */
  readonly store: FleetStore["Service"]
  /** How many statements the store has had so far, from all processes and from the test, as Postgres would count them. */
  readonly statements: Effect.Effect<number>
  /** Whether the store keeps back dials of a key with a limit in `budget.fleet`. */
  readonly keptBack: (key: string) => Effect.Effect<KeptBack>
  /** Processes that were neither killed nor left. */
  readonly runners: Effect.Effect<ReadonlyArray<TestRunner>>
  readonly join: (
    name: string,
    options?: JoinOptions
  ) => Effect.Effect<TestRunner, InvalidFleet | InvalidOptions | StoreFailed>
  /** Takes the store back to what it was so long ago, as a failover to a replica that lags does. */
  readonly loseCommits: (age: Duration.Input) => Effect.Effect<void>
}

/**
 * Makes a fleet. Its processes end with the scope, those that were killed aside.
 *
 * @example
 * ```ts
 * import * as FleetKind from "@kharbranth/cluster/FleetKind"
 * import * as TestFleet from "@kharbranth/cluster/testing/TestFleet"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Codec from "kharbranth/Codec"
 * import * as VirtualTime from "kharbranth/testing/VirtualTime"
 * import { strictEqual } from "node:assert"
 *
 * const Ticker = FleetKind.make("ticker", {
 *   params: Schema.Struct({ symbol: Schema.String }),
 *   codec: Codec.text,
 *   open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` })
 * })
 *
 * const program = Effect.gen(function*() {
 *   const fleet = yield* TestFleet.make({ kinds: [Ticker], runners: 2 })
 *   const server = yield* fleet.network.serve("wss://feed.example/")
 *   const [first, second] = yield* fleet.runners
 *   yield* first!.fleet.ensure(Ticker, "btc", { symbol: "BTC" })
 *   yield* server.accepted
 *   const owner = yield* first!.fleet.owner("btc")
 *   yield* owner?.holder === first!.fleet.holder ? first!.kill : second!.kill
 *   yield* server.accepted
 *   strictEqual((yield* server.connections).length, 1)
 * })
 *
 * const exit = await VirtualTime.run(Effect.scoped(program))
 * strictEqual(exit._tag, "Success")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <const Kinds extends ReadonlyArray<FleetKind.Any>>(
  options: Options<Kinds>
) => Effect.Effect<
  TestFleet,
  InvalidFleet | InvalidOptions | StoreFailed,
  Scope.Scope | FleetKind.Requirements<Kinds[number]>
> = internal.make
