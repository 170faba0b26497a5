/**
 * When to dial again. A policy is a value: a schedule of waits, a rule that
 * turns an error into a decision, and how long a session must hold before the
 * schedule starts over.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"
import type { ConnectionError, InvalidOptions } from "./ConnectionError.ts"
import * as Backoff from "./internal/reconnect/backoff.ts"
import * as internal from "./internal/reconnect/classify.ts"
import * as Check from "./internal/model/check.ts"

/**
 * What to do about an error.
 *
 * - `Retry`: dial again after the schedule's next wait.
 * - `RetryAfter`: the same, with the schedule's wait after `delay`, so that clients told the same `delay` come back
 *   apart.
 * - `Refresh`: dial again with the target resolved again (`refresh: true`), once
 *   until a session is Stable; then stop.
 * - `Stop`: give up this endpoint, and the connection with the last one.
 *
 * @category models
 * @since 0.1.0
 */
export type Decision =
  | { readonly _tag: "Retry" }
  | { readonly _tag: "RetryAfter"; readonly delay: Duration.Duration }
  | { readonly _tag: "Refresh" }
  | { readonly _tag: "Stop" }

/**
 * A reconnect policy.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reconnect {
  /** The waits of one outage; its end is the end of the connection. */
  readonly schedule: Schedule.Schedule<unknown, ConnectionError>
  /** How long a session must be Ready before the schedule starts over. */
  readonly stableAfter: Duration.Duration
  /** How long a dial may show no sign of life before another one is tried; `undefined`: it has all of its `dialTimeout`. */
  readonly hedgeAfter?: Duration.Duration | undefined
  /** Never throws. */
  readonly classify: (error: ConnectionError) => Decision
  /** Whether the very first connect is retried too. */
  readonly first: boolean
  /** How many attempts one outage may see, whatever the schedule allows. */
  readonly maxAttempts: number | undefined
  /** Finds what is wrong with the numbers that `schedule` was made of. */
  readonly check?: ((connection: string) => InvalidOptions | undefined) | undefined
  /** The constructor that made it, and what it was given: looked at when a connection is made. */
  readonly from?: { readonly by: string; readonly options: unknown } | undefined
}

/**
 * What `make` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The waits of one outage. Default: those of {@link polite}. */
  readonly schedule?: Schedule.Schedule<unknown, ConnectionError> | undefined
  /** How long a session must be Ready before the schedule starts over. Default: 10 seconds. */
  readonly stableAfter?: Duration.Input | undefined
  /**
   * How long a dial may show no sign of life before another one starts beside it,
   * at the target's next url if it has several. The first to open wins; the other
   * is dropped. While both are silent, the second is replaced every `hedgeAfter`,
   * so that the connection is Ready soon after a network that swallowed its dials
   * works again. A page may dial only one socket at a time: there a new dial takes
   * the place of the silent one, so choose a time that is longer than your
   * slowest handshake. Default: a dial has all of its `dialTimeout`, because more
   * dials are more load for a server that is only slow, and count against its limits.
   */
  readonly hedgeAfter?: Duration.Input | undefined
  /** What to do about an error. Default: {@link classify}. */
  readonly classify?: ((error: ConnectionError) => Decision) | undefined
  /** Whether the very first connect is retried too. Default: true. */
  readonly first?: boolean | undefined
  /**
   * How many attempts one outage may see. Each dial is one, and an outage begins
   * with the first connect or with the loss of a session that was Stable; a dial
   * whose session did not last counts too. `RetriesExhausted` names the same
   * number. Default: as many as the schedule allows.
   */
  readonly maxAttempts?: number | undefined
}

/**
 * Dial again after the schedule's next wait.
 *
 * @category decisions
 * @since 0.1.0
 */
export const retry: Decision = internal.retry

/**
 * Dial again, but not before `delay` has passed.
 *
 * @category decisions
 * @since 0.1.0
 */
export const retryAfter = (delay: Duration.Input): Decision => internal.retryAfter(Check.duration(delay))

