/** Asks a hub what it offers, and follows its redirects until there is an offer. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as HubError from "../../HubError.ts"
import * as hubRequest from "../http/request.ts"
import * as hubUrl from "../http/url.ts"
import type { Answer, Malformed } from "./answer.ts"
import { readAnswer } from "./answer.ts"
import { readText, retryAfter } from "../http/response.ts"
import type { Hop } from "./redirect.ts"

// An honest answer is a few hundred bytes.
const maxAnswer = 1024 * 1024

/** Where a negotiation ended, and what the server offers there. */
export interface Negotiation<E, R> {
  readonly hop: Hop<E, R>
  readonly offer: Extract<Answer, { readonly _tag: "Offer" }>
}

const read = Effect.fnUntraced(function* <E, R>(
  connection: string,
  hop: Hop<E, R>,
  stateful: boolean
): Effect.fn.Return<Negotiation<E, R>, HubError.NegotiateError | E, HttpClient.HttpClient | R> {
  const endpoint = ConnectionError.endpointOf(hop.url.href)
  const malformed = (what: Malformed) => new HubError.NegotiateMalformed({ connection, endpoint, ...what })
  const unreachable = (cause: unknown) =>
    new HubError.NegotiateUnreachable({
      connection,
      endpoint,
      cause: ConnectionError.foreign(hubRequest.rootCause(cause))
    })

  // A hub behind Kestrel wants a length even where there is no body.
  const request = HttpClientRequest.post(hubUrl.negotiate(hop.url, stateful), { headers: { "content-length": "0" } })
  const { renewed, response } = yield* Effect.catchTag(
    hubRequest.once(request, hop.credentials),
    "HttpClientError",
    (error) => Effect.fail(unreachable(error))
  )
  const { status } = response
  if (status !== 200) {
    const wait = yield* retryAfter(response)
    return yield* new HubError.NegotiateRejected({ connection, endpoint, status, retryAfter: wait, renewed })
  }
  const body = yield* Effect.mapError(readText(response, maxAnswer), unreachable)
  if (body === undefined) return yield* malformed({ kind: "body", issue: `its answer is over ${maxAnswer} bytes` })
  const answer = yield* Effect.mapError(Effect.fromResult(readAnswer(body)), malformed)
  if (answer._tag === "Refusal") {
    return yield* new HubError.NegotiateRefused({ connection, endpoint, error: answer.error })
  }
  if (answer._tag === "Redirect") {
    const { follow } = yield* Effect.tryPromise({ try: () => import("./redirect.ts"), catch: unreachable })
    return yield* read(connection, yield* follow(connection, hop, answer), stateful)
  }
  if (answer.statefulReconnect && !stateful) {
    const issue = "it insists on stateful reconnect, which was not asked for"
    return yield* malformed({ kind: "stateful", issue })
  }
  return { hop, offer: answer }
})

/** Negotiates once. The url's own query decides about stateful reconnect, where it says something. */
export const negotiate = <E, R>(options: {
  readonly connection: string
  readonly start: Hop<E, R>
  readonly statefulReconnect: boolean
  readonly timeout: Duration.Input
}): Effect.Effect<Negotiation<E, R>, HubError.NegotiateError | E, HttpClient.HttpClient | R> => {
  const { connection, start, statefulReconnect, timeout } = options
  return Effect.timeoutOrElse(read(connection, start, hubUrl.statefulInUrl(start.url) ?? statefulReconnect), {
    duration: timeout,
    orElse: () => {
      const endpoint = ConnectionError.endpointOf(start.url.href)
      return Effect.fail(
        new HubError.NegotiateTimeout({ connection, endpoint, after: Duration.fromInputUnsafe(timeout) })
      )
    }
  })
}
