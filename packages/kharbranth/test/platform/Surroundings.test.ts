// Proves how a connection acts on what happens around it, under virtual time: after a wake it asks once, a dead
// link is replaced within 1.5 s and marked by a Gap, a live or merely slow one is left alone, a wait for the next
// try ends at once, a hidden connection does what its policy says, and late timers are caught up on every message.
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import type { ConnectionEvent } from "../../src/ConnectionEvent.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as Surroundings from "../../src/Surroundings.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"

const url = "wss://feed.example/ws"

const options = {
  target: url,
  codec: Codec.text,
  reconnect: Reconnect.polite,
  heartbeat: Heartbeat.text({ every: "20 seconds", timeout: "10 seconds" })
} as const

/** Answers probes, sends everything else back, and counts the probes. */
const server = () => {
  const heard = { probes: 0 }
  const script = (peer: TestNetwork.Peer) =>
    peer.listen({
      frame: (frame) => {
        if (frame === "ping") heard.probes++
        peer.sendUnsafe([frame === "ping" ? "pong" : frame])
      }
    })
  return { heard, script }
}

/** Timers fire on the full minute only, as those of a page that has been hidden for long. */
const throttled = (clock: Clock.Clock): Clock.Clock =>
  Object.assign(Object.create(clock) as Clock.Clock, {
    sleep: (duration: Duration.Duration) => {
      const now = clock.currentTimeMillisUnsafe()
      return clock.sleep(Duration.millis(Math.ceil((now + Duration.toMillis(duration)) / 60_000) * 60_000 - now))
    }
  } satisfies Partial<Clock.Clock>)

interface World {
  readonly network: TestNetwork.TestNetwork
  readonly server: TestNetwork.Server
  readonly connection: Connection.Connection<string, string>
  readonly heard: { probes: number }
  readonly tell: (signal: Surroundings.Signal) => Effect.Effect<void>
  readonly events: ReadonlyArray<ConnectionEvent>
  readonly entries: ReadonlyArray<string>
  readonly listeners: ReadonlySet<unknown>
}

const woke: Surroundings.Signal = { _tag: "Woke", reason: "online" }

