/**
 * Proves that a page's own signals reach the connections made in it: a wake
 * asks and replaces a dead link, hiding follows the policy (also in a page that
 * was hidden when the connection was made), the back/forward cache and a freeze
 * close the socket and what comes back dials, and a page that only reloads
 * closes nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import type * as Surroundings from "kharbranth/Surroundings"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"

const url = "wss://feed.example/ws"

interface World {
  readonly connection: Connection.Connection<string, string>
  readonly network: TestNetwork.TestNetwork
  readonly emit: (signal: PageLifecycle.Signal) => Effect.Effect<void>
}

const inPage = (
  options: Surroundings.Options,
  before: ReadonlyArray<PageLifecycle.Signal>,
  run: (world: World) => Effect.Effect<void, unknown>
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1, platform: "browser" })
    yield* network.serve(url, (peer) =>
      peer.listen({ frame: (frame) => void peer.sendUnsafe([frame === "ping" ? "pong" : frame]) })
    )
    yield* Effect.gen(function* () {
      const { emit } = yield* PageLifecycle.Controller
      yield* Effect.forEach(before, emit)
      const connection = yield* Connection.make("feed", {
        target: url,
        codec: Codec.text,
        heartbeat: Heartbeat.text({ every: "20 seconds" })
      })
      yield* TestClock.adjust("15 seconds")
      yield* run({ connection, network, emit })
    }).pipe(
      Effect.provide(PageLifecycle.layerSurroundings(options).pipe(Layer.provideMerge(PageLifecycle.layerTest))),
      network.provide,
      Effect.scoped
    )
  })

const state = ({ connection }: World) => {
  const now = connection.state.getUnsafe()
  return now._tag === "Connected" ? `Connected ${now.epoch}` : now._tag
}

describe("a connection in a page", () => {
  for (const wake of [
    { _tag: "Online" },
    { _tag: "Resume" },
    { _tag: "PageShow", persisted: true },
    { _tag: "Woke", slept: Duration.hours(1) }
  ] as const) {
    it.effect(`${wake._tag} - a dead link is replaced within 1.5 s`, () =>
      inPage({}, [], (world) =>
        Effect.gen(function* () {
          yield* world.network.inject(Fault.halfOpen())
          yield* world.emit(wake)
          yield* TestClock.adjust("1500 millis")
          assert.strictEqual(state(world), "Connected 2")
        })
      )
    )
  }

  for (const [leave, back] of [
    [{ _tag: "Freeze" }, { _tag: "Resume" }],
    [
      { _tag: "PageHide", persisted: true },
      { _tag: "PageShow", persisted: true }
    ]
  ] as const) {
    it.effect(`${leave._tag} and ${back._tag} - closes, and dials`, () =>
      inPage({}, [], (world) =>
        Effect.gen(function* () {
          yield* world.emit(leave)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(state(world), "Disconnected")
          assert.strictEqual(yield* world.network.open, 0)
          yield* TestClock.adjust("1 hour")
          yield* world.emit(back)
          yield* TestClock.adjust(0)
          assert.strictEqual(state(world), "Connected 2")
        })
      )
    )
  }

  it.effect("PageHide of a page that is not kept - changes nothing", () =>
    inPage({}, [], (world) =>
      Effect.gen(function* () {
        yield* world.emit({ _tag: "PageHide", persisted: false })
        yield* world.emit({ _tag: "PageShow", persisted: false })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(state(world), "Connected 1")
        assert.strictEqual((yield* Connection.metrics(world.connection)).dials, 1)
      })
    )
  )

  for (const before of [[], [{ _tag: "Hidden" }]] as const) {
    it.effect(`hidden ${before.length === 0 ? "later" : "from the start"} - is closed after its time`, () =>
      inPage({ hidden: { closeAfter: "10 minutes" } }, before, (world) =>
        Effect.gen(function* () {
          yield* Effect.forEach(before.length === 0 ? [{ _tag: "Hidden" } as const] : [], world.emit)
          yield* TestClock.adjust("9 minutes")
          assert.strictEqual(state(world), "Connected 1")
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(state(world), "Disconnected")
          yield* world.emit({ _tag: "Visible" })
          yield* TestClock.adjust(0)
          assert.strictEqual(state(world), "Connected 2")
        })
      )
    )
  }

  it.effect("Offline - asks, and ends nothing", () =>
    inPage({}, [], (world) =>
      Effect.gen(function* () {
        yield* world.emit({ _tag: "Offline" })
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(state(world), "Connected 1")
        assert.isDefined((yield* Connection.metrics(world.connection)).rtt)
      })
    )
  )
})
