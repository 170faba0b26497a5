/**
 * The question before the connection: which transports does this hub offer,
 * under which id, and is it here at all? Follows redirects, replaces tokens,
 * and picks the transports worth trying. Nothing is remembered between two
 * negotiations: each one begins at the user's own url with a fresh token.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as HubCredentials from "./HubCredentials.ts"
import * as HubError from "./HubError.ts"
import * as hubRequest from "./internal/hubRequest.ts"
import * as hubUrl from "./internal/hubUrl.ts"
import type { Answer, AvailableTransport } from "./internal/negotiateAnswer.ts"
import { readAnswer } from "./internal/negotiateAnswer.ts"
import { readBody } from "./internal/readBody.ts"
import { retryAfter } from "./internal/retryAfter.ts"
import { rootCause } from "./internal/rootCause.ts"

/**
 * What to negotiate.
 *
 * @category models
 * @since 0.1.0
 */
export interface NegotiateOptions<E = never, R = never> {
  /** The connection's name, for error messages. */
  readonly connection: string
  /** The hub's url: `http`, `https`, `ws` or `wss`; its query is kept. */
  readonly url: string
  /** Default: no headers, no token. */
  readonly credentials?: HubCredentials.HubCredentials<E, R> | undefined
  /** Asks for stateful reconnect. `useStatefulReconnect` in the url's own query decides over it. Default: `false`. */
  readonly statefulReconnect?: boolean | undefined
  /** For all hops together. Default: 100 seconds. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * A hub that is ready to be connected to, once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Negotiated<E = never, R = never> {
  /** The hub's own url: the user's, or where a redirect led. May hold secrets in its query. */
  readonly url: Redacted.Redacted<string>
  /** The `http` url to connect to, with the connection's secret id. */
  readonly connectUrl: Redacted.Redacted<string>
  /** What the server calls this connection; other users may know it. */
  readonly connectionId: string
  readonly version: 0 | 1
  readonly transports: ReadonlyArray<AvailableTransport>
  readonly statefulReconnect: boolean
  /** For every later request of this attempt. */
  readonly credentials: HubCredentials.HubCredentials<E, R>
}

const maxHops = 100

// An honest answer is a few hundred bytes.
const maxAnswer = 1024 * 1024

interface Hop<E, R> {
  readonly url: URL
  readonly credentials: HubCredentials.HubCredentials<E, R>
}

const rejected = (connection: string, endpoint: string, response: HttpClientResponse.HttpClientResponse) =>
  Effect.flatMap(retryAfter(response), (wait) =>
    Effect.fail(new HubError.NegotiateRejected({ connection, endpoint, status: response.status, retryAfter: wait }))
  )

const ask = Effect.fnUntraced(function* <E, R>(connection: string, hop: Hop<E, R>, stateful: boolean) {
  const endpoint = ConnectionError.endpointOf(hop.url.href)
  // A hub behind Kestrel wants a length even where there is no body.
  const request = HttpClientRequest.post(hubUrl.negotiate(hop.url, stateful), { headers: { "content-length": "0" } })
  const unreachable = (cause: unknown) =>
    Effect.fail(
      new HubError.NegotiateUnreachable({ connection, endpoint, cause: ConnectionError.foreign(rootCause(cause)) })
    )
  const response = yield* hubRequest
    .once(request, hop.credentials)
    .pipe(Effect.catchTag("HttpClientError", unreachable))
  if (response.status !== 200) return yield* rejected(connection, endpoint, response)
  const body = yield* Effect.catch(readBody(response, maxAnswer), unreachable)
  if (body === undefined) {
    const issue = `its answer is over ${maxAnswer} bytes`
    return yield* new HubError.NegotiateMalformed({ connection, endpoint, kind: "body", issue })
  }
  return yield* Effect.mapError(
    Effect.fromResult(readAnswer(body)),
    (fault) => new HubError.NegotiateMalformed({ connection, endpoint, ...fault })
  )
})

const follow = <E, R>(connection: string, hop: Hop<E, R>, answer: Extract<Answer, { readonly _tag: "Redirect" }>) =>
  Result.match(hubUrl.parse(answer.url), {
    onFailure: (issue) =>
      Effect.fail(
        new HubError.NegotiateMalformed({
          connection,
          endpoint: ConnectionError.endpointOf(hop.url.href),
          kind: "body",
          issue: `it redirects to a url that is not usable (${issue})`
        })
      ),
    onSuccess: (url) =>
      Effect.succeed({
        url,
        credentials:
          answer.accessToken === undefined
            ? hop.credentials
            : HubCredentials.withFixedToken(hop.credentials, answer.accessToken)
      })
  })

const walk = Effect.fnUntraced(function* <E, R>(connection: string, start: Hop<E, R>, stateful: boolean) {
  let hop = start
  for (let hops = 0; hops <= maxHops; hops++) {
    const endpoint = ConnectionError.endpointOf(hop.url.href)
    const answer = yield* ask(connection, hop, stateful)
    if (answer._tag === "Refusal") {
      return yield* new HubError.NegotiateRefused({ connection, endpoint, error: answer.error })
    }
    if (answer._tag === "Offer") {
      if (answer.statefulReconnect && !stateful) {
        const issue = "it insists on stateful reconnect, which was not asked for"
        return yield* new HubError.NegotiateMalformed({ connection, endpoint, kind: "stateful", issue })
      }
      return { hop, offer: answer }
    }
    hop = yield* follow(connection, hop, answer)
  }
  return yield* new HubError.TooManyRedirects({ connection, hops: maxHops })
})

/**
 * Negotiates once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const negotiate = Effect.fnUntraced(function* <E = never, R = never>(
  options: NegotiateOptions<E, R>
): Effect.fn.Return<
  Negotiated<NoInfer<E>, NoInfer<R>>,
  HubError.NegotiateError | ConnectionError.InvalidOptions | NoInfer<E>,
  HttpClient.HttpClient | NoInfer<R>
> {
  const { connection } = options
  const parsed = hubUrl.parse(options.url)
  if (Result.isFailure(parsed)) {
    return yield* new ConnectionError.InvalidOptions({ connection, path: ["url"], issue: parsed.failure })
  }
  const start = { url: parsed.success, credentials: options.credentials ?? HubCredentials.make<E, R>() }
  const stateful = hubUrl.statefulInUrl(start.url) ?? options.statefulReconnect ?? false
  const after = Duration.fromInputUnsafe(options.timeout ?? "100 seconds")
  const timedOut = () =>
    Effect.fail(
      new HubError.NegotiateTimeout({ connection, endpoint: ConnectionError.endpointOf(start.url.href), after })
    )
  const { hop, offer } = yield* walk(connection, start, stateful).pipe(
    Effect.timeoutOrElse({ duration: after, orElse: timedOut })
  )
  return {
    url: Redacted.make(hop.url.href, { label: "url" }),
    connectUrl: Redacted.make(hubUrl.connect(hop.url, offer.token).href, { label: "url" }),
    connectionId: offer.connectionId,
    version: offer.version,
    transports: offer.transports,
    statefulReconnect: offer.statefulReconnect,
    credentials: hop.credentials
  }
})

export type {
  /**
   * A transport that the server offers. Names from the future may appear.
   *
   * @category models
   * @since 0.1.0
   */
  AvailableTransport
} from "./internal/negotiateAnswer.ts"
