/**
 * Makes a recipe out of whatever a user gave as a target: finds the endpoints,
 * checks at the door what is static, and resolves the rest for each dial.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Attempt, Field, Input, Options, Recipe, Target } from "../../Target.ts"
import type { Capabilities } from "../../Transport.ts"
import * as Check from "../model/check.ts"
import * as Validate from "./validate.ts"

const isFunction = <A, E, R>(field: Field<A, E, R>): field is (attempt: Attempt) => A | Effect.Effect<A, E, R> =>
  typeof field === "function"
const isEffect = <A, E, R>(value: A | Effect.Effect<A, E, R>): value is Effect.Effect<A, E, R> => Effect.isEffect(value)

/** One field for one dial. What user code throws is a defect, caught with the rest. */
const evaluate = <A, E, R>(field: Field<A, E, R>, attempt: Attempt): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const value = isFunction(field) ? field(attempt) : field
    return isEffect(value) ? value : Effect.succeed(value)
  })

/** What a transport can do with the parts of a target. */
type Abilities = Pick<Capabilities, "headers"> & Partial<Pick<Capabilities, "ping">>

const placeOf = (connection: string, { headers, ping }: Abilities): Validate.Place => ({
  connection,
  path: ["target"],
  headers,
  ping
})

const isUrl = (u: unknown): u is string | URL => typeof u === "string" || u instanceof URL

/** The options that a user's value stands for; nothing in them is known to be right. */
const optionsOf = <E, R>(given: unknown): Partial<Options<E, R>> | undefined => {
  if (isUrl(given)) return { url: given }
  return typeof given === "object" && given !== null ? given : undefined
}

interface Endpoint {
  readonly field: unknown
  readonly path: Check.Path
}

const endpointsOf = (given: unknown): ReadonlyArray<Endpoint> => {
  if (isUrl(given)) return [{ field: given, path: [] }]
  const url = optionsOf(given)?.url
  return Array.isArray(url)
    ? url.map((field, index) => ({ field, path: ["url", index] }))
    : [{ field: url, path: ["url"] }]
}

/** The first url, if it is known before a dial. */
export const firstUrl = (input: unknown): string | undefined => {
  const [first] = endpointsOf(input)
  return isUrl(first?.field) ? String(first.field) : undefined
}

const isDynamic = (u: unknown): boolean => typeof u === "function" || Effect.isEffect(u)

/** Parts that are not known yet pass: they are checked when they are. */
const known = (field: unknown): unknown => (isDynamic(field) ? undefined : field)

/** The static parts of each endpoint, checked at the door. */
const checkStatic = (
  place: Validate.Place,
  { expiresAt, headers, heartbeat, subprotocols }: Partial<Options<unknown, unknown>>,
  endpoints: ReadonlyArray<Endpoint>
): Result.Result<ReadonlyArray<Target>, ConnectionError.InvalidOptions> => {
  const targets: Array<Target> = []
  for (const { field, path } of endpoints) {
    const parts = {
      url: isDynamic(field) ? "wss://unknown" : field,
      subprotocols: known(subprotocols),
      headers: known(headers),
      expiresAt: known(expiresAt),
      heartbeat: known(heartbeat)
    }
    const result = Validate.target(place, parts, path)
    if (Result.isFailure(result)) return Result.fail(result.failure)
    targets.push(result.success)
  }
  return Result.succeed(targets)
}

/** What is known from the start is the same for every dial. */
const constant = (targets: ReadonlyArray<Target>): Recipe<never> => ({
  endpoints: targets.length,
  resolve: (_connection, { endpoint }) => Effect.succeed(targets[endpoint % targets.length]!)
})

/** Resolves for each dial: the whole, if it is dynamic, and then each field. */
const resolving = <E, R>(input: Input<E, R>, endpoints: number, abilities: Abilities): Recipe<R> => ({
  endpoints,
  resolve: (connection, attempt) =>
    Effect.gen(function* () {
      const given = yield* evaluate<unknown, E, R>(input, attempt)
      const options = optionsOf<E, R>(given)
      const { field, path } = endpointsOf(given)[attempt.endpoint % endpoints]!
      const parts = {
        url: yield* evaluate<unknown, E, R>(field, attempt),
        subprotocols: yield* evaluate(options?.subprotocols, attempt),
        headers: yield* evaluate(options?.headers, attempt),
        expiresAt: yield* evaluate(options?.expiresAt, attempt),
        heartbeat: yield* evaluate(options?.heartbeat, attempt)
      }
      return yield* Effect.fromResult(Validate.target(placeOf(connection, abilities), parts, path))
    }).pipe(Effect.catchCause((cause) => Effect.fail(failureOf(connection, Cause.squash(cause)))))
})

// Our own verdict passes; whatever else the user's effects end with, defects
// and interruptions of their own making included, is a failure of the target.
const failureOf = (connection: string, error: unknown) =>
  error instanceof ConnectionError.InvalidOptions || error instanceof ConnectionError.TargetFailed
    ? error
    : new ConnectionError.TargetFailed({ connection, cause: ConnectionError.foreign(error) })

// A fleet dials one url again and again: the recipe of the last one serves the next connection too.
let last: { readonly url: string; readonly made: Result.Result<Recipe, ConnectionError.InvalidOptions> } | undefined

export const make = <E, R>(
  connection: string,
  input: Input<E, R>,
  abilities: Abilities
): Result.Result<Recipe<R>, ConnectionError.InvalidOptions> => {
  if (last !== undefined && input === last.url) return last.made
  if (isDynamic(input)) return Result.succeed(resolving(input, 1, abilities))
  const refused = (path: Check.Path, issue: string) => Result.fail(Check.invalid(connection, path, issue))
  const options = optionsOf<E, R>(input)
  if (options === undefined) return refused(["target"], "expected a url, options with a `url`, or an Effect of either")
  const endpoints = endpointsOf(input)
  if (endpoints.length === 0) return refused(["target", "url"], "expected at least one url")
  const { expiresAt, headers, heartbeat, subprotocols } = options
  const dynamic = [subprotocols, headers, expiresAt, heartbeat, ...endpoints.map(({ field }) => field)]
  return Result.map(checkStatic(placeOf(connection, abilities), options, endpoints), (targets) => {
    if (dynamic.some(isDynamic)) return resolving(input, endpoints.length, abilities)
    const recipe = constant(targets)
    if (typeof input === "string") last = { url: input, made: Result.succeed(recipe) }
    return recipe
  })
}
