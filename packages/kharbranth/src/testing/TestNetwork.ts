/**
 * A network in memory, for tests of anything that uses a connection: scripted
 * servers, and faults that can be injected at any moment. It runs on the clock
 * of the test (virtual under `TestClock`), and one seed gives one history.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Transport from "../Transport.ts"
import type * as Fault from "./Fault.ts"
import type { Incident } from "./FaultSchedule.ts"
import * as internal from "./internal/network.ts"
import type { Script, ServeOptions, Server } from "./TestServer.ts"

/**
 * Options of `make`. The defaults are an ideal network: no latency, no loss.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** What all randomness comes from: jitter, loss, and what `provide` runs draws. Default: 1. */
  readonly seed?: number | undefined
  /** How long anything takes one way. A dial takes two round trips. Default: 0. */
  readonly latency?: Duration.Input | undefined
  /** Up to so much more, evenly; order is kept. Default: 0. */
  readonly jitter?: Duration.Input | undefined
  /** The chance that a packet is lost and sent again later. Default: 0. */
  readonly loss?: number | undefined
  /** Bytes per second, each way. Default: no limit. */
  readonly bandwidth?: number | undefined
  /** Bytes that may be on the way, unread included; more wait at their sender. Default: 256 KiB. */
  readonly window?: number | undefined
  /**
   * What to act like. `"browser"` has no pings, no pause, no headers, sees no
   * bytes, and is not told why a dial failed. Default: `"node"`.
   */
  readonly platform?: "node" | "browser" | undefined
  /** Single capabilities that differ from the platform's. */
  readonly capabilities?: Partial<Transport.Capabilities> | undefined
}

/**
 * Options of `process`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessOptions {
  /** How fast its clock runs beside the test's: 1.01 gains a hundredth. Default: 1. */
  readonly rate?: number | undefined
}

/**
 * A client process of a network, with a clock of its own and its own ways to the
 * servers. Faults with its name concern it alone.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestProcess {
  readonly name: string
  readonly transport: Transport.Transport["Service"]
  readonly clock: Clock.Clock
  /** As the network's `provide`, with this process's transport and clock. */
  readonly provide: TestNetwork["provide"]
  /** Completes when the process runs: at once, unless a `Suspend` holds it; never once it was killed. */
  readonly awake: Effect.Effect<void>
  /**
   * Ends it as `kill -9` does: servers see its sockets reset, and none of its timers fires again. Finalizers that
   * wait would wait for ever, so run its programs in a scope of their own and leave that open.
   */
  readonly kill: Effect.Effect<void>
}

/**
 * What happened, in order. Urls are without query and userinfo.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Dialed"; readonly at: number; readonly id: number; readonly endpoint: string }
  | { readonly _tag: "DialFailed"; readonly at: number; readonly id: number; readonly error: string }
  | { readonly _tag: "DialAbandoned"; readonly at: number; readonly id: number }
  | { readonly _tag: "Opened"; readonly at: number; readonly id: number }
  | { readonly _tag: "Ended"; readonly at: number; readonly id: number; readonly error: string }
  | { readonly _tag: "ScriptFailed"; readonly at: number; readonly id: number; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Injected" | "Lifted"; readonly at: number; readonly fault: Fault.Fault }

/**
 * A network. Everything in it ends with the scope it was made in.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestNetwork {
  readonly seed: number
  readonly transport: Transport.Transport["Service"]
  /** Provides `transport`. */
  readonly layer: Layer.Layer<Transport.Transport>
  /** The clock of the client's process: like the test's, but for `Suspend` and `WallClock`. */
  readonly clock: Clock.Clock
  /**
   * Runs an effect as the client's process: with this transport and this clock, and with a `Random` of the
   * network's seed (a policy's waits draw from it), unless it is run with one already.
   */
  readonly provide: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Transport.Transport>>
  /**
   * Starts a client process beside the network's own, which is called `"client"`. The name of one that runs is
   * taken; that of one that was killed is free again.
   */
  readonly process: (name: string, options?: ProcessOptions) => Effect.Effect<TestProcess>
  /**
   * Starts a server for a url (its host and path count; the path `/` serves
   * every path of the host that has no server of its own). Dials to a host
   * without a server are refused, other paths of a host get HTTP 404. Default
   * script: accept and stay silent.
   */
  readonly serve: <E = never, R = never, R2 = never>(
    url: string,
    script?: Script<E, R>,
    options?: ServeOptions<R2>
  ) => Effect.Effect<Server, never, Exclude<R, Scope.Scope> | R2>
  /** Injects a fault, or starts one that lasts until it is lifted. */
  readonly inject: (fault: Fault.Fault) => Effect.Effect<void>
  /** Ends a fault. */
  readonly lift: (fault: Fault.Fault) => Effect.Effect<void>
  /** Ends every fault. Sockets that lost their path stay lost. */
  readonly heal: Effect.Effect<void>
  /** Plays a schedule of incidents on the test's clock, then heals. */
  readonly play: (incidents: ReadonlyArray<Incident>) => Effect.Effect<void>
  /** How many client sockets are open. */
  readonly open: Effect.Effect<number>
  /** How many dials are under way. */
  readonly dialing: Effect.Effect<number>
  readonly history: Effect.Effect<ReadonlyArray<Event>>
}

