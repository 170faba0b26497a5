// Proves that our own upgrade asks a server for what `ws` asks for: the same
// request line and the same headers, whatever the url, the headers and the
// subprotocols; and that each dial has a key of its own.
import { assert, describe, it } from "@effect/vitest"
import type { Dial } from "kharbranth/Transport"
import * as Effect from "effect/Effect"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { WebSocket } from "ws"
import { refusal } from "../support/client.ts"

interface Asked {
  readonly line: string
  readonly key: string
  /** Every header, by its name in lower case; of some only that it is there. */
  readonly headers: Readonly<Record<string, string>>
}

const askedBy = (head: string): Asked => {
  const [line = "", ...rest] = head.split("\r\n")
  const headers = rest.flatMap((text): ReadonlyArray<readonly [string, string]> => {
    const at = text.indexOf(":")
    return at < 0 ? [] : [[text.slice(0, at).toLowerCase(), text.slice(at + 1).trim()]]
  })
  assert.strictEqual(new Set(headers.map(([name]) => name)).size, headers.length, `a header came twice: ${head}`)
  const { "sec-websocket-key": key = "", ...others } = Object.fromEntries(headers)
  return { line, key, headers: others }
}

/** A server on this address that writes down what it is asked and hangs up. */
const listener = (host: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly heads: Array<string>; readonly close: () => void }>((resume) => {
      const heads: Array<string> = []
      const server = createServer((socket) => {
        let head = ""
        socket.on("error", () => undefined)
        socket.on("data", (bytes) => {
          head += bytes.toString("latin1")
          if (!head.includes("\r\n\r\n")) return
          heads.push(head)
          socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        })
      }).listen(0, host, () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ port, heads, close: () => server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const byWs = (url: string, { headers = {}, subprotocols = [] }: Partial<Dial>) =>
  Effect.callback<void>((resume) => {
    const ws = new WebSocket(url, [...subprotocols], { headers: { ...headers }, perMessageDeflate: false })
    ws.on("error", () => resume(Effect.void))
  })

const cases: ReadonlyArray<readonly [string, string, Partial<Dial>]> = [
  ["a bare url", "ws://HOST", {}],
  ["a path and a query", "ws://HOST/a%20b/c?d=e&f=%C3%A9", {}],
  ["headers", "ws://HOST/", { headers: { "x-token": "s3cret", "Origin": "https://example.com", "User-Agent": "me" } }],
  ["subprotocols", "ws://HOST/", { subprotocols: ["one", "two"] }],
  ["credentials", "ws://user:p%40ss@HOST/", {}],
  ["a name alone", "ws://user@HOST/", {}],
  ["a percent sign that escapes nothing", "ws://us%er:%zz@HOST/", {}],
  ["credentials and a header", "ws://user:pass@HOST/", { headers: { AUTHORIZATION: "Bearer t" } }]
]

describe("the request of an upgrade", () => {
  for (const [what, url, dial] of cases) {
    it.live(`is that of ws: ${what}`, () =>
      Effect.gen(function* () {
        for (const host of ["127.0.0.1", "::1"]) {
          const { heads, port } = yield* listener(host)
          const target = url.replace("HOST", host === "::1" ? `[::1]:${port}` : `${host}:${port}`)
          yield* byWs(target, dial)
          const error = yield* refusal(target, dial, { proxy: false })
          assert.strictEqual(error._tag, "HandshakeRejected")
          const [theirs, ours] = heads.map(askedBy)
          assert.deepStrictEqual([ours?.line, ours?.headers], [theirs?.line, theirs?.headers])
          assert.strictEqual(Buffer.from(ours!.key, "base64").length, 16)
        }
      })
    )
  }

  it.live("has a key of its own in each dial", () =>
    Effect.gen(function* () {
      const { heads, port } = yield* listener("127.0.0.1")
      for (let i = 0; i < 3; i++) yield* refusal(`ws://127.0.0.1:${port}/`, {}, { proxy: false })
      assert.strictEqual(new Set(heads.map((head) => askedBy(head).key)).size, 3)
    })
  )
})
