/**
 * What users do with a connection, written once and run on every platform: each
 * journey is a program that fails when something is not as promised. Nothing in
 * here knows whether it runs in a process or in a page.
 */
import * as Hub from "@kharbranth/signalr/Hub"
import * as HubConnection from "@kharbranth/signalr/HubConnection"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as HttpClient from "effect/http/HttpClient"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as CodecSchema from "kharbranth/CodecSchema"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import type * as Inbox from "kharbranth/Inbox"
import * as Reconnect from "kharbranth/Reconnect"
import type { Transport } from "kharbranth/Transport"
import { said, same, until, type World } from "./world.ts"

export type Journey = (world: World) => Effect.Effect<void, unknown, Transport | HttpClient.HttpClient | Scope.Scope>

/** Soon after an outage, and allowed to skip a wait soon after Ready. */
const eager: Reconnect.Reconnect = Reconnect.make({ ...Reconnect.prompt, stableAfter: "50 millis" })

const talking = (world: World, path: string) =>
  ({
    target: world.ws(path),
    codec: Codec.text,
    reconnect: eager,
    heartbeat: Heartbeat.text({ every: "20 seconds" })
  }) as const

/** Reads a connection's entries to the side; `until` waits until they are as wanted. */
const follow = Effect.fnUntraced(function* <In>(connection: Connection.Connection<In, never>) {
  const entries: Array<Inbox.Entry<In>> = []
  let watchers: Array<() => void> = []
  yield* connection.entries.pipe(
    Stream.runForEach((entry) =>
      Effect.sync(() => {
        entries.push(entry)
        for (const watcher of watchers) watcher()
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  const tags = () => entries.map((entry) => entry._tag)
  const awaiting = (holds: () => boolean) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (!holds()) return
        watchers = watchers.filter((watcher) => watcher !== look)
        resume(Effect.void)
      }
      watchers.push(look)
      look()
    })
  return {
    entries,
    tags,
    messages: () => entries.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : [])),
    count: (tag: Inbox.Entry<In>["_tag"], times: number) =>
      awaiting(() => tags().filter((one) => one === tag).length >= times)
  }
})

const isStable = (connection: Connection.Connection<never, never> | Connection.Any) =>
  connection.state.changes.pipe(
    Stream.filter((state) => state._tag === "Connected" && state.gate === "Stable"),
    Stream.take(1),
    Stream.runDrain
  )

const Trade = Schema.Struct({ at: Schema.DateFromString, price: Schema.Finite })

const Calculator = Hub.make({
  methods: { Add: Hub.method({ args: [Schema.Int, Schema.Int], result: Schema.Int, idempotent: true }) },
  streams: { Count: Hub.stream({ args: [Schema.Int], item: Schema.Int }) },
  events: { Told: Hub.event({ args: [Schema.String] }) }
})

