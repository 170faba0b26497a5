/**
 * Proves that the test hub server behaves as the real one: it gives the same
 * conversations as the traces recorded from ASP.NET Core (calls, errors,
 * streams, uploads, client results, handshakes, closes, resumes), and the
 * official client works with it on every transport and in both protocols.
 */
import { assert, describe, it } from "@effect/vitest"
import * as SignalR from "@microsoft/signalr"
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { json } from "../../src/JsonHubProtocol.ts"
import { messagePack } from "../../src/MessagePackHubProtocol.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { aspNet, hasDotnet } from "../support/aspnet.ts"
import { converse, scenarios } from "../support/scenarios.ts"
import { methods, streams } from "../support/testHub.ts"

const trace = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, "..", "traces", `${name}.json`), "utf8")) as ReadonlyArray<string>

// Both sides speak at once, so each side's words are compared in their own order; JSON by its meaning.
const meaning = (lines: ReadonlyArray<string>) => {
  const parse = (line: string): unknown => (line.startsWith("{") ? JSON.parse(line) : line)
  const said = (mark: string) => lines.filter((line) => line.startsWith(mark)).map((line) => parse(line.slice(2)))
  return { client: said("> "), server: said("< "), socket: lines.filter((line) => /^(closed|reopened)/.test(line)) }
}

const server = (options: HubServer.HubServerOptions = {}) => HubServer.make({ methods, streams, ...options })

const official = (url: string, options: SignalR.IHttpConnectionOptions, protocol?: SignalR.IHubProtocol) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const builder = new SignalR.HubConnectionBuilder().withUrl(url, options).configureLogging(SignalR.LogLevel.None)
      const connection = (protocol === undefined ? builder : builder.withHubProtocol(protocol)).build()
      await connection.start()
      return connection
    }),
    (connection) => Effect.promise(() => connection.stop())
  )

const collect = (stream: SignalR.IStreamResult<unknown>) =>
  new Promise<ReadonlyArray<unknown>>((resolve, reject) => {
    const items: Array<unknown> = []
    stream.subscribe({ next: (item) => items.push(item), complete: () => resolve(items), error: reject })
  })

