// Proves hedged dials on real sockets: after a black hole of 6 seconds, in which every dial was lost, a connection is
// Ready within 1.5 seconds of its end, and no socket of a dial that lost is left; a dial reports every step that it
// sees of the way to the server, plain, over TLS and through a proxy.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import { blackhole } from "../support/blackhole.ts"
import { authority, identity } from "../support/certificates.ts"
import * as Client from "../support/client.ts"
import { connect, isReady, record, steady } from "../support/supervised.ts"
import { tunnel } from "../support/tunnel.ts"
import { echo, serve } from "../support/wsServer.ts"

const reconnect = Reconnect.make({ ...steady, hedgeAfter: "1 second" })

describe("hedged dials", () => {
  it.live("Ready within 1.5 seconds of the end of a black hole of 6 seconds, and nothing is left of the others", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const hole = yield* blackhole(server.port)
      const connection = yield* connect(`ws://127.0.0.1:${hole.port}`, { reconnect, dialTimeout: "10 seconds" })
      const log = yield* record(connection)
      hole.set("lost")
      yield* Effect.sleep("6 seconds")
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connecting")
      assert.isAtMost(hole.unanswered(), 2)
      const since = Date.now()
      hole.set("none")
      const ready = yield* log.first(isReady, since)
      assert.isAtMost(ready.at - since, 1_500)
      const roles = log.of("DialStarted").map(({ role }) => role)
      assert.strictEqual(roles[0], "active")
      assert.isAtLeast(roles.filter((role) => role === "hedge").length, 4)
      assert.deepStrictEqual((yield* Effect.flatten(Connection.track(connection, "after")))._tag, "Confirmed")
      assert.strictEqual(hole.unanswered(), 0)
    })
  )

  const steps = (url: string, options: Parameters<typeof Client.connect>[2]) =>
    Effect.gen(function* () {
      let count = 0
      const receiver = { ...Client.recorder(), reached: () => void count++ }
      yield* Client.connect(url, {}, options, receiver)
      return count
    })

  it.live("a dial reports the steps that it sees", () =>
    Effect.gen(function* () {
      const plain = yield* serve(echo)
      const secure = yield* serve(echo, { tls: identity("good") })
      const proxy = yield* tunnel()
      const through = { proxy: `http://127.0.0.1:${proxy.port}`, tls: { ca: authority } }
      assert.strictEqual(yield* steps(plain.url, { proxy: false }), 1)
      assert.strictEqual(yield* steps(secure.url, { proxy: false, tls: { ca: authority } }), 2)
      assert.strictEqual(yield* steps(plain.url, through), 1)
      assert.strictEqual(yield* steps(secure.url, through), 1)
    })
  )
})
