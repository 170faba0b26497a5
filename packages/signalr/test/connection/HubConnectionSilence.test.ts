/**
 * Proves that a server that falls silent ends the session as `ServerTimeout`
 * within `serverTimeout` on every transport, that the calls under way hear the
 * same cause, and that a quiet but healthy long poll is not taken for silence.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Reconnect from "kharbranth/Reconnect"
import * as HubServer from "../../src/testing/HubServer.ts"
import { connect, eventually, failure, is, until } from "../support/hub.ts"
import { methods, streams } from "../support/testHub.ts"

/** A server whose answers stop on demand: requests are taken, and nothing comes back. */
const blackHole = Effect.fnUntraced(function* (options: HubServer.HubServerOptions) {
  const state = { silent: false }
  const server = yield* HubServer.make({
    methods: { ...methods, Never: () => Effect.never },
    streams,
    keepAlive: "1 hour",
    intercept: () => (state.silent ? { hang: true } : undefined),
    ...options
  })
  return { server, state }
})

describe("a server that falls silent", () => {
  for (const transport of ["WebSockets", "ServerSentEvents", "LongPolling"] as const) {
    it.live(`G74: ends the session and its calls as ServerTimeout over ${transport}`, () =>
      Effect.gen(function* () {
        const { server, state } = yield* blackHole({ transports: [transport] })
        const hub = yield* connect({ url: server.url, serverTimeout: "1 second", reconnect: Reconnect.none })
        const call = yield* Effect.forkChild(failure(hub.untyped.invoke("Never")), { startImmediately: true })
        yield* eventually(() => server.clients()[0]!.received.some((message) => message._tag === "Invocation"))
        state.silent = true
        yield* until(hub, is("Failed")).pipe(Effect.timeout("10 seconds"))
        assert.strictEqual((yield* failure(hub.awaitReady))._tag, "ServerTimeout")
        const lost = yield* Fiber.join(call)
        assert.strictEqual(lost._tag, "InvocationCancelled")
        assert.strictEqual(lost.cause._tag, "ServerTimeout")
      })
    )
  }

  it.live("G75: a poll that the server holds is not silence, because we ask whether it is there", () =>
    Effect.gen(function* () {
      let asked = 0
      const { server } = yield* blackHole({
        transports: ["LongPolling"],
        intercept: ({ kind }) => {
          if (kind === "post") asked++
          return undefined
        }
      })
      const hub = yield* connect({ url: server.url, serverTimeout: "1 second", reconnect: Reconnect.none })
      const id = yield* hub.connectionId
      // Each question keeps the session for another second.
      yield* eventually(() => asked >= 10)
      assert.strictEqual(yield* hub.connectionId, id)
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )
})
