/**
 * Proves that a simulator in a `TestNetwork` acts on the clock of the test: frames
 * come when the clock moves, pongs of the transport count, a connection ends at
 * its maximum age, dials beyond the limit are rejected, and faults reach sockets.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as SimulatorNetwork from "../../src/simulator/SimulatorNetwork.ts"

const url = "wss://stream.binance.com:9443/ws"
const subscribe = `{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}`

const rig = (options: SimulatorNetwork.Options = {}) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const venue = yield* SimulatorNetwork.serve(network, "binance-spot", { market: { assets: 1 }, ...options })
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: url,
        codec: Codec.text,
        heartbeat: Heartbeat.passive({ idle: "60 seconds" }),
        onOpen: (session) => session.send(subscribe)
      })
    )
    const frames: Array<string> = []
    yield* Effect.forkScoped(Stream.runForEach(connection.stream, (frame) => Effect.sync(() => frames.push(frame))))
    const events: Array<string> = []
    yield* Effect.forkScoped(Stream.runForEach(connection.events, ({ _tag }) => Effect.sync(() => events.push(_tag))))
    yield* TestClock.adjust(0)
    return { connection, events, frames, network, venue }
  })

describe("SimulatorNetwork", () => {
  it.effect("frames come as the clock moves, and pongs keep the connection", () =>
    Effect.gen(function* () {
      const { frames, venue } = yield* rig()
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(frames[0], `{"result":null,"id":1}`)
      assert.isAbove(frames.length, 500)
      assert.deepStrictEqual(venue.simulator.ledger.violations, [])
      assert.strictEqual(venue.simulator.ledger.counts.dials, 1)
      // The subscription, and a pong for every 20 seconds.
      assert.strictEqual(venue.simulator.ledger.counts.received, 1 + 30)
    })
  )

  it.effect("a connection ends at its maximum age, and the next one is another", () =>
    Effect.gen(function* () {
      const { venue } = yield* rig({ numbers: { maxAge: 60_000 } })
      yield* TestClock.adjust("70 seconds")
      assert.strictEqual(venue.simulator.ledger.counts.dials, 2)
      assert.deepStrictEqual(
        venue.simulator.ledger.deliveries.map(({ connection }) => connection),
        [1, 2]
      )
    })
  )

  it.effect("dials beyond the limit are rejected, and recorded", () =>
    Effect.gen(function* () {
      const { venue } = yield* rig({
        numbers: { maxAge: 1000, dials: { limit: 3, window: 300_000, status: 429, ban: 120_000 } }
      })
      yield* TestClock.adjust("2 minutes")
      const { counts, violations } = venue.simulator.ledger
      assert.strictEqual(counts.bans, 1)
      assert.strictEqual(violations[0]?.rule, "dials")
      assert.isAbove(counts.refused, 0)
    })
  )

  it.effect("a cut, a stall and a half-open connection reach the client", () =>
    Effect.gen(function* () {
      const { events, frames, venue } = yield* rig({
        faults: [
          { fault: { _tag: "Cut" }, at: [10_000] },
          { fault: { _tag: "HalfOpen" }, at: [30_000] }
        ]
      })
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(venue.simulator.ledger.counts.dials, 3)
      assert.deepStrictEqual(
        venue.simulator.ledger.injected.map(({ at, fault }) => [at, fault._tag]),
        [
          [10_000, "Cut"],
          [30_000, "HalfOpen"]
        ]
      )
      assert.isAbove(frames.filter((frame) => frame.startsWith(`{"result"`)).length, 2)
      assert.isNotEmpty(events)
    })
  )

  it.effect("with a grain, what is due comes together, with its own times", () =>
    Effect.gen(function* () {
      const { frames, venue } = yield* rig({ grain: 10_000 })
      yield* TestClock.adjust("9999 millis")
      assert.deepStrictEqual(frames, [`{"result":null,"id":1}`])
      yield* TestClock.adjust("1 millis")
      assert.isAbove(frames.length, 5)
      assert.match(frames[1] ?? "", /"E":\d{1,4},/)
      yield* TestClock.adjust("1 hour")
      assert.isAbove(frames.length, 5000)
      assert.deepStrictEqual(venue.simulator.ledger.violations, [])
    })
  )

  it.effect("what a venue says first reaches each of several connections", () =>
    Effect.gen(function* () {
      const { network, venue } = yield* rig({ market: { assets: 1, updates: 200 } })
      const hello: Array<string> = []
      const dial = (name: string) =>
        Effect.gen(function* () {
          const connection = yield* Connection.make(name, {
            target: `${url}/btcusdt@depth5`,
            codec: Codec.text,
            onOpen: (session) => session.send(`{"method":"LIST_SUBSCRIPTIONS","id":1}`)
          })
          yield* Stream.runForEach(connection.stream, (text) =>
            Effect.sync(() => void (text.includes("btcusdt@depth5") && hello.push(name)))
          )
        })
      for (const name of ["a", "b", "c", "d"]) {
        yield* Effect.forkScoped(network.provide(dial(name)))
        yield* TestClock.adjust("100 millis")
      }
      assert.deepStrictEqual(hello, ["a", "b", "c", "d"])
      assert.deepStrictEqual(venue.simulator.ledger.violations, [])
    })
  )

  it.effect("a dial that is answered and leaves no socket is forgotten", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const venue = yield* SimulatorNetwork.serve(network, "coinbase")
      yield* network.inject(Fault.acceptThenReset())
      const target = "wss://advanced-trade-ws.coinbase.com"
      yield* Effect.forkScoped(network.provide(Connection.make("feed", { target, codec: Codec.text })))
      yield* TestClock.adjust("1 minute")
      assert.isAbove(venue.simulator.ledger.counts.dials, 1)
      assert.deepStrictEqual(venue.simulator.ledger.violations, [])
    })
  )

  it.effect("HTTP requests are answered at the clock's time", () =>
    Effect.gen(function* () {
      const { venue } = yield* rig()
      yield* TestClock.adjust("1 minute")
      const { body, status } = yield* venue.request(
        "GET",
        "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5"
      )
      assert.strictEqual(status, 200)
      const { bids, lastUpdateId } = JSON.parse(body) as { bids: Array<unknown>; lastUpdateId: number }
      assert.strictEqual(bids.length, 5)
      assert.strictEqual(BigInt(lastUpdateId), venue.simulator.book("BTCUSDT")?.sequence)
    })
  )
})
