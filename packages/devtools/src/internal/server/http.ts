/** The dashboard's server: a loopback port that serves the page's files, and the WebSocket beside them. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Scope from "effect/Scope"
import { createServer } from "node:http"
import { DevtoolsError } from "../../DevtoolsError.ts"
import type { Board } from "../viewer/board.ts"
import { path as livePath } from "../wire/wire.ts"
import * as Guard from "./guard.ts"
import * as Live from "./live.ts"
import type { File, Page } from "./page.ts"

export interface ServerOptions {
  readonly port: number
  readonly token: string
  readonly page: Page
  readonly board: Board
}

/** The largest frame that a page may send. */
const maxPayload = 64 * 1024

const text = (status: number, body: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(body, { status, headers: Guard.headers })

const fileAnswer = ({ body, type }: File): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.uint8Array(body, { contentType: type, headers: Guard.headers })

const welcome = (cookie: string, token: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setCookieUnsafe(
    HttpServerResponse.redirect("/", { status: 303, headers: Guard.headers }),
    cookie,
    token,
    { httpOnly: true, path: "/", sameSite: "strict" }
  )

/** What a request says of itself. */
const askedBy = (request: HttpServerRequest.HttpServerRequest, cookie: string): Guard.Asked => {
  const { cookies, headers, method, url } = request
  const { pathname, searchParams } = new URL(url, "http://localhost")
  return {
    method,
    host: headers["host"],
    origin: headers["origin"],
    path: pathname,
    token: searchParams.get("token") ?? undefined,
    cookie: cookies[cookie],
    isUpgrade: headers["upgrade"] !== undefined
  }
}

/** The viewers that there are, until the program ends. */
interface Viewers {
  count: number
  readonly ending: Deferred.Deferred<void>
  /** The last one has left, after the end began. */
  readonly left: Deferred.Deferred<void>
}

const leave = (viewers: Viewers): void => {
  viewers.count--
  if (viewers.count === 0 && Deferred.isDoneUnsafe(viewers.ending)) Deferred.doneUnsafe(viewers.left, Effect.void)
}

/** Serves a viewer until it leaves. */
const admit = (request: HttpServerRequest.HttpServerRequest, board: Board, viewers: Viewers) =>
  Effect.acquireUseRelease(
    Effect.sync(() => viewers.count++),
    () => Live.serve(request, board, viewers.ending),
    () => Effect.sync(() => leave(viewers))
  )

const end = (viewers: Viewers): Effect.Effect<void> =>
  Effect.suspend(() => {
    Deferred.doneUnsafe(viewers.ending, Effect.void)
    return viewers.count === 0 ? Effect.void : Deferred.await(viewers.left)
  })

const answer = ({ board, page, token }: ServerOptions, cookie: string, viewers: Viewers) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (!URL.canParse(request.url, "http://localhost")) return text(400, "Bad request.\n")
    const asked = askedBy(request, cookie)
    const verdict = Guard.judge(asked, token)
    if (verdict._tag === "Refuse") return text(verdict.status, verdict.text)
    if (verdict._tag === "Welcome") return welcome(cookie, token)
    if (asked.path !== livePath) {
      const file = page.get(asked.path === "/" ? "/index.html" : asked.path)
      return file === undefined ? text(404, "There is no such file.\n") : fileAnswer(file)
    }
    if (!asked.isUpgrade) return text(426, "This is a WebSocket.\n")
    if (Deferred.isDoneUnsafe(viewers.ending)) return text(503, "The program ends.\n")
    yield* admit(request, board, viewers)
    return HttpServerResponse.empty()
  })

const failed = (port: number) => (error: ServeError) => {
  const code = (error.cause as { readonly code?: unknown } | undefined)?.code
  const why =
    code === "EADDRINUSE"
      ? `port ${port} is taken: give another one, or 0 for any that is free`
      : `port ${port} cannot be opened (${String(code)})`
  return new DevtoolsError({ issue: why })
}

/** Serves until the scope closes; the port. */
export const serve = Effect.fnUntraced(function* (options: ServerOptions) {
  const make = NodeHttpServer.make(() => createServer(), {
    host: "127.0.0.1",
    port: options.port,
    gracefulShutdownTimeout: "1 second",
    websocket: { maxPayload }
  })
  // Of its own, and closed last: a server waits for its sockets, and those of viewers end only when somebody ends them.
  const scope = yield* Effect.flatMap(Effect.scope, (outer) => Scope.fork(outer))
  const server = yield* make.pipe(Scope.provide(scope), Effect.mapError(failed(options.port)))
  const { address } = server
  const port = "port" in address ? address.port : options.port
  const viewers: Viewers = { count: 0, ending: yield* Deferred.make<void>(), left: yield* Deferred.make<void>() }
  yield* HttpServer.serveEffect(answer(options, Guard.cookieOf(port), viewers)).pipe(
    Effect.provideService(HttpServer.HttpServer, server),
    Scope.provide(scope)
  )
  yield* Effect.addFinalizer(() => end(viewers))
  return port
})
