// Proves that a dial whose url names the wrong protocol or the wrong path says
// so: TLS to a plain port, plain text to a TLS port in each way in which servers
// answer it, and an upgrade that is answered like any page.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Net from "node:net"
import type { Socket } from "node:net"
import { authority, identity } from "../support/certificates.ts"
import { refusal } from "../support/client.ts"
import { echo, serve } from "../support/wsServer.ts"

const trusting = { proxy: false, tls: { ca: authority } } as const

/** Serves until the test's scope closes; gives the port. */
const listening = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
    }),
    () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )

/** Answers whatever comes first with these bytes, and hangs up. */
const answering = (bytes: string | Uint8Array) =>
  listening(
    Net.createServer((socket: Socket) => {
      socket.on("error", () => undefined)
      socket.once("data", () => socket.end(bytes))
    })
  )

const answer400 = (body: string) =>
  `HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`

const alert = Uint8Array.of(0x15, 0x03, 0x01, 0, 2, 2, 70)
const wantsWss = /If this port speaks TLS, dial it with wss:/
const speaksNoTls = /The server does not speak TLS at this port: dial it with ws:/

describe("what to do about a dial", () => {
  it.live.each([false, true])("TLS to a plain port: the server does not speak TLS, compression: %s", (compression) =>
    Effect.gen(function* () {
      const web = yield* serve(echo)
      const other = yield* answering("SSH-2.0-OpenSSH_9.9\r\n")
      for (const port of [web.port, other]) {
        const error = yield* refusal(`wss://127.0.0.1:${port}/`, {}, { ...trusting, compression })
        assert.strictEqual(error._tag, "TlsError")
        assert.match(error.message, speaksNoTls)
        assert.notMatch(error.message, /certificate/)
      }
    })
  )

  it.live("a certificate that does not verify still asks for the certificate", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { tls: identity("selfsigned") })
      const { message } = yield* refusal(server.url, {}, trusting)
      assert.match(message, /Check the server's certificate/)
      assert.notMatch(message, speaksNoTls)
    })
  )

  it.live("plain text to a TLS port hints at wss, however the server answers it", () =>
    Effect.gen(function* () {
      const secure = yield* serve(echo, { tls: identity("good") })
      const ports = [
        secure.port,
        yield* answering(alert),
        yield* answering(answer400("<h1>400</h1>The plain HTTP request was sent to HTTPS port")),
        yield* answering(answer400("Client sent an HTTP request to an HTTPS server.\n")),
        yield* answering(answer400("Reason: You're speaking plain HTTP to an SSL-enabled server port."))
      ]
      for (const port of ports) assert.match((yield* refusal(`ws://127.0.0.1:${port}/`)).message, wantsWss)
    })
  )

  it.live("other broken answers to plain text say nothing of TLS", () =>
    Effect.gen(function* () {
      for (const bytes of ["SSH-2.0-OpenSSH_9.9\r\n", answer400("no such symbol")]) {
        const port = yield* answering(bytes)
        assert.notMatch((yield* refusal(`ws://127.0.0.1:${port}/`)).message, /TLS/)
      }
    })
  )

  it.live("an upgrade that is answered with 200 is no WebSocket endpoint", () =>
    Effect.gen(function* () {
      const port = yield* listening(Http.createServer((_, response) => response.end("hello")))
      const { message } = yield* refusal(`ws://127.0.0.1:${port}/ws`)
      assert.include(
        message,
        "refused the upgrade with HTTP 200. It is no WebSocket endpoint: check the path of the url."
      )
    })
  )
})
