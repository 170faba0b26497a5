/**
 * What is wrong with the options of `Subscriptions`, if anything, and functions
 * among them that may throw.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { InvalidOptions } from "../../ConnectionError.ts"
import * as RateLimit from "../../RateLimit.ts"
import type { Options, QuarantineOptions } from "../../Subscriptions.ts"
import { total } from "../kit/guard.ts"
import { Quarantine } from "./asking/quarantine.ts"
import * as Check from "../model/check.ts"

const checkQuarantine = (
  connection: string,
  at: (...keys: ReadonlyArray<string>) => Check.Path,
  options: QuarantineOptions | undefined
): InvalidOptions | undefined =>
  Check.positive(connection, at("quarantine", "within"), options?.within) ??
  Check.wholeNumber(connection, at("quarantine", "deaths"), options?.deaths, 1) ??
  Check.positiveOrInfinite(connection, at("quarantine", "lasts"), options?.lasts)

/** Whether a duration is zero; input that is no duration is not. */
export const isZero = (input: Duration.Input | undefined): boolean =>
  input !== undefined && Option.exists(Duration.fromInput(input), Duration.isZero)

export const check = <T, In, Out, M>(
  connection: string,
  options: Options<T, In, Out, M>
): InvalidOptions | undefined => {
  const at = (...keys: ReadonlyArray<string>) => ["subscriptions", ...keys]
  const { batch, buffer, dataClock, quarantine, rateLimit } = options
  const quiet = typeof dataClock?.quiet === "function" ? undefined : dataClock?.quiet
  return Check.firstOf([
    Check.positive(connection, at("ackTimeout"), options.ackTimeout),
    isZero(options.openWithin) ? undefined : Check.positive(connection, at("openWithin"), options.openWithin),
    Check.positive(connection, at("dataClock", "first"), dataClock?.first),
    Check.positive(connection, at("dataClock", "quiet"), quiet),
    Check.wholeNumber(connection, at("attempts"), options.attempts, 1),
    Check.wholeNumber(connection, at("firstId"), options.firstId, 0),
    Check.wholeNumber(connection, at("batch", "items"), batch?.items, 1),
    Check.wholeNumber(connection, at("batch", "bytes"), batch?.bytes, 1),
    Check.wholeNumber(connection, at("buffer", "capacity"), buffer?.capacity, 1),
    quarantine === false ? undefined : checkQuarantine(connection, at, quarantine),
    rateLimit === undefined ? undefined : RateLimit.check(rateLimit, connection)
  ])
}

/** Where the server acknowledges nothing, quiet topics would look unanswered: there it is off by default. */
export const quarantineOf = <T, In, Out, M>({ acks, quarantine }: Options<T, In, Out, M>): Quarantine => {
  const isOff = quarantine === false || (quarantine === undefined && acks === false)
  const { deaths, lasts, within } = quarantine === false || quarantine === undefined ? {} : quarantine
  return new Quarantine({
    within: isOff ? 0 : Check.millisOr(within, "5 seconds"),
    deaths: deaths ?? 2,
    lasts: Check.millisOr(lasts, "30 minutes")
  })
}

/** A message whose `dedupe` throws is the same as no other. */
export const guardedDedupe = <In>(dedupe: ((message: In) => unknown) | undefined) =>
  dedupe && total(dedupe, () => Symbol())
