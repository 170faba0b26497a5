/**
 * Proves against a real ASP.NET Core server what must not rest on our own
 * reading of the protocol: negotiation with redirects and refusals, bearer and
 * Basic authentication, which transports are offered, that the JSON codec reads
 * everything in the recorded traces, and the answers of `PROTOCOL.md` that no
 * trace can show.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Handshake from "../../src/Handshake.ts"
import * as HubCredentials from "../../src/HubCredentials.ts"
import { json } from "../../src/JsonHubProtocol.ts"
import * as Negotiate from "../../src/Negotiate.ts"
import type { AspNet } from "../support/aspnet.ts"
import { aspNet, hasDotnet } from "../support/aspnet.ts"
import { decodeAll, encode } from "../support/codec.ts"
import { converse } from "../support/scenarios.ts"
import { failure } from "../support/hub.ts"

class RealServer extends Context.Service<RealServer, AspNet>()("test/RealServer") {
  static readonly layer = Layer.effect(RealServer, aspNet)
}

const bearer = (token: string) => HubCredentials.make({ token: Effect.succeed(Redacted.make(token)) })

const negotiate = Effect.fnUntraced(function* (
  path: string,
  credentials = HubCredentials.make(),
  statefulReconnect = false
) {
  const { url } = yield* RealServer
  return yield* Effect.provide(
    Negotiate.negotiate({ connection: "real", url: url + path, credentials, statefulReconnect }),
    FetchHttpClient.layer
  )
})

describe("recorded traces", () => {
  const traces = join(import.meta.dirname, "..", "traces")
  for (const name of readdirSync(traces)) {
    it(`K139: everything in ${name} is read, and written back with the same meaning`, () => {
      const lines = JSON.parse(readFileSync(join(traces, name), "utf8")) as ReadonlyArray<string>
      const records = lines.filter((line) => line.startsWith("< ")).map((line) => line.slice(2))
      const [answer, ...messages] = records
      if (!name.startsWith("resume")) assert.isDefined(Handshake.reader("trace").push(`${answer}\u001e`))
      for (const record of messages) {
        const decoded = decodeAll(json, [`${record}\u001e`])
        assert.isUndefined(decoded.error, record)
        assert.strictEqual(decoded.messages.length, 1, record)
        assert.deepStrictEqual(JSON.parse(String(encode(json, decoded.messages[0]!)).slice(0, -1)), JSON.parse(record))
      }
    })
  }
})

describe.runIf(hasDotnet)("ASP.NET Core", () => {
  layer(RealServer.layer, { timeout: 120_000, excludeTestServices: true })("the real server", (it) => {
    it.effect("J132: offers its transports in order, with an id and a token that differ", () =>
      Effect.gen(function* () {
        const done = yield* negotiate("/hub")
        assert.deepStrictEqual(
          done.transports.map(({ transport }) => transport),
          ["WebSockets", "ServerSentEvents", "LongPolling"]
        )
        assert.strictEqual(done.version, 1)
        assert.notInclude(Redacted.value(done.connectUrl), done.connectionId)
        assert.strictEqual((yield* negotiate("/hub?negotiateVersion=0")).version, 0)
        for (const [path, name] of [
          ["/ws", "WebSockets"],
          ["/sse", "ServerSentEvents"],
          ["/lp", "LongPolling"]
        ] as const) {
          assert.deepStrictEqual(
            (yield* negotiate(path)).transports.map(({ transport }) => transport),
            [name]
          )
        }
      })
    )

    it.effect("I111 I112: grants stateful reconnect where it is on and asked for, and nowhere else", () =>
      Effect.gen(function* () {
        assert.isTrue((yield* negotiate("/stateful", undefined, true)).statefulReconnect)
        assert.isTrue((yield* negotiate("/stateful?useStatefulReconnect=true")).statefulReconnect)
        assert.isFalse((yield* negotiate("/stateful")).statefulReconnect)
        assert.isFalse((yield* negotiate("/hub", undefined, true)).statefulReconnect)
      })
    )

    it.effect("J129: a redirect hands out a token that opens the next door; an endless one ends", () =>
      Effect.gen(function* () {
        const done = yield* negotiate("/redirect")
        assert.match(Redacted.value(done.url), /\/bearer$/)
        assert.isFalse(done.credentials.renewable)
        assert.match(HubCredentials.reveal(yield* done.credentials.token) ?? "", /^redirected\./)
        assert.strictEqual((yield* failure(negotiate("/loop")))._tag, "TooManyRedirects")
      })
    )

    it.effect("J119 J130: 401 without a good token, 404 where no hub is, a refusal in the server's words", () =>
      Effect.gen(function* () {
        const { token } = yield* RealServer
        assert.strictEqual((yield* failure(negotiate("/bearer"))).status, 401)
        assert.strictEqual((yield* failure(negotiate("/bearer", bearer("nobody.1")))).status, 401)
        assert.strictEqual((yield* failure(negotiate("/nowhere"))).status, 404)
        assert.strictEqual((yield* failure(negotiate("/refused"))).error, "This hub is full.")
        assert.strictEqual((yield* negotiate("/bearer", bearer(yield* token("ann", 60_000)))).version, 1)
      })
    )

    it.effect("Basic authentication, beyond ASCII; the right user with a wrong password stays outside", () =>
      Effect.gen(function* () {
        const basic = (password: string) =>
          HubCredentials.make({ headers: HubCredentials.basic("user", Redacted.make(password)) })
        assert.strictEqual((yield* negotiate("/basic", basic("pässword"))).version, 1)
        assert.strictEqual((yield* failure(negotiate("/basic", basic("password")))).status, 401)
      })
    )

    it.effect("CancelInvocation does not stop a plain call", () =>
      Effect.gen(function* () {
        const { url } = yield* RealServer
        const lines = yield* Effect.promise(() =>
          converse(url, {
            name: "cancel-plain",
            path: "/hub",
            moves: [
              { send: { type: 1, invocationId: "1", target: "Slow", arguments: [100] } },
              { send: { type: 5, invocationId: "1" } },
              { await: 2 }
            ]
          })
        )
        assert.strictEqual(lines.at(-1), `< {"type":3,"invocationId":"1","result":"slept"}`)
      })
    )
  })
})
