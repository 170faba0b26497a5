/**
 * How much dialing a server may see from all connections together: rolling
 * windows, dials under way at once, and one circuit breaker, for each key that
 * dials are counted under. A `ConnectionManager` has one; connections without a
 * manager can share one through their `permit` option.
 *
 * While a breaker is open one dial probes; when it comes through, those that
 * wait are released one by one, ever faster.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { ConnectionError, InvalidOptions } from "./ConnectionError.ts"
import * as internal from "./internal/budget/budget.ts"
import * as observing from "./internal/budget/observer.ts"
import * as verdicts from "./internal/budget/verdict.ts"
import type { Permit } from "./Session.ts"

/**
 * At most `limit` dials in any stretch of time as long as `window`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Limit {
  readonly limit: number
  readonly window: Duration.Input
}

/**
 * When dials that fail stop everybody's. Trouble of this machine's own (no
 * descriptors, no route, no name resolution) does not count, and an answer such
 * as HTTP 404 shows that the server works.
 *
 * @category options
 * @since 0.1.0
 */
export interface Breaker {
  /** How many dials in a row must fail. Default: 5. */
  readonly failures?: number | undefined
  /** How long until one dial probes. Doubles with each probe that fails. Default: 1 second. */
  readonly cooldown?: Duration.Input | undefined
  /** Default: 30 seconds. */
  readonly maxCooldown?: Duration.Input | undefined
}

/**
 * What dials of one key may do.
 *
 * @category options
 * @since 0.1.0
 */
export interface Policy {
  /** Rolling windows; all of them hold. Default: none. */
  readonly limits?: Limit | ReadonlyArray<Limit> | undefined
  /** The least time between two dials. Default: none. */
  readonly minGap?: Duration.Input | undefined
  /** How many dials may be under way. Default: 256. */
  readonly concurrent?: number | undefined
  /** `false` never stops dialing because dials fail. Default: as {@link Breaker} says. */
  readonly breaker?: Breaker | false | undefined
  /** The gap to the first dial that is released after an open breaker's probe came through. Default: 50 milliseconds. */
  readonly stagger?: Duration.Input | undefined
  /** How long HTTP 429 without `Retry-After`, and close code 1013, stop dialing. Default: 5 seconds. */
  readonly busy?: Duration.Input | undefined
  /** The longest that a `Retry-After` is honoured. Default: 60 seconds. */
  readonly maxRetryAfter?: Duration.Input | undefined
}

/**
 * How much dialing each key allows, and when its breaker opens.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** For keys without a policy of their own. Default: as {@link Policy} says. */
  readonly policy?: Policy | undefined
  /** Policies by key; that of an origin holds for each way out to it, by itself. Default: none. */
  readonly keys?: Readonly<Record<string, Policy>> | undefined
}

/**
 * A key at one moment, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly key: string
  /** How many dials are under way. */
  readonly dialing: number
  /** How many wait for a permit. */
  readonly waiting: number
  /**
   * `Recovering`: the probe came through, and the waiters are being released. It ends with the last of them, or once
   * nobody has dialed for a `cooldown`.
   */
  readonly breaker: "Closed" | "Open" | "Probing" | "Recovering"
  /** How many milliseconds until an open breaker lets its probe through. */
  readonly probesIn: number | undefined
  /** The names of the first eight that wait, in the order in which they go. */
  readonly waiters: ReadonlyArray<string>
}

/**
 * Under which keys a dial counts, and how urgent it is.
 *
 * @category options
 * @since 0.1.0
 */
export interface PermitOptions {
  /** What the dial is counted under. The first is the egress key: its breaker learns from the outcome. */
  readonly keys: ReadonlyArray<string>
  /**
   * The egress keys of other endpoints. While this one's breaker is open and one
   * of theirs is not, the permit fails with `DialFailed` of kind `"breaker"`, so
   * that the connection goes there. Default: none.
   */
  readonly instead?: ReadonlyArray<string> | undefined
  /** Higher goes first. Default: 0. */
  readonly priority?: number | undefined
}

/**
 * A budget.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialBudget {
  /**
   * A connection's `permit` option: waits until all keys let a dial go. Its
   * scope, closed with the dial's outcome, gives the permit back.
   */
  readonly permit: (options: PermitOptions) => (dial: Permit) => Effect.Effect<void, ConnectionError, Scope.Scope>
  /** Learns how a session ended; one that the server closed as too busy (1013) stops dialing for all. */
  readonly note: (keys: ReadonlyArray<string>, error: ConnectionError) => void
  /** Every key that is in use. */
  readonly snapshot: Effect.Effect<ReadonlyArray<Snapshot>>
}

/**
 * Makes a budget that works as long as its Scope.
 *
 * @example
 * ```ts
 * import * as DialBudget from "kharbranth/DialBudget"
 * import * as Effect from "effect/Effect"
 * import { deepStrictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const budget = yield* DialBudget.make({ policy: { limits: { limit: 300, window: "5 minutes" } } })
 *   const permit = budget.permit({ keys: ["wss://feed.example"] })
 *   const dialing = Effect.scoped(
 *     Effect.andThen(permit({ connection: "feed", epoch: 1, attempt: 1, cause: undefined, endpoint: 0 }), budget.snapshot)
 *   )
 *   deepStrictEqual((yield* dialing).map(({ dialing }) => dialing), [1])
 *   deepStrictEqual((yield* budget.snapshot).map(({ dialing }) => dialing), [0])
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options?: Options) => Effect.Effect<DialBudget, InvalidOptions, Scope.Scope> = internal.make

/**
 * What the end of a dial says about its key: the server works, has failed, or is
 * busy, for `wait` milliseconds where it says how long. A `Neutral` end was our own
 * trouble; it is `counted` when the server may have seen the dial.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Success" }
  | { readonly _tag: "Failure" }
  | { readonly _tag: "Busy"; readonly wait: number | undefined }
  | { readonly _tag: "Neutral"; readonly counted: boolean }

/**
 * What the end of a dial says, for a budget of your own behind `permit`: its scope
 * closes with that end.
 *
 * @example
 * ```ts
 * import * as DialBudget from "kharbranth/DialBudget"
 * import * as Exit from "effect/Exit"
 * import { deepStrictEqual } from "node:assert"
 *
 * deepStrictEqual(DialBudget.verdictOf(Exit.void), { _tag: "Success" })
 * ```
 *
 * @category verdicts
 * @since 0.1.0
 */
export const verdictOf: (exit: Exit.Exit<unknown, unknown>) => Verdict = verdicts.ofExit

/**
 * What is wrong with the options, if anything.
 *
 * @category checks
 * @since 0.1.0
 */
export const check: (options: Options) => InvalidOptions | undefined = internal.check

/**
 * Is called with each budget that is made, those of managers too, and returns what
 * to call when it ends. A dashboard shows them by it. One that throws is logged,
 * and the budget works without it. Default: nobody.
 *
 * @category services
 * @since 0.1.0
 */
export const Observer: Context.Reference<((budget: DialBudget) => () => void) | undefined> = observing.Observer