/**
 * Dial again with a target resolved again, once until a session is Stable.
 *
 * @category decisions
 * @since 0.1.0
 */
export const refresh: Decision = internal.refresh

/**
 * Give up this endpoint.
 *
 * @category decisions
 * @since 0.1.0
 */
export const stop: Decision = internal.stop

/**
 * The default rule. Whatever may pass by itself is retried: network errors,
 * timeouts, silence, closes such as 1000, 1001, 1006, 1011 to 1013 and all of
 * 3000 to 4999, HTTP 408, 429 and 5xx (with their `Retry-After`, up to 60
 * seconds). Refused credentials (1008, HTTP 401 and 403) ask for a fresh
 * target. What would be refused again is not repeated: protocol errors, too
 * large messages, other HTTP 3xx and 4xx, certificates that do not verify, and
 * options that are not usable.
 *
 * An `onOpen` program or a target effect may decide by itself: when it fails
 * with a {@link Decision}, or with an error that has one as `decision`, that
 * decision stands.
 *
 * @example
 * ```ts
 * import * as ConnectionError from "kharbranth/ConnectionError"
 * import * as Reconnect from "kharbranth/Reconnect"
 * import { strictEqual } from "node:assert"
 *
 * const dropped = new ConnectionError.ConnectionDropped({ connection: "feed", epoch: 1, cause: undefined })
 * strictEqual(Reconnect.classify(dropped)._tag, "Retry")
 * ```
 *
 * @category classifying
 * @since 0.1.0
 */
export const classify: (error: ConnectionError) => Decision = internal.classify

/**
 * What {@link classifyWith} overrides. Asked in this order: `when`, then the
 * close code or HTTP status, then the tag, then the defaults.
 *
 * @category models
 * @since 0.1.0
 */
export interface Overrides {
  /** `undefined` falls through, and so does a function that throws. */
  readonly when?: ((error: ConnectionError) => Decision | undefined) | undefined
  /** By close code; 1006 stands for a socket cut without a close frame. */
  readonly codes?: Readonly<Record<number, Decision>> | undefined
  /** By the HTTP status of a refused upgrade. */
  readonly status?: Readonly<Record<number, Decision>> | undefined
  /** By the error's tag. */
  readonly tags?: { readonly [Tag in ConnectionError["_tag"]]?: Decision | undefined } | undefined
}

/**
 * The default rule with exceptions.
 *
 * @example
 * ```ts
 * import * as Duration from "effect/Duration"
 * import * as ConnectionError from "kharbranth/ConnectionError"
 * import * as Reconnect from "kharbranth/Reconnect"
 * import { strictEqual } from "node:assert"
 *
 * const rule = Reconnect.classifyWith({ codes: { 4001: Reconnect.refresh }, tags: { IdleTimeout: Reconnect.stop } })
 * const silent = new ConnectionError.IdleTimeout({ connection: "feed", epoch: 1, after: Duration.minutes(1) })
 * strictEqual(rule(silent)._tag, "Stop")
 * ```
 *
 * @category classifying
 * @since 0.1.0
 */
export const classifyWith = (overrides: Overrides): ((error: ConnectionError) => Decision) =>
  internal.withFallback((error) => {
    const code = internal.closeCodeOf(error)
    return (
      overrides.when?.(error) ??
      (code === undefined ? undefined : overrides.codes?.[code]) ??
      (error._tag === "HandshakeRejected" ? overrides.status?.[error.status] : undefined) ??
      overrides.tags?.[error._tag]
    )
  })