const inWorld = (
  given: {
    readonly latency?: Duration.Input
    readonly platform?: "node"
    readonly surroundings?: Surroundings.Options
    readonly options?: Partial<Connection.Options<typeof Codec.text, string, never>>
    readonly settle?: Duration.Input
    readonly timers?: "once a minute"
  },
  run: (world: World) => Effect.Effect<void, unknown>
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({
      seed: 1,
      platform: given.platform ?? "browser",
      latency: given.latency ?? 0
    })
    const { heard, script } = server()
    const served = yield* network.serve(url, script)
    const listeners = new Set<(signal: Surroundings.Signal) => void>()
    const layer = Surroundings.layer((listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }, given.surroundings)
    const events: Array<ConnectionEvent> = []
    const entries: Array<string> = []
    yield* Effect.gen(function* () {
      const connection = yield* Connection.make("feed", { ...options, ...given.options, startup: "background" })
      yield* connection.events.pipe(
        Stream.runForEach((event) => Effect.sync(() => events.push(event))),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* connection.entries.pipe(
        Stream.runForEach((entry) => Effect.sync(() => entries.push(entry._tag))),
        Effect.forkScoped
      )
      yield* TestClock.adjust(given.settle ?? "15 seconds")
      const tell = (signal: Surroundings.Signal) => Effect.sync(() => listeners.forEach((listener) => listener(signal)))
      yield* run({ network, server: served, connection, heard, tell, events, entries, listeners })
      const closing = yield* Effect.forkChild(connection.close, { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
    }).pipe(
      Effect.provide(layer),
      Effect.provideService(Clock.Clock, given.timers === undefined ? network.clock : throttled(network.clock)),
      network.provide,
      Effect.scoped
    )
    assert.strictEqual(listeners.size, 0)
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual(yield* network.open, 0)
  })

const state = (world: World) => world.connection.state.getUnsafe()
const isReady = (world: World, epoch: number) => {
  const now = state(world)
  return now._tag === "Connected" && now.epoch === epoch
}
const told = (world: World, tag: ConnectionEvent["_tag"]) => world.events.filter((event) => event._tag === tag)
const dials = (world: World) => Effect.map(Connection.metrics(world.connection), (metrics) => metrics.dials)

describe("a wake", () => {
  it.effect("asks a live session once and leaves it alone", () =>
    inWorld({}, (world) =>
      Effect.gen(function* () {
        yield* world.tell(woke)
        yield* world.tell({ _tag: "Woke", reason: "resumed" })
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(world.heard.probes, 1)
        assert.strictEqual(yield* dials(world), 1)
        assert.isTrue(isReady(world, 1))
        assert.deepStrictEqual(world.entries, ["SessionOpened"])
      })
    )
  )

  it.effect("asks again after the next wake", () =>
    inWorld({}, (world) =>
      Effect.gen(function* () {
        yield* world.tell(woke)
        yield* TestClock.adjust("1 second")
        yield* world.tell(woke)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(world.heard.probes, 2)
      })
    )
  )

  it.effect("does not disturb a session that is slow by 400 ms", () =>
    inWorld({ latency: "200 millis" }, (world) =>
      Effect.gen(function* () {
        yield* world.tell(woke)
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(yield* dials(world), 1)
        assert.deepStrictEqual(told(world, "RestartRequested"), [])
        assert.deepStrictEqual(told(world, "ProbeMissed"), [])
      })
    )
  )

  it.effect("withdraws the successor of a session that answers late, and may doubt again", () =>
    inWorld({ latency: "350 millis" }, (world) =>
      Effect.gen(function* () {
        for (const round of [1, 2]) {
          yield* world.tell(woke)
          yield* TestClock.adjust("600 millis")
          assert.strictEqual(yield* world.network.dialing, 1)
          yield* TestClock.adjust("200 millis")
          assert.strictEqual(yield* world.network.dialing, 0)
          assert.strictEqual(yield* dials(world), 1 + round)
          assert.isTrue(isReady(world, 1))
        }
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(told(world, "SuccessorFailed").length, 2)
        assert.deepStrictEqual(world.entries, ["SessionOpened"])
        yield* world.connection.send("still there")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(world.entries, ["SessionOpened", "Message"])
      })
    )
  )

  it.effect("replaces a dead link within 1.5 s, with a Gap, and in-flight sends end Unknown", () =>
    inWorld({ latency: "50 millis", options: { outbox: { acks: { id: (m) => m, match: (m) => m } } } }, (world) =>
      Effect.gen(function* () {
        yield* world.network.inject(Fault.halfOpen())
        const outcome = yield* Connection.track(world.connection, "lost")
        const delivery = yield* Effect.forkChild(outcome)
        yield* TestClock.adjust("1 second")
        yield* world.tell(woke)
        yield* TestClock.adjust("1500 millis")
        assert.isTrue(isReady(world, 2))
        assert.strictEqual(yield* dials(world), 2)
        assert.deepStrictEqual(yield* Fiber.join(delivery), { _tag: "Unknown" })
        assert.deepStrictEqual(world.entries, ["SessionOpened", "Gap", "SessionOpened"])
        const [ended] = told(world, "SessionEnded")
        assert.strictEqual(ended?._tag === "SessionEnded" && ended.error._tag, "PongReceiveTimeout")
        yield* world.connection.send("after")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(world.entries.at(-1), "Message")
      })
    )
  )

  it.effect("lets what it doubts deliver while the successor is dialed, and then drops the successor", () =>
    inWorld({ latency: "100 millis" }, (world) =>
      Effect.gen(function* () {
        const [peer] = yield* world.server.connections
        yield* world.network.inject(Fault.stall({ direction: "toServer" }))
        yield* world.tell(woke)
        yield* TestClock.adjust("550 millis")
        assert.strictEqual(yield* dials(world), 2)
        yield* peer!.send("a sign of life")
        yield* TestClock.adjust("150 millis")
        assert.deepStrictEqual(world.entries, ["SessionOpened", "Message"])
        assert.strictEqual(yield* world.network.dialing, 0)
        yield* world.network.lift(Fault.stall({ direction: "toServer" }))
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(isReady(world, 1))
      })
    )
  )

  it.effect("ends a dead link by the probe's deadline when no successor can be had", () =>
    inWorld({}, (world) =>
      Effect.gen(function* () {
        yield* world.network.inject(Fault.halfOpen())
        yield* world.network.inject(Fault.hang())
        yield* world.tell(woke)
        yield* TestClock.adjust("1900 millis")
        assert.isTrue(isReady(world, 1))
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(state(world)._tag, "Connecting")
        yield* world.network.lift(Fault.hang())
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(state(world)._tag, "Connected")
      })
    )
  )

  it.effect("never dials a second session where the server bears one only", () =>
    inWorld({ options: { rotate: { mode: "breakFirst" } } }, (world) =>
      Effect.gen(function* () {
        yield* world.network.inject(Fault.halfOpen())
        yield* world.tell(woke)
        yield* TestClock.adjust("1900 millis")
        assert.strictEqual(yield* dials(world), 1)
        yield* TestClock.adjust("10 seconds")
        assert.isTrue(isReady(world, 2))
      })
    )
  )

  it.effect("changes nothing where nothing can be asked", () =>
    inWorld({ options: { heartbeat: Heartbeat.passive({ idle: "60 seconds" }) } }, (world) =>
      Effect.gen(function* () {
        yield* world.tell(woke)
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(yield* dials(world), 1)
        assert.isTrue(isReady(world, 1))
      })
    )
  )

  it.effect("dials now when the connection waits for its next try, Stable before or not", () =>
    inWorld({ settle: "1 second" }, (world) =>
      Effect.gen(function* () {
        yield* world.network.inject(Fault.refuse())
        yield* world.network.inject(Fault.reset())
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(state(world)._tag, "Reconnecting")
        yield* world.network.heal
        yield* world.tell(woke)
        yield* TestClock.adjust(0)
        assert.strictEqual(state(world)._tag, "Connected")
      })
    )
  )

  it.effect("does not come back before the server said", () =>
    inWorld({ platform: "node" }, (world) =>
      Effect.gen(function* () {
        yield* world.network.inject(Fault.reject({ status: 503, retryAfter: "50 seconds" }))
        yield* world.network.inject(Fault.reset())
        yield* TestClock.adjust("5 seconds")
        yield* world.network.heal
        yield* world.tell(woke)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(state(world)._tag, "Reconnecting")
        yield* TestClock.adjust("60 seconds")
        assert.strictEqual(state(world)._tag, "Connected")
      })
    )
  )
})

describe("offline", () => {
  it.effect("asks, and ends nothing by itself", () =>
    inWorld({}, (world) =>
      Effect.gen(function* () {
        const before = world.heard.probes
        yield* world.network.inject(Fault.stall())
        yield* world.tell({ _tag: "Offline" })
        yield* TestClock.adjust("8 seconds")
        assert.isTrue(isReady(world, 1))
        yield* world.network.heal
        yield* TestClock.adjust("1 second")
        assert.isAbove(world.heard.probes, before)
        assert.strictEqual(yield* dials(world), 1)
      })
    )
  )
})

describe("hidden", () => {
  it.effect("keep - nothing changes", () =>
    inWorld({}, (world) =>
      Effect.gen(function* () {
        yield* world.tell({ _tag: "Hidden" })
        yield* TestClock.adjust("10 minutes")
        assert.isAtLeast(world.heard.probes, 29)
        assert.strictEqual(yield* dials(world), 1)
      })
    )
  )

  it.effect("slow - heartbeats are four times as far apart, and one is sent when it is shown", () =>
    inWorld({ surroundings: { hidden: "slow" } }, (world) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("6 seconds")
        yield* world.tell({ _tag: "Hidden" })
        yield* TestClock.adjust("20 seconds")
        const from = world.heard.probes
        yield* TestClock.adjust("800 seconds")
        assert.isAtMost(world.heard.probes - from, 11)
        assert.isAtLeast(world.heard.probes - from, 9)
        const hidden = world.heard.probes
        yield* world.tell({ _tag: "Shown" })
        yield* TestClock.adjust(0)
        assert.strictEqual(world.heard.probes, hidden + 1)
        yield* TestClock.adjust("800 seconds")
        assert.isAtLeast(world.heard.probes - hidden, 37)
      })
    )
  )

  it.effect("close after - pauses when that long has passed, resumes when it is shown", () =>
    inWorld({ surroundings: { hidden: { closeAfter: "5 minutes" } } }, (world) =>
      Effect.gen(function* () {
        yield* world.tell({ _tag: "Hidden" })
        yield* TestClock.adjust("299 seconds")
        assert.isTrue(isReady(world, 1))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(state(world), { _tag: "Disconnected", reason: "Paused" })
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* dials(world), 1)
        yield* world.tell({ _tag: "Shown" })
        yield* TestClock.adjust(0)
        assert.isTrue(isReady(world, 2))
        assert.deepStrictEqual(world.entries, ["SessionOpened", "Gap", "SessionOpened"])
        yield* world.tell({ _tag: "Hidden" })
        yield* TestClock.adjust("4 minutes")
        yield* world.tell({ _tag: "Shown" })
        yield* TestClock.adjust("10 minutes")
        assert.isTrue(isReady(world, 2))
      })
    )
  )

  it.effect("close after - counts from the start when the page was frozen and thawed out of sight", () =>
    inWorld({ surroundings: { hidden: { closeAfter: "5 minutes" } } }, (world) =>
      Effect.gen(function* () {
        yield* world.tell({ _tag: "Hidden" })
        yield* TestClock.adjust("4 minutes")
        yield* world.tell({ _tag: "Frozen" })
        yield* TestClock.adjust("1 hour")
        yield* world.tell({ _tag: "Thawed" })
        yield* TestClock.adjust("4 minutes")
        assert.isTrue(isReady(world, 2))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(state(world), { _tag: "Disconnected", reason: "Paused" })
      })
    )
  )

  it.effect("close after - does not resume what the user paused", () =>
    inWorld({ surroundings: { hidden: { closeAfter: "5 minutes" } } }, (world) =>
      Effect.gen(function* () {
        yield* world.connection.pause
        yield* world.tell({ _tag: "Hidden" })
        yield* TestClock.adjust("10 minutes")
        yield* world.tell({ _tag: "Shown" })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(state(world), { _tag: "Disconnected", reason: "Paused" })
      })
    )
  )
})

