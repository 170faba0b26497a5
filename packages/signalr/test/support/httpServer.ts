/** A real HTTP server on a free loopback port, which answers as a test says and remembers what it was asked. */
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
  /** Never answer. */
  readonly hang?: boolean
}

export interface TestServer {
  readonly url: string
  readonly asked: ReadonlyArray<Asked>
}

const readAll = async (request: Http.IncomingMessage): Promise<string> => {
  let body = ""
  for await (const piece of request) body += String(piece)
  return body
}

export const httpServer = (
  answer: (asked: Asked, nth: number, base: string) => Reply
): Effect.Effect<TestServer, never, Scope> =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ readonly server: Http.Server; readonly url: string; readonly asked: Array<Asked> }>((resolve) => {
          const asked: Array<Asked> = []
          const base = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
          const server = Http.createServer(async (request, response) => {
            const entry = {
              method: request.method!,
              url: request.url!,
              headers: request.headers,
              body: await readAll(request)
            }
            asked.push(entry)
            const reply = answer(entry, asked.length, base())
            if (reply.hang === true) return
            response.writeHead(reply.status ?? 200, reply.headers)
            response.end(
              typeof reply.body === "string" || reply.body === undefined ? reply.body : JSON.stringify(reply.body)
            )
          })
          server.listen(0, "127.0.0.1", () => resolve({ server, url: base(), asked }))
        })
    ),
    ({ server }) =>
      Effect.promise(
        () =>
          new Promise<void>((resolve) => {
            server.close(() => resolve())
            server.closeAllConnections()
          })
      )
  )
