/**
 * Carries what names receive to many readers in other processes, over a broker.
 * The owner of a name publishes its entries, each with its place: the lease's
 * epoch, the opening and a number, beside the session's epoch. Readers therefore
 * see a marker wherever something is missing, and nothing twice.
 *
 * The bus itself keeps nothing, and its packets get lost where the broker is away.
 * The socket never waits for it: what it does not take in time is left out, and
 * readers find `Lagged`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type * as Inbox from "kharbranth/Inbox"
import type { BusFailed, CannotTravel, InvalidFleet } from "./FleetError.ts"
import type * as FleetKind from "./FleetKind.ts"
import * as internal from "./internal/bus/make.ts"
import * as memory from "./internal/bus/memory.ts"

/**
 * What a broker reports of a subscription.
 *
 * - `Packet`: it arrived.
 * - `Interrupted`: packets may be missing here, because the broker was away.
 * - `Closed`: there will be no more; the reader fails with the error.
 *
 * @category models
 * @since 0.1.0
 */
export type News =
  | { readonly _tag: "Packet"; readonly packet: Uint8Array }
  | { readonly _tag: "Interrupted"; readonly from: number | undefined; readonly error: BusFailed }
  | { readonly _tag: "Closed"; readonly error: BusFailed }

/**
 * What the bus asks of a broker: packets by subject, to all that subscribe, each
 * at most once or oftener. It need not keep them, nor their order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Broker {
  /** How many bytes a packet may have. */
  readonly mostBytes: () => number
  /**
   * Completes when the packet is on its way, which is no proof that it arrives. Waits while too much is on its way,
   * and fails where the broker is away: it keeps nothing for later.
   */
  readonly publish: (subject: string, packet: Uint8Array) => Effect.Effect<void, BusFailed>
  /** Calls the listener from when it completes until the scope ends. The listener is quick and does not throw. */
  readonly subscribe: (subject: string, listener: (news: News) => void) => Effect.Effect<void, BusFailed, Scope.Scope>
  /** Calls the listener whenever the broker is back and packets may have got lost, until the scope ends. */
  readonly restored: (listener: () => void) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * Options of `make`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * How long a name waits for the broker to take its entries. After that it leaves entries out, without waiting, until
   * the broker takes a packet again; readers find `Lagged`. Default: 1 second.
   */
  readonly patience?: Duration.Input | undefined
}

/**
 * Options of `subscribe`.
 *
 * @category options
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /** How many bytes may wait for a slow reader; the oldest packets go first. The last one stays. Default: 1,048,576. */
  readonly highWaterMark?: number | undefined
}

/**
 * What the bus needs of an owned name: what a kind's `consume` is given.
 *
 * @category models
 * @since 0.1.0
 */
export type Source<In> = Pick<FleetKind.Owned<In, never>, "entries" | "kind" | "lease" | "name"> &
  Partial<Pick<FleetKind.Owned<In, never>, "publication">>

/**
 * The bus of one process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** As the module's `published`. */
  readonly published: <In>(owned: Source<In>) => Stream.Stream<Inbox.Entry<In>, BusFailed | ConnectionError>
  /** As the module's `subscribe`. */
  readonly subscribe: <K extends FleetKind.Any>(
    kind: K,
    name: string,
    options?: SubscribeOptions
  ) => Stream.Stream<Inbox.Entry<FleetKind.In<K>>, BusFailed | CannotTravel | InvalidFleet>
}

/**
 * The bus as a service.
 *
 * @category services
 * @since 0.1.0
 */
export class FleetBus extends Context.Service<FleetBus, Service>()("@kharbranth/cluster/FleetBus") {}

/**
 * Publishes what a name receives, as the whole of a kind's `consume`.
 *
 * @example
 * ```ts
 * import * as FleetBus from "@kharbranth/cluster/FleetBus"
 * import * as FleetKind from "@kharbranth/cluster/FleetKind"
 * import * as Schema from "effect/Schema"
 * import * as Codec from "kharbranth/Codec"
 *
 * export const Ticker = FleetKind.make("ticker", {
 *   params: Schema.Struct({ symbol: Schema.String }),
 *   codec: Codec.json,
 *   open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` }),
 *   consume: FleetBus.publish
 * })
 * ```
 *
 * @category publishing
 * @since 0.1.0
 */
