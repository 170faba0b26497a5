/**
 * Proves against a real local HTTP server how a hub is negotiated with: which
 * url is asked with which headers, how redirects and tokens are followed, which
 * answers are refused and how, and in which order transports are tried. What
 * fails is a typed error without the token, the id or the query in it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Inspect from "node:util"
import * as Redacted from "effect/Redacted"
import * as HubCredentials from "../../src/HubCredentials.ts"
import type * as HubError from "../../src/HubError.ts"
import * as Negotiate from "../../src/Negotiate.ts"
import * as TransportChoice from "../../src/TransportChoice.ts"
import { httpServer } from "../support/httpServer.ts"
import { failure } from "../support/hub.ts"

const all = ["WebSockets", "ServerSentEvents", "LongPolling"].map((transport) => ({
  transport,
  transferFormats: transport === "ServerSentEvents" ? ["Text"] : ["Text", "Binary"]
}))
const offer = { negotiateVersion: 1, connectionId: "public", connectionToken: "hush-token", availableTransports: all }

const run = <A, E>(effect: Effect.Effect<A, E, HttpClient.HttpClient>) => Effect.provide(effect, FetchHttpClient.layer)
const negotiate = <E = never, R = never>(options: Omit<Negotiate.NegotiateOptions<E, R>, "connection">) =>
  run(Negotiate.negotiate({ connection: "chat", ...options } as Negotiate.NegotiateOptions<E, never>))
// Tests look into errors of every kind; what they find is asserted.

const noSecrets = (error: unknown) => {
  for (const text of [String(error), Inspect.inspect(error, { depth: 9 }), JSON.stringify(error)])
    assert.notMatch(text, /hush/)
}

describe("Negotiate", () => {
  it.live("J116: an empty, relative or foreign url is an InvalidOptions, before any request", () =>
    Effect.gen(function* () {
      for (const url of ["", "/hub", "hub", "ftp://x/hub", "http://"]) {
        const error = yield* failure(negotiate({ url }))
        assert.strictEqual(error._tag, "InvalidOptions")
        assert.deepStrictEqual(error.path, ["url"])
      }
    })
  )

  it.live("J117: nobody listening, or an answer that is cut, is a typed failure that can be tried again", () =>
    Effect.gen(function* () {
      const server = yield* httpServer((_, nth) => (nth === 1 ? { body: "{" } : { body: offer }))
      const gone = yield* failure(negotiate({ url: "http://127.0.0.1:1/hub?q=hush" }))
      assert.strictEqual(gone._tag, "NegotiateUnreachable")
      assert.include(gone.message, "http://127.0.0.1:1/hub ")
      noSecrets(gone)
      const cut = yield* failure(negotiate({ url: server.url }))
      assert.strictEqual(cut._tag, "NegotiateMalformed")
      assert.strictEqual((yield* negotiate({ url: server.url })).connectionId, "public")
    })
  )

  it.live("J118: interrupting a negotiation that hangs ends the request", () =>
    Effect.gen(function* () {
      const server = yield* httpServer(() => ({ hang: true }))
      const timeout = yield* failure(negotiate({ url: server.url, timeout: "50 millis" }))
      assert.strictEqual(timeout._tag, "NegotiateTimeout")
      assert.deepStrictEqual(timeout.after, Duration.millis(50))
      assert.strictEqual(server.asked.length, 1)
    })
  )

  for (const status of [201, 204, 400, 401, 403, 404, 500, 503]) {
    it.live(`J119: status ${status} fails with the status`, () =>
      Effect.gen(function* () {
        const server = yield* httpServer(() => ({ status, headers: { "retry-after": "7" } }))
        const error: HubError.NegotiateRejected = yield* failure(
          negotiate({
            url: `${server.url}/hub?q=hush`,
            credentials: HubCredentials.make({ token: Effect.succeed("hush") })
          })
        )
        assert.strictEqual(error._tag, "NegotiateRejected")
        assert.strictEqual(error.status, status)
        assert.deepStrictEqual(error.retryAfter, Duration.seconds(7))
        assert.strictEqual(/no hub at this path/.test(error.message), status === 404)
        assert.strictEqual(server.asked.length, 1)
        noSecrets(error)
      })
    )
  }

  const shapes: ReadonlyArray<readonly [string, string]> = [
    ["", "/negotiate?negotiateVersion=1"],
    ["/", "/negotiate?negotiateVersion=1"],
    ["/hub", "/hub/negotiate?negotiateVersion=1"],
    ["/hub/", "/hub/negotiate?negotiateVersion=1"],
    ["/a/b%20c", "/a/b%20c/negotiate?negotiateVersion=1"],
    ["/hub?q=a/b+c%2B&q=2", "/hub/negotiate?q=a/b+c%2B&q=2&negotiateVersion=1"],
    ["/hub/?q=my/data", "/hub/negotiate?q=my/data&negotiateVersion=1"],
    ["?q=1", "/negotiate?q=1&negotiateVersion=1"],
    ["/hub#fragment", "/hub/negotiate?negotiateVersion=1"],
    ["/hub?negotiateVersion=0", "/hub/negotiate?negotiateVersion=0"],
    ["/hub?x=1&negotiateVersion=42&y=2", "/hub/negotiate?x=1&negotiateVersion=42&y=2"]
  ]
  for (const [path, asked] of shapes) {
    it.live(`J124 J125 J126: "${path}" is negotiated at ${asked}`, () =>
      Effect.gen(function* () {
        const server = yield* httpServer(() => ({ body: offer }))
        const done = yield* negotiate({ url: server.url + path })
        // HTTP clients may write the same query with other escapes.
        const meaning = (url: string) => [new URL(url, "http://x").pathname, ...new URL(url, "http://x").searchParams]
        assert.deepStrictEqual(
          server.asked.map(({ body, method, url }) => [method, body, ...meaning(url)]),
          [["POST", "", ...meaning(asked)]]
        )
        assert.strictEqual(server.asked[0]?.headers["content-length"], "0")
        const connect = new URL(Redacted.value(done.connectUrl))
        assert.strictEqual(connect.searchParams.get("id"), "hush-token")
        assert.isTrue(connect.href.startsWith(new URL(server.url + path.replace(/#.*/, "")).href))
      })
    )
  }

  it.live("J111: stateful reconnect is asked for once, by option or by the user's own query, which decides", () =>
    Effect.gen(function* () {
      const server = yield* httpServer(({ url }) => ({
        body: { ...offer, useStatefulReconnect: url.includes("Reconnect=true") }
      }))
      const ask = (path: string, statefulReconnect?: boolean) =>
        Effect.map(negotiate({ url: server.url + path, statefulReconnect }), (done) => done.statefulReconnect)
      assert.isFalse(yield* ask("/h"))
      assert.isTrue(yield* ask("/h", true))
      assert.isTrue(yield* ask("/h?useStatefulReconnect=true"))
      assert.isFalse(yield* ask("/h?useStatefulReconnect=false", true))
      assert.deepStrictEqual(
        server.asked.map(({ url }) => url),
        [
          "/h/negotiate?negotiateVersion=1",
          "/h/negotiate?negotiateVersion=1&useStatefulReconnect=true",
          "/h/negotiate?useStatefulReconnect=true&negotiateVersion=1",
          "/h/negotiate?useStatefulReconnect=false&negotiateVersion=1"
        ]
      )
    })
  )

  it.live("J111: a server that insists on it unasked fails; I112: one that declines gives a plain connection", () =>
    Effect.gen(function* () {
      const insisting = yield* httpServer(() => ({ body: { ...offer, useStatefulReconnect: true } }))
      assert.strictEqual((yield* failure(negotiate({ url: insisting.url }))).kind, "stateful")
      const declining = yield* httpServer(() => ({ body: offer }))
      assert.isFalse((yield* negotiate({ url: declining.url, statefulReconnect: true })).statefulReconnect)
    })
  )

  it.live(
    "J129: redirects are followed, their token replaces ours and is not renewable; the next start is original again",
    () =>
      Effect.gen(function* () {
        const server = yield* httpServer(({ url }, _, base) =>
          url.startsWith("/one")
            ? { body: { url: `${base}/two?negotiateVersion=1&a=b` } }
            : url.startsWith("/two")
              ? { body: { url: `${base}/three`, accessToken: "hush-redirect" } }
              : { body: offer }
        )
        let issued = 0
        const credentials = HubCredentials.make({
          token: Effect.sync(() => `hush-${++issued}`),
          headers: { "x-mine": "1" }
        })
        const done = yield* negotiate({ url: `${server.url}/one`, credentials })
        assert.strictEqual(Redacted.value(done.url), `${server.url}/three`)
        assert.isFalse(done.credentials.renewable)
        assert.strictEqual(HubCredentials.reveal(yield* done.credentials.token), "hush-redirect")
        yield* negotiate({ url: `${server.url}/one`, credentials })
        const [one, two, three, again] = server.asked
        assert.strictEqual(two?.url, "/two/negotiate?negotiateVersion=1&a=b")
        assert.deepStrictEqual(
          [one, two, three].map((asked) => asked?.headers.authorization),
          ["Bearer hush-1", "Bearer hush-2", "Bearer hush-redirect"]
        )
        assert.strictEqual(three?.headers["x-mine"], "1")
        assert.strictEqual(again?.headers.authorization, "Bearer hush-3")
        noSecrets(done)
      })
  )

  it.live("J129: the hundredth redirect is followed, the one after it is the end", () =>
    Effect.gen(function* () {
      const loop = yield* httpServer((_, __, base) => ({ body: { url: `${base}/again` } }))
      const error = yield* failure(negotiate({ url: loop.url }))
      assert.strictEqual(error._tag, "TooManyRedirects")
      const long = yield* httpServer((_, nth, base) => ({ body: nth <= 100 ? { url: `${base}/hop${nth}` } : offer }))
      assert.strictEqual((yield* negotiate({ url: long.url })).connectionId, "public")
      assert.strictEqual(long.asked.length, 101)
    })
  )

  it.live("J130: an error in the answer is the server's refusal, in its words", () =>
    Effect.gen(function* () {
      const server = yield* httpServer(() => ({ body: { ...offer, error: "Full house." } }))
      const error = yield* failure(negotiate({ url: server.url }))
      assert.strictEqual(error._tag, "NegotiateRefused")
      assert.include(error.message, "Full house.")
    })
  )

  it.live("J131: no token, no header; a failing token effect passes as it is", () =>
    Effect.gen(function* () {
      const server = yield* httpServer(() => ({ body: offer }))
      for (const token of [undefined, "", Redacted.make("")]) {
        yield* negotiate({ url: server.url, credentials: HubCredentials.make({ token: Effect.succeed(token) }) })
      }
      yield* negotiate({
        url: server.url,
        credentials: HubCredentials.make({ token: Effect.succeed(Redacted.make("t")) })
      })
      assert.deepStrictEqual(
        server.asked.map(({ headers }) => headers.authorization),
        [undefined, undefined, undefined, "Bearer t"]
      )
      const credentials = HubCredentials.make({ token: Effect.fail("vault closed" as const) })
      assert.strictEqual(yield* failure(negotiate({ url: server.url, credentials })), "vault closed")
    })
  )

  it.live("J132: version 0 has no token, version 1 keeps id and token apart, version 9 is read as 1", () =>
    Effect.gen(function* () {
      const ask = (body: unknown) =>
        Effect.gen(function* () {
          const server = yield* httpServer(() => ({ body }))
          const done = yield* negotiate({ url: server.url })
          return [done.version, done.connectionId, new URL(Redacted.value(done.connectUrl)).searchParams.get("id")]
        })
      const { negotiateVersion: _, ...versionless } = offer
      assert.deepStrictEqual(yield* ask(versionless), [0, "public", "public"])
      assert.deepStrictEqual(yield* ask({ ...offer, negotiateVersion: 0 }), [0, "public", "public"])
      assert.deepStrictEqual(yield* ask(offer), [1, "public", "hush-token"])
      assert.deepStrictEqual(yield* ask({ ...offer, negotiateVersion: 9, later: {} }), [1, "public", "hush-token"])
    })
  )

  it.live("J134: a user agent goes along, and the user's headers win over it", () =>
    Effect.gen(function* () {
      const server = yield* httpServer(() => ({ body: offer }))
      yield* negotiate({ url: server.url })
      yield* negotiate({
        url: server.url,
        credentials: HubCredentials.make({
          headers: { "User-Agent": "mine", ...HubCredentials.basic("user", Redacted.make("pässword")) },
          token: Effect.succeed("t")
        })
      })
      assert.match(server.asked[0]?.headers["user-agent"] ?? "", /^Kharbranth\//)
      assert.strictEqual(server.asked[0]?.headers["x-requested-with"], "XMLHttpRequest")
      assert.strictEqual(server.asked[1]?.headers["user-agent"], "mine")
      assert.strictEqual(
        server.asked[1]?.headers.authorization,
        `Basic ${Buffer.from("user:pässword").toString("base64")}`
      )
      assert.isUndefined(server.asked[0]?.headers.traceparent)
    })
  )

  it.live("J136: the old ASP.NET SignalR is recognised; other answers are named malformed", () =>
    Effect.gen(function* () {
      const ask = (body: unknown) =>
        Effect.flatMap(
          httpServer(() => ({ body })),
          ({ url }) => failure(negotiate({ url }))
        )
      assert.strictEqual((yield* ask({ ProtocolVersion: "1.5", Url: "/signalr" })).kind, "legacy")
      for (const body of [
        "",
        "<html>",
        [],
        {},
        { negotiateVersion: 1, connectionId: "x" },
        { connectionId: 5 },
        { url: "x" }
      ]) {
        assert.strictEqual((yield* ask(body))._tag, "NegotiateMalformed")
      }
      assert.include((yield* ask("x".repeat(1024 * 1024 + 1))).message, "over")
    })
  )

  it.live("Node's own HTTP client negotiates just as well", () =>
    Effect.gen(function* () {
      const server = yield* httpServer(() => ({ body: offer }))
      for (const layer of [NodeHttpClient.layerUndici, NodeHttpClient.layerNodeHttp]) {
        const done = yield* Effect.provide(Negotiate.negotiate({ connection: "chat", url: server.url }), layer)
        assert.strictEqual(done.connectionId, "public")
      }
      assert.deepStrictEqual(
        server.asked.map(({ headers }) => headers["content-length"]),
        ["0", "0"]
      )
    })
  )
})

