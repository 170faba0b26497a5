/**
 * How fast a connection may write. A strict rolling window and a minimum gap,
 * not a token bucket: a bucket of 5 that refills 5 a second lets 9 through in
 * its first second, and servers that count strictly cut the connection for it.
 * Everything written counts, pings too, so a reserve keeps room for probes. The
 * pongs that a transport sends by itself count on request.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { InvalidOptions } from "./ConnectionError.ts"
import * as Limits from "./internal/rateLimit/limits.ts"
import * as internal from "./internal/rateLimit/meter.ts"
import * as Check from "./internal/model/check.ts"

/**
 * Counts writes against one or more limits. Times are milliseconds of a
 * monotonic clock.
 *
 * @category models
 * @since 0.1.0
 */
export type Meter = internal.Meter

/**
 * A limit on what is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface RateLimit {
  /** How many messages any `window` may see. */
  readonly limit: number | undefined
  readonly window: Duration.Duration | undefined
  /** The least time between two messages. */
  readonly minGap: Duration.Duration | undefined
  /** How many of `limit` only probes may use. */
  readonly reserve: number
  /** Whether the pongs count that the transport sends by itself. */
  readonly pongs: boolean
  /** What the limit counts: one session, one connection, or all that share this value. */
  readonly scope: "session" | "connection" | "shared"
  /** The constructor that made it, and what it was given: looked at when a connection is made. */
  readonly from: { readonly by: string; readonly options: unknown }
  /** The meter that counts for it: a new one, or the one of a shared limit. */
  meter(): Meter
  /** The meters for several limits together: see {@link meters}. */
  meters(limits: ReadonlyArray<RateLimit>): () => Meter
  /** What is wrong with it, if anything. */
  check(connection: string, path: ReadonlyArray<string | number>): InvalidOptions | undefined
}

/**
 * What `shared` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedOptions {
  /** How many messages any `window` may see. Default: no such limit. */
  readonly limit?: number | undefined
  /** Needed with `limit`. */
  readonly window?: Duration.Input | undefined
  /** The least time between two messages. Default: none. */
  readonly minGap?: Duration.Input | undefined
  /**
   * How many of `limit` only probes may use, and pongs where they count. Default:
   * 1, with `pongs` 2, and always less than `limit`.
   */
  readonly reserve?: number | undefined
  /**
   * Whether pongs count: those with which the transport answers the server's
   * pings by itself. No limit can hold them back, so the `reserve` keeps room for
   * them. Browsers do not show pings; there it changes nothing. Default: `false`.
   */
  readonly pongs?: boolean | undefined
}

/**
 * What `make` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends SharedOptions {
  /** Whether a new session starts a new count. Default: `"session"`. */
  readonly scope?: "session" | "connection" | undefined
}

/**
 * Makes a limit. Options that are not usable are reported by {@link check}.
 *
 * @example
 * ```ts
 * import * as RateLimit from "kharbranth/RateLimit"
 * import { strictEqual } from "node:assert"
 *
 * const meter = RateLimit.meter(RateLimit.make({ limit: 5, window: "1 second" }))
 * strictEqual(meter.free(0, "data"), 4)
 * strictEqual(meter.free(0, "probe"), 5)
 * meter.record(0, 4)
 * strictEqual(meter.nextAt(0, "data"), 1000)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): RateLimit => ({
  limit: options.limit,
  window: Check.optionalDuration(options.window),
  minGap: Check.optionalDuration(options.minGap),
  reserve: options.reserve ?? reserveOf(options),
  pongs: options.pongs ?? false,
  scope: options.scope ?? "session",
  from: { by: "make", options },
  meter() {
    return newMeter(this)
  },
  meters: internal.meters,
  check(connection, path) {
    return checkOne(this, connection, path)
  }
})

const reserveOf = ({ limit, pongs }: Options): number =>
  typeof limit === "number" ? Math.max(0, Math.min(pongs === true ? 2 : 1, limit - 1)) : 0

/**
 * Makes a limit that counts for every connection it is given to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const shared = (options: SharedOptions): Effect.Effect<RateLimit> =>
  Effect.sync(() => {
    const limit = make(options)
    const meter = newMeter(limit)
    return { ...limit, scope: "shared", from: { by: "shared", options }, meter: () => meter }
  })

const newMeter = (limit: RateLimit): Meter =>
  internal.make({
    limit: limit.limit ?? Infinity,
    window: limit.window === undefined ? 0 : Duration.toMillis(limit.window),
    minGap: limit.minGap === undefined ? 0 : Duration.toMillis(limit.minGap),
    reserve: limit.reserve,
    pongs: limit.pongs
  })

/**
 * A meter for one limit, or for several together: free when all of them are. A
 * shared limit has its own; each of the others gets a new one.
 *
 * @category meters
 * @since 0.1.0
 */
export const meter: (limits: RateLimit | ReadonlyArray<RateLimit>) => Meter = internal.meter

/**
 * The meters of one connection: call the result once for each session. Limits
 * of scope `"session"` start a new count each time, the others go on.
 *
 * @category meters
 * @since 0.1.0
 */
export const meters: (limits: RateLimit | ReadonlyArray<RateLimit>) => () => Meter = internal.meters

const checkOne = (limit: RateLimit, connection: string, path: Check.Path): InvalidOptions | undefined => {
  const at = (key: string): Check.Path => [...path, key]
  if (limit.limit === undefined && limit.minGap === undefined) {
    return Check.invalid(connection, path, "it limits nothing; give `limit` with `window`, or `minGap`")
  }
  if ((limit.limit === undefined) !== (limit.window === undefined)) {
    return Check.invalid(connection, at("window"), "`limit` and `window` belong together; give both or neither")
  }
  return Check.firstOf([
    Check.wholeNumber(connection, at("limit"), limit.limit, 1),
    Check.positive(connection, at("window"), limit.window),
    Check.positive(connection, at("minGap"), limit.minGap),
    Check.wholeNumber(connection, at("reserve"), limit.reserve, 0),
    limit.limit !== undefined && limit.reserve >= limit.limit
      ? Check.invalid(connection, at("reserve"), "expected less than `limit`, or no data could ever be written")
      : undefined
  ])
}

/**
 * What is wrong with a limit, if anything.
 *
 * @category checks
 * @since 0.1.0
 */
export const check: (limits: RateLimit | ReadonlyArray<RateLimit>, connection: string) => InvalidOptions | undefined =
  Limits.check