/**
 * Makes a network. Make it outside the code under test, so that it runs on the
 * test's own clock. Without latency everything happens in the same instant, but
 * not in the same turn: `TestClock.adjust(0)` gives it one. With latency, opening
 * and closing a connection take time too: what waits for them must leave the
 * test free to move its clock.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Fault from "kharbranth/testing/Fault"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import { deepStrictEqual, strictEqual } from "node:assert"
 *
 * const nothing = () => {}
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   const server = yield* network.serve("wss://feed.example/ws", TestNetwork.silent)
 *   const link = yield* network.transport.dial(
 *     {
 *       connection: "feed",
 *       epoch: 1,
 *       url: "wss://feed.example/ws",
 *       subprotocols: [],
 *       headers: {},
 *       maxMessageSize: 1024,
 *       writeMark: { high: 1024, low: 256 }
 *     },
 *     { frame: nothing, ping: nothing, pong: nothing, drained: nothing, ended: nothing }
 *   )
 *   link.write(["hello"])
 *   const peer = yield* server.accepted
 *   strictEqual(yield* peer.receive, "hello")
 *   yield* network.inject(Fault.reset())
 *   deepStrictEqual(yield* peer.ended, { _tag: "Dropped" })
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options?: Options) => Effect.Effect<TestNetwork, never, Scope.Scope> = internal.make

export {
  /**
   * @category answers
   * @since 0.1.0
   */
  accept,
  /**
   * @category scripts
   * @since 0.1.0
   */
  echo,
  /**
   * @category answers
   * @since 0.1.0
   */
  failTls,
  /**
   * @category answers
   * @since 0.1.0
   */
  hang,
  /**
   * @category answers
   * @since 0.1.0
   */
  refuse,
  /**
   * @category answers
   * @since 0.1.0
   */
  reject,
  /**
   * @category scripts
   * @since 0.1.0
   */
  silent
} from "./TestServer.ts"

export type {
  /**
   * @category models
   * @since 0.1.0
   */
  Answer,
  /**
   * @category models
   * @since 0.1.0
   */
  Handlers,
  /**
   * @category models
   * @since 0.1.0
   */
  Peer,
  /**
   * @category models
   * @since 0.1.0
   */
  PeerEnd,
  /**
   * @category models
   * @since 0.1.0
   */
  Request,
  /**
   * @category models
   * @since 0.1.0
   */
  Script,
  /**
   * @category models
   * @since 0.1.0
   */
  ServeOptions,
  /**
   * @category models
   * @since 0.1.0
   */
  Server
} from "./TestServer.ts"