export const publish = <In>(owned: Source<In>): Effect.Effect<void, BusFailed | ConnectionError, FleetBus> =>
  Stream.runDrain(published(owned))

/**
 * What a name receives, published before you read it.
 *
 * @category publishing
 * @since 0.1.0
 */
export const published = <In>(
  owned: Source<In>
): Stream.Stream<Inbox.Entry<In>, BusFailed | ConnectionError, FleetBus> =>
  Stream.unwrap(Effect.map(FleetBus, (bus) => bus.published(owned)))

/**
 * What a name receives, in any process, from the moment it is run and whichever
 * process owns it.
 *
 * A `Gap` stands where another owner or another opening goes on, and where the
 * broker was away; none after a `makeFirst` move that left nothing out; `Lagged` where numbers are missing: the broker lost packets, the
 * owner left them out, or this reader was too slow. What an owner sends after
 * another one has followed it is left out. The stream goes on when the name is
 * released: it may come back.
 *
 * @example
 * ```ts
 * import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
 * import { Fleet } from "@kharbranth/cluster/Fleet"
 * import * as FleetBus from "@kharbranth/cluster/FleetBus"
 * import * as FleetKind from "@kharbranth/cluster/FleetKind"
 * import * as Effect from "effect/Effect"
 * import * as Fiber from "effect/Fiber"
 * import * as Option from "effect/Option"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 * import * as Codec from "kharbranth/Codec"
 * import * as Inbox from "kharbranth/Inbox"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import { deepStrictEqual } from "node:assert"
 *
 * const Ticker = FleetKind.make("ticker", {
 *   params: Schema.Struct({}),
 *   codec: Codec.text,
 *   open: () => ({ target: "wss://feed.example/" }),
 *   consume: FleetBus.publish
 * })
 *
 * const program = Effect.gen(function*() {
 *   const fleet = yield* Fleet
 *   const first = yield* Effect.forkChild(
 *     Stream.runHead(Stream.filter(FleetBus.subscribe(Ticker, "btc"), Inbox.isMessage)),
 *     { startImmediately: true }
 *   )
 *   yield* fleet.ensure(Ticker, "btc", {})
 *   yield* fleet.send(Ticker, "btc", "hello")
 *   return yield* Fiber.join(first)
 * })
 *
 * const main = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://feed.example/", TestNetwork.echo)
 *   const local = Effect.provide(program, ClusterManager.layerLocal({ kinds: [Ticker] }))
 *   return yield* network.provide(Effect.provide(local, FleetBus.layerMemory))
 * })
 *
 * deepStrictEqual(await Effect.runPromise(Effect.scoped(main)), Option.some(Inbox.message(1, "hello")))
 * ```
 *
 * @category reading
 * @since 0.1.0
 */
export const subscribe = <K extends FleetKind.Any>(
  kind: K,
  name: string,
  options?: SubscribeOptions
): Stream.Stream<Inbox.Entry<FleetKind.In<K>>, BusFailed | CannotTravel | InvalidFleet, FleetBus> =>
  Stream.unwrap(Effect.map(FleetBus, (bus) => bus.subscribe(kind, name, options)))

/**
 * Makes a bus of a broker; it ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (broker: Broker, options?: Options) => Effect.Effect<Service, InvalidFleet, Scope.Scope> =
  internal.make

/**
 * A broker in this process, for tests: it is never away, and loses nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory: Effect.Effect<Broker> = memory.make

/**
 * A bus in this process, for tests and fleets of one process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<FleetBus> = Layer.effect(
  FleetBus,
  Effect.orDie(Effect.flatMap(makeMemory, (broker) => make(broker)))
)
