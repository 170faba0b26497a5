/**
 * HTTP requests in a hub's name: the client's headers, the user's over them,
 * the bearer token, and the 401 rule (ask for the token once more, try once
 * more). Requests carry secrets in url and headers, so they are not traced.
 * A request that fails is explained by its root cause.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Semaphore from "effect/Semaphore"
import * as HubCredentials from "../../HubCredentials.ts"

const inBrowser = typeof (globalThis as { document?: unknown }).document !== "undefined"

// Pages may not set User-Agent.
const agentHeader = inBrowser ? "x-signalr-user-agent" : "user-agent"

const ownHeaders: Readonly<Record<string, string>> = {
  [agentHeader]: "Kharbranth/0.1 (SignalR)",
  "x-requested-with": "XMLHttpRequest"
}

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse

/** Our headers, the token's, and the user's, which win over ours. */
export const headersOf = (
  token: string | undefined,
  headers: Readonly<Record<string, string>>
): Readonly<Record<string, string>> => {
  const own = token === undefined ? ownHeaders : { ...ownHeaders, authorization: `Bearer ${token}` }
  // Names of headers mean the same in any case, and one that stands there twice is sent twice.
  return { ...own, ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])) }
}

const withToken = (
  request: Request,
  headers: Readonly<Record<string, string>>,
  token: HubCredentials.Token
): Request => {
  return HttpClientRequest.setHeaders(request, headersOf(HubCredentials.reveal(token), headers))
}

const run = (request: Request) =>
  Effect.provideService(HttpClient.execute(request), HttpClient.TracerDisabledWhen, () => true)

/** An answer, and whether it took a second token. */
export interface Answered {
  readonly response: Response
  readonly renewed: boolean
}

/** Runs one request with a token asked for on the spot, and once more with another token when it is answered with 401. */
export const once = <E, R>(
  request: Request,
  credentials: HubCredentials.HubCredentials<E, R>
): Effect.Effect<Answered, HttpClientError.HttpClientError | E, HttpClient.HttpClient | R> =>
  Effect.gen(function* () {
    const { headers, renewable, token } = credentials
    const first = yield* token
    const response = yield* run(withToken(request, headers, first))
    if (response.status !== 401 || !renewable) return { response, renewed: false }
    const next = yield* token
    // The same token would be refused again.
    if (HubCredentials.reveal(next) === HubCredentials.reveal(first)) return { response, renewed: false }
    return { response: yield* run(withToken(request, headers, next)), renewed: true }
  })

/** Runs the requests of one connection attempt: one token for all of them, until a 401 asks for a new one. */
export type Requests<E, R> = (
  request: Request
) => Effect.Effect<Response, HttpClientError.HttpClientError | E, HttpClient.HttpClient | R>

/** The platform's reason (ECONNREFUSED, …) below what HTTP clients wrap around it. */
export const rootCause = (cause: unknown): unknown => {
  let root = cause
  for (let depth = 0; depth < 8; depth++) {
    const next = root as { readonly reason?: unknown; readonly cause?: unknown }
    const below = next.reason ?? next.cause
    if (typeof below !== "object" || below === null) return root
    root = below
  }
  return root
}

/** Asks for the token and makes the requests' runner. */
export const make = <E, R>(
  credentials: HubCredentials.HubCredentials<E, R>,
  headers: Readonly<Record<string, string>>
): Effect.Effect<Requests<E, R>, E, R> =>
  Effect.map(credentials.token, (first) => {
    let token = first
    const all = { ...credentials.headers, ...headers }
    const turn = Semaphore.makeUnsafe(1)
    // Requests that were refused together share one new token.
    const renew = (refused: HubCredentials.Token) =>
      turn.withPermits(1)(
        Effect.suspend(() =>
          token !== refused
            ? Effect.void
            : Effect.map(credentials.token, (next) => {
                token = next
              })
        )
      )
    return (request) =>
      Effect.suspend(() => {
        const used = token
        return Effect.flatMap(run(withToken(request, all, used)), (response) =>
          response.status === 401 && credentials.renewable
            ? Effect.flatMap(renew(used), () => run(withToken(request, all, token)))
            : Effect.succeed(response)
        )
      })
  })
