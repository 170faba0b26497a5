/**
 * Proves that a hub connection can be changed after its creation, and that its
 * callbacks run as it is lost, comes back and is gone: over real sockets, one at
 * a time and in order, whatever one of them does.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import * as Reconnect from "kharbranth/Reconnect"
import type * as HubConnection from "../../src/HubConnection.ts"
import * as HubCredentials from "../../src/HubCredentials.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { accept, connect, eventually, failure, gate, is, quick, rawHub, socket, until } from "../support/hub.ts"

const named = (name: string) => HubServer.make({ methods: { Name: () => Effect.succeed(name) } })

class Tokens extends Context.Service<Tokens, { readonly token: string }>()("test/Tokens") {}

describe("update", () => {
  it.live("moves to another url with the next dial, and at once with `reconnect`", () =>
    Effect.gen(function* () {
      const [first, second, third] = [yield* named("first"), yield* named("second"), yield* named("third")]
      const hub = yield* connect({ url: first.url, pending: "queue" })
      yield* hub.update((policies) => ({ ...policies, url: second.url }))
      assert.strictEqual(yield* hub.untyped.invoke("Name"), "first")
      first.clients()[0]!.cut()
      yield* eventually(() => second.clients().length === 1)
      assert.strictEqual(yield* hub.untyped.invoke("Name"), "second")
      yield* hub.update((policies) => ({ ...policies, url: third.url }))
      yield* hub.reconnect
      assert.strictEqual(yield* hub.untyped.invoke("Name"), "third")
    })
  )

  it.live("gives other credentials, whose effect may need services of its own", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({
        methods: { Who: ({ user }) => Effect.succeed(user) },
        authenticate: (token) => token
      })
      const hub = yield* connect({
        url: server.url,
        credentials: HubCredentials.make({ token: Effect.succeed("ann") })
      })
      assert.strictEqual(yield* hub.untyped.invoke("Who"), "ann")
      const token = Effect.map(Tokens, ({ token }) => token)
      yield* Effect.provideService(
        hub.update((policies) => ({ ...policies, credentials: HubCredentials.make({ token }) })),
        Tokens,
        { token: "bob" }
      )
      yield* hub.reconnect
      assert.strictEqual(yield* hub.untyped.invoke("Who"), "bob")
      // What was not changed stays.
      yield* hub.update((policies) => ({ ...policies, keepAlive: "1 second" }))
      yield* hub.reconnect
      assert.strictEqual(yield* hub.untyped.invoke("Who"), "bob")
    })
  )

  it.live("changes timeouts and the reconnect policy", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket })
      yield* hub.update((policies) => ({ ...policies, serverTimeout: "50 millis", reconnect: Reconnect.none }))
      // The session that there is keeps its own; the next one is silent for too long.
      yield* Effect.exit(hub.reconnect)
      yield* until(hub, is("Failed"))
      const error = yield* failure(hub.awaitReady)
      assert.strictEqual(error._tag === "ServerTimeout" && Duration.toMillis(error.after), 50)
    })
  )

  it.live("refuses what cannot work, and changes nothing then", () =>
    Effect.gen(function* () {
      const server = yield* named("here")
      const hub = yield* connect({ url: server.url })
      const wrong: ReadonlyArray<readonly [string, Partial<HubConnection.Policies>]> = [
        ["url", { url: "ftp://hub.example" }],
        ["dialTimeout", { dialTimeout: 0 }],
        ["dialTimeout", { dialTimeout: "soon" as never }],
        ["heartbeat.idle", { serverTimeout: "-1 second" }],
        ["reconnect.stableAfter", { reconnect: Reconnect.make({ stableAfter: 0 }) }]
      ]
      for (const [path, change] of wrong) {
        const error = yield* failure(hub.update((policies) => ({ ...policies, ...change })))
        assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), path)
      }
      yield* hub.reconnect
      assert.strictEqual(yield* hub.untyped.invoke("Name"), "here")
    })
  )
})

/** A hub whose callbacks write down what happens. */
const rig = (own: Partial<HubConnection.Callbacks> = {}) =>
  Effect.gen(function* () {
    const server = yield* named("hub")
    const told: Array<string> = []
    const say = (text: string) => Effect.sync(() => void told.push(text))
    const hub = yield* connect({
      url: server.url,
      onReconnecting: (cause) => say(`reconnecting ${cause?._tag}`),
      onReconnected: (id) => say(`reconnected ${typeof id}`),
      onClosed: (error) => say(`closed ${error?._tag}`),
      ...own
    })
    return { hub, server, say, told }
  })

describe("callbacks", () => {
  it.live("say nothing of the start, and each outage, return and end once, in order", () =>
    Effect.gen(function* () {
      const { hub, server, told } = yield* rig()
      assert.deepStrictEqual(told, [])
      server.clients()[0]!.cut()
      yield* eventually(() => told.length === 2)
      yield* hub.reconnect
      yield* eventually(() => told.length === 4)
      yield* hub.stop
      yield* eventually(() => told.length === 5)
      yield* hub.start
      server.clients()[0]!.close("maintenance", false)
      yield* eventually(() => told.length === 6)
      assert.deepStrictEqual(told, [
        "reconnecting ConnectionDropped",
        "reconnected string",
        "reconnecting undefined",
        "reconnected string",
        "closed undefined",
        "closed ServerClosed"
      ])
    })
  )

  it.live("one that fails is logged and changes nothing; one that takes long holds nothing up", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      const entered = gate()
      const { hub, server, told } = yield* Effect.provide(
        rig({
          onReconnecting: () => Effect.fail("token=secret"),
          onReconnected: () => Effect.andThen(Deferred.succeed(entered, undefined), Effect.never)
        }),
        Layer.fresh(Logger.layer([logger]))
      )
      server.clients()[0]!.cut()
      yield* Deferred.await(entered)
      assert.strictEqual(yield* hub.untyped.invoke("Name"), "hub")
      assert.include(logged.flat(), 'Hub "hub": onReconnecting failed.')
      assert.notInclude(JSON.stringify(logged), "secret")
      assert.deepStrictEqual(told, [])
    })
  )

  it.live("what still runs when the scope ends is interrupted, and the scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const [entered, left] = [gate(), gate()]
      const { server } = yield* Scope.provide(
        rig({
          onReconnected: () =>
            Effect.onInterrupt(Effect.andThen(Deferred.succeed(entered, undefined), Effect.never), () =>
              Deferred.succeed(left, undefined)
            )
        }),
        scope
      )
      server.clients()[0]!.cut()
      yield* Deferred.await(entered)
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(left)
    })
  )

  it.live("a hub that gives up says why", () =>
    Effect.gen(function* () {
      let isUp = true
      const server = yield* HubServer.make({ intercept: () => (isUp ? undefined : { status: 503 }) })
      let error: unknown
      const hub = yield* connect({
        url: server.url,
        reconnect: Reconnect.make({ ...quick, maxAttempts: 1 }),
        onClosed: (why) => Effect.sync(() => (error = why?._tag))
      })
      // The dial of a session that is cut before would be the one attempt.
      yield* until(hub, (state) => state._tag === "Connected" && state.gate === "Stable")
      isUp = false
      server.clients()[0]!.cut()
      yield* eventually(() => error !== undefined)
      assert.strictEqual(error, "NegotiateRejected")
    })
  )
})
