/**
 * Proves that one fault has one name: states, events, `awaitReady` and the log
 * say of a session's end what the hub's own errors say, and no line points at
 * options of the core that a user of a hub never gave.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as Reconnect from "kharbranth/Reconnect"
import * as HubCredentials from "../../src/HubCredentials.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { connect, failure, is, until } from "../support/hub.ts"
import { methods, streams } from "../support/testHub.ts"

/** What is logged while the effect runs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return Effect.as(Effect.provide(effect, Logger.layer([logger])), lines)
  })

describe("one fault has one name", () => {
  it.live("H90: a goodbye is ServerClosed in the state, in events and for those who wait", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url })
      const ended = yield* Effect.forkChild(
        hub.events.pipe(
          Stream.filter((event) => event._tag === "SessionEnded"),
          Stream.runHead
        ),
        { startImmediately: true }
      )
      server.clients()[0]!.close("enough", false)
      yield* until(hub, is("Failed"))
      const state = yield* hub.state.get
      assert.strictEqual(state._tag === "Failed" ? state.error._tag : state._tag, "ServerClosed")
      assert.strictEqual((yield* failure(hub.awaitReady))._tag, "ServerClosed")
      const event = yield* Fiber.join(ended)
      assert.strictEqual(event._tag === "Some" ? event.value.error._tag : "", "ServerClosed")
    })
  )

  it.live("a session that will come back says why it went in its state", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url, reconnect: Reconnect.polite })
      server.clients()[0]!.close("later", true)
      yield* until(hub, is("Reconnecting"))
      const state = hub.state.getUnsafe()
      assert.strictEqual(state._tag === "Reconnecting" ? state.cause._tag : state._tag, "ServerClosed")
    })
  )
})

describe("the log of a hub", () => {
  const none = Reconnect.none

  it.live("says what a refused negotiation means, and nothing of a `target`", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ intercept: () => ({ status: 404 }) })
      const lines = yield* logged(failure(connect({ url: server.url, reconnect: none })))
      assert.isTrue(
        lines.some((line) => line.includes("refused to negotiate with status 404")),
        lines.join("\n")
      )
      assert.isFalse(lines.some((line) => line.includes("target")))
    })
  )

  it.live("names the token effect when it fails, and never its secret", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const token = Effect.fail(Object.assign(new Error("hush"), { code: "EVAULT" }))
      const credentials = HubCredentials.make({ token })
      const lines = yield* logged(failure(connect({ url: server.url, reconnect: none, credentials })))
      assert.isTrue(
        lines.some((line) => line.includes("`token`") && line.includes("EVAULT")),
        lines.join("\n")
      )
      assert.isFalse(lines.some((line) => line.includes("`target`") || line.includes("hush")))
    })
  )

  it.live("names `onReady` when it fails, and the handshake when that does", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const onReady = () => Effect.fail({ _tag: "NoGroup" })
      const ready = yield* logged(failure(connect({ url: server.url, reconnect: none, onReady })))
      assert.isTrue(
        ready.some((line) => line.includes("`onReady` failed (NoGroup)")),
        ready.join("\n")
      )
      const silent = yield* HubServer.make({ methods, streams, protocols: [] })
      const shaken = yield* logged(failure(connect({ url: silent.url, reconnect: none })))
      assert.isFalse(
        [...ready, ...shaken].some((line) => line.includes("onOpen")),
        shaken.join("\n")
      )
    })
  )
})
