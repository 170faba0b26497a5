/**
 * Proves that `maxAttempts` is the number of dials that an outage sees and the
 * number that the error names: at the first connect, after a session that was
 * Stable, and with sessions that do not last; in code and in configuration.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Reconnect from "kharbranth/Reconnect"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as TestServer from "kharbranth/testing/TestServer"
import { pass } from "../support/passing.ts"

const url = "wss://feed.example/ws"
const numbers = { base: "1 second", factor: 2, cap: "8 seconds", jitter: 0, maxAttempts: 3 } as const

/** The same policy as plain data. */
const declared = Result.getOrThrow(
  ConnectionManager.parse({ connections: { feed: { url, reconnect: { kind: "exponential", ...numbers } } } })
)[0]!.reconnect!

/** How a connection with this policy ends: its error, and how often the server was dialed. */
const ending = (
  reconnect: Reconnect.Reconnect,
  answer: (dial: number) => TestServer.Answer,
  then: (server: TestServer.Server) => Effect.Effect<unknown> = () => Effect.void
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    let dials = 0
    const server = yield* network.serve(url, undefined, { answer: () => Effect.sync(() => answer(++dials)) })
    const connection = yield* network.provide(
      Connection.make("feed", { target: url, reconnect, startup: "background" })
    )
    yield* pass(15_000, 500)
    yield* then(server)
    yield* pass(30_000, 500)
    const state = connection.state.getUnsafe()
    const error = state._tag === "Failed" ? state.error : undefined
    return { dials, error, message: error?.message ?? state._tag }
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))

const gaveUp = (attempts: number, message: string) =>
  assert.match(message, new RegExp(`gave up after ${attempts} attempt${attempts === 1 ? "" : "s"}\\. Last error`))

const refuse = TestServer.refuse()
const cutAll = (server: TestServer.Server) =>
  Effect.flatMap(server.connections, (peers) => Effect.forEach(peers, (peer) => peer.reset))

describe("maxAttempts", () => {
  it.effect("counts the first connect, in code and in configuration", () =>
    Effect.gen(function* () {
      for (const policy of [Reconnect.exponential(numbers), declared]) {
        const { dials, message } = yield* ending(policy, () => refuse)
        assert.strictEqual(dials, 3)
        gaveUp(3, message)
      }
      const once = yield* ending(Reconnect.exponential({ ...numbers, maxAttempts: 1 }), () => refuse)
      assert.strictEqual(once.dials, 1)
      gaveUp(1, once.message)
    })
  )

  it.effect("starts over with a session that was Stable", () =>
    Effect.gen(function* () {
      const { dials, message } = yield* ending(
        Reconnect.exponential(numbers),
        (dial) => (dial === 1 ? TestServer.accept() : refuse),
        cutAll
      )
      assert.strictEqual(dials, 4)
      gaveUp(3, message)
    })
  )

  it.effect("counts dials whose sessions did not last", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      const server = yield* network.serve(url, (peer) => peer.close(1011))
      const connection = yield* network.provide(
        Connection.make("feed", { target: url, reconnect: Reconnect.exponential(numbers), startup: "background" })
      )
      yield* pass(30_000, 500)
      const state = connection.state.getUnsafe()
      assert.lengthOf(yield* server.dials, 3)
      gaveUp(3, state._tag === "Failed" ? state.error.message : state._tag)
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("is whatever the schedule allows without it", () =>
    Effect.gen(function* () {
      const { dials, message } = yield* ending(Reconnect.exponential({ ...numbers, maxAttempts: undefined }), (dial) =>
        dial < 6 ? refuse : TestServer.accept()
      )
      assert.deepStrictEqual([dials, message], [6, "Connected"])
    })
  )
})
