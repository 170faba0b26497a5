/**
 * Proves what a connection makes of silence: a peer that answers no probe is
 * dead after as many as the heartbeat allows, one that talks past its probes
 * too, a passive heartbeat and a data clock have times of their own, a reader
 * that holds the socket back is no dead peer, and a probe on demand is told.
 * Where no probes are sent, what becomes of a tracked message is learnt later.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

const rig = (heartbeat: Heartbeat.Heartbeat, script: TestNetwork.Script = () => Effect.void) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const server = yield* network.serve(url, script)
    const connection = yield* network.provide(
      Connection.make("feed", { target: url, codec: Codec.text, heartbeat, reconnect: Reconnect.prompt })
    )
    const events: Array<ConnectionEvent> = []
    yield* Effect.forkScoped(Stream.runForEach(connection.events, (event) => Effect.sync(() => events.push(event))))
    yield* settle
    const tags = () => events.map(({ _tag }) => _tag)
    const end = () => events.find((event) => event._tag === "SessionEnded")?.error
    return { connection, events, tags, end, network, peer: yield* server.accepted, server }
  })

const pingOf = (message: unknown) =>
  typeof message === "object" && message !== null && "ping" in message ? message.ping : undefined

const count = (tags: ReadonlyArray<string>, tag: string) => tags.filter((one) => one === tag).length

describe("liveness", () => {
  it.effect("a peer that answers is measured", () =>
    Effect.gen(function* () {
      const { connection, tags } = yield* rig(Heartbeat.ping({ every: "10 seconds", timeout: "5 seconds" }))
      yield* TestClock.adjust("35 seconds")
      assert.isAtLeast(count(tags(), "PulseSeen"), 3)
      assert.strictEqual((yield* Connection.metrics(connection)).dials, 1)
    })
  )

  it.effect("a peer that answers nothing is dead after `maxMissed` probes", () =>
    Effect.gen(function* () {
      const { end, network, tags } = yield* rig(
        Heartbeat.ping({ every: "10 seconds", timeout: "5 seconds", maxMissed: 3 })
      )
      yield* network.inject(Fault.halfOpen({ direction: "both" }))
      yield* TestClock.adjust("20 seconds")
      assert.isUndefined(end())
      yield* TestClock.adjust("30 seconds")
      const error = end()
      assert.strictEqual(error?._tag, "PongReceiveTimeout")
      assert.strictEqual(error?._tag === "PongReceiveTimeout" && error.missed, 3)
      assert.strictEqual(count(tags(), "ProbeMissed"), 3)
    })
  )

  it.effect("a peer that answered once and now talks past its probes does not hear us", () =>
    Effect.gen(function* () {
      const { end, network, peer } = yield* rig(
        Heartbeat.ping({ every: "10 seconds", timeout: "5 seconds", maxMissed: 1 })
      )
      yield* TestClock.adjust("15 seconds")
      yield* network.inject(Fault.mutePongs())
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), peer.send("still talking"))))
      yield* TestClock.adjust("25 seconds")
      assert.isUndefined(end())
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(end()?._tag, "PongReceiveTimeout")
    })
  )

  it.effect("a peer that never answered pings but talks is left alone", () =>
    Effect.gen(function* () {
      const { connection, end, network, peer } = yield* rig(
        Heartbeat.ping({ every: "10 seconds", timeout: "5 seconds" })
      )
      yield* network.inject(Fault.mutePongs())
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), peer.send("talk"))))
      yield* Effect.forkScoped(Stream.runDrain(connection.stream))
      yield* TestClock.adjust("5 minutes")
      assert.isUndefined(end())
    })
  )

  it.effect("a passive heartbeat sends nothing, and gives silence its time", () =>
    Effect.gen(function* () {
      const { end, peer } = yield* rig(Heartbeat.passive({ idle: "30 seconds" }))
      yield* TestClock.adjust("25 seconds")
      yield* peer.send("life")
      yield* TestClock.adjust("25 seconds")
      assert.isUndefined(end())
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(end()?._tag, "IdleTimeout")
    })
  )

  it.effect("a reader that holds the socket back keeps a quiet session alive; once it reads, silence counts", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      const server = yield* network.serve(url)
      const connection = yield* network.provide(
        Connection.make("feed", {
          target: url,
          codec: Codec.text,
          heartbeat: Heartbeat.passive({ idle: "30 seconds" }),
          inbox: { highWaterMark: 4, maxStall: "1 hour" }
        })
      )
      const peer = yield* server.accepted
      const ended = yield* Effect.forkScoped(
        Stream.runHead(Stream.filter(connection.events, ({ _tag }) => _tag === "SessionEnded"))
      )
      yield* settle
      yield* peer.send("as long as the mark")
      yield* TestClock.adjust("5 minutes")
      assert.isUndefined(ended.pollUnsafe())
      assert.strictEqual(yield* connection.receive, "as long as the mark")
      yield* TestClock.adjust("40 seconds")
      const event = Option.getOrThrow(yield* Fiber.join(ended))
      assert.strictEqual(event._tag === "SessionEnded" && event.error._tag, "IdleTimeout")
    })
  )

  it.effect("`onlyWhenIdle` leaves out the probes that news made needless, also under an idle rule", () =>
    Effect.gen(function* () {
      for (const idle of [undefined, "25 seconds"] as const) {
        const { peer, tags } = yield* rig(Heartbeat.text({ every: "10 seconds", onlyWhenIdle: true, idle }))
        const sent = () => count(tags(), "ProbeSent")
        yield* TestClock.adjust("1 second")
        yield* peer.send("news")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(sent(), 0, `news at 1 s, idle ${idle}`)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(sent(), 1, `quiet since 10 s, idle ${idle}`)
        yield* peer.send("pong")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(sent(), 1, `the answer is news, idle ${idle}`)
      }
    })
  )

  it.effect("silent data is told first, and then restarts the connection; data in between starts the count again", () =>
    Effect.gen(function* () {
      const { connection, peer, tags } = yield* rig(
        Heartbeat.ping({ every: "10 seconds", timeout: "5 seconds", data: { within: "30 seconds" } })
      )
      yield* TestClock.adjust("35 seconds")
      assert.strictEqual(count(tags(), "DataSilent"), 1)
      yield* peer.send("data")
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(count(tags(), "DataSilent"), 2)
      assert.strictEqual((yield* Connection.metrics(connection)).dials, 1)
      yield* TestClock.adjust("40 seconds")
      assert.isAtLeast((yield* Connection.metrics(connection)).dials, 2)
    })
  )

  it.effect("text probes: only their answer is a pulse, and the reader does not see it", () =>
    Effect.gen(function* () {
      const { connection, tags } = yield* rig(
        Heartbeat.text({ probe: "hb", pulse: "ok", every: "10 seconds", timeout: "5 seconds" }),
        (peer) => peer.listen({ frame: (frame) => void (frame === "hb" && peer.sendUnsafe(["ok", "news"])) })
      )
      const reader = yield* Effect.forkScoped(Stream.runCollect(Stream.take(connection.stream, 2)))
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(yield* Fiber.join(reader), ["news", "news"])
      assert.isAtLeast(count(tags(), "PulseSeen"), 2)
    })
  )

  it.effect("challenges are answered, and are no messages", () =>
    Effect.gen(function* () {
      const heard: Array<unknown> = []
      const { connection, peer } = yield* rig(
        Heartbeat.challengeJson({
          match: (message) => pingOf(message) !== undefined,
          reply: (message) => ({ pong: pingOf(message) })
        }),
        (peer) => peer.listen({ frame: (frame) => void heard.push(frame) })
      )
      yield* peer.send(['{"ping":7}', "not json", '{"data":1}'])
      yield* settle
      assert.deepStrictEqual(heard, ['{"pong":7}'])
      assert.deepStrictEqual([yield* connection.receive, yield* connection.receive], ["not json", '{"data":1}'])
    })
  )

  it.effect("`ping` gives the round trip, and fails when nothing answers or nobody is there", () =>
    Effect.gen(function* () {
      const { connection, network } = yield* rig(Heartbeat.none)
      yield* network.inject(Fault.latency({ latency: 20 }))
      const first = yield* Effect.forkScoped(Connection.ping(connection))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(first)))
      yield* network.inject(Fault.mutePongs())
      const second = yield* Effect.forkScoped(Effect.flip(Connection.ping(connection)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(second))._tag, "PingFailed")
      yield* Effect.forkScoped(connection.close)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Effect.flip(Connection.ping(connection)))._tag, "NotConnected")
    })
  )

  it.effect("without probes a tracked message waits: for `ping`, for the session's loss, or for its clean close", () =>
    Effect.gen(function* () {
      for (const heartbeat of [Heartbeat.none, Heartbeat.passive({ idle: "1 day" })]) {
        const { connection, peer } = yield* rig(heartbeat)
        const depth = Effect.map(Connection.metrics(connection), ({ outbox }) => outbox.messages)
        const asked = yield* Effect.forkScoped(yield* Connection.track(connection, "asked"))
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(asked.pollUnsafe())
        assert.strictEqual(yield* depth, 1)
        yield* Effect.forkScoped(Connection.ping(connection))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(asked), { _tag: "Confirmed", by: "pong" })
        assert.strictEqual(yield* depth, 0)

        const lost = yield* Connection.track(connection, "lost")
        yield* TestClock.adjust("1 hour")
        yield* peer.reset
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* lost, { _tag: "Unknown" })

        const last = yield* Connection.track(connection, "last")
        yield* settle
        yield* connection.close
        assert.deepStrictEqual(yield* last, { _tag: "Confirmed", by: "close" })
      }
    })
  )

  it.effect("a probe with a short deadline finds out what a long timeout would not", () =>
    Effect.gen(function* () {
      const { connection, end, network } = yield* rig(Heartbeat.ping({ every: "1 hour", timeout: "1 hour" }))
      yield* connection.probe({ reason: "the network changed", deadline: "2 seconds" })
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(end())
      yield* network.inject(Fault.halfOpen({ direction: "both" }))
      yield* connection.probe({ reason: "the network changed", deadline: "2 seconds" })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(end()?._tag, "PongReceiveTimeout")
    })
  )

  it.effect("a suspended process suspects, probes, and finds the peer alive", () =>
    Effect.gen(function* () {
      const { end, network, tags } = yield* rig(Heartbeat.ping({ every: "10 seconds", timeout: "5 seconds" }))
      const asleep = Fault.suspend()
      yield* network.inject(asleep)
      yield* TestClock.adjust("10 minutes")
      yield* network.lift(asleep)
      yield* TestClock.adjust("30 seconds")
      assert.isUndefined(end())
      assert.isAtLeast(count(tags(), "PulseSeen"), 1)
    })
  )
})
