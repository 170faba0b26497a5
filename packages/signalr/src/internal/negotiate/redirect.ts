/** Follows one redirect of a negotiation, with the token that came with it. Loaded by the first redirect. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as HubCredentials from "../../HubCredentials.ts"
import * as HubError from "../../HubError.ts"
import * as hubUrl from "../http/url.ts"
import type { Answer } from "./answer.ts"

/** Where the negotiation is now. */
export interface Hop<E, R> {
  readonly url: URL
  readonly credentials: HubCredentials.HubCredentials<E, R>
  /** How many redirects led here. */
  readonly hops: number
}

const maxHops = 100

export const follow = <E, R>(
  connection: string,
  hop: Hop<E, R>,
  answer: Extract<Answer, { readonly _tag: "Redirect" }>
): Effect.Effect<Hop<E, R>, HubError.NegotiateError> => {
  const hops = hop.hops + 1
  if (hops > maxHops) return Effect.fail(new HubError.TooManyRedirects({ connection, hops: maxHops }))
  const url = hubUrl.parse(answer.url)
  if (Result.isFailure(url)) {
    const endpoint = ConnectionError.endpointOf(hop.url.href)
    const issue = `it redirects to a url that is not usable (${url.failure})`
    return Effect.fail(new HubError.NegotiateMalformed({ connection, endpoint, kind: "body", issue }))
  }
  const credentials =
    answer.accessToken === undefined
      ? hop.credentials
      : HubCredentials.withFixedToken(hop.credentials, answer.accessToken)
  return Effect.succeed({ url: url.success, credentials, hops })
}
