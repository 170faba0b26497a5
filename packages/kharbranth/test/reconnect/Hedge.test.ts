// Proves what `hedgeAfter` promises: after a black hole of 6 seconds a connection is Ready within 1.5 seconds of its
// end, beside the first dial or, in a page, in its place; at most one hedge is under way, it asks the dial budget, and
// nothing is left of the dial that lost. Without it nothing is dialed twice.
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import type { ConnectionEvent } from "../../src/ConnectionEvent.ts"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { now, run } from "../support/virtual.ts"

const url = "wss://feed.example/ws"
const other = "wss://other.example/ws"

const hedged = (hedgeAfter: Duration.Input | undefined) =>
  Reconnect.make({ schedule: Reconnect.prompt.schedule, hedgeAfter })

interface Setting {
  readonly hedgeAfter?: Duration.Input | undefined
  readonly network?: TestNetwork.Options | undefined
  readonly urls?: readonly [string, ...Array<string>] | undefined
  /** How long the server thinks about a dial. */
  readonly slowness?: Duration.Input | undefined
}

interface Dialed {
  readonly at: number
  readonly attempt: number
  readonly endpoint: number
  readonly role: string
}

/** A connection that has begun, every dial of it, and the most that were under way at once. */
const begin = ({ hedgeAfter, network: options, slowness = 0, urls = [url] }: Setting) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1, ...options })
    const answer = () => Effect.as(Effect.sleep(slowness), TestNetwork.accept())
    for (const each of urls) yield* network.serve(each, TestNetwork.echo, { answer })
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: { url: urls },
        codec: Codec.text,
        heartbeat: Heartbeat.none,
        reconnect: hedged(hedgeAfter),
        startup: "lazy"
      })
    )
    const dials: Array<Dialed> = []
    let most = 0
    const note = (event: ConnectionEvent) =>
      Effect.gen(function* () {
        most = Math.max(most, yield* network.dialing)
        if (event._tag === "DialStarted") dials.push({ ...event, at: yield* now })
      })
    yield* Effect.forkScoped(Stream.runForEach(connection.events, note), { startImmediately: true })
    return { connection, network, dials, most: () => most }
  })

type Begun = Effect.Success<ReturnType<typeof begin>>

/** How long it takes from now until the connection is Ready. */
const untilReady = ({ connection }: Pick<Begun, "connection">) =>
  Effect.gen(function* () {
    const since = yield* now
    yield* connection.awaitReady
    return (yield* now) - since
  })

/** For 6 seconds no dial is answered, and those that begin then never are; what was open is cut. */
const blackhole = (begun: Begun) =>
  Effect.gen(function* () {
    const { connection, network } = begun
    const hole = Fault.hang()
    yield* network.inject(hole)
    yield* network.inject(Fault.reset())
    yield* Effect.sleep("6 seconds")
    assert.notStrictEqual(connection.state.getUnsafe()._tag, "Connected")
    yield* network.lift(hole)
    return yield* untilReady(begun)
  })

const left = ({ network }: Begun) => Effect.all([network.dialing, network.open])