describe("TransportChoice", () => {
  const choice: TransportChoice.Choice = {
    implemented: ["WebSockets", "ServerSentEvents", "LongPolling"],
    transferFormat: "Text"
  }
  const judge = (transport: string, changes: Partial<TransportChoice.Choice> = {}, transferFormats = ["Text"]) =>
    TransportChoice.judge({ ...choice, ...changes }, { transport, transferFormats })

  it("J127: allowed, unknown, unavailable and unfit transports each have their own reason; no list means any", () => {
    for (const allowed of [undefined, []]) assert.strictEqual(judge("LongPolling", { allowed })._tag, "Success")
    const reasons = [
      judge("WebSockets", { allowed: ["LongPolling"] }),
      judge("Smoke"),
      judge("WebSockets", { implemented: ["LongPolling"] }),
      judge("ServerSentEvents", { transferFormat: "Binary" })
    ].map((result) => (result._tag === "Failure" ? result.failure.reason : ""))
    assert.strictEqual(new Set(reasons).size, 4)
    assert.notInclude(reasons, "")
  })

  // Starting a transport is a real request to the negotiated url; the server decides which ones work.
  const start = (name: string, negotiated: Negotiate.Negotiated) =>
    HttpClient.get(`${Redacted.value(negotiated.connectUrl)}&via=${name}`).pipe(
      Effect.flatMap((response) =>
        response.status === 200
          ? Effect.succeed({ name, connectionId: negotiated.connectionId })
          : Effect.fail({ _tag: "Refused" as const, message: `${name} answered ${response.status}` })
      )
    )
  const startFirst = (url: string, changes: Partial<TransportChoice.Choice> = {}) =>
    run(
      TransportChoice.startFirst({
        connection: "chat",
        choice: { ...choice, ...changes },
        negotiate: Negotiate.negotiate({ connection: "chat", url }),
        start
      })
    )
  // Every negotiation gives a new id; ids are good for one try.
  const hub = (works: (via: string) => boolean, transports: ReadonlyArray<unknown> = all, failNegotiation?: number) => {
    let negotiations = 0
    return httpServer(({ method, url }) => {
      if (method !== "POST")
        return { status: works(new URL(url, "http://x").searchParams.get("via") ?? "") ? 200 : 500 }
      negotiations++
      if (negotiations === failNegotiation) return { status: 500 }
      return {
        body: {
          ...offer,
          connectionId: `c${negotiations}`,
          connectionToken: `t${negotiations}`,
          availableTransports: transports
        }
      }
    })
  }

  it.live("J120: when every transport fails to start, the error names each with its reason", () =>
    Effect.gen(function* () {
      const server = yield* hub(() => false)
      const error: HubError.NoSupportedTransport = yield* failure(startFirst(server.url))
      assert.strictEqual(error._tag, "NoSupportedTransport")
      for (const { transport } of all) assert.include(error.message, `${transport}: ${transport} answered 500`)
    })
  )

  it.live("J121 J122: a fallback negotiates again, and the connection id is the last one's", () =>
    Effect.gen(function* () {
      const server = yield* hub((via) => via === "LongPolling")
      assert.deepStrictEqual(yield* startFirst(server.url), { name: "LongPolling", connectionId: "c3" })
      assert.deepStrictEqual(
        server.asked.map(({ method, url }) => `${method} ${url.slice(1)}`),
        [
          "POST negotiate?negotiateVersion=1",
          "GET ?id=t1&via=WebSockets",
          "POST negotiate?negotiateVersion=1",
          "GET ?id=t2&via=ServerSentEvents",
          "POST negotiate?negotiateVersion=1",
          "GET ?id=t3&via=LongPolling"
        ]
      )
    })
  )

  it.live("J121: transports that cannot be tried cost no negotiation", () =>
    Effect.gen(function* () {
      const server = yield* hub(() => true, [{ transport: "Smoke", transferFormats: ["Text"] }, ...all])
      const done = yield* startFirst(server.url, { allowed: ["LongPolling"] })
      assert.deepStrictEqual(done, { name: "LongPolling", connectionId: "c1" })
      assert.strictEqual(server.asked.length, 2)
    })
  )

  it.live("J121: a negotiation that fails ends the search", () =>
    Effect.gen(function* () {
      const server = yield* hub(() => false, all, 2)
      assert.strictEqual((yield* failure(startFirst(server.url)))._tag, "NegotiateRejected")
      assert.strictEqual(server.asked.length, 3)
    })
  )

  it.live("J123: an empty list of transports is an error that says so", () =>
    Effect.gen(function* () {
      const server = yield* hub(() => true, [])
      const error = yield* failure(startFirst(server.url))
      assert.strictEqual(error._tag, "NoSupportedTransport")
      assert.include(error.message, "none of the server's transports can be used (it offers none)")
    })
  )
})
