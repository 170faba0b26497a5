/**
 * What happens around a connection and bears on it: the network came back, the
 * machine slept, nobody looks. The core knows none of that by itself. Where
 * something reports it (`PageLifecycle` of `@kharbranth/browser` does, an
 * Electron app or a phone's runtime can), every connection made there acts on it:
 *
 * - Awake or online again: one probe at once. Silent for `patience`, a successor
 *   is dialed; anything that arrives on the old link in the meantime withdraws it. A
 *   successor that is Ready first takes over, with a `Gap`. (Where `rotate` says
 *   `breakFirst`, the probe's deadline of 2 seconds decides.) A connection that
 *   waits for its next try dials now, unless the server named the time.
 * - Offline: one ordinary probe. That alone ends no session.
 * - Hidden: what `hidden` says.
 * - Frozen: the socket is closed before the page stands still, and dialed again
 *   when it thaws.
 *
 * Without a probe (`Heartbeat.passive`, `challenge`, `none`) nothing can be
 * asked, so a wake changes nothing for a session that is Ready.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import { SurroundingsReaction } from "./internal/platform/reaction.ts"
import { reporter } from "./internal/platform/reporter.ts"
import * as Check from "./internal/model/check.ts"

/**
 * Something that happened around the connections of a program.
 *
 * @category models
 * @since 0.1.0
 */
export type Signal =
  /** What looked alive may be dead; `reason` is for events and logs. */
  | { readonly _tag: "Woke"; readonly reason: string }
  | { readonly _tag: "Offline" }
  /** Nobody looks, and timers may be slow. */
  | { readonly _tag: "Hidden" }
  | { readonly _tag: "Shown" }
  /** The program is about to stand still, and goes on. */
  | { readonly _tag: "Frozen" }
  | { readonly _tag: "Thawed" }

/**
 * What becomes of a connection that nobody looks at: nothing; heartbeats four
 * times as far apart; or it is paused after this long, and resumed when it is
 * looked at again.
 *
 * @category models
 * @since 0.1.0
 */
export type Hidden = "keep" | "slow" | { readonly closeAfter: Duration.Input }

/**
 * How connections act on what `layer` reports.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** What becomes of a connection that nobody looks at. Default: `"keep"`. */
  readonly hidden?: Hidden | undefined
  /** How long a session may leave the probe after a wake unanswered before a successor is dialed. Default: 500 ms. */
  readonly patience?: Duration.Input | undefined
}

declare const made: unique symbol

/**
 * What reports to a connection what happens around it. Opaque: `layer` makes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reporter {
  /** Nobody else can make one. */
  readonly [made]: true
}

/**
 * The reporter that connections are made with, if there is one.
 *
 * @category services
 * @since 0.1.0
 */
export const Surroundings: Context.Reference<Reporter | undefined> = Context.Reference<Reporter | undefined>(
  "kharbranth/Surroundings",
  { defaultValue: () => undefined }
)

/**
 * Lets every connection made with it act on these signals. `listen` calls its
 * listener with each, and returns what ends that.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as Surroundings from "kharbranth/Surroundings"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const listeners = new Set<(signal: Surroundings.Signal) => void>()
 * const tell = (signal: Surroundings.Signal) => listeners.forEach((listener) => listener(signal))
 * const machine = Surroundings.layer((listener) => {
 *   listeners.add(listener)
 *   return () => listeners.delete(listener)
 * })
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ seed: 1 })
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   return yield* Effect.gen(function*() {
 *     const connection = yield* Connection.make("echo", { target: "wss://echo.example/" })
 *     tell({ _tag: "Frozen" })
 *     strictEqual(connection.state.getUnsafe()._tag, "Disconnected")
 *     tell({ _tag: "Thawed" })
 *     yield* connection.awaitReady
 *   }).pipe(Effect.provide(machine), network.provide)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  listen: (listener: (signal: Signal) => void) => () => unknown,
  options: Options = {}
): Layer.Layer<never> => {
  const { hidden = "keep" } = options
  const patience = Check.millisOr(options.patience, "500 millis")
  const closeAfter = typeof hidden === "object" ? Check.millisOr(hidden.closeAfter, 0) : undefined
  const pace = hidden === "slow" ? 4 : 1
  const connect = reporter((connection) => {
    const reaction = new SurroundingsReaction(connection, { patience, closeAfter, pace })
    const unlisten = listen((signal) => reaction.take(signal))
    return () => {
      unlisten()
      reaction.end()
    }
  })
  return Layer.succeed(Surroundings, connect)
}
