/**
 * Proves the verbs of a fleet of one process: names open, change and close as they
 * are wished for; kinds and params are checked at the door; messages and commands
 * go by name; consumers get entries and cursors; and a name that cannot be opened
 * says so.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Inbox from "kharbranth/Inbox"
import * as ManagerCommand from "kharbranth/ManagerCommand"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as ClusterManager from "../../src/ClusterManager.ts"
import { Fleet } from "../../src/Fleet.ts"
import * as FleetKind from "../../src/FleetKind.ts"

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({ symbol: Schema.String }),
  codec: Codec.json,
  open: ({ symbol }) => ({ target: `wss://feed.example/${symbol}` })
})

class Sink extends Context.Service<Sink, { readonly lines: Array<string> }>()("test/Sink") {}

/** One that writes what it reads to a service, and remembers how far it came. */
const Recorder = FleetKind.make("recorder", {
  params: Schema.Int,
  codec: Codec.text,
  open: (_, { cursor }) => ({
    target: `wss://feed.example/recorder?from=${typeof cursor === "string" ? cursor : "start"}`
  }),
  consume: ({ entries, saveCursor }) =>
    Effect.gen(function* () {
      const { lines } = yield* Sink
      yield* Stream.runForEach(entries, (entry) =>
        Effect.sync(() => {
          lines.push(entry._tag === "Message" ? entry.message : entry._tag)
          if (entry._tag === "Message") saveCursor(entry.message)
        })
      )
    })
})

const Broken = FleetKind.make("broken", {
  params: Schema.Int,
  codec: Codec.text,
  open: (): { readonly target: string } => {
    throw new Error("no secret=1 here")
  }
})

const rig = Effect.gen(function* () {
  const network = yield* TestNetwork.make()
  const server = yield* network.serve("wss://feed.example/", TestNetwork.silent)
  const lines: Array<string> = []
  const context = yield* network
    .provide(Layer.build(ClusterManager.layerLocal({ kinds: [Ticker, Recorder, Broken] })))
    .pipe(Effect.provideService(Sink, { lines }))
  const paths = Effect.map(server.connections, (peers) => peers.map(({ request }) => new URL(request.url).pathname))
  return { fleet: Context.get(context, Fleet), lines, network, paths, server }
})

const turn = TestClock.adjust("1 second")

