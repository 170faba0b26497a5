/**
 * Makes a recipe out of whatever a user gave as a target: finds the endpoints,
 * checks at the door what is static, and resolves the rest for each dial.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ConnectionError from "../ConnectionError.ts"
import type { Attempt, Field, Input, Options, Recipe, StaticOptions, Target } from "../Target.ts"
import type { Capabilities } from "../Transport.ts"
import * as Check from "./options.ts"
import * as Validate from "./validate.ts"

type Resolved<E, R> = Effect.Effect<Target, E | ConnectionError.InvalidOptions, R>
type Url<E, R> = Field<string | URL, E, R>
type Whole<E, R> = Exclude<Input<E, R>, string | URL | Options<E, R>>

const isFunction = <A, E, R>(field: Field<A, E, R>): field is (attempt: Attempt) => A | Effect.Effect<A, E, R> =>
  typeof field === "function"
const isEffect = <A, E, R>(value: A | Effect.Effect<A, E, R>): value is Effect.Effect<A, E, R> => Effect.isEffect(value)
const isList = <E, R>(url: Options<E, R>["url"]): url is ReadonlyArray<Url<E, R>> => Array.isArray(url)

/** One field for one dial. What user code throws is a defect, caught with the rest. */
const evaluate = <A, E, R>(field: Field<A, E, R>, attempt: Attempt): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const value = isFunction(field) ? field(attempt) : field
    return isEffect(value) ? value : Effect.succeed(value)
  })

type Headers = Capabilities["headers"]

const placeOf = (connection: string, headers: Headers): Validate.Place => ({ connection, path: ["target"], headers })

interface Endpoint<E, R> {
  readonly field: Url<E, R>
  readonly path: Check.Path
}

const endpointsOf = <E, R>({ url }: Options<E, R>): ReadonlyArray<Endpoint<E, R>> =>
  isList(url) ? url.map((field, index) => ({ field, path: ["url", index] })) : [{ field: url, path: ["url"] }]

const isDynamic = (u: unknown): boolean => typeof u === "function" || Effect.isEffect(u)

/** Parts that are not known yet pass: they are checked when they are. */
const known = (field: unknown): unknown => (isDynamic(field) ? undefined : field)

/** The static parts of each endpoint, checked at the door. */
const checkStatic = <E, R>(
  place: Validate.Place,
  options: Options<E, R>
): Result.Result<ReadonlyArray<Target>, ConnectionError.InvalidOptions> => {
  const endpoints = endpointsOf(options)
  if (endpoints.length === 0) {
    return Result.fail(Check.invalid(place.connection, ["target", "url"], "expected at least one url"))
  }
  const targets: Array<Target> = []
  for (const { field, path } of endpoints) {
    const parts = {
      url: isDynamic(field) ? "wss://unknown" : field,
      subprotocols: known(options.subprotocols),
      headers: known(options.headers),
      expiresAt: known(options.expiresAt)
    }
    const result = Validate.target(place, parts, path)
    if (Result.isFailure(result)) return Result.fail(result.failure)
    targets.push(result.success)
  }
  return Result.succeed(targets)
}

const isStatic = <E, R>({ expiresAt, headers, subprotocols, url }: Options<E, R>): boolean =>
  ![...(isList(url) ? url : [url]), subprotocols, headers, expiresAt].some(isDynamic)

/** What is known from the start is the same for every dial. */
const constant = (targets: ReadonlyArray<Target>): Recipe<never> => ({
  endpoints: targets.length,
  resolve: (_connection, { endpoint }) => Effect.succeed(targets[endpoint % targets.length]!)
})

const fromOptions = <E, R>(options: Options<E, R>, headers: Headers): Recipe<R> => {
  const endpoints = endpointsOf(options)
  const resolve = (connection: string, attempt: Attempt): Resolved<E, R> => {
    const endpoint = endpoints[attempt.endpoint % endpoints.length]!
    const parts = Effect.all({
      url: evaluate(endpoint.field, attempt),
      subprotocols: evaluate(options.subprotocols, attempt),
      headers: evaluate(options.headers, attempt),
      expiresAt: evaluate(options.expiresAt, attempt)
    })
    return Effect.flatMap(parts, (parts) =>
      Effect.fromResult(Validate.target(placeOf(connection, headers), parts, endpoint.path))
    )
  }
  return recipe(endpoints.length, resolve)
}

const isUrl = (u: unknown): u is string | URL => typeof u === "string" || u instanceof URL

const partsOf = (whole: unknown): Validate.Parts => {
  const options: Partial<StaticOptions> = typeof whole === "object" && whole !== null ? whole : {}
  return {
    url: options.url,
    subprotocols: options.subprotocols,
    headers: options.headers,
    expiresAt: options.expiresAt
  }
}

/** An Effect or a function that gives the whole target. */
const fromWhole = <E, R>(whole: Whole<E, R>, headers: Headers): Recipe<R> =>
  recipe(1, (connection, attempt): Resolved<E, R> =>
    Effect.flatMap(evaluate(whole, attempt), (value) => {
      const place = placeOf(connection, headers)
      return Effect.fromResult(
        isUrl(value)
          ? Validate.target(place, partsOf({ url: value }), [])
          : Validate.target(place, partsOf(value), ["url"])
      )
    })
  )

// Our own verdict passes; whatever else the user's effects end with, defects
// and interruptions of their own making included, is a failure of the target.
const recipe = <E, R>(
  endpoints: number,
  resolve: (connection: string, attempt: Attempt) => Resolved<E, R>
): Recipe<R> => ({
  endpoints,
  resolve: (connection, attempt) =>
    Effect.catchCause(resolve(connection, attempt), (cause) => {
      const error = Cause.squash(cause)
      return Effect.fail(
        error instanceof ConnectionError.InvalidOptions || error instanceof ConnectionError.TargetFailed
          ? error
          : new ConnectionError.TargetFailed({ connection, cause: ConnectionError.foreign(error) })
      )
    })
})

export const make = <E, R>(
  connection: string,
  input: Input<E, R>,
  { headers }: Pick<Capabilities, "headers">
): Result.Result<Recipe<R>, ConnectionError.InvalidOptions> => {
  if (typeof input === "function" || Effect.isEffect(input)) return Result.succeed(fromWhole(input, headers))
  const place = placeOf(connection, headers)
  if (isUrl(input)) {
    return Result.map(Validate.target(place, partsOf({ url: input }), []), (target) => constant([target]))
  }
  if (typeof input !== "object" || input === null) {
    return Result.fail(
      Check.invalid(connection, ["target"], "expected a url, options with a `url`, or an Effect of either")
    )
  }
  return Result.map(checkStatic(place, input), (targets) =>
    isStatic(input) ? constant(targets) : fromOptions(input, headers)
  )
}
