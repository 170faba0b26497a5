/**
 * What needs code to open a name: options, codec, consumer. Every process of a
 * fleet registers the same kinds; the store holds names and params, which are
 * data. Options hold functions and cannot travel, so a kind is what travels.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Codec from "kharbranth/Codec"
import type * as Connection from "kharbranth/Connection"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type * as ConnectionManager from "kharbranth/ConnectionManager"
import type * as Inbox from "kharbranth/Inbox"
import type * as Target from "kharbranth/Target"
import * as internal from "./internal/names/kind.ts"
import type { Lease } from "./Lease.ts"

/**
 * A name on its way to being opened by this process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opening {
  readonly name: string
  /** The id of its kind. */
  readonly kind: string
  /** Its epoch orders what arrives by different owners: give it to whatever stores on behalf of the name. */
  readonly lease: Lease
  /** What `saveCursor` kept last; `undefined` when nothing was. */
  readonly cursor: unknown
}

/**
 * A name that this process owns, as its consumer sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owned<out In, in Out> extends Opening {
  readonly connection: Connection.Connection<In, Out>
  /** As `connection.entries`; begins with a `Gap` of cause `OwnerLost` when another process owned the name before. */
  readonly entries: Stream.Stream<Inbox.Entry<In>, ConnectionError>
  /** Keeps a JSON value for the next owner. Written once a second and when the name is closed, while the lease lasts. */
  readonly saveCursor: (value: unknown) => void
  /** How far the name's entries were published, for readers of a bus. */
  readonly publication: Publication
}

/**
 * How far a name's entries were published, by this owner and the one before: `FleetBus.published` keeps it, and a
 * `makeFirst` move gives it to the next owner.
 *
 * @category models
 * @since 0.1.0
 */
export type Publication = internal.Publication

/**
 * A kind of names. Make one with `make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FleetKind<out Id extends string, in P, out C extends Codec.Any, out R> {
  readonly id: Id
  readonly codec: C
  readonly body: Body<P, R>
}

/**
 * How names of a kind open: the fleet's own affair.
 *
 * @category models
 * @since 0.1.0
 */
export type Body<P, R> = internal.Body<P, R>

/**
 * Any kind.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = FleetKind<string, never, Codec.Any, unknown>

/**
 * The params of a kind.
 *
 * @category type-level
 * @since 0.1.0
 */
export type Params<K> = K extends FleetKind<string, infer P, Codec.Any, unknown> ? P : never

/**
 * What names of a kind carry in.
 *
 * @category type-level
 * @since 0.1.0
 */
export type In<K> = K extends { readonly codec: infer C } ? Codec.In<C> : never

/**
 * What names of a kind carry out.
 *
 * @category type-level
 * @since 0.1.0
 */
export type Out<K> = K extends { readonly codec: infer C } ? Codec.Out<C> : never

/**
 * What the programs of a kind need.
 *
 * @category type-level
 * @since 0.1.0
 */
export type Requirements<K> = K extends FleetKind<string, never, Codec.Any, infer R> ? Exclude<R, Scope.Scope> : never

/**
 * Options of `make`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<P, C extends Codec.Any, T, RO, RH, RC> {
  /** Params as they are stored; they must encode to JSON. */
  readonly params: Schema.Codec<P, unknown>
  readonly codec: C
  /** The connection's options; runs on the owner, whenever the name opens. A fleet opens in the background. */
  readonly open: (
    params: P,
    opening: Opening
  ) => Omit<ConnectionManager.ConnectOptions<C, T, RO, RH>, "codec" | "startup" | "startupTimeout">
  /**
   * Runs beside the socket while this process owns the name, and is interrupted when it does not. It is the one
   * reader. Default: nobody reads. With `handover: "makeFirst"`, let it end when `entries` end.
   */
  readonly consume?:
    | ((owned: Owned<Codec.In<NoInfer<C>>, Codec.Out<NoInfer<C>>>) => Effect.Effect<unknown, unknown, RC>)
    | undefined
  /**
   * What a planned move does first. `breakFirst`: the old owner closes, then the new one opens, and a `Gap` stands
   * between. `makeFirst`: the old owner's consumer goes on until the name is Ready elsewhere, stops after what had
   * arrived, and the new one's begins there, without a `Gap`, with `SessionOpened { rotated: true }`; for a moment the
   * server sees two sessions, so it must allow that. A heartbeat with a probe shows that nothing is left on the way;
   * where the old session does not answer, there is a `Gap` as ever. Default: `"breakFirst"`.
   */
  readonly handover?: "breakFirst" | "makeFirst" | undefined
  /**
   * What makes a message the same in both sessions of a `makeFirst` move: the new owner leaves out what the old one
   * delivered. A key of `undefined` is like no other. Default: nothing is left out, and `possibleDuplicates` says how
   * many may come twice.
   */
  readonly dedupe?: ((message: Codec.In<NoInfer<C>>) => string | number | undefined) | undefined
}

/**
 * Makes a kind.
 *
 * @example
 * ```ts
 * import * as FleetKind from "@kharbranth/cluster/FleetKind"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 * import * as Codec from "kharbranth/Codec"
 * import { strictEqual } from "node:assert"
 *
 * const Ticker = FleetKind.make("ticker", {
 *   params: Schema.Struct({ symbol: Schema.String }),
 *   codec: Codec.text,
 *   open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` }),
 *   consume: ({ entries }) => Stream.runForEach(entries, (entry) => Effect.logDebug(entry))
 * })
 * strictEqual(Ticker.id, "ticker")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <
  const Id extends string,
  P,
  C extends Codec.Any,
  const T extends Target.Input<unknown, unknown>,
  RO = never,
  RH = never,
  RC = never
>(
  id: Id,
  options: Options<P, C, T, RO, RH, RC>
) => FleetKind<Id, P, C, ConnectionManager.Requirements<T, RO, RH> | Connection.LessScope<RC>> = internal.make
