/**
 * Where and how to dial: url, subprotocols, headers, and how long that holds.
 * What a user gives may be plain or an Effect (a fresh token, a host that
 * rotates); a target is resolved for every dial and validated each time.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Result from "effect/Result"
import type { ConnectionError, InvalidOptions, TargetFailed } from "./ConnectionError.ts"
import type { Heartbeat } from "./Heartbeat.ts"
import * as internal from "./internal/target/recipe.ts"
import { type Capabilities, httpHeaders } from "./Transport.ts"

/**
 * A resolved and validated target. It may hold secrets: print nothing of it but
 * `ConnectionError.endpointOf(url)`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  /** An absolute `ws:` or `wss:` url without fragment. */
  readonly url: string
  readonly subprotocols: ReadonlyArray<string>
  readonly headers: Readonly<Record<string, string>>
  /** When the target stops being valid, in Unix milliseconds. */
  readonly expiresAt: number | undefined
  /** Of the session that is dialed with this target, instead of the connection's. */
  readonly heartbeat: Heartbeat | undefined
}

/**
 * The dial a target is resolved for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  /** How many dials this outage has seen, this one included. */
  readonly attempt: number
  /** The server refused the last credentials: take no cached token. */
  readonly refresh: boolean
  /** Why there is a dial at all; `undefined` for the first. */
  readonly cause: ConnectionError | undefined
  /** Which of several urls. */
  readonly endpoint: number
}

/**
 * A part of a target: a value, an Effect of it, or a function of the attempt
 * that gives either.
 *
 * @category models
 * @since 0.1.0
 */
export type Field<A, E = never, R = never> =
  | A
  | Effect.Effect<A, E, R>
  | ((attempt: Attempt) => A | Effect.Effect<A, E, R>)

/**
 * A moment: Unix milliseconds, a `Date`, or anything with
 * `epochMilliseconds`, such as Effect's `DateTime`.
 *
 * @category models
 * @since 0.1.0
 */
export type Moment = number | Date | { readonly epochMilliseconds: number }

/**
 * Header values by name. A `Redacted` value is unwrapped for the dial only.
 *
 * @category models
 * @since 0.1.0
 */
export type Headers = Readonly<Record<string, string | Redacted.Redacted<string>>>

/**
 * A whole target as plain values.
 *
 * @category models
 * @since 0.1.0
 */
export interface StaticOptions {
  readonly url: string | URL
  /** Default: none. */
  readonly subprotocols?: ReadonlyArray<string> | undefined
  /** Default: none. */
  readonly headers?: Headers | undefined
  /** Default: it does not expire. */
  readonly expiresAt?: Moment | undefined
  /** The heartbeat of the session, where the server that names the url also says how often. Default: the connection's. */
  readonly heartbeat?: Heartbeat | undefined
}

/**
 * A target part by part, each resolved for every dial.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never> {
  /** `ws:` or `wss:` (`http:` and `https:` become those). Several urls are endpoints to fail over to. */
  readonly url: Field<string | URL, E, R> | ReadonlyArray<Field<string | URL, E, R>>
  /** Default: none. */
  readonly subprotocols?: Field<ReadonlyArray<string>, E, R> | undefined
  /** Default: none. Browsers cannot send any. */
  readonly headers?: Field<Headers, E, R> | undefined
  /** When a fresh target is needed. Default: it does not expire. */
  readonly expiresAt?: Field<Moment | undefined, E, R> | undefined
  /** The heartbeat of the session that is dialed. Default: the connection's. */
  readonly heartbeat?: Field<Heartbeat | undefined, E, R> | undefined
}

/**
 * Everything a user may give as a target: a url, its parts, or an Effect (or a
 * function of the attempt) that gives the whole.
 *
 * @category models
 * @since 0.1.0
 */
export type Input<E = never, R = never> =
  | string
  | URL
  | Options<E, R>
  | Effect.Effect<string | URL | StaticOptions, E, R>
  | ((attempt: Attempt) => string | URL | StaticOptions | Effect.Effect<string | URL | StaticOptions, E, R>)

/**
 * How to get a target for a dial.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recipe<out R = never> {
  /** How many urls there are to fail over between. */
  readonly endpoints: number
  /**
   * Resolves and validates. Failures and defects of user effects become
   * `TargetFailed`, results that are not usable `InvalidOptions`.
   */
  readonly resolve: (connection: string, attempt: Attempt) => Effect.Effect<Target, TargetFailed | InvalidOptions, R>
}

/**
 * The requirements of a target's effects, for signatures that infer the input
 * as a whole. Parts with requirements of different types need that: TypeScript
 * does not unite candidates of one type parameter.
 *
 * @category type-level
 * @since 0.1.0
 */
export type Context<I> = I extends string | URL
  ? never
  : I extends Effect.Effect<infer _A, infer _E, infer R>
    ? R
    : I extends (attempt: Attempt) => infer Out
      ? Out extends Effect.Effect<infer _A, infer _E, infer R>
        ? R
        : never
      : I extends { readonly url: unknown }
        ? { readonly [K in keyof I]-?: FieldContext<I[K]> }[keyof I]
        : never

/**
 * What one field of a target needs, for {@link Context}.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldContext<F> =
  F extends Effect.Effect<infer _A, infer _E, infer R>
    ? R
    : F extends (attempt: Attempt) => infer Out
      ? Out extends Effect.Effect<infer _A, infer _E, infer R>
        ? R
        : never
      : F extends ReadonlyArray<infer Item>
        ? FieldContext<Item>
        : never

/**
 * Checks whatever is known already and makes the recipe. Nothing is resolved.
 * Without capabilities those of an upgrade over HTTP hold.
 *
 * @example
 * ```ts
 * import * as Result from "effect/Result"
 * import * as Target from "kharbranth/Target"
 * import { deepStrictEqual, strictEqual } from "node:assert"
 *
 * strictEqual(Result.isSuccess(Target.make("feed", "wss://feed.example/ws")), true)
 *
 * const refused = Target.make("feed", { url: "wss://feed.example/ws", headers: { "x-api-key": "a\r\nb" } })
 * deepStrictEqual(Result.isFailure(refused) && refused.failure.path, ["target", "headers", "x-api-key"])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <E = never, R = never>(
  connection: string,
  input: Input<E, R>,
  capabilities?: Pick<Capabilities, "headers"> & Partial<Pick<Capabilities, "ping">>
) => Result.Result<Recipe<R>, InvalidOptions> = (connection, input, capabilities = http) =>
  internal.make(connection, input, capabilities)

const http = { headers: httpHeaders }