describe("layerLocal", () => {
  it.effect("opens what is wished for, and closes what is released", () =>
    Effect.gen(function* () {
      const { fleet, paths } = yield* rig
      yield* fleet.ensure(Ticker, "a", { symbol: "A" })
      yield* fleet.ensure(Ticker, "b", { symbol: "B" })
      yield* turn
      assert.sameMembers([...(yield* paths)], ["/A", "/B"])
      yield* fleet.release("a", "nobody")
      yield* turn
      assert.deepStrictEqual(yield* paths, ["/B"])
    })
  )

  it.effect("opens a name again when its params change, and only then", () =>
    Effect.gen(function* () {
      const { fleet, paths, server } = yield* rig
      yield* fleet.ensure(Ticker, "a", { symbol: "A" })
      yield* turn
      yield* fleet.ensure(Ticker, "a", { symbol: "A" })
      yield* turn
      assert.lengthOf(yield* server.dials, 1)
      yield* fleet.ensure(Ticker, "a", { symbol: "A2" })
      yield* turn
      assert.deepStrictEqual(yield* paths, ["/A2"])
    })
  )

  it.effect("reconciles a kind's whole list and says what changed", () =>
    Effect.gen(function* () {
      const { fleet, paths } = yield* rig
      const list = (entries: Readonly<Record<string, string>>) =>
        new Map(Object.entries(entries).map(([name, symbol]) => [name, { symbol }]))
      yield* fleet.ensure(Recorder, "other", 1)
      yield* fleet.reconcile(Ticker, list({ a: "A", b: "B", c: "C" }))
      const changes = yield* fleet.reconcile(Ticker, list({ b: "B", c: "C2", d: "D" }))
      assert.deepStrictEqual(changes, { added: ["d"], changed: ["c"], removed: ["a"] })
      yield* turn
      assert.sameMembers([...(yield* paths)], ["/recorder", "/B", "/C2", "/D"])
    })
  )

  it.effect("checks kinds and params at the door", () =>
    Effect.gen(function* () {
      const { fleet } = yield* rig
      const stranger = FleetKind.make("stranger", {
        params: Schema.Int,
        codec: Codec.text,
        open: () => ({ target: "wss://feed.example/" })
      })
      const unknown = yield* Effect.flip(fleet.ensure(stranger, "a", 1))
      assert.strictEqual(unknown._tag, "UnknownKind")
      const invalid = yield* Effect.flip(fleet.ensure(Recorder, "a", 1.5))
      assert.strictEqual(invalid._tag, "InvalidParams")
      yield* fleet.ensure(Recorder, "a", 1)
      const mismatch = yield* Effect.flip(fleet.ensure(Ticker, "a", { symbol: "A" }))
      assert.strictEqual(mismatch._tag, "KindMismatch")
      assert.include(mismatch.message, 'of kind "recorder", not "ticker"')
    })
  )

  it.effect("sends by name, and says what it cannot send", () =>
    Effect.gen(function* () {
      const { fleet, server } = yield* rig
      yield* fleet.ensure(Ticker, "a", { symbol: "A" })
      yield* turn
      assert.deepStrictEqual(yield* fleet.send(Ticker, "a", { hello: 1 }), { _tag: "Written" })
      const peer = yield* server.accepted
      assert.strictEqual(yield* peer.receive, '{"hello":1}')
      const circle: Array<unknown> = []
      circle.push(circle)
      const refused = yield* fleet.send(Ticker, "a", circle)
      assert.deepInclude(refused, { _tag: "Refused", tag: "EncodeError" })
      assert.strictEqual((yield* Effect.flip(fleet.send(Ticker, "nobody", 1)))._tag, "NameNotFound")
      yield* server.stop
      yield* turn
      const down = yield* fleet.send(Ticker, "a", 1, { whenDown: "fail" })
      assert.deepInclude(down, { _tag: "Refused", tag: "NotConnected" })
    })
  )

  it.effect("commands by name, tag and kind, each name by itself", () =>
    Effect.gen(function* () {
      const { fleet, server } = yield* rig
      yield* fleet.ensure(Ticker, "a", { symbol: "A" }, { tags: ["x"] })
      yield* fleet.ensure(Ticker, "b", { symbol: "B" })
      yield* turn
      const outcomes = yield* fleet.broadcast(ManagerCommand.restart(), ["a", "nobody"])
      assert.deepStrictEqual(
        outcomes.map(({ error, name }) => [name, error?.tag]),
        [
          ["nobody", "NameNotFound"],
          ["a", undefined]
        ]
      )
      assert.lengthOf(yield* server.dials, 3)
      yield* fleet.broadcast({ _tag: "Send", frame: new Uint8Array([1, 2]) }, { tag: "x" })
      const peer = (yield* server.connections).find(({ request }) => request.url.endsWith("A"))
      assert.deepStrictEqual(yield* peer!.receive, new Uint8Array([1, 2]))
      assert.lengthOf(yield* fleet.broadcast({ _tag: "Probe" }, { kind: "ticker" }), 2)
    })
  )

  it.effect("closes and drains names by releasing them", () =>
    Effect.gen(function* () {
      const { fleet, paths } = yield* rig
      for (const name of ["a", "b", "c"]) yield* fleet.ensure(Ticker, name, { symbol: name })
      yield* turn
      yield* fleet.broadcast({ _tag: "Close" }, "a")
      const drained = yield* Effect.forkChild(fleet.broadcast({ _tag: "Drain", deadline: "1 second" }, "b"))
      yield* turn
      assert.deepStrictEqual(yield* Fiber.join(drained), [{ name: "b", error: undefined }])
      yield* turn
      assert.deepStrictEqual(yield* paths, ["/c"])
      assert.strictEqual((yield* fleet.overview).names, 1)
    })
  )

  it.effect("a pause closes a name until it is resumed, and survives a change of its params", () =>
    Effect.gen(function* () {
      const { fleet, paths } = yield* rig
      yield* fleet.ensure(Ticker, "a", { symbol: "A" })
      yield* fleet.broadcast({ _tag: "Pause" }, "a")
      yield* turn
      assert.deepStrictEqual(yield* paths, [])
      yield* fleet.ensure(Ticker, "a", { symbol: "A2" })
      yield* turn
      assert.deepStrictEqual(yield* paths, [])
      assert.strictEqual((yield* fleet.overview).paused, 1)
      yield* fleet.broadcast({ _tag: "Resume" })
      yield* turn
      assert.deepStrictEqual(yield* paths, ["/A2"])
    })
  )

  it.effect("a consumer reads beside the socket, and its cursor comes back with the next opening", () =>
    Effect.gen(function* () {
      const { fleet, lines, server } = yield* rig
      yield* fleet.ensure(Recorder, "r", 1)
      yield* turn
      const peer = yield* server.accepted
      yield* peer.send(["one", "two"])
      yield* turn
      yield* fleet.ensure(Recorder, "r", 2)
      yield* turn
      const urls = (yield* server.dials).map(({ url }) => url)
      assert.deepStrictEqual(urls, ["wss://feed.example/recorder?from=start", "wss://feed.example/recorder?from=two"])
      const next = yield* server.accepted
      yield* next.send("three")
      yield* turn
      assert.deepStrictEqual(lines, ["SessionOpened", "one", "two", "Gap", "SessionOpened", "three"])
    })
  )

  it.effect("others may watch what a name receives, with or without a consumer", () =>
    Effect.gen(function* () {
      const { fleet, lines, server } = yield* rig
      yield* fleet.ensure(Recorder, "r", 1)
      yield* fleet.ensure(Ticker, "t", { symbol: "T" })
      yield* turn
      const watch = <A extends { readonly _tag: string }>(entries: Stream.Stream<A, unknown>) =>
        Effect.forkChild(
          entries.pipe(
            Stream.filter((entry) => entry._tag === "Message"),
            Stream.take(1),
            Stream.runCollect
          )
        )
      const one = yield* watch(fleet.entries(Recorder, "r"))
      const other = yield* watch(fleet.entries(Ticker, "t"))
      yield* turn
      for (const peer of yield* server.connections) yield* peer.send("7")
      yield* turn
      assert.deepStrictEqual(yield* Fiber.join(one), [Inbox.message(1, "7")])
      assert.deepStrictEqual(yield* Fiber.join(other), [Inbox.message(1, 7)])
      assert.include(lines, "7")
    })
  )

  it.effect("a name that cannot be opened says so, shows nothing of why, and waits for a change", () =>
    Effect.gen(function* () {
      const { fleet } = yield* rig
      const events: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(fleet.events, (event) => Effect.sync(() => events.push(JSON.stringify(event))))
      )
      yield* turn
      yield* fleet.ensure(Broken, "b", 1)
      yield* turn
      yield* turn
      const failures = events.filter((event) => event.includes("OpenFailed"))
      assert.lengthOf(failures, 1)
      assert.notInclude(failures[0], "secret")
      yield* fleet.ensure(Broken, "b", 2)
      yield* turn
      assert.lengthOf(
        events.filter((event) => event.includes("OpenFailed")),
        2
      )
    })
  )

  it.effect("shows who owns what, and nothing after it left", () =>
    Effect.gen(function* () {
      const { fleet, paths } = yield* rig
      yield* fleet.ensure(Ticker, "a", { symbol: "A" })
      yield* turn
      assert.strictEqual((yield* fleet.owner("a"))?.holder, fleet.holder)
      assert.deepInclude(yield* fleet.overview, { names: 1, kinds: { ticker: 1 }, unowned: [] })
      yield* Effect.andThen(Effect.forkChild(fleet.leave), turn)
      assert.deepStrictEqual(yield* paths, [])
    })
  )

  it.effect("two kinds of one id are refused", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const error = yield* Effect.flip(
        network.provide(Layer.build(ClusterManager.layerLocal({ kinds: [Ticker, Ticker] })))
      )
      assert.strictEqual(error.message, "Fleet: option kinds is not usable: two kinds have the same id")
    })
  )
})