describe("timers that fire once a minute", () => {
  it.effect("a keepalive goes out in time as long as messages come in", () =>
    inWorld({ timers: "once a minute" }, (world) =>
      Effect.gen(function* () {
        const [peer] = yield* world.server.connections
        yield* world.tell({ _tag: "Hidden" })
        for (let second = 0; second < 600; second += 5) {
          yield* peer!.send("news")
          yield* TestClock.adjust("5 seconds")
        }
        assert.isAtLeast(world.heard.probes, 24)
        assert.isTrue(isReady(world, 1))
      })
    )
  )

  it.effect("a keepalive goes out in time as long as messages go out", () =>
    inWorld(
      { timers: "once a minute", options: { heartbeat: { ...options.heartbeat, timeout: undefined } } },
      (world) =>
        Effect.gen(function* () {
          yield* world.tell({ _tag: "Hidden" })
          for (let second = 0; second < 600; second += 5) {
            yield* world.connection.send("news")
            yield* TestClock.adjust("5 seconds")
          }
          assert.isAtLeast(world.heard.probes, 24)
        })
    )
  )

  it.effect("a message that expired in between is not written by the send that follows", () =>
    inWorld({ timers: "once a minute" }, (world) =>
      Effect.gen(function* () {
        yield* world.tell({ _tag: "Hidden" })
        yield* world.network.inject(Fault.refuse())
        yield* world.network.inject(Fault.reset())
        yield* TestClock.adjust(0)
        const old = yield* Effect.forkChild(Effect.exit(world.connection.send("old", { ttl: "10 seconds" })), {
          startImmediately: true
        })
        yield* TestClock.adjust("20 seconds")
        const young = yield* Effect.forkChild(world.connection.send("young", { ttl: "1 hour" }), {
          startImmediately: true
        })
        assert.isDefined(old.pollUnsafe())
        yield* world.network.heal
        yield* TestClock.adjust("2 minutes")
        yield* Fiber.join(young)
        const [peer] = yield* world.server.connections
        assert.isDefined(peer)
        assert.deepStrictEqual(
          world.events.flatMap((event) => (event._tag === "Dropped" ? [event.reason] : [])),
          ["expired"]
        )
      })
    )
  )

  it.effect("what is due is done when it is shown", () =>
    inWorld({ timers: "once a minute" }, (world) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("45 seconds")
        yield* world.tell({ _tag: "Hidden" })
        const before = world.heard.probes
        yield* TestClock.adjust("40 seconds")
        yield* world.tell({ _tag: "Shown" })
        yield* TestClock.adjust(0)
        assert.isAbove(world.heard.probes, before)
      })
    )
  )
})

describe("frozen", () => {
  it.effect("closes before it stands still, and dials when it thaws", () =>
    inWorld({}, (world) =>
      Effect.gen(function* () {
        const [peer] = yield* world.server.connections
        yield* world.tell({ _tag: "Frozen" })
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(yield* peer!.ended, {
          _tag: "Closed",
          code: 1000,
          reason: "",
          initiator: "client"
        })
        yield* TestClock.adjust("1 hour")
        yield* world.tell({ _tag: "Thawed" })
        yield* TestClock.adjust(0)
        assert.isTrue(isReady(world, 2))
        assert.deepStrictEqual(world.entries, ["SessionOpened", "Gap", "SessionOpened"])
      })
    )
  )

  it.effect("a closed connection stays closed", () =>
    inWorld({}, (world) =>
      Effect.gen(function* () {
        yield* world.connection.close
        for (const _tag of ["Frozen", "Thawed", "Hidden", "Shown", "Offline"] as const) yield* world.tell({ _tag })
        yield* world.tell(woke)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(state(world), { _tag: "Disconnected", reason: "Closed" })
        assert.strictEqual(yield* dials(world), 1)
      })
    )
  )
})
