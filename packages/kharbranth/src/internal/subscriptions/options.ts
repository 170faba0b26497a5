/**
 * What is wrong with the options of `Subscriptions`, if anything, and functions
 * among them that may throw.
 */
import type { InvalidOptions } from "../../ConnectionError.ts"
import * as RateLimit from "../../RateLimit.ts"
import type { Options } from "../../Subscriptions.ts"
import { total } from "../kit/guard.ts"
import * as Check from "../model/check.ts"

export const check = <T, In, Out, M>(
  connection: string,
  options: Options<T, In, Out, M>
): InvalidOptions | undefined => {
  const at = (...keys: ReadonlyArray<string>) => ["subscriptions", ...keys]
  const { batch, buffer, dataClock, rateLimit } = options
  const quiet = typeof dataClock?.quiet === "function" ? undefined : dataClock?.quiet
  return Check.firstOf([
    Check.positive(connection, at("ackTimeout"), options.ackTimeout),
    Check.positive(connection, at("openWithin"), options.openWithin),
    Check.positive(connection, at("dataClock", "first"), dataClock?.first),
    Check.positive(connection, at("dataClock", "quiet"), quiet),
    Check.wholeNumber(connection, at("attempts"), options.attempts, 1),
    Check.wholeNumber(connection, at("firstId"), options.firstId, 0),
    Check.wholeNumber(connection, at("batch", "items"), batch?.items, 1),
    Check.wholeNumber(connection, at("batch", "bytes"), batch?.bytes, 1),
    Check.wholeNumber(connection, at("buffer", "capacity"), buffer?.capacity, 1),
    rateLimit === undefined ? undefined : RateLimit.check(rateLimit, connection)
  ])
}

/** A message whose `dedupe` throws is the same as no other. */
export const guardedDedupe = <In>(dedupe: ((message: In) => unknown) | undefined) =>
  dedupe && total(dedupe, () => Symbol())