export const journeys: Readonly<Record<string, Journey>> = {
  "connect, say, hear": (world) =>
    Effect.gen(function* () {
      const connection = yield* Connection.make("echo", { target: world.ws("/talk/echo") })
      yield* connection.send("naïve 語 👍")
      yield* connection.send(new Uint8Array([1, 2, 3]))
      const text = yield* connection.receive
      const bytes = yield* connection.receive
      yield* same("text", text._tag === "Text" && text.text, "naïve 語 👍")
      yield* same("bytes", bytes._tag === "Binary" && Array.from(bytes.bytes), [1, 2, 3])
      yield* connection.close
      const refusal = yield* Effect.flip(connection.send("late"))
      yield* same("after close", refusal._tag, "NotConnected")
    }),

  "outlive a cut socket": (world) =>
    Effect.gen(function* () {
      const path = "/talk/cut"
      const connection = yield* Connection.make("cut", talking(world, path))
      const reader = yield* follow(connection)
      yield* connection.send("one")
      yield* reader.count("Message", 1)
      yield* world.perform({ verb: "kill", path })
      yield* reader.count("SessionOpened", 2)
      yield* connection.send("two")
      yield* reader.count("Message", 2)
      yield* same("entries", reader.tags(), ["SessionOpened", "Message", "Gap", "SessionOpened", "Message"])
      yield* same("reconnects", (yield* Connection.metrics(connection)).reconnects, 1)
    }),

  "notice a silent server": (world) =>
    Effect.gen(function* () {
      const path = "/talk/silent"
      const ended = yield* Deferred.make<string>()
      const connection = yield* Connection.make("silent", {
        ...talking(world, path),
        heartbeat: Heartbeat.text({ every: "100 millis", timeout: "300 millis" })
      })
      yield* connection.events.pipe(
        Stream.runForEach((event) =>
          event._tag === "SessionEnded" ? Deferred.succeed(ended, event.error._tag) : Effect.void
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      const reader = yield* follow(connection)
      yield* world.perform({ verb: "stall", path })
      yield* same("verdict", yield* Deferred.await(ended), "PongReceiveTimeout")
      yield* reader.count("SessionOpened", 2)
      yield* same("entries", reader.tags(), ["SessionOpened", "Gap", "SessionOpened"])
      // A server that reads nothing does not see that the old socket is gone either.
      yield* world.perform({ verb: "unstall", path })
    }),

  "hold messages through an outage": (world) =>
    Effect.gen(function* () {
      const path = "/talk/outage"
      const connection = yield* Connection.make("outage", talking(world, path))
      const reader = yield* follow(connection)
      yield* world.perform({ verb: "refuse", path })
      yield* world.perform({ verb: "kill", path })
      yield* connection.state.changes.pipe(
        Stream.filter((state) => state._tag === "Reconnecting"),
        Stream.take(1),
        Stream.runDrain
      )
      const sends = yield* Effect.forEach(["a", "b", "c"], (text) =>
        Effect.forkChild(connection.send(text), { startImmediately: true })
      )
      const dropped = yield* connection.send("dropped", { whenDown: "drop" }).pipe(Effect.exit)
      yield* same("dropped at once", dropped._tag, "Success")
      const failed = yield* Effect.flip(connection.send("failed", { whenDown: "fail" }))
      yield* same("failed at once", failed._tag, "NotConnected")
      yield* world.perform({ verb: "accept", path })
      yield* Effect.forEach(sends, Fiber.join)
      yield* reader.count("Message", 3)
      yield* same("echoed", reader.messages(), ["a", "b", "c"])
      yield* same("said", yield* said(world, path), ["a", "b", "c"])
    }),

  "restart, with and without a gap": (world) =>
    Effect.gen(function* () {
      const path = "/talk/restart"
      const connection = yield* Connection.make("restart", talking(world, path))
      const reader = yield* follow(connection)
      yield* connection.restart({ mode: "makeFirst" })
      yield* reader.count("SessionOpened", 2)
      yield* connection.restart({ mode: "breakFirst" })
      yield* reader.count("SessionOpened", 3)
      yield* connection.send("here")
      yield* reader.count("Message", 1)
      yield* same("entries", reader.tags(), ["SessionOpened", "SessionOpened", "Gap", "SessionOpened", "Message"])
      yield* same("dials", (yield* Connection.metrics(connection)).dials, 3)
    }),

  "rotate before the socket is too old": (world) =>
    Effect.gen(function* () {
      const connection = yield* Connection.make("rotate", {
        ...talking(world, "/talk/rotate"),
        rotate: { maxAge: "300 millis", overlap: "50 millis" }
      })
      const reader = yield* follow(connection)
      yield* reader.count("SessionOpened", 3)
      yield* same("entries", reader.tags().slice(0, 3), ["SessionOpened", "SessionOpened", "SessionOpened"])
      const rotated = reader.entries.map((entry) => entry._tag === "SessionOpened" && entry.rotated)
      yield* same("rotated", rotated.slice(0, 3), [false, true, true])
    }),

  "drain, then nothing more": (world) =>
    Effect.gen(function* () {
      const path = "/talk/drain"
      const connection = yield* Connection.make("drain", talking(world, path))
      const texts = Array.from({ length: 100 }, (_, i) => `${i}`)
      yield* Effect.forEach(texts, (text) => connection.send(text), { concurrency: "unbounded" })
      yield* Connection.drain(connection, { deadline: "5 seconds" })
      const refusal = yield* Effect.flip(connection.send("late"))
      yield* same("after the drain", refusal._tag, "NotConnected")
      const log = yield* until(world.log(path), (log) => log.some((entry) => entry.event === "close"))
      yield* same(
        "said",
        log.flatMap((entry) => (entry.event === "message" ? [entry.what] : [])),
        texts
      )
      yield* same("code", log.find((entry) => entry.event === "close")?.what, "1000")
    }),

  "speak in types": (world) =>
    Effect.gen(function* () {
      const path = "/talk/types"
      const connection = yield* Connection.make("types", { target: world.ws(path), codec: CodecSchema.json(Trade) })
      yield* connection.send({ at: new Date(1_700_000_000_000), price: 1.5 })
      const trade = yield* connection.receive
      yield* same("trade", [trade.at.getTime(), trade.price], [1_700_000_000_000, 1.5])
      const failure = yield* Effect.forkChild(Effect.flip(Stream.runDrain(connection.stream)), {
        startImmediately: true
      })
      yield* world.perform({ verb: "say", path, text: '{"at":"never","price":2}' })
      yield* same("failure", (yield* Fiber.join(failure))._tag, "DecodeError")
    }),

  "know what became of a message": (world) =>
    Effect.gen(function* () {
      const path = "/talk/track"
      const connection = yield* Connection.make("track", {
        ...talking(world, path),
        outbox: { acks: { id: (text: string) => text, match: (text: string) => text } }
      })
      const confirmed = yield* Effect.flatten(Connection.track(connection, "id-1"))
      yield* same("confirmed", confirmed, { _tag: "Confirmed", by: "ack" })
      yield* world.perform({ verb: "stall", path })
      const outcome = yield* Connection.track(connection, "id-2")
      yield* world.perform({ verb: "kill", path })
      yield* same("unknown", yield* outcome, { _tag: "Unknown" })
    }),

  "share one stream among readers": (world) =>
    Effect.gen(function* () {
      const path = "/talk/broadcast"
      const connection = yield* Connection.make("broadcast", talking(world, path))
      const shared = yield* Connection.broadcast(connection)
      const readers = yield* Effect.forEach([1, 2], () =>
        Effect.forkChild(Stream.runCollect(Stream.take(shared, 3)), { startImmediately: true })
      )
      yield* world.perform({ verb: "say", path, text: "x", count: 3 })
      for (const reader of readers) yield* same("read", yield* Fiber.join(reader), ["0:x", "1:x", "2:x"])
    }),

  "give up when the server says so": (world) =>
    Effect.gen(function* () {
      const path = "/talk/refused"
      const connection = yield* Connection.make("refused", talking(world, path))
      const reading = yield* Effect.forkChild(Effect.flip(Stream.runDrain(connection.stream)), {
        startImmediately: true
      })
      yield* world.perform({ verb: "close", path, code: 1003 })
      const failure = yield* Fiber.join(reading)
      yield* same(
        "failure",
        [failure._tag, failure._tag === "ConnectionClosed" && failure.code],
        ["ConnectionClosed", 1003]
      )
      yield* same("state", connection.state.getUnsafe()._tag, "Failed")
    }),

  "pause and resume": (world) =>
    Effect.gen(function* () {
      const path = "/talk/pause"
      const connection = yield* Connection.make("pause", talking(world, path))
      const reader = yield* follow(connection)
      yield* isStable(connection)
      yield* connection.pause
      yield* until(world.log(path), (log) => log.some((entry) => entry.event === "close"))
      const waiting = yield* Effect.forkChild(connection.send("held"), { startImmediately: true })
      yield* connection.resume
      yield* Fiber.join(waiting)
      yield* reader.count("Message", 1)
      yield* same("entries", reader.tags(), ["SessionOpened", "Gap", "SessionOpened", "Message"])
    }),

  "call a SignalR hub": (world) =>
    Effect.gen(function* () {
      const hub = yield* HubConnection.make("hub", {
        url: yield* world.hub.url,
        contract: Calculator,
        transports: ["WebSockets"],
        skipNegotiation: true,
        reconnect: eager
      })
      yield* same("sum", yield* hub.invoke("Add", [2, 3]), 5)
      yield* same("items", yield* Stream.runCollect(hub.stream("Count", [4])), [1, 2, 3, 4])
      const told = yield* Deferred.make<string>()
      yield* hub.on("Told", ([news]) => Deferred.succeed(told, news))
      yield* world.hub.tell
      yield* same("told", yield* Deferred.await(told), "news")
      yield* world.hub.cut
      yield* same("after a cut", yield* hub.invoke("Add", [4, 5], { pending: "replay" }), 9)
    })
}