describe("HubServer", () => {
  for (const scenario of scenarios) {
    it.live(`the test server repeats the real server's conversation "${scenario.name}"`, () =>
      Effect.gen(function* () {
        const hub = yield* server({ path: scenario.path, statefulReconnect: true })
        const base = hub.url.slice(0, -scenario.path.length)
        const lines = yield* Effect.promise(() => converse(base, scenario))
        assert.deepStrictEqual(meaning(lines), meaning(trace(scenario.name)))
      })
    )
  }

  describe.runIf(hasDotnet)("recorded traces", () => {
    it.live(
      "the real server still says what the traces say",
      () =>
        Effect.gen(function* () {
          const real = yield* aspNet
          for (const scenario of scenarios) {
            const lines = yield* Effect.promise(() => converse(real.url, scenario))
            assert.deepStrictEqual(meaning(lines), meaning(trace(scenario.name)), scenario.name)
          }
        }),
      120_000
    )
  })

  const ways = [
    ["json over WebSockets", SignalR.HttpTransportType.WebSockets, undefined],
    ["json over ServerSentEvents", SignalR.HttpTransportType.ServerSentEvents, undefined],
    ["json over LongPolling", SignalR.HttpTransportType.LongPolling, undefined],
    ["messagepack over WebSockets", SignalR.HttpTransportType.WebSockets, new MessagePackHubProtocol()],
    ["messagepack over LongPolling", SignalR.HttpTransportType.LongPolling, new MessagePackHubProtocol()]
  ] as const
  for (const [name, transport, protocol] of ways) {
    it.live(
      `the official client works with the test server: ${name}`,
      () =>
        Effect.gen(function* () {
          const hub = yield* server({ protocols: [json, messagePack] })
          const client = yield* official(hub.url, { transport }, protocol)
          yield* Effect.promise(async () => {
            assert.strictEqual(await client.invoke("add", 1, 2), 3)
            assert.strictEqual(await client.invoke("Echo", "é✓😀"), "é✓😀")
            assert.strictEqual(await client.invoke("Nothing"), null)
            assert.deepStrictEqual(await collect(client.stream("Range", 3, 4, 0)), [3, 4, 5, 6])
            const refused = await client.invoke("ThrowsHub").catch((error: Error) => error.message)
            assert.include(refused, "HubException: told you")
            const upload = new SignalR.Subject<number>()
            const total = client.invoke("Sum", upload)
            for (const n of [1, 2, 3]) upload.next(n)
            upload.complete()
            assert.strictEqual(await total, 6)
            const heard = new Promise((resolve) => client.on("news", resolve))
            await client.invoke("Call", "news", "hello")
            assert.strictEqual(await heard, "hello")
            client.on("question", (text: string) => `${text}!`)
            assert.strictEqual(await client.invoke("Ask", "question", "why"), "why!")
          })
          assert.strictEqual(hub.clients()[0]?.connectionId, client.connectionId)
        }),
      20_000
    )
  }

  it.live(
    "the official client resumes on the test server after a cut: nothing is lost, nothing comes twice",
    () =>
      Effect.gen(function* () {
        const hub = yield* server({ statefulReconnect: true })
        const connection = new SignalR.HubConnectionBuilder()
          .withUrl(hub.url)
          .withStatefulReconnect({ bufferSize: 1000 })
          .configureLogging(SignalR.LogLevel.None)
          .build()
        yield* Effect.acquireRelease(
          Effect.promise(() => connection.start()),
          () => Effect.promise(() => connection.stop())
        )
        yield* Effect.promise(async () => {
          const items: Array<unknown> = []
          const done = new Promise<void>((resolve, reject) =>
            connection.stream("Range", 0, 40, 5).subscribe({
              next: (item) => {
                items.push(item)
                if (items.length === 10 || items.length === 20) hub.clients()[0]?.cut()
              },
              complete: () => resolve(),
              error: reject
            })
          )
          await done
          assert.deepStrictEqual(
            items,
            Array.from({ length: 40 }, (_, i) => i)
          )
          assert.strictEqual(await connection.invoke("Add", 1, 2), 3)
        })
        assert.deepStrictEqual(hub.journal.filter((entry) => entry === "upgrade").length, 3)
      }),
    20_000
  )

  it.live(
    "faults are scriptable: refused negotiation, refused upgrade, raw text, a close, a cut",
    () =>
      Effect.gen(function* () {
        const hub = yield* server({
          intercept: ({ kind, nth }) =>
            kind === "negotiate" && nth === 1
              ? { status: 503 }
              : kind === "upgrade" && nth === 1
                ? { status: 500 }
                : undefined
        })
        const start = () => {
          const connection = new SignalR.HubConnectionBuilder()
            .withUrl(hub.url, SignalR.HttpTransportType.WebSockets)
            .configureLogging(SignalR.LogLevel.None)
            .build()
          const closed = new Promise<Error | undefined>((resolve) => connection.onclose(resolve))
          return connection.start().then(() => ({ closed }))
        }
        const message = (promise: Promise<unknown>) =>
          Effect.promise(() =>
            promise.then(
              () => "",
              (error: Error) => error.message
            )
          )
        assert.include(yield* message(start()), "503")
        assert.notStrictEqual(yield* message(start()), "")
        const endings: ReadonlyArray<readonly [(client: HubServer.HubClient) => void, RegExp]> = [
          [(client) => client.raw(`{"type":7,"error":"in the raw"}\u001e`), /in the raw/],
          [(client) => client.close("so long"), /so long/],
          [(client) => client.cut(), /1006/]
        ]
        for (const [end, pattern] of endings) {
          yield* Effect.promise(async () => {
            const { closed } = await start()
            end(hub.clients().at(-1)!)
            assert.match(String(await closed), pattern)
          })
        }
      }),
    20_000
  )

  it.live("a token that nobody knows is refused, wherever it stands", () =>
    Effect.gen(function* () {
      const hub = yield* server({ authenticate: (token) => (token === "good" ? "ann" : undefined) })
      const status = (init: RequestInit, query = "") =>
        Effect.promise(() =>
          fetch(`${hub.url}/negotiate${query}`, { method: "POST", ...init }).then((response) => response.status)
        )
      assert.strictEqual(yield* status({}), 401)
      assert.strictEqual(yield* status({ headers: { authorization: "Bearer bad" } }), 401)
      assert.strictEqual(yield* status({ headers: { authorization: "Bearer good" } }), 200)
      assert.strictEqual(yield* status({}, "?access_token=good"), 200)
    })
  )
})
