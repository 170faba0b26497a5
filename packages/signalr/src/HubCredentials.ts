/**
 * The credentials of a hub connection: extra headers, and a bearer token. The
 * token comes from an Effect, so that every connection attempt has a fresh one.
 * Tokens and header values never reach an error, a log or a span.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"

/**
 * A bearer token. `undefined` and `""` mean: none, send no header.
 *
 * @category models
 * @since 0.1.0
 */
export type Token = string | Redacted.Redacted<string> | undefined

/**
 * What goes along with every request of one connection attempt.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubCredentials<E = never, R = never> {
  /** Extra headers. They win over the client's own. */
  readonly headers: Readonly<Record<string, string>>
  /** Runs for each connection attempt, and once more when a request, or the upgrade, was answered with 401. */
  readonly token: Effect.Effect<Token, E, R>
  /** False when the token cannot change, because a redirect handed it out. */
  readonly renewable: boolean
}

/**
 * Makes credentials. Default: no headers, no token.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = never, R = never>(
  options: {
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly token?: Effect.Effect<Token, E, R> | undefined
  } = {}
): HubCredentials<E, R> => ({
  headers: options.headers ?? {},
  token: options.token ?? Effect.undefined,
  renewable: true
})

/**
 * The header for Basic authentication. Browsers cannot send it with the socket
 * itself, only with the requests around it.
 *
 * @example
 * ```ts
 * import * as HubCredentials from "@kharbranth/signalr/HubCredentials"
 * import { deepStrictEqual } from "node:assert"
 *
 * deepStrictEqual(HubCredentials.basic("user", "pass"), { Authorization: "Basic dXNlcjpwYXNz" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const basic = (
  user: string,
  password: string | Redacted.Redacted<string> = ""
): { readonly Authorization: string } => {
  const secret = Redacted.isRedacted(password) ? Redacted.value(password) : password
  return { Authorization: `Basic ${Base64.encode(`${user}:${secret}`)}` }
}

/**
 * The token's text, when there is one.
 *
 * @category conversions
 * @since 0.1.0
 */
export const reveal = (token: Token): string | undefined => {
  const text = Redacted.isRedacted(token) ? Redacted.value(token) : token
  return text === "" ? undefined : text
}

/**
 * The same credentials with a token that a redirect handed out.
 *
 * @category conversions
 * @since 0.1.0
 */
export const withFixedToken = <E, R>(credentials: HubCredentials<E, R>, token: string): HubCredentials<E, R> => ({
  ...credentials,
  token: Effect.succeed(Redacted.make(token, { label: "token" })),
  renewable: false
})
