/**
 * A transport over long polling: frames arrive in GETs that the server answers
 * when it has some, and leave in POSTs. It works wherever HTTP works. Each answer
 * is a sign of life. While a poll is held there is none, so the link asks with an
 * empty POST, which every server answers and no hub ever sees.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Transport from "kharbranth/Transport"
import * as HubCredentials from "./HubCredentials.ts"
import type { TransferFormat } from "./HubProtocol.ts"
import type { HttpDial, HttpLink } from "./internal/httpTransport/httpLink.ts"
import * as httpLink from "./internal/httpTransport/httpLink.ts"
import { readBytes } from "./internal/http/response.ts"

/**
 * How the long-polling transport asks for frames, and who it says is asking.
 *
 * @category models
 * @since 0.1.0
 */
export interface LongPollingOptions<E = never, R = never> {
  /** What the hub protocol travels in. */
  readonly transferFormat: TransferFormat
  /** Default: no headers, no token. */
  readonly credentials?: HubCredentials.HubCredentials<E, R> | undefined
  /** How long one poll may take before it counts as idle. Default: 100 seconds. */
  readonly pollTimeout?: Duration.Input | undefined
  /** How long no answer may come before the link asks for one with an empty POST. Default: 10 seconds. */
  readonly probeAfter?: Duration.Input | undefined
}

// Caches between us and the server must not answer for it.
const poll = (http: HttpDial) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => http.request(HttpClientRequest.get(`${http.url}&_=${now}`)))

const idle = Symbol("idle")

const readOnce = Effect.fnUntraced(function* (http: HttpDial, link: HttpLink, format: TransferFormat) {
  const { dial } = http
  const response = yield* poll(http)
  link.touch(1)
  if (response.status === 204) {
    yield* link.finish(httpLink.closedByServer(dial))
    return false
  }
  if (response.status !== 200) {
    yield* link.finish(httpLink.dropped(dial, httpLink.statusCause(response.status)))
    return false
  }
  const bytes = yield* readBytes(response, dial.maxMessageSize)
  if (bytes === undefined) return link.deliver("", dial.maxMessageSize + 1)
  link.touch(bytes.length)
  return bytes.length === 0 || link.deliver(format === "Text" ? new TextDecoder().decode(bytes) : bytes, bytes.length)
})

const read = (http: HttpDial, link: HttpLink, format: TransferFormat, timeout: Duration.Duration) => {
  const turn = Effect.andThen(link.readable, readOnce(http, link, format)).pipe(
    Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.succeed<boolean | typeof idle>(idle) })
  )
  return Effect.gen(function* () {
    while ((yield* turn) !== false);
  }).pipe(Effect.catch((error) => link.finish(httpLink.dropped(http.dial, error))))
}

// What a link has received grows with the answer. Who watches the link judges its silence.
const probe = (link: HttpLink, after: Duration.Duration): Effect.Effect<void, never, HttpClient.HttpClient> => {
  const look = (seen: number): Effect.Effect<void, never, HttpClient.HttpClient> =>
    Effect.gen(function* () {
      yield* Effect.sleep(after)
      if (link.link.received() === seen) yield* link.ask
      return yield* look(link.link.received())
    })
  return Effect.suspend(() => look(link.link.received()))
}

/**
 * Makes the transport.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <E = never, R = never>(
  options: LongPollingOptions<E, R>
): Effect.fn.Return<Transport.Transport["Service"], never, HttpClient.HttpClient | R> {
  const context = yield* Effect.context<HttpClient.HttpClient | R>()
  const credentials = options.credentials ?? HubCredentials.make<E, R>()
  const own = { ...credentials, token: Effect.provideContext(credentials.token, context) }
  const timeout = Duration.fromInputUnsafe(options.pollTimeout ?? "100 seconds")
  const probeAfter = Duration.fromInputUnsafe(options.probeAfter ?? "10 seconds")
  const dial = Effect.fnUntraced(function* (dial: Transport.Dial, receiver: Transport.Receiver) {
    const http = yield* httpLink.prepare(dial, own)
    // The first poll is answered at once and means: connected.
    const first = yield* Effect.mapError(poll(http), (error) => httpLink.dialFailed(http, error))
    if (first.status !== 200) return yield* httpLink.rejected(http, first)
    const goodbye = Effect.ignore(http.request(HttpClientRequest.delete(http.url)))
    const link = yield* httpLink.make(http, receiver, { goodbye, answersCount: true })
    link.run(read(http, link, options.transferFormat, timeout))
    link.run(probe(link, probeAfter))
    return link.link
  })
  return {
    name: "long-polling",
    capabilities: { ping: false, pause: Transport.backpressure, headers: Transport.httpHeaders, bytes: true },
    dial: (target, receiver) => Effect.provideContext(dial(target, receiver), context)
  }
})
