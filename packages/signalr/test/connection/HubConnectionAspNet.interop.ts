/**
 * Proves the hub connection against a real ASP.NET Core server, over both
 * protocols: the scenarios
 * of an older Rust client, every transport, authentication
 * that expires, groups joined again, stateful resumes, and that one script
 * through this client and the official one leaves the same record on the server.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as SignalR from "@microsoft/signalr"
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Reconnect from "kharbranth/Reconnect"
import type * as Hub from "../../src/Hub.ts"
import type * as HubConnection from "../../src/HubConnection.ts"
import * as HubCredentials from "../../src/HubCredentials.ts"
import { json } from "../../src/JsonHubProtocol.ts"
import { make as makeMessagePack, messagePack } from "../../src/MessagePackHubProtocol.ts"
import type { AspNet } from "../support/aspnet.ts"
import { aspNet, hasDotnet, hasMessagePack } from "../support/aspnet.ts"
import { connect, eventually, failure, isConnectedSince, until } from "../support/hub.ts"
import * as rust from "../support/rustScenarios.ts"

class RealServer extends Context.Service<RealServer, AspNet>()("test/HubRealServer") {
  static readonly layer = Layer.effect(RealServer, aspNet)
}

const openAny = Effect.fnUntraced(function* <H extends Hub.Any = Hub.Hub<{}, {}, {}>>(
  path: string,
  options: Omit<HubConnection.Options<H>, "url"> = {}
) {
  const server = yield* RealServer
  return yield* connect({ url: server.url + path, ...options })
})

const protocols = [
  { protocol: json, theirs: () => new SignalR.JsonHubProtocol() },
  ...(hasMessagePack ? [{ protocol: messagePack, theirs: () => new MessagePackHubProtocol() }] : [])
]

// The Rust client's scenarios and the differential run read the journal alone.
const clearLog = Effect.flatMap(RealServer, (server) => server.control("DELETE", "/control/log"))
const log = Effect.flatMap(RealServer, (server) => server.journal)
const logged = (text: string): Effect.Effect<ReadonlyArray<string>, never, RealServer> =>
  Effect.flatMap(log, (lines) =>
    lines.includes(text) ? Effect.succeed(lines) : Effect.andThen(Effect.sleep(10), logged(text))
  )

for (const { protocol, theirs } of protocols)
  describe.runIf(hasDotnet)(`HubConnection on ASP.NET Core, over ${protocol.name}`, () => {
    const open = <H extends Hub.Any = Hub.Hub<{}, {}, {}>>(
      path: string,
      options: Omit<HubConnection.Options<H>, "url"> = {}
    ) => openAny(path, { protocol, ...options })

    layer(RealServer.layer, { timeout: 120_000, excludeTestServices: true })("the real server", (it) => {
      it.effect("Rust scenarios: one entity, a hundred, 100,000 streamed, one and two pushed", () =>
        Effect.flatMap(open("/hub", { contract: rust.contract }), rust.entities)
      )

      it.effect("Rust scenarios: callbacks with and without result, register, unregister, disconnect", () =>
        Effect.flatMap(open("/hub", { contract: rust.contract }), rust.callbacks)
      )

      // Server-sent events carry text only.
      for (const path of protocol.transferFormat === "Text" ? ["/ws", "/sse", "/lp"] : ["/ws", "/lp"]) {
        it.effect(`J133: calls, streams, uploads and client results over ${path}`, () =>
          Effect.gen(function* () {
            const hub = yield* open(path)
            assert.strictEqual(yield* hub.untyped.invoke("Add", [2, 3]), 5)
            assert.deepStrictEqual(
              yield* Stream.runCollect(hub.untyped.stream("Range", [0, 50, 0])),
              Array.from({ length: 50 }, (_, i) => i)
            )
            assert.strictEqual(yield* hub.untyped.invoke("SumTwo", [Stream.range(1, 100), Stream.make(1, 2), 10]), 5080)
            yield* hub.untyped.on("question", (args) => Effect.succeed(`to ${String(args[0])}`))
            assert.strictEqual(yield* hub.untyped.invoke("Ask", ["question", "you"]), "to you")
          })
        )
      }

      it.effect("G72 G74: silence between polls that the server holds is not taken for its end", () =>
        Effect.gen(function* () {
          const hub = yield* open("/lp", { serverTimeout: "1 second", reconnect: Reconnect.none })
          const id = yield* hub.connectionId
          // The server holds a poll for two seconds.
          assert.strictEqual(yield* hub.untyped.invoke("Slow", [4000]), "slept")
          assert.strictEqual(yield* hub.connectionId, id)
        })
      )

      it.effect("a plain call is not cancelled by the server, and its methods may not ask for that", () =>
        Effect.gen(function* () {
          yield* clearLog
          const hub = yield* open("/hub")
          yield* Effect.timeoutOption(hub.untyped.invoke("Slow", [300]), "100 millis")
          yield* logged("Slow done")
          // A parameter of the kind CancellationToken is filled in for streams alone.
          assert.strictEqual((yield* failure(hub.untyped.invoke("SlowWithToken", [1])))._tag, "HubMethodError")
        })
      )

      it.effect("B23: real error texts arrive typed", () =>
        Effect.gen(function* () {
          const hub = yield* open("/hub")
          for (const [method, text] of [
            ["ThrowsHub", "told you"],
            ["Throws", "An unexpected error occurred"],
            ["NoSuch", "Method does not exist"],
            ["Range", "streaming"]
          ] as const) {
            const error = yield* failure(hub.untyped.invoke(method, method === "Range" ? [0, 1, 0] : []))
            assert.strictEqual(error._tag, "HubMethodError")
            assert.include(error.error, text)
          }
          const stream = yield* failure(Stream.runDrain(hub.untyped.stream("RangeThenThrow", [2])))
          assert.include(stream.error, "stream failed")
        })
      )

      it.effect("C36: leaving a stream cancels it on the server, once", () =>
        Effect.gen(function* () {
          yield* clearLog
          const hub = yield* open("/hub")
          assert.deepStrictEqual(
            yield* Stream.runCollect(Stream.take(hub.untyped.stream("Range", [0, 10_000, 1]), 2)),
            [0, 1]
          )
          const lines = yield* logged("Range cancelled")
          assert.strictEqual(lines.filter((line) => line === "Range cancelled").length, 1)
        })
      )

      it.effect("G73: pings keep a connection that a strict server would drop", () =>
        Effect.gen(function* () {
          const hub = yield* open("/quick", { keepAlive: "200 millis" })
          const id = yield* hub.connectionId
          // The server's own pings tell that time has passed: it drops who is silent for 700 milliseconds.
          yield* Effect.repeat(hub.metrics, {
            until: ({ messagesIn }) => messagesIn >= 4,
            schedule: Schedule.spaced("20 millis")
          })
          assert.strictEqual(yield* hub.connectionId, id)
          assert.strictEqual(yield* hub.untyped.invoke("Echo", ["x"]), "x")
        })
      )

      it.effect("H90: Context.Abort is a goodbye without return", () =>
        Effect.gen(function* () {
          const hub = yield* open("/hub")
          yield* Effect.ignore(hub.untyped.invoke("Abort"))
          yield* until(hub, (state) => state._tag === "Failed")
          assert.strictEqual((yield* failure(hub.awaitReady))._tag, "ServerClosed")
        })
      )

      it.effect("H96: groups are joined again by onReady, before queued calls", () =>
        Effect.gen(function* () {
          const server = yield* RealServer
          const hub = yield* open("/hub", {
            pending: "queue",
            onReady: (session) => session.untyped.invoke("Join", ["red"])
          })
          const seen: Array<unknown> = []
          yield* hub.untyped.on("group", (args) => Effect.sync(() => seen.push(args)))
          yield* server.drop
          yield* hub.untyped.invoke("ToGroup", ["red", "hello"]).pipe(Effect.retry(Schedule.recurs(3)))
          yield* until(hub, isConnectedSince(2))
          yield* hub.untyped.invoke("ToGroup", ["red", "again"])
          yield* eventually(() => seen.some((args) => (args as ReadonlyArray<unknown>)[1] === "again"))
        })
      )

      it.effect("H89 J131: a token that expires on the socket is replaced by a fresh one", () =>
        Effect.gen(function* () {
          const server = yield* RealServer
          let tokens = 0
          const hub = yield* open("/bearer", {
            credentials: HubCredentials.make({
              token: Effect.suspend(() => server.token("ann", ++tokens <= 2 ? 1500 : 60_000))
            })
          })
          assert.strictEqual(yield* hub.untyped.invoke("User"), "ann")
          yield* until(hub, isConnectedSince(2))
          assert.strictEqual(yield* hub.untyped.invoke("User"), "ann")
          assert.isAtLeast(tokens, 4)
        })
      )

      it.effect("J129 J134: redirects, Basic, and refusals that end", () =>
        Effect.gen(function* () {
          const redirected = yield* open("/redirect")
          assert.strictEqual(yield* redirected.untyped.invoke("User"), "redirected")
          assert.strictEqual((yield* failure(open("/loop")))._tag, "TooManyRedirects")
          assert.strictEqual((yield* failure(open("/bearer")))._tag, "NegotiateRejected")
          assert.strictEqual((yield* failure(open("/nowhere")))._tag, "NegotiateRejected")
          const refused = yield* failure(open("/refused", { reconnect: Reconnect.none }))
          assert.strictEqual(refused._tag, "NegotiateRefused")
        })
      )

      it.effect("I98 I103: a stateful connection survives cuts in the middle of a stream and of calls", () =>
        Effect.gen(function* () {
          const server = yield* RealServer
          const hub = yield* open("/stateful", { statefulReconnect: true })
          const id = yield* hub.connectionId
          const seen: Array<unknown> = []
          const reader = yield* Effect.forkChild(
            Stream.runForEach(hub.untyped.stream("Range", [0, 400, 2]), (n) => Effect.sync(() => seen.push(n)))
          )
          for (const at of [50, 200]) {
            yield* eventually(() => seen.length >= at)
            yield* server.drop
            assert.strictEqual(yield* hub.untyped.invoke("Echo", [`at ${at}`]), `at ${at}`)
          }
          yield* eventually(() => seen.length === 400)
          assert.deepStrictEqual(
            seen,
            Array.from({ length: 400 }, (_, i) => i)
          )
          assert.strictEqual(yield* hub.connectionId, id)
          yield* Effect.yieldNow
          void reader
        })
      )

      it.effect("differential: the same script leaves the same record as the official client's", () =>
        Effect.gen(function* () {
          const server = yield* RealServer
          const notes = (lines: ReadonlyArray<string>) => lines.filter((line) => !/^(GET|POST) \/control/.test(line))
          yield* clearLog
          const official = yield* Effect.promise(async () => {
            const hub = new SignalR.HubConnectionBuilder()
              .withUrl(`${server.url}/hub`)
              .configureLogging(SignalR.LogLevel.None)
              .withHubProtocol(theirs())
              .build()
            hub.on("question", (text: string) => `answer ${text}`)
            await hub.start()
            const results: Array<unknown> = []
            results.push(
              await hub.invoke("Echo", "a"),
              await hub.invoke("Add", 1, 2),
              (await hub.invoke("Nothing")) ?? null
            )
            results.push(await hub.invoke("Throws").catch(() => "failed"), await hub.invoke("Ask", "question", "x"))
            await hub.send("Note", "sent")
            const numbers = new SignalR.Subject<number>()
            const sum = hub.invoke("Sum", numbers)
            for (const n of [1, 2, 3]) numbers.next(n)
            numbers.complete()
            results.push(await sum)
            results.push(
              await new Promise((resolve) => {
                const items: Array<unknown> = []
                hub
                  .stream("Range", 5, 3, 0)
                  .subscribe({ next: (item) => items.push(item), complete: () => resolve(items), error: resolve })
              })
            )
            await hub.stop()
            return results
          })
          yield* logged("disconnected PlainHub clean")
          const record = notes(yield* log)
          yield* clearLog
          const hub = yield* open("/hub")
          yield* hub.untyped.on("question", (args) => Effect.succeed(`answer ${String(args[0])}`))
          const ours: Array<unknown> = []
          ours.push(
            yield* hub.untyped.invoke("Echo", ["a"]),
            yield* hub.untyped.invoke("Add", [1, 2]),
            yield* hub.untyped.invoke("Nothing")
          )
          ours.push(
            yield* Effect.orElseSucceed(hub.untyped.invoke("Throws"), () => "failed"),
            yield* hub.untyped.invoke("Ask", ["question", "x"])
          )
          yield* hub.untyped.send("Note", ["sent"])
          ours.push(yield* hub.untyped.invoke("Sum", [Stream.make(1, 2, 3)]))
          ours.push(yield* Stream.runCollect(hub.untyped.stream("Range", [5, 3, 0])))
          yield* hub.close
          yield* logged("disconnected PlainHub clean")
          assert.deepStrictEqual(ours, official)
          assert.deepStrictEqual(notes(yield* log), record)
        })
      )
    })
  })

describe.runIf(hasMessagePack)("MessagePack on ASP.NET Core", () => {
  layer(RealServer.layer, { excludeTestServices: true })("the real server", (it) => {
    for (const useBigInt64 of [false, true]) {
      it.effect(`whole numbers are whole numbers of any size, with useBigInt64 ${useBigInt64}`, () =>
        Effect.gen(function* () {
          const hub = yield* openAny("/hub", { protocol: makeMessagePack({ useBigInt64 }) })
          for (const n of [
            0,
            -1,
            127,
            -128,
            2 ** 31,
            2 ** 32 - 1,
            2 ** 32,
            -(2 ** 31) - 1,
            -(2 ** 40),
            Number.MAX_SAFE_INTEGER
          ]) {
            assert.strictEqual(Number(yield* hub.untyped.invoke("EchoLong", [n])), n)
          }
        })
      )
    }

    it.effect("bytes travel as bytes", () =>
      Effect.gen(function* () {
        const hub = yield* openAny("/hub", { protocol: messagePack })
        assert.deepStrictEqual(
          yield* hub.untyped.invoke("EchoBytes", [Uint8Array.of(0, 1, 255)]),
          Uint8Array.of(0, 1, 255)
        )
      })
    )
  })
})
