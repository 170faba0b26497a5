// Proves the way through a real CONNECT proxy: explicit or from the environment,
// with credentials, to plain and TLS servers; and that a proxy's refusal,
// absence or bad certificate is not mistaken for the server's.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { spawnSync } from "node:child_process"
import { connect, recorder, refusal } from "../support/client.ts"
import { authority, identity } from "../support/certificates.ts"
import { assertFields } from "../support/fields.ts"
import { tunnel } from "../support/tunnel.ts"
import { echo, serve } from "../support/wsServer.ts"

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`

const roundTrip = Effect.fnUntraced(function* (...args: Parameters<typeof connect>) {
  const receiver = recorder()
  const { link } = yield* connect(args[0], args[1], args[2], receiver)
  const bytes = new Uint8Array(200_000)
  link.write(["through", bytes])
  yield* receiver.when(() => receiver.frames().length === 2)
  assert.strictEqual(receiver.frames()[0], "through")
  assert.strictEqual(receiver.frames()[1]!.length, 200_000)
  assert.isAbove(link.received(), 200_000)
  return link
})

const withEnv = <A, E, R>(variables: Readonly<Record<string, string>>, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
      Object.assign(process.env, variables)
      return before
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        for (const [name, value] of before) {
          if (value === undefined) delete process.env[name]
          else process.env[name] = value
        }
      })
  )

// the environment is the process's, so these run one after another
describe("Proxy", { concurrent: false }, () => {
  it.live("tunnels to a plain server and to a TLS server, which is still verified", () =>
    Effect.gen(function* () {
      const proxy = yield* tunnel()
      const plain = yield* serve(echo)
      const secure = yield* serve(echo, { tls: identity("good") })
      const wrong = yield* serve(echo, { tls: identity("wronghost") })
      const options = { proxy: `http://127.0.0.1:${proxy.port}`, tls: { ca: authority } }
      yield* roundTrip(plain.url, {}, options)
      yield* roundTrip(secure.url, {}, options)
      yield* roundTrip(`wss://localhost:${secure.port}`, {}, options)
      assertFields(yield* refusal(wrong.url, {}, options), {
        _tag: "TlsError",
        code: "ERR_TLS_CERT_ALTNAME_INVALID"
      })
      assert.deepStrictEqual(proxy.targets, [
        `127.0.0.1:${plain.port}`,
        `127.0.0.1:${secure.port}`,
        `localhost:${secure.port}`,
        `127.0.0.1:${wrong.port}`
      ])
    })
  )

  it.live("sends credentials to the proxy and only to the proxy", () =>
    Effect.gen(function* () {
      const proxy = yield* tunnel({ authorization: basic("me:p@ss") })
      const server = yield* serve(echo)
      const url = `http://me:p%40ss@127.0.0.1:${proxy.port}`
      yield* roundTrip(server.url, { headers: { Authorization: "Bearer server" } }, { proxy: Redacted.make(url) })
      const { request } = yield* server.peer()
      assert.strictEqual(request.headers.authorization, "Bearer server")
      assert.isUndefined(request.headers["proxy-authorization"])
      assert.deepStrictEqual(proxy.authorizations, [basic("me:p@ss")])
    })
  )

  it.live("a refusal by the proxy is a proxy failure with its status", () =>
    Effect.gen(function* () {
      const wanting = yield* tunnel({ authorization: basic("me:pw") })
      const server = yield* serve(echo)
      const anonymous = yield* refusal(server.url, {}, { proxy: new URL(`http://127.0.0.1:${wanting.port}`) })
      assertFields(anonymous, { _tag: "DialFailed", kind: "proxy" })
      assert.include(anonymous.message, "HTTP_407")
      const forbidding = yield* tunnel({ status: "403 Forbidden" })
      const refused = yield* refusal(server.url, {}, { proxy: `http://127.0.0.1:${forbidding.port}` })
      assert.include(refused.message, "HTTP_403")
    })
  )

  it.live("a proxy that is not there, hangs up or talks nonsense is a proxy failure", () =>
    Effect.gen(function* () {
      const proxy = yield* Effect.scoped(tunnel())
      const server = yield* serve(echo)
      const absent = yield* refusal(server.url, {}, { proxy: `http://127.0.0.1:${proxy.port}` })
      assertFields(absent, { _tag: "DialFailed", kind: "proxy" })
      assert.include(absent.message, "ECONNREFUSED")
      const unreachable = yield* tunnel()
      const bad = yield* refusal("ws://127.0.0.1:1", {}, { proxy: `http://127.0.0.1:${unreachable.port}` })
      assert.include(bad.message, "HTTP_502")
      const nonsense = yield* tunnel({ status: "" })
      const broken = yield* refusal(server.url, {}, { proxy: `http://127.0.0.1:${nonsense.port}` })
      assertFields(broken, { _tag: "DialFailed", kind: "proxy" })
    })
  )

  it.live("a proxy over TLS whose certificate does not verify is a TlsError that names the proxy", () =>
    Effect.gen(function* () {
      const proxy = yield* tunnel({ tls: identity("selfsigned") })
      const server = yield* serve(echo)
      const error = yield* refusal(server.url, {}, { proxy: `https://me:pw@127.0.0.1:${proxy.port}` })
      assertFields(error, {
        _tag: "TlsError",
        code: "DEPTH_ZERO_SELF_SIGNED_CERT",
        endpoint: `https://127.0.0.1:${proxy.port}`
      })
    })
  )

  it.live("a server's refusal comes through as it is", () =>
    Effect.gen(function* () {
      const proxy = yield* tunnel()
      const server = yield* serve(echo, {
        verifyClient: (_info, done) => done(false, 503, "busy", { "Retry-After": "3" })
      })
      const error = yield* refusal(server.url, {}, { proxy: `http://127.0.0.1:${proxy.port}` })
      assertFields(error, { _tag: "HandshakeRejected", status: 503 })
    })
  )

  it.live("the environment decides by default, NO_PROXY and `false` win over it", () =>
    Effect.gen(function* () {
      const proxy = yield* tunnel()
      const plain = yield* serve(echo)
      const secure = yield* serve(echo, { tls: identity("good") })
      const at = `http://127.0.0.1:${proxy.port}`
      const tls = { ca: authority }
      yield* withEnv(
        { HTTP_PROXY: at, HTTPS_PROXY: at, NO_PROXY: "" },
        Effect.gen(function* () {
          yield* roundTrip(plain.url, {}, {})
          yield* roundTrip(secure.url, {}, { tls })
          yield* roundTrip(plain.url, {}, { proxy: false })
        })
      )
      assert.deepStrictEqual(proxy.targets, [`127.0.0.1:${plain.port}`, `127.0.0.1:${secure.port}`])
      yield* withEnv({ HTTP_PROXY: at, NO_PROXY: "127.0.0.1" }, roundTrip(plain.url, {}, {}))
      yield* withEnv({ HTTPS_PROXY: at, NO_PROXY: "" }, roundTrip(plain.url, {}, {}))
      assert.strictEqual(proxy.targets.length, 2)
      yield* withEnv(
        { ALL_PROXY: "socks5://127.0.0.1:1", NO_PROXY: "" },
        Effect.gen(function* () {
          assertFields(yield* refusal(plain.url, {}, {}), { _tag: "InvalidOptions", path: ["proxy"] })
        })
      )
    })
  )

  it("credentials do not show under DEBUG", () => {
    const script = `
      import * as Proxy from ${JSON.stringify(new URL("../../src/internal/dial/proxy.ts", import.meta.url).href)}
      Proxy.agent(new URL("http://planted-user:planted-password@127.0.0.1:1"), { localAddress: undefined, signal: new AbortController().signal })
    `
    const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      env: { ...process.env, DEBUG: "*" },
      encoding: "utf8"
    })
    assert.strictEqual(run.status, 0, run.stderr)
    assert.include(run.stderr, "https-proxy-agent")
    assert.notInclude(run.stderr, "planted")
  })
})
