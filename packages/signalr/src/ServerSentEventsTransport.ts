/**
 * A transport over server-sent events: the server's frames arrive in one
 * response that never ends, and ours leave in POSTs. It carries text only. The
 * token travels in a header, never in the query. Use it on networks that let no
 * WebSocket through.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import * as Transport from "kharbranth/Transport"
import * as HubCredentials from "./HubCredentials.ts"
import { makeEventParser } from "./internal/httpTransport/eventParser.ts"
import type { HttpLink } from "./internal/httpTransport/httpLink.ts"
import * as httpLink from "./internal/httpTransport/httpLink.ts"
import { utf8Length } from "./internal/kit/bytes.ts"

const read = (dial: Transport.Dial, response: HttpClientResponse.HttpClientResponse, http: HttpLink) => {
  const parser = makeEventParser()
  const feed = (bytes: Uint8Array) => {
    http.touch(bytes.length)
    for (const event of parser.push(bytes)) {
      if (!http.deliver(event, utf8Length(event))) return false
    }
    // An event without an end would be kept for ever.
    return parser.pending() <= dial.maxMessageSize || http.deliver("", parser.pending())
  }
  return response.stream.pipe(
    Stream.mapEffect((bytes) => Effect.as(http.readable, bytes)),
    Stream.takeWhile(feed),
    Stream.runDrain,
    Effect.matchEffect({
      onFailure: (error) => http.finish(httpLink.dropped(dial, error)),
      onSuccess: () => http.finish(httpLink.closedByServer(dial))
    })
  )
}

/**
 * Makes the transport. `credentials` give the token: asked for once for each
 * dial, and again when a request is answered with 401.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <E = never, R = never>(
  credentials: HubCredentials.HubCredentials<E, R> = HubCredentials.make<E, R>()
): Effect.fn.Return<Transport.Transport["Service"], never, HttpClient.HttpClient | R> {
  const context = yield* Effect.context<HttpClient.HttpClient | R>()
  const own = { ...credentials, token: Effect.provideContext(credentials.token, context) }
  const dial = Effect.fnUntraced(function* (dial: Transport.Dial, receiver: Transport.Receiver) {
    const http = yield* httpLink.prepare(dial, own)
    const request = HttpClientRequest.get(http.url, { headers: { accept: "text/event-stream" } })
    const response = yield* Effect.mapError(http.request(request), (error) => httpLink.dialFailed(http, error))
    if (response.status !== 200) return yield* httpLink.rejected(http, response)
    const link = yield* httpLink.make(http, receiver, { goodbye: Effect.void, answersCount: false })
    link.run(read(dial, response, link))
    return link.link
  })
  return {
    name: "server-sent-events",
    capabilities: { ping: false, pause: Transport.backpressure, headers: Transport.httpHeaders, bytes: true },
    dial: (target, receiver) => Effect.provideContext(dial(target, receiver), context)
  }
})
