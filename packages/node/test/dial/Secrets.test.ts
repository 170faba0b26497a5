// Proves that no secret of a dial or of the server's answer shows in any printed
// form of any error: planted in the url, headers, subprotocols, close reason,
// body and proxy url, then searched for in every way a program prints an error.
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { connect, refusal } from "../support/client.ts"
import { hostile } from "../support/process.ts"
import { tunnel } from "../support/tunnel.ts"
import { echo, serve } from "../support/wsServer.ts"
import { identity } from "../support/certificates.ts"

const printed = (error: Error): ReadonlyArray<string> => [
  String(error),
  error.message,
  error.stack ?? "",
  JSON.stringify(error) ?? "",
  inspect(error),
  inspect(error, { showHidden: true, depth: 30, getters: true }),
  Cause.pretty(Cause.fail(error)),
  JSON.stringify(Cause.fail(error)) ?? ""
]

const assertClean = (error: Error) => {
  for (const text of printed(error)) assert.notInclude(text, "planted")
}

const overrides = {
  headers: { Authorization: "Bearer planted-token", Cookie: "planted-cookie" },
  subprotocols: ["planted-subprotocol"]
}
const withSecrets = (origin: string, path: string) =>
  `${origin.replace("://", "://planted-user:planted-password@")}${path}?token=planted-query`

describe("Secrets", () => {
  it.live("no dial error shows any", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const secure = yield* serve(echo, { tls: identity("selfsigned") })
      const proxy = yield* tunnel({ status: "407 planted" })
      const direct = { proxy: false } as const
      const through = { proxy: Redacted.make(`http://planted-user:planted-password@127.0.0.1:${proxy.port}`) }
      const absent = { proxy: "http://planted-user:planted-password@127.0.0.1:1" }
      const paths = [
        "/hang-up",
        "/garbage",
        "/bad-accept",
        "/bad-subprotocol",
        "/unauthorized",
        "/endless-500",
        "/redirect"
      ]
      const errors = yield* Effect.all(
        [
          ...paths.map((path) => refusal(withSecrets(origin, path), overrides, direct)),
          refusal(withSecrets("ws://127.0.0.1:1", "/"), overrides, direct),
          refusal(withSecrets("ws://no-such-host.invalid", "/"), overrides, direct),
          refusal(withSecrets(secure.url, "/"), overrides, direct),
          refusal(withSecrets(origin, "/"), overrides, through),
          refusal(withSecrets(origin, "/"), overrides, absent),
          refusal(withSecrets(origin, "/"), { ...overrides, headers: { a: "planted\n" } }, direct),
          refusal(withSecrets(origin, "/#planted"), overrides, direct),
          refusal("planted no url", overrides, direct),
          refusal(withSecrets("wss://127.0.0.1:1", "/"), overrides, {
            proxy: false,
            tls: { key: "planted", cert: "planted" }
          })
        ],
        { concurrency: "unbounded" }
      )
      const tags = new Set(errors.map(({ _tag }) => _tag))
      assert.deepStrictEqual([...tags].toSorted(), ["DialFailed", "HandshakeRejected", "InvalidOptions", "TlsError"])
      for (const error of errors) assertClean(error)
    })
  )

  it.live("no link error shows any, and the close reason is there for who asks", () =>
    Effect.gen(function* () {
      const server = yield* serve((ws) => ws.close(4_000, "planted-reason"), {
        handleProtocols: () => "planted-subprotocol"
      })
      const { receiver } = yield* connect(withSecrets(server.url, "/"), overrides)
      const error = yield* receiver.end
      assertClean(error)
      assert.strictEqual(error._tag === "ConnectionClosed" ? Redacted.value(error.reason) : "", "planted-reason")
      const origin = yield* hostile
      for (const path of ["/opcode", "/bad-utf8", "/reset", "/cut", "/huge-length"]) {
        const link = yield* connect(withSecrets(origin, path), { headers: overrides.headers })
        assertClean(yield* link.receiver.end)
      }
    })
  )
})
