/**
 * Proves that the test network is a faithful small WebSocket world under virtual
 * time: dials and messages take the time they should, servers follow their
 * scripts, both closing handshakes work, backpressure is felt both ways, nothing
 * is left open, and one seed gives one history.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Connection from "kharbranth/Connection"
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { connect, url } from "./client.ts"

describe("TestNetwork", () => {
  it.effect("echoes text and bytes at once when there is no latency, and leaves nothing open", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const server = yield* network.serve(url, TestNetwork.echo)
      const client = yield* connect(network)
      client.link.write(["a", new Uint8Array([1, 2])])
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(client.frames, ["a", new Uint8Array([1, 2])])
      assert.strictEqual(yield* network.open, 1)
      const [peer] = yield* server.connections
      yield* client.leave
      assert.deepStrictEqual(client.log, ["0 frame a", "0 frame 2", "0 ended ConnectionDropped"])
      assert.strictEqual(yield* network.open, 0)
      assert.deepStrictEqual(yield* peer!.ended, { _tag: "Dropped" })
      assert.strictEqual((yield* server.connections).length, 0)
    })
  )

  it.effect("takes two round trips to dial, and one way for each message", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 20 })
      yield* network.serve(url, TestNetwork.echo)
      const dialing = yield* Effect.forkScoped(connect(network))
      yield* TestClock.adjust(79)
      assert.deepStrictEqual([yield* network.open, yield* network.dialing], [0, 1])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual([yield* network.open, yield* network.dialing], [1, 0])
      const client = yield* Fiber.join(dialing)
      client.link.write(["x"])
      client.link.ping(new Uint8Array(1))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(client.log, ["120 frame x", "120 pong"])
    })
  )

  it.effect("goes on from any instant, however small a part of a nanosecond is left to wait", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      const clock = yield* TestClock.testClockWith(Effect.succeed)
      const late: Array<number> = []
      for (let i = 1; i <= 50; i++) {
        yield* TestClock.adjust(0.123456789)
        // A client that wakes between two instants of the network's own, and dials.
        yield* Effect.sleep(Duration.millis(i + 0.0123456789)).pipe(
          Effect.andThen(connect(network)),
          network.provide,
          Effect.forkScoped
        )
        const due = clock.currentTimeMillisUnsafe() + i + 1
        yield* TestClock.adjust("1 hour")
        const opened = (yield* network.history).filter(({ _tag }) => _tag === "Opened")
        if (opened.length < i || opened[i - 1]!.at > due) late.push(i)
      }
      assert.deepStrictEqual(late, [])
    })
  )

  it.effect("keeps the order of messages whatever the jitter", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 5, jitter: 500 })
      const server = yield* network.serve(url)
      const dialing = yield* Effect.forkScoped(connect(network))
      yield* TestClock.adjust("10 seconds")
      const client = yield* Fiber.join(dialing)
      const peer = yield* server.accepted
      const sent = Array.from({ length: 200 }, (_, index) => `${index}`)
      for (const frame of sent) {
        yield* peer.send(frame)
        yield* TestClock.adjust(1)
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(client.frames, sent)
      assert.isAbove(new Set(client.log.map((line) => line.split(" ")[0])).size, 2)
    })
  )

  it.effect("shows a server what the client sent, and routes by host and path", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const server = yield* network.serve(url, TestNetwork.silent, { subprotocols: ["v2", "v1"] })
      const anywhere = yield* network.serve("wss://other.example/")
      const client = yield* connect(network, {
        url: `${url}?token=1`,
        subprotocols: ["v1", "v2"],
        headers: { "x-key": "k" }
      })
      assert.strictEqual(client.link.protocol, "v2")
      const { request } = yield* server.accepted
      assert.deepStrictEqual([request.url, request.headers["x-key"]], [`${url}?token=1`, "k"])
      yield* connect(network, { url: "wss://other.example/deep/path" })
      assert.strictEqual((yield* anywhere.dials).length, 1)
      const elsewhere = yield* Effect.flip(connect(network, { url: "wss://feed.example/other" }))
      assert.strictEqual(elsewhere._tag === "HandshakeRejected" && elsewhere.status, 404)
      const nobody = yield* Effect.flip(connect(network, { url: "wss://nobody.example/" }))
      assert.strictEqual(nobody._tag === "DialFailed" && nobody.kind, "refused")
    })
  )

  it.effect("lets a server decide about each dial", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const answers = [
        TestNetwork.reject(503, { retryAfter: "7 seconds" }),
        TestNetwork.refuse("unreachable"),
        TestNetwork.accept("unasked"),
        TestNetwork.accept()
      ]
      const server = yield* network.serve(url, TestNetwork.silent, {
        answer: () =>
          Effect.delay(
            Effect.sync(() => answers.shift()!),
            "1 second"
          )
      })
      const dial = Effect.gen(function* () {
        const fiber = yield* Effect.forkScoped(Effect.exit(connect(network)))
        yield* TestClock.adjust("1 second")
        return yield* Fiber.join(fiber)
      })
      const rejected = yield* Effect.flip(Effect.flatten(dial))
      assert.strictEqual(rejected._tag, "HandshakeRejected")
      assert.include(rejected.message, "HTTP 503, retry after 7s")
      const unreachable = yield* Effect.flip(Effect.flatten(dial))
      assert.strictEqual(unreachable._tag === "DialFailed" && unreachable.kind, "unreachable")
      const protocol = yield* Effect.flip(Effect.flatten(dial))
      assert.strictEqual(protocol._tag === "DialFailed" && protocol.kind, "protocol")
      assert.isTrue(Exit.isSuccess(yield* dial))
      assert.strictEqual((yield* server.dials).length, 4)
    })
  )

  it.effect("runs scripts that receive, answer and end with their socket", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const seen: Array<string> = []
      yield* network.serve(url, (peer) =>
        Effect.gen(function* () {
          const hello = yield* peer.receive
          yield* peer.send([`${String(hello)} to you`, "go on"])
          yield* Stream.runForEach(peer.frames, (frame) => Effect.sync(() => void seen.push(String(frame))))
          seen.push("done")
          yield* peer.receive
          seen.push("never")
        })
      )
      const client = yield* connect(network)
      client.link.write(["hello"])
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(client.frames, ["hello to you", "go on"])
      client.link.write(["one", "two"])
      client.link.close(1000, "")
      yield* client.ended
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(seen, ["one", "two", "done"])
      assert.isFalse((yield* network.history).some((event) => event._tag === "ScriptFailed"))
    })
  )

  it.effect("closes with 1011 when a script fails, and remembers it", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, () => Effect.fail("out of stock"))
      const client = yield* connect(network)
      const error = yield* client.ended
      assert.strictEqual(error._tag === "ConnectionClosed" && error.code, 1011)
      const failed = (yield* network.history).find((event) => event._tag === "ScriptFailed")
      assert.include(String(failed?.cause), "out of stock")
    })
  )

  it.effect("holds a sender back while the other side does not read", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ window: 1000 })
      const server = yield* network.serve(url)
      const client = yield* connect(network)
      const peer = yield* server.accepted
      client.link.pause()
      const sending = yield* Effect.forkScoped(peer.send(Array.from({ length: 10 }, () => "x".repeat(498))))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(client.frames, [])
      assert.isUndefined(sending.pollUnsafe())
      client.link.resume()
      yield* TestClock.adjust(0)
      assert.strictEqual(client.frames.length, 10)
      yield* Fiber.join(sending)

      yield* peer.pause
      client.link.write(Array.from({ length: 200 }, () => "y".repeat(998)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(client.link.buffered(), 199_000)
      yield* peer.resume
      yield* TestClock.adjust(0)
      assert.strictEqual(client.link.buffered(), 0)
      assert.deepStrictEqual(client.log.filter((line) => line.endsWith("drained")).length, 1)
    })
  )

  it.effect("abandons a dial that is interrupted, whatever the server does later", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 10 })
      const server = yield* network.serve(url, TestNetwork.echo)
      for (const moment of [0, 10, 25, 35]) {
        const dialing = yield* Effect.forkScoped(connect(network))
        yield* TestClock.adjust(moment)
        yield* Fiber.interrupt(dialing)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([yield* network.open, yield* network.dialing], [0, 0])
        assert.strictEqual((yield* server.connections).length, 0)
      }
      assert.strictEqual((yield* network.history).filter((event) => event._tag === "DialAbandoned").length, 4)
    })
  )

  it.effect("stops a server and starts it again", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const server = yield* network.serve(url)
      const client = yield* connect(network)
      yield* server.stop
      assert.strictEqual((yield* client.ended)._tag, "ConnectionDropped")
      assert.strictEqual((yield* Effect.flip(connect(network)))._tag, "DialFailed")
      yield* network.serve(url)
      yield* connect(network)
      assert.strictEqual(yield* network.open, 1)
    })
  )

  it.effect("acts like a browser when told to", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ platform: "browser" })
      yield* network.serve(url, TestNetwork.silent, { answer: () => Effect.succeed(TestNetwork.reject(401)) })
      const hidden = yield* Effect.flip(connect(network))
      assert.strictEqual(hidden._tag === "DialFailed" && hidden.kind, "unknown")
      const headers = yield* Effect.flip(connect(network, { headers: { "x-key": "k" } }))
      assert.strictEqual(headers._tag, "InvalidOptions")
    })
  )

  // A client that talks all the time and comes back whenever it is cut off.
  const story = (seed: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ seed, latency: 15, jitter: 10, loss: 0.02 })
        yield* network.serve(url, TestNetwork.echo)
        const log: Array<string> = []
        const session = Effect.gen(function* () {
          const client = yield* connect(network)
          for (let count = 0; count < 40; count++) {
            client.link.write([`message ${count}`])
            yield* Effect.sleep("500 millis")
          }
          yield* client.leave
          log.push(...client.log)
        })
        const life = session.pipe(Effect.timeoutOption("30 seconds"), Effect.ignore, Effect.forever)
        yield* Effect.forkScoped(Effect.scoped(life))
        yield* Effect.forkScoped(network.play(FaultSchedule.make({ seed, within: "9 minutes" })))
        yield* TestClock.adjust("10 minutes")
        return JSON.stringify({ log, history: yield* network.history })
      })
    )

  it.effect("tells the same story for the same seed, and another for another", () =>
    Effect.gen(function* () {
      const start = yield* Effect.flatMap(
        TestClock.testClockWith((clock) => clock.currentTimeMillis),
        Effect.succeed
      )
      const first = yield* Effect.provide(story(3), TestClock.layer())
      const second = yield* Effect.provide(story(3), TestClock.layer(), { local: true })
      const third = yield* Effect.provide(story(4), TestClock.layer(), { local: true })
      assert.strictEqual(first, second)
      assert.notStrictEqual(first, third)
      assert.isAbove(first.length, 5000)
      assert.strictEqual(start, 0)
    })
  )

  /** The waits that a policy chose while no dial came through. */
  const waits = (seed: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ seed })
        const delays: Array<number> = []
        const connecting = Effect.gen(function* () {
          const connection = yield* Connection.make("feed", { target: url, startup: "lazy" })
          yield* Stream.runForEach(connection.events, (event) =>
            Effect.sync(() => event._tag === "RetryScheduled" && delays.push(Duration.toMillis(event.delay)))
          ).pipe(Effect.forkScoped({ startImmediately: true }))
          yield* Effect.forkScoped(Effect.ignore(connection.restart()))
          yield* TestClock.adjust("5 minutes")
        })
        yield* network.provide(connecting)
        assert.isAbove(delays.length, 5)
        return delays
      })
    )

  it.effect("seeds what a policy draws too, for what it provides, but keeps a Random that the test gave", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* waits(3), yield* waits(3))
      assert.notDeepEqual(yield* waits(3), yield* waits(4))
      const own = yield* Random.withSeed(waits(3), "own")
      assert.deepStrictEqual(own, yield* Random.withSeed(waits(4), "own"))
      assert.notDeepEqual(own, yield* waits(3))
    })
  )

  it.effect("draws on through all that one network provides, as one process does", () =>
    Effect.gen(function* () {
      const drawn = Effect.gen(function* () {
        const network = yield* TestNetwork.make({ seed: 7 })
        return [yield* network.provide(Random.next), yield* network.provide(network.provide(Random.next))]
      })
      const [first, second] = yield* drawn
      assert.notStrictEqual(first, second)
      assert.deepStrictEqual(yield* drawn, [first, second])
    })
  )
})