describe("hedged dials", () => {
  for (const [platform, most] of [
    ["node", 2],
    ["browser", 1]
  ] as const) {
    it(`${platform}: Ready within 1.5 seconds of the end of a black hole of 6 seconds`, () =>
      run(
        Effect.gen(function* () {
          const begun = yield* begin({ hedgeAfter: "1 second", network: { platform, latency: 100 } })
          yield* untilReady(begun)
          begun.dials.length = 0
          assert.isAtMost(yield* blackhole(begun), 1_500)
          assert.strictEqual(begun.most(), most)
          const [first, ...hedges] = begun.dials
          assert.ok(first?.role === "active")
          assert.isAtLeast(hedges.length, 5)
          for (const hedge of hedges) assert.deepInclude(hedge, { role: "hedge", attempt: first.attempt })
          yield* Effect.sleep("5 seconds")
          assert.deepStrictEqual(yield* left(begun), [0, 1])
        })
      ))
  }

  it("without them the dial that hangs has all of its deadline", () =>
    run(
      Effect.gen(function* () {
        const begun = yield* begin({})
        yield* untilReady(begun)
        assert.isAbove(yield* blackhole(begun), 3_500)
        assert.strictEqual(begun.most(), 1)
        assert.isFalse(begun.dials.some(({ role }) => role === "hedge"))
      })
    ))

  it("a server that is only slow is waited for, and its answer drops the hedge", () =>
    run(
      Effect.gen(function* () {
        const begun = yield* begin({ hedgeAfter: "1 second", slowness: "3500 millis" })
        assert.strictEqual(yield* untilReady(begun), 3_500)
        assert.strictEqual(begun.most(), 2)
        const state = begun.connection.state.getUnsafe()
        assert.strictEqual(state._tag === "Connected" && state.epoch, 1)
        yield* Effect.sleep("20 seconds")
        assert.deepStrictEqual(yield* left(begun), [0, 1])
      })
    ))

  it("a page gives up no more dials than fit into the deadline of one, so a slow server is reached", () =>
    run(
      Effect.gen(function* () {
        const begun = yield* begin({
          hedgeAfter: "1 second",
          slowness: "3500 millis",
          network: { platform: "browser" }
        })
        assert.strictEqual(yield* untilReady(begun), 9_000 + 3_500)
        assert.strictEqual(begun.most(), 1)
      })
    ))

  for (const [platform, hedges] of [
    ["node", 0],
    ["browser", 9]
  ] as const) {
    it(`a dial that shows a sign of life has more time, where the platform sees it: ${platform}`, () =>
      run(
        Effect.gen(function* () {
          // The TCP connection stands after 800 ms, and the answer is there after 1,600.
          const begun = yield* begin({ hedgeAfter: "1 second", network: { platform, latency: 400 } })
          yield* untilReady(begun)
          assert.strictEqual(begun.dials.filter(({ role }) => role === "hedge").length, hedges)
        })
      ))
  }

  it("a hedge goes to the target's next url, and stays there when it wins", () =>
    run(
      Effect.gen(function* () {
        const begun = yield* begin({ hedgeAfter: "1 second", urls: [url, other] })
        yield* begun.network.inject(Fault.hang({ host: "feed.example" }))
        assert.strictEqual(yield* untilReady(begun), 1_000)
        assert.deepStrictEqual(
          begun.dials.map(({ at, endpoint, role }) => [at - begun.dials[0]!.at, endpoint, role]),
          [
            [0, 0, "active"],
            [1_000, 1, "hedge"]
          ]
        )
        yield* Effect.sleep("20 seconds")
        yield* begun.network.inject(Fault.reset())
        yield* Effect.sleep("1 second")
        assert.deepInclude(begun.dials[2], { endpoint: 1, role: "active" })
      })
    ))

  it("a hedge needs a permit of the dial budget", () =>
    run(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ seed: 1 })
        yield* network.serve(url, TestNetwork.echo)
        yield* network.inject(Fault.hang())
        const manager = yield* network.provide(ConnectionManager.make({ budget: { policy: { concurrent: 1 } } }))
        yield* manager.connect("feed", { target: url, reconnect: hedged("1 second"), startup: "background" })
        yield* Effect.sleep("9 seconds")
        const dialed = (yield* network.history).filter(({ _tag }) => _tag === "Dialed")
        assert.lengthOf(dialed, 1)
        const [gate] = yield* manager.budget.snapshot
        assert.deepInclude(gate, { dialing: 1, waiting: 1 })
      })
    ))

  it("new policies hedge the next dial", () =>
    run(
      Effect.gen(function* () {
        const begun = yield* begin({})
        yield* untilReady(begun)
        yield* Connection.update(begun.connection, (policies) => ({ ...policies, reconnect: hedged("1 second") }))
        assert.isAtMost(yield* blackhole(begun), 1_500)
      })
    ))

  it("a time that is none is refused at the door", () => {
    for (const after of [0, -1, Number.NaN, "Infinity"] as const)
      assert.deepStrictEqual(Reconnect.check(hedged(after), "feed")?.path, ["reconnect", "hedgeAfter"])
    assert.isUndefined(Reconnect.check(hedged("1 second"), "feed"))
  })
})
