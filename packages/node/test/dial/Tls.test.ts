// Proves that certificates are always verified: a self-signed, wrong-host,
// expired or untrusted one is a TlsError whatever the environment says, one that
// the given authority signed passes, and client certificates are presented.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Tls from "node:tls"
import { connect, recorder, refusal } from "../support/client.ts"
import { authority, client, identity } from "../support/certificates.ts"
import { assertFields } from "../support/fields.ts"
import { tampering } from "../support/tampering.ts"
import { echo, serve } from "../support/wsServer.ts"

const trusting = { proxy: false, tls: { ca: authority } } as const

describe("Tls", () => {
  it.live("a certificate of the given authority passes, and frames flow", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { tls: identity("good") })
      for (const url of [server.url, `wss://localhost:${server.port}`]) {
        const receiver = recorder()
        const { link } = yield* connect(url, {}, trusting, receiver)
        const before = link.received()
        link.write(["over tls"])
        yield* receiver.when((calls) => calls.length > 0)
        assert.deepStrictEqual(receiver.frames(), ["over tls"])
        assert.isAbove(link.received(), before)
      }
    })
  )

  for (const [name, options, code] of [
    ["selfsigned", trusting, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["wronghost", trusting, "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["expired", trusting, "CERT_HAS_EXPIRED"],
    ["good", { proxy: false }, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]
  ] as const) {
    it.live(`${name} ${"tls" in options ? "" : "without its authority "}is refused with ${code}`, () =>
      Effect.gen(function* () {
        const server = yield* serve(echo, { tls: identity(name) })
        const error = yield* refusal(server.url, {}, options)
        assertFields(error, { _tag: "TlsError", code, endpoint: server.url })
      })
    )
  }

  it.live("NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { tls: identity("selfsigned") })
      process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
      const error = yield* Effect.ensuring(
        refusal(server.url),
        Effect.sync(() => delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"])
      )
      assert.strictEqual(error._tag, "TlsError")
    })
  )

  it.live("servername is what is verified", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { tls: identity("wronghost") })
      yield* connect(server.url, {}, { proxy: false, tls: { ca: authority, servername: "elsewhere.example" } })
      const good = yield* serve(echo, { tls: identity("good") })
      const error = yield* refusal(good.url, {}, { proxy: false, tls: { ca: authority, servername: "other.example" } })
      assertFields(error, { _tag: "TlsError", code: "ERR_TLS_CERT_ALTNAME_INVALID" })
    })
  )

  it.live("a client certificate with an encrypted key is presented", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, {
        tls: { ...identity("good"), ca: authority, requestCert: true, rejectUnauthorized: true }
      })
      const tls = {
        ca: [Buffer.from(authority)],
        cert: client.cert,
        key: Redacted.make(client.key),
        passphrase: Redacted.make(client.passphrase)
      }
      yield* connect(server.url, {}, { proxy: false, tls })
      const { request } = yield* server.peer()
      assert.strictEqual((request.socket as Tls.TLSSocket).getPeerCertificate().subject.CN, "client")
      const wrong = yield* refusal(server.url, {}, { proxy: false, tls: { ...tls, passphrase: "wrong" } })
      assertFields(wrong, { _tag: "InvalidOptions" })
    })
  )

  it.live("TLS to a port that speaks plain text is a TlsError, plain text to a TLS port is not an upgrade", () =>
    Effect.gen(function* () {
      const plain = yield* serve(echo)
      const secure = yield* serve(echo, { tls: identity("good") })
      assert.strictEqual((yield* refusal(`wss://127.0.0.1:${plain.port}`, {}, trusting))._tag, "TlsError")
      const error = yield* refusal(`ws://127.0.0.1:${secure.port}`)
      assert.strictEqual(error._tag, "DialFailed")
    })
  )

  it.live("a record that does not decrypt is a ReadError", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { tls: identity("good") })
      const wire = yield* tampering(server.port)
      const { link, receiver } = yield* connect(`wss://127.0.0.1:${wire.port}`, {}, trusting)
      wire.tamper()
      link.write(["to be answered"])
      const error = yield* receiver.end
      assert.strictEqual(error._tag, "ReadError")
      assert.deepStrictEqual(receiver.frames(), [])
    })
  )
})
