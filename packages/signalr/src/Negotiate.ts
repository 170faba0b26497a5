/**
 * The request before the connection: asks whether there is a hub at all, which
 * transports it offers, and under which id. It follows redirects and takes over
 * their tokens. Nothing is remembered between two negotiations: each one begins
 * at your own url with a fresh token.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as HubCredentials from "./HubCredentials.ts"
import type * as HubError from "./HubError.ts"
import * as hubUrl from "./internal/http/url.ts"
import type { AvailableTransport } from "./internal/negotiate/answer.ts"
import * as negotiation from "./internal/negotiate/negotiate.ts"

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
  const { hop, offer } = yield* negotiation.negotiate({
    connection,
    start: { url: parsed.success, credentials: options.credentials ?? HubCredentials.make<E, R>(), hops: 0 },
    statefulReconnect: options.statefulReconnect ?? false,
    timeout: options.timeout ?? "100 seconds"
  })
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
} from "./internal/negotiate/answer.ts"
