/**
 * Proves that each fault does what it says, to whom it says and for as long as
 * it says, and that schedules of faults are plain data that a seed determines.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type * as ConnectionError from "kharbranth/ConnectionError"
import * as Fault from "kharbranth/testing/Fault"
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { connect, url } from "./client.ts"

/** An echoing network with one socket, opened without latency. */
const opened = Effect.fnUntraced(function* (options: TestNetwork.Options = {}) {
  const network = yield* TestNetwork.make(options)
  const server = yield* network.serve(url, TestNetwork.echo)
  const client = yield* connect(network)
  const peer = yield* server.accepted
  return { network, server, client, peer }
})

const dialUnder = Effect.fnUntraced(function* (fault: Fault.Fault) {
  const network = yield* TestNetwork.make()
  yield* network.serve(url, TestNetwork.echo)
  yield* network.inject(fault)
  const error: ConnectionError.ConnectionError = yield* Effect.flip(connect(network))
  yield* network.lift(fault)
  yield* connect(network)
  return error
})

const tags = (log: ReadonlyArray<string>) => log.map((line) => line.slice(line.indexOf(" ") + 1))

describe("Fault", () => {
  describe("at the door", () => {
    it.effect("refuse", () =>
      Effect.gen(function* () {
        const error = yield* dialUnder(Fault.refuse({ kind: "dns" }))
        assert.strictEqual(error._tag === "DialFailed" && error.kind, "dns")
      })
    )

    for (const status of [401, 403, 404, 429, 503]) {
      it.effect(`reject ${status}`, () =>
        Effect.gen(function* () {
          const error = yield* dialUnder(Fault.reject({ status, retryAfter: "3 seconds" }))
          assert.strictEqual(error._tag, "HandshakeRejected")
          assert.include(error.message, `HTTP ${status}, retry after 3s`)
        })
      )
    }

    it.effect("tlsFailure", () =>
      Effect.gen(function* () {
        const error = yield* dialUnder(Fault.tlsFailure())
        assert.strictEqual(error._tag === "TlsError" && error.code, "CERT_HAS_EXPIRED")
      })
    )

    it.effect("hang: the dial stays until it is interrupted", () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        yield* network.serve(url)
        yield* network.inject(Fault.hang())
        const dialing = yield* Effect.forkScoped(connect(network))
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(dialing.pollUnsafe())
        assert.strictEqual(yield* network.dialing, 1)
        yield* Fiber.interrupt(dialing)
        assert.strictEqual(yield* network.dialing, 0)
      })
    )

    it.effect("acceptThenClose and acceptThenReset", () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        yield* network.serve(url, TestNetwork.echo)
        yield* network.inject(Fault.acceptThenClose({ code: 1013 }))
        const closed = yield* (yield* connect(network)).ended
        assert.strictEqual(closed._tag === "ConnectionClosed" && closed.code, 1013)
        yield* network.heal
        yield* network.inject(Fault.acceptThenReset())
        assert.strictEqual((yield* (yield* connect(network)).ended)._tag, "ConnectionDropped")
      })
    )
  })

  describe("on the path", () => {
    it.effect("halfOpen toServer: nothing reaches the server, and nobody is told; new sockets work", () =>
      Effect.gen(function* () {
        const { client, network, peer } = yield* opened()
        yield* network.inject(Fault.halfOpen({ direction: "toServer" }))
        client.link.write(["lost"])
        yield* peer.send("heard")
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(tags(client.log), ["frame heard"])
        assert.strictEqual(client.link.buffered(), 0)
        const next = yield* connect(network)
        next.link.write(["x"])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(next.frames, ["x"])
      })
    )

    it.effect("halfOpen toClient: the server hears, the client does not; then its buffer fills", () =>
      Effect.gen(function* () {
        const { client, network, peer } = yield* opened({ window: 1000 })
        const heard: Array<unknown> = []
        yield* peer.listen({ frame: (frame) => void heard.push(frame) })
        yield* network.inject(Fault.halfOpen({ direction: "toClient" }))
        client.link.write(["heard"])
        yield* Effect.forkScoped(peer.send("lost"))
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual([heard, client.log], [["heard"], []])
        yield* network.inject(Fault.halfOpen())
        client.link.write(["z".repeat(3000)])
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(client.link.buffered(), 2002)
        client.link.terminate()
        assert.strictEqual((yield* client.ended)._tag, "ConnectionDropped")
      })
    )

    it.effect("partition: sockets die in silence for good, dials wait until it heals, other hosts work", () =>
      Effect.gen(function* () {
        const { client, network } = yield* opened()
        const other = "wss://other.example/"
        yield* network.serve(other, TestNetwork.echo)
        yield* network.inject(Fault.partition({ host: "feed.example" }))
        const dialing = yield* Effect.forkScoped(connect(network))
        client.link.write(["lost"])
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(dialing.pollUnsafe())
        const there = yield* connect(network, { url: other })
        there.link.write(["x"])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(there.frames, ["x"])
        yield* network.heal
        const again = yield* Fiber.join(dialing)
        again.link.write(["back"])
        client.link.write(["still lost"])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([client.log, again.frames], [[], ["back"]])
      })
    )

    it.effect("stall: everything arrives afterwards, in order", () =>
      Effect.gen(function* () {
        const { client, network } = yield* opened()
        const stall = Fault.stall({ direction: "toClient" })
        yield* network.inject(stall)
        client.link.write(["a", "b"])
        yield* TestClock.adjust("1 minute")
        client.link.write(["c"])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(client.log, [])
        yield* network.lift(stall)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(client.log, ["60000 frame a", "60000 frame b", "60000 frame c"])
      })
    )

    it.effect("latency and jitter, lifted again by an equal fault", () =>
      Effect.gen(function* () {
        const { client, network } = yield* opened()
        yield* network.inject(Fault.latency({ latency: 100 }))
        client.link.write(["slow"])
        yield* TestClock.adjust("1 second")
        yield* network.lift(Fault.latency({ latency: 100 }))
        client.link.write(["fast"])
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(client.log, ["200 frame slow", "1000 frame fast"])
      })
    )

    it.effect("loss: a lost packet comes 200 ms later, or more", () =>
      Effect.gen(function* () {
        const { client, network, peer } = yield* opened({ seed: 5 })
        yield* network.inject(Fault.loss({ chance: 0.5 }))
        for (let count = 0; count < 50; count++) {
          yield* peer.send(`${count}`)
          yield* TestClock.adjust("2 minutes")
        }
        const delays = client.log.map((line) => Number(line.split(" ")[0]) % 120_000)
        assert.strictEqual(client.frames.length, 50)
        const late = delays.filter((delay) => delay > 0)
        const waits = new Set([200, 600, 1400, 3000, 6200, 12_600, 25_400, 51_000, 102_200])
        assert.deepStrictEqual(
          late.filter((delay) => !waits.has(delay)),
          []
        )
        assert.isTrue(late.length > 10 && late.length < 40, `${late.length} were late`)
      })
    )

    it.effect("bandwidth: a large message drips in, and received sees it", () =>
      Effect.gen(function* () {
        const { client, network, peer } = yield* opened()
        yield* network.inject(Fault.bandwidth({ bytesPerSecond: 1000, direction: "toClient" }))
        const before = client.link.received()
        const received = () => client.link.received() - before
        yield* Effect.forkScoped(peer.send("x".repeat(9998)))
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(received(), 3000)
        yield* TestClock.adjust("6900 millis")
        assert.deepStrictEqual([received(), client.frames.length], [9900, 0])
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual([received(), client.frames.length], [10_000, 1])
      })
    )
  })

  describe("at the ends", () => {
    it.effect("reset and close", () =>
      Effect.gen(function* () {
        const { client, network } = yield* opened()
        yield* network.inject(Fault.close({ code: 1012 }))
        const closed = yield* client.ended
        assert.strictEqual(closed._tag === "ConnectionClosed" && closed.code, 1012)
        const next = yield* connect(network)
        yield* network.inject(Fault.reset({ host: "other.example" }))
        assert.strictEqual(yield* network.open, 1)
        yield* network.inject(Fault.reset())
        assert.strictEqual((yield* next.ended)._tag, "ConnectionDropped")
      })
    )

    it.effect("cutMidWrite: only the first frames of a batch arrive", () =>
      Effect.gen(function* () {
        const { client, network, peer } = yield* opened()
        const heard: Array<unknown> = []
        yield* peer.listen({ frame: (frame) => void heard.push(frame) })
        yield* network.inject(Fault.cutMidWrite({ frames: 2 }))
        client.link.write(["1", "2", "3", "4"])
        assert.strictEqual((yield* client.ended)._tag, "ConnectionDropped")
        assert.deepStrictEqual([heard, yield* peer.ended], [["1", "2"], { _tag: "Dropped" }])
      })
    )

    it.effect("mutePongs", () =>
      Effect.gen(function* () {
        const { client, network } = yield* opened()
        const mute = Fault.mutePongs()
        yield* network.inject(mute)
        client.link.ping(new Uint8Array(1))
        yield* TestClock.adjust("1 minute")
        yield* network.lift(mute)
        client.link.ping(new Uint8Array(1))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(client.log, ["60000 pong"])
      })
    )

    it.effect("ignoreClose and holdOpen: the link ends only by terminate", () =>
      Effect.gen(function* () {
        for (const fault of [Fault.ignoreClose(), Fault.holdOpen()]) {
          const { client, network } = yield* opened()
          yield* network.inject(fault)
          client.link.close(1000, "")
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(client.log, [])
          client.link.terminate()
          const expected = fault._tag === "HoldOpen" ? "ConnectionClosed" : "ConnectionDropped"
          assert.strictEqual((yield* client.ended)._tag, expected)
          assert.strictEqual(yield* network.open, 0)
        }
      })
    )

    it.effect("slowReader: buffered grows, and drains when the server reads again", () =>
      Effect.gen(function* () {
        const { client, network } = yield* opened({ window: 10_000 })
        yield* network.inject(Fault.slowReader())
        client.link.write(["x".repeat(99_998)])
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(client.link.buffered(), 90_000)
        yield* network.heal
        yield* TestClock.adjust(0)
        assert.strictEqual(client.link.buffered(), 0)
        assert.deepStrictEqual(tags(client.log), ["drained", "frame 99998"])
      })
    )

    it.effect("lateEnd: an end is told later, or by terminate, and once", () =>
      Effect.gen(function* () {
        const { client, network, peer } = yield* opened()
        const late = Fault.lateEnd({ after: "5 seconds" })
        yield* network.inject(late)
        yield* peer.close(4000)
        yield* TestClock.adjust("4 seconds")
        assert.deepStrictEqual(client.log, [])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(client.log, ["5000 ended ConnectionClosed"])
        yield* network.lift(late)
        yield* network.inject(Fault.lateEnd())
        const next = yield* connect(network)
        yield* network.inject(Fault.reset())
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(next.log, [])
        next.link.terminate()
        yield* next.ended
        assert.deepStrictEqual(tags(next.log), ["ended ConnectionDropped"])
      })
    )

    it.effect("flood: a paused client is spared, and gets it all on resume", () =>
      Effect.gen(function* () {
        const { client, network } = yield* opened()
        const before = client.link.received()
        client.link.pause()
        yield* network.inject(Fault.flood({ frames: 300, size: 4096 }))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([client.frames.length, client.link.received()], [0, before])
        client.link.resume()
        yield* TestClock.adjust(0)
        assert.strictEqual(client.frames.length, 300)
      })
    )
  })

  describe("in the client's process", () => {
    const suspended = (monotonic: "stops" | "runs") =>
      Effect.gen(function* () {
        const { client, network, peer } = yield* opened()
        const fired: Array<number> = []
        const elapsed: Array<number> = []
        const timer = Effect.gen(function* () {
          const begun = yield* Clock.monotonicTimeNanos
          yield* Effect.sleep("10 seconds")
          fired.push(yield* Clock.currentTimeMillis)
          elapsed.push(Number((yield* Clock.monotonicTimeNanos) - begun) / 1e6)
        })
        yield* Effect.forkScoped(network.provide(timer))
        yield* TestClock.adjust("4 seconds")
        const nap = Fault.suspend(monotonic)
        yield* network.inject(nap)
        yield* peer.send("while asleep")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual([fired, client.frames], [[], []])
        yield* network.lift(nap)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(client.log, ["64000 frame while asleep"])
        return { fired, elapsed }
      })

    it.effect("suspend: timers go on with what they had left where the monotonic clock stops", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* suspended("stops"), { fired: [70_000], elapsed: [10_000] })
      })
    )

    it.effect("suspend: overdue timers fire on waking where the monotonic clock runs", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* suspended("runs"), { fired: [64_000], elapsed: [64_000] })
      })
    )

    it.effect("suspend: a dial's outcome waits too", () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ latency: 10 })
        const dialing = yield* Effect.forkScoped(Effect.exit(connect(network)))
        yield* TestClock.adjust(1)
        yield* network.inject(Fault.suspend())
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(dialing.pollUnsafe())
        yield* network.heal
        assert.strictEqual((yield* Fiber.join(dialing))._tag, "Failure")
      })
    )

    it.effect("wallClock: the wall is off, elapsed time is not", () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        const read = network.provide(Effect.all([Clock.currentTimeMillis, Clock.monotonicTimeNanos]))
        yield* TestClock.adjust("1 minute")
        yield* network.inject(Fault.wallClock("-1 hour"))
        assert.deepStrictEqual(yield* read, [60_000 - 3_600_000, 60_000_000_000n])
        yield* network.heal
        assert.deepStrictEqual(yield* read, [60_000, 60_000_000_000n])
      })
    )
  })

  describe("schedules", () => {
    it("are the same for the same seed, ordered, bounded, and survive JSON", () => {
      for (let seed = 0; seed < 200; seed++) {
        const incidents = FaultSchedule.make({ seed, within: "10 minutes", hosts: ["a.example", "b.example"] })
        assert.deepStrictEqual(
          incidents,
          FaultSchedule.make({ seed, within: "10 minutes", hosts: ["a.example", "b.example"] })
        )
        assert.deepStrictEqual(JSON.parse(JSON.stringify(incidents)), incidents)
        assert.strictEqual(incidents.length, 20)
        incidents.forEach(({ at, duration }, index) => {
          assert.isTrue(at >= (incidents[index - 1]?.at ?? 0) && at + duration <= 600_000 && duration <= 20_000)
        })
      }
      const drawn = FaultSchedule.make({ seed: 1, within: "1 hour", incidents: 2000 }).map(({ fault }) => fault._tag)
      assert.deepStrictEqual(new Set(drawn), new Set(FaultSchedule.kinds))
      const some = FaultSchedule.make({ seed: 1, within: "1 hour", kinds: ["Reset", "Hang"] })
      assert.isTrue(some.every(({ fault }) => fault._tag === "Reset" || fault._tag === "Hang"))
    })

    it.effect("are played on time, and healed at the end or when interrupted", () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        const refuse = Fault.refuse()
        const incidents = [
          { at: 100, duration: 50, fault: refuse },
          { at: 120, duration: 10, fault: refuse },
          { at: 200, duration: 9_000, fault: Fault.hang() }
        ]
        const playing = yield* Effect.forkScoped(network.play(incidents))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(playing)
        const events = (yield* network.history).map((event) => `${event.at} ${event._tag}`)
        assert.deepStrictEqual(events, [
          "100 Injected",
          "120 Injected",
          "130 Lifted",
          "150 Lifted",
          "200 Injected",
          "1000 Lifted"
        ])
      })
    )
  })
})