/**
 * Makes a policy. Options that are not usable are reported by {@link check}.
 *
 * @example
 * ```ts
 * import * as Schedule from "effect/Schedule"
 * import * as Reconnect from "kharbranth/Reconnect"
 * import { strictEqual } from "node:assert"
 *
 * const policy = Reconnect.make({ schedule: Schedule.spaced("5 seconds"), maxAttempts: 10, first: false })
 * strictEqual(Reconnect.check(policy, "feed"), undefined)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Reconnect => {
  const rule = options.classify
  return {
    schedule: options.schedule ?? Backoff.politeWaits,
    stableAfter: Check.durationOr(options.stableAfter, "10 seconds"),
    hedgeAfter: Check.optionalDuration(options.hedgeAfter),
    classify: rule === undefined ? classify : internal.withFallback(rule),
    first: options.first ?? true,
    maxAttempts: options.maxAttempts,
    from: { by: "make", options }
  }
}

/**
 * What `exponential` takes: the numbers of the waits, and what `make` takes
 * besides its schedule.
 *
 * @category options
 * @since 0.1.0
 */
export interface ExponentialOptions extends Omit<Options, "schedule"> {
  /** The longest first wait. Default: 1 second. */
  readonly base?: Duration.Input | undefined
  /** By how much each longest wait exceeds the one before. Default: 2. */
  readonly factor?: number | undefined
  /** No wait is longer. Default: 30 seconds. */
  readonly cap?: Duration.Input | undefined
  /** The share of each wait that is left to chance, from 0 to 1. Default: 0.5. */
  readonly jitter?: number | undefined
}

/**
 * An exponential backoff from plain numbers. Retry `n` waits at most
 * `base * factor ** (n - 1)`, and never longer than `cap`. The share `jitter`
 * of that is chance, so clients that lost the same server come back apart.
 *
 * @example
 * ```ts
 * import * as Reconnect from "kharbranth/Reconnect"
 * import { strictEqual } from "node:assert"
 *
 * const policy = Reconnect.exponential({
 *   base: "500 millis",
 *   factor: 2,
 *   cap: "1 minute",
 *   jitter: 0.5,
 *   maxAttempts: 20,
 *   stableAfter: "30 seconds"
 * })
 * strictEqual(Reconnect.check(policy, "feed"), undefined)
 *
 * const backwards = Reconnect.exponential({ base: "1 minute", cap: "1 second" })
 * strictEqual(Reconnect.check(backwards, "feed")?.path.join("."), "reconnect.cap")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const exponential = (options: ExponentialOptions = {}): Reconnect => {
  const numbers = {
    base: Check.millisOr(options.base, "1 second"),
    factor: options.factor ?? 2,
    cap: Check.millisOr(options.cap, "30 seconds"),
    jitter: options.jitter ?? 0.5
  }
  return {
    ...make({ ...options, schedule: Backoff.exponentialWaits(numbers) }),
    check: (connection) => Backoff.checkExponential(numbers, connection),
    from: { by: "exponential", options }
  }
}

/**
 * For a fleet, and the default: the first retry within 3 seconds, then waits
 * of up to 6, 12, 14, 14, … seconds, each at least half of that.
 *
 * @category presets
 * @since 0.1.0
 */
export const polite: Reconnect = /* @__PURE__ */ make({ schedule: Backoff.politeWaits })

/**
 * For few clients and a server of your own: the first retry within 250 ms, then
 * waits of up to 1, 2, 4, 8, 10, 10, … seconds, each at least half of that.
 *
 * @category presets
 * @since 0.1.0
 */
export const prompt: Reconnect = /* @__PURE__ */ make({ schedule: Backoff.promptWaits })

/**
 * Never dials again: the first loss is the end.
 *
 * @category presets
 * @since 0.1.0
 */
export const none: Reconnect = /* @__PURE__ */ make({ schedule: Schedule.recurs(0), first: false })

/**
 * What is wrong with a policy, if anything.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = (reconnect: Reconnect, connection: string): InvalidOptions | undefined =>
  Check.firstOf([
    Check.positive(connection, ["reconnect", "stableAfter"], reconnect.stableAfter),
    Check.positive(connection, ["reconnect", "hedgeAfter"], reconnect.hedgeAfter),
    Check.wholeNumber(connection, ["reconnect", "maxAttempts"], reconnect.maxAttempts, 1),
    reconnect.check?.(connection)
  ])
