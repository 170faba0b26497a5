/**
 * Proves how a running hub connection chooses its transport and proves who it
 * is: fallbacks with a negotiation each, tokens in the right place and renewed,
 * redirects, and that an endless wait is nobody's answer.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as Reconnect from "kharbranth/Reconnect"
import { Transport } from "kharbranth/Transport"
import * as HubConnection from "../../src/HubConnection.ts"
import * as HubCredentials from "../../src/HubCredentials.ts"
import { messagePack } from "../../src/MessagePackHubProtocol.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { connect, eventually, failure, isConnectedSince, quick, socket, until } from "../support/hub.ts"
import { httpServer } from "../support/httpServer.ts"
import { contract, methods, streams } from "../support/testHub.ts"

const none = Reconnect.none

describe("transports", () => {
  for (const transport of ["WebSockets", "ServerSentEvents", "LongPolling"] as const) {
    it.live(`J133: calls, streams and uploads work over ${transport}`, () =>
      Effect.gen(function* () {
        const server = yield* HubServer.make({ methods, streams, transports: [transport] })
        const hub = yield* connect({ url: server.url, contract })
        assert.strictEqual(yield* hub.invoke("Add", [2, 3]), 5)
        assert.deepStrictEqual(
          yield* Stream.runCollect(hub.stream("Range", [0, 20, 0])),
          Array.from({ length: 20 }, (_, i) => i)
        )
        assert.strictEqual(yield* hub.invoke("SumTwo", [Stream.range(1, 10), Stream.make(1), 100]), 155)
        server.clients()[0]!.close("later", true)
        yield* until(hub, isConnectedSince(2))
        assert.strictEqual(yield* hub.invoke("Add", [1, 1]), 2)
      })
    )
  }

  it.live("J120 J121 J122: a transport that fails to start costs a new negotiation; the id is the last one's", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ kind }) => (kind === "upgrade" || kind === "events" ? { status: 500 } : undefined)
      })
      const hub = yield* connect({ url: server.url, reconnect: none })
      assert.deepStrictEqual(server.journal.slice(0, 6), [
        "negotiate",
        "upgrade",
        "negotiate",
        "events",
        "negotiate",
        "poll"
      ])
      assert.strictEqual(yield* hub.connectionId, "c3")
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )

  it.live("J120: when all fail, each is named", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ kind }) => (kind === "negotiate" ? undefined : { status: 500 })
      })
      const error = yield* failure(connect({ url: server.url, reconnect: none }))
      assert.strictEqual(error._tag, "NoSupportedTransport")
      assert.deepStrictEqual(
        error.refusals.map(({ transport }: { transport: string }) => transport),
        ["WebSockets", "ServerSentEvents", "LongPolling"]
      )
    })
  )

  it.live("J121: a negotiation that fails in between ends the attempt", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ kind, nth }) =>
          kind === "upgrade" || (kind === "negotiate" && nth > 1) ? { status: 503 } : undefined
      })
      assert.strictEqual((yield* failure(connect({ url: server.url, reconnect: none })))._tag, "NegotiateRejected")
    })
  )

  it.live("J123 J127 J137: nothing offered, or nothing allowed that is offered, is said before any connect", () =>
    Effect.gen(function* () {
      const empty = yield* HubServer.make({ methods, streams, transports: [] })
      assert.strictEqual((yield* failure(connect({ url: empty.url })))._tag, "NoSupportedTransport")
      const polling = yield* HubServer.make({ methods, streams, transports: ["LongPolling"] })
      const error = yield* failure(connect({ url: polling.url, transports: ["WebSockets"] }))
      assert.strictEqual(error._tag, "NoSupportedTransport")
      assert.include(error.message, "LongPolling")
      const text = yield* HubServer.make({ methods, streams, transports: ["ServerSentEvents"] })
      assert.strictEqual(
        (yield* failure(connect({ url: text.url, protocol: messagePack })))._tag,
        "NoSupportedTransport"
      )
      const strange = { ...messagePack, transferFormat: "Smoke" as "Text" }
      assert.strictEqual(
        (yield* failure(connect({ url: polling.url, protocol: strange })))._tag,
        "NoSupportedTransport"
      )
      yield* connect({ url: polling.url, transports: [] })
    })
  )

  it.live("J128: skipping the negotiation sends no request, and is refused with other transports", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url, ...socket })
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
      assert.strictEqual(yield* hub.connectionId, undefined)
      assert.notInclude(server.journal, "negotiate")
      assert.strictEqual((yield* failure(connect({ url: server.url, skipNegotiation: true })))._tag, "InvalidOptions")
    })
  )

  it.live("J117 J118 J119: a negotiation that fails can be tried again; closing while it hangs ends it", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ kind, nth }) => (kind === "negotiate" && nth < 3 ? { status: 503 } : undefined)
      })
      const once = yield* failure(connect({ url: server.url, reconnect: none }))
      assert.strictEqual(once._tag, "NegotiateRejected")
      assert.strictEqual(once.status, 503)
      yield* connect({ url: server.url })
      const hanging = yield* HubServer.make({ intercept: () => ({ hang: true }) })
      const hub = yield* connect({ url: hanging.url, startup: "background" })
      yield* eventually(() => hanging.journal.length > 0)
      yield* Effect.timeout(hub.close, "1 second")
    })
  )

  it.live("a peer that takes the connection and says nothing is given up in time", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({
        intercept: ({ kind }) => (kind === "upgrade" ? { hang: true } : undefined),
        transports: ["WebSockets"]
      })
      const error = yield* failure(connect({ url: server.url, reconnect: none, dialTimeout: "100 millis" }))
      assert.strictEqual(error._tag, "DialTimeout")
      const fallback = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ kind }) => (kind === "upgrade" ? { hang: true } : undefined)
      })
      const hub = yield* connect({ url: fallback.url, reconnect: none, connectTimeout: "50 millis" })
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
    })
  )
})

describe("who we are", () => {
  const authenticate = (token: string | undefined) => (token?.startsWith("good") === true ? token : undefined)
  const whoami = {
    ...methods,
    WhoAmI: ({ user }: { readonly user: string | undefined }) => Effect.succeed(user ?? null)
  }

  it.live("J131: a fresh token for every attempt, in headers, on every transport", () =>
    Effect.gen(function* () {
      for (const transport of ["WebSockets", "ServerSentEvents", "LongPolling"] as const) {
        let tokens = 0
        const queries: Array<string> = []
        const server = yield* HubServer.make({
          methods: whoami,
          streams,
          transports: [transport],
          authenticate,
          intercept: ({ url }) => (queries.push(url.search), undefined)
        })
        const hub = yield* connect({
          url: server.url,
          credentials: HubCredentials.make({ token: Effect.sync(() => `good-${++tokens}`) })
        })
        assert.match(String(yield* hub.untyped.invoke("WhoAmI")), /^good-/)
        const before = tokens
        server.clients()[0]!.close(undefined, true)
        yield* until(hub, isConnectedSince(2))
        assert.isAbove(tokens, before)
        assert.isFalse(queries.some((query) => query.includes("good-")))
      }
    })
  )

  it.live("J131: pages cannot send headers with a socket, so there the token goes into its query", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const server = yield* HubServer.make({
        methods: whoami,
        streams,
        authenticate,
        intercept: ({ kind, url }) => (asked.push(`${kind} ${url.searchParams.get("access_token")}`), undefined)
      })
      const real = NodeTransport.make({ proxy: false })
      const page = Layer.succeed(Transport, { ...real, capabilities: { ...real.capabilities, headers: false } })
      const hub = yield* HubConnection.make("hub", {
        url: server.url,
        reconnect: quick,
        credentials: HubCredentials.make({ token: Effect.succeed("good+/=") })
      }).pipe(Effect.provide(Layer.merge(page, FetchHttpClient.layer)))
      assert.strictEqual(yield* hub.untyped.invoke("WhoAmI"), "good+/=")
      assert.deepStrictEqual(asked, ["negotiate null", "upgrade good+/="])
    })
  )

  it.live("J129: a redirect's token is used for everything after it, the original again at the next attempt", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const server = yield* HubServer.make({
        methods: whoami,
        streams,
        authenticate,
        intercept: ({ kind, token }) => (seen.push(`${kind} ${token}`), undefined)
      })
      const door = yield* httpServer(({ headers }) => {
        seen.push(`door ${headers.authorization}`)
        return { body: { url: server.url, accessToken: "good-redirected" } }
      })
      const hub = yield* connect({ url: door.url, credentials: HubCredentials.make({ token: Effect.succeed("mine") }) })
      assert.strictEqual(yield* hub.untyped.invoke("WhoAmI"), "good-redirected")
      const once = ["door Bearer mine", "negotiate good-redirected", "upgrade good-redirected"]
      assert.deepStrictEqual(seen, once)
      server.clients()[0]!.cut()
      yield* until(hub, isConnectedSince(2))
      assert.deepStrictEqual(seen, [...once, ...once])
    })
  )

  it.live("J134: the user's headers win, on the socket too", () =>
    Effect.gen(function* () {
      const agents: Array<unknown> = []
      const server = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ headers, kind }) => (
          agents.push(`${kind} ${String(headers["x-team"])} ${headers.authorization}`),
          undefined
        )
      })
      yield* connect({
        url: server.url,
        credentials: HubCredentials.make({ headers: { "x-team": "blue", ...HubCredentials.basic("u", "p") } })
      })
      assert.deepStrictEqual(agents, ["negotiate blue Basic dTpw", "upgrade blue Basic dTpw"])
    })
  )

  it.live("J134: the upgrade says who we are as the negotiation does, unless the user says otherwise", () =>
    Effect.gen(function* () {
      const agents: Array<string> = []
      const server = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ headers, kind }) => (agents.push(`${kind} ${headers["user-agent"]}`), undefined)
      })
      yield* connect({ url: server.url })
      const own = agents[0]!.replace("negotiate ", "")
      assert.include(own, "Kharbranth")
      assert.deepStrictEqual(agents, [`negotiate ${own}`, `upgrade ${own}`])
      agents.length = 0
      yield* connect({ url: server.url, credentials: HubCredentials.make({ headers: { "User-Agent": "Mine/1" } }) })
      assert.deepStrictEqual(agents, ["negotiate Mine/1", "upgrade Mine/1"])
    })
  )

  for (const [where, options] of [
    ["negotiation", { reconnect: none }],
    ["upgrade", { reconnect: none, ...socket }]
  ] as const) {
    it.live(`J131: a stale token costs one more request of the ${where}, not the attempt`, () =>
      Effect.gen(function* () {
        const server = yield* HubServer.make({ methods: whoami, streams, authenticate })
        let runs = 0
        const credentials = HubCredentials.make({ token: Effect.sync(() => (++runs === 1 ? "stale" : "good")) })
        const hub = yield* connect({ url: server.url, credentials, ...options })
        assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
        const asked = where === "upgrade" ? "upgrade" : "negotiate"
        assert.strictEqual(server.journal.filter((entry) => entry === asked).length, 2)
      })
    )

    it.live(
      `J131: a token that is refused twice ends the attempt, and the same token is not sent twice, at the ${where}`,
      () =>
        Effect.gen(function* () {
          const server = yield* HubServer.make({ methods: whoami, streams, authenticate })
          let runs = 0
          const changing = HubCredentials.make({ token: Effect.sync(() => `bad-${++runs}`) })
          const refused = yield* failure(connect({ url: server.url, credentials: changing, ...options }))
          assert.strictEqual(refused.status, 401)
          assert.strictEqual(server.journal.length, 2)
          const fixed = HubCredentials.make({ token: Effect.succeed("bad") })
          assert.strictEqual((yield* failure(connect({ url: server.url, credentials: fixed, ...options }))).status, 401)
          assert.strictEqual(server.journal.length, 3)
        })
    )
  }

  it.live("J135: nothing secret is printed by any error on the way", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({
        methods,
        streams,
        intercept: ({ kind }) => (kind === "negotiate" ? undefined : { status: 500 })
      })
      const error = yield* failure(
        connect({
          url: `${server.url}?key=hush`,
          reconnect: none,
          credentials: HubCredentials.make({ token: Effect.succeed("hush-token") })
        })
      )
      for (const text of [String(error), inspect(error, { depth: 9 }), JSON.stringify(error)])
        assert.notMatch(text, /hush|secret-/)
    })
  )

  it.live("a token effect that fails is an attempt that failed", () =>
    Effect.gen(function* () {
      let runs = 0
      const server = yield* HubServer.make({ methods, streams })
      yield* connect({
        url: server.url,
        credentials: HubCredentials.make({
          token: Effect.suspend(() => (++runs < 3 ? Effect.fail("vault is closed") : Effect.succeed("t")))
        })
      })
      assert.isAtLeast(runs, 3)
    })
  )
})
