/** A dashboard on a real port, and plain HTTP and WebSocket clients that may lie in every header. */
import * as Effect from "effect/Effect"
import * as Http from "../../src/internal/server/http.ts"
import type { Board } from "../../src/internal/viewer/board.ts"
import type { Frame } from "../../src/internal/wire/wire.ts"
import { subprotocol } from "../../src/internal/wire/wire.ts"
import { request } from "node:http"
import { WebSocket } from "ws"

export const token = "a-token-of-at-least-22-characters"

const file = (type: string, text: string) => ({ type, body: new TextEncoder().encode(text) })

export const page = new Map([
  ["/index.html", file("text/html; charset=utf-8", "<!doctype html><title>the page</title>")],
  ["/main-1234.js", file("text/javascript; charset=utf-8", "export {}")]
])

export const serve = (board: Board) => Http.serve({ port: 0, token, page, board })

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
}

export const get = (
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET"
): Effect.Effect<Answer> =>
  Effect.callback<Answer>((resume) => {
    const asking = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let body = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => (body += chunk))
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, body }))
      )
    })
    asking.on("error", (error) => resume(Effect.die(error)))
    asking.end()
  })

/** The cookie that the right token is answered with. */
export const cookieFor = (port: number): Effect.Effect<string> =>
  Effect.map(get(port, `/?token=${token}`), ({ headers }) => String(headers["set-cookie"]).split(";", 1)[0] ?? "")

export interface Connected {
  readonly socket: WebSocket
  readonly frames: Array<Frame>
}

interface SocketOptions {
  readonly cookie?: string
  readonly origin?: string
  readonly host?: string
  readonly protocol?: string
}

/** What became of an attempt to look. */
export type Looked =
  | { readonly _tag: "Open"; readonly socket: WebSocket; readonly frames: Array<Frame> }
  | { readonly _tag: "Refused"; readonly status: number }

export const look = (port: number, { cookie, host, origin, protocol = subprotocol }: SocketOptions) =>
  Effect.acquireRelease(
    Effect.callback<Looked>((resume) => {
      const headers = {
        ...(cookie === undefined ? {} : { cookie }),
        ...(host === undefined ? {} : { host }),
        ...(origin === undefined ? {} : { origin })
      }
      const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, protocol, { headers })
      const frames: Array<Frame> = []
      socket.on("message", (data: Buffer) => frames.push(JSON.parse(data.toString()) as Frame))
      socket.on("open", () => resume(Effect.succeed({ _tag: "Open", socket, frames })))
      socket.on("unexpected-response", (_request, response) => {
        resume(Effect.succeed({ _tag: "Refused", status: response.statusCode ?? 0 }))
        response.destroy()
      })
      socket.on("error", () => {})
    }),
    (looked) => Effect.sync(() => (looked._tag === "Open" ? looked.socket.terminate() : undefined))
  )

export const closed = (socket: WebSocket): Effect.Effect<{ readonly code: number; readonly reason: string }> =>
  Effect.callback((resume) => {
    socket.on("close", (code, reason) => resume(Effect.succeed({ code, reason: reason.toString() })))
  })

/** Waits for what a test expects; the test's own timeout ends it. */
export const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(condition))))
