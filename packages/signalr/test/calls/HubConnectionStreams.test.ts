/**
 * Proves streams in both directions over real sockets: order, ends, the one
 * cancellation, bounds under a slow reader, and uploads that stop when nobody
 * wants them any more.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as HubServer from "../../src/testing/HubServer.ts"
import {
  connect,
  eventually,
  failure,
  gate,
  heard,
  isHandshake,
  json,
  messagesIn,
  rawHub,
  rs,
  socket
} from "../support/hub.ts"
import type { RawSocket } from "../support/hub.ts"
import { methods, streams } from "../support/testHub.ts"

// Answers each stream's start by hand.
const streaming =
  (start: (raw: RawSocket, invocationId: unknown, message: Record<string, unknown>) => void) =>
  (raw: RawSocket, frame: string) => {
    if (isHandshake(frame)) return raw.send(`{}${rs}`)
    for (const message of messagesIn(frame))
      if (message["type"] === 4 || message["type"] === 1) start(raw, message["invocationId"], message)
  }
const item = (invocationId: unknown, value: unknown) => json({ type: 2, invocationId, item: value })
const done = (invocationId: unknown, rest: object = {}) => json({ type: 3, invocationId, ...rest })

describe("streams down", () => {
  it.live("C30 C31 C32: type 4 with an id; items arrive in order, as they come; completion completes", () =>
    Effect.gen(function* () {
      const ids: Array<unknown> = []
      const server = yield* rawHub(
        streaming((raw, id) => {
          ids.push(id)
          raw.send(item(id, 1))
        })
      )
      const hub = yield* connect({ url: server.url, ...socket })
      const seen: Array<unknown> = []
      const reader = yield* Effect.forkChild(
        Stream.runForEach(hub.untyped.stream("Numbers", [7]), (n) => Effect.sync(() => seen.push(n)))
      )
      yield* eventually(() => seen.length === 1)
      assert.deepStrictEqual(heard(server.sockets[0]!), [
        { type: 4, invocationId: ids[0], target: "Numbers", arguments: [7] }
      ])
      server.sockets[0]!.send(item(ids[0], 2) + item(ids[0], null) + done(ids[0]))
      yield* Fiber.join(reader)
      assert.deepStrictEqual(seen, [1, 2, null])
      assert.strictEqual(heard(server.sockets[0]!).length, 1)
    })
  )

  it.live("C33: an error comes after the items before it", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url })
      const seen: Array<unknown> = []
      const error = yield* failure(
        Stream.runForEach(hub.untyped.stream("RangeThenThrow", [3]), (n) => Effect.sync(() => seen.push(n)))
      )
      assert.deepStrictEqual(seen, [0, 1, 2])
      assert.strictEqual(error._tag, "HubMethodError")
      assert.include(error.message, "stream failed")
    })
  )

  it.live("C34 C35: stop and loss fail open streams, after what had arrived", () =>
    Effect.gen(function* () {
      for (const end of ["stop", "loss"]) {
        const server = yield* rawHub(streaming((raw, id) => raw.send(item(id, 1))))
        const hub = yield* connect({ url: server.url, ...socket })
        const seen: Array<unknown> = []
        const reader = yield* Effect.forkChild(
          failure(Stream.runForEach(hub.untyped.stream("S"), (n) => Effect.sync(() => seen.push(n))))
        )
        yield* eventually(() => seen.length === 1)
        if (end === "stop") yield* hub.stop
        else server.sockets[0]!.cut()
        const error = yield* Fiber.join(reader)
        assert.strictEqual(error._tag, "InvocationCancelled")
        assert.isTrue(error.sent)
      }
    })
  )

  it.live("C36: leaving a stream sends exactly one Cancel with its id", () =>
    Effect.gen(function* () {
      const ids: Array<unknown> = []
      const server = yield* rawHub(
        streaming((raw, id) => {
          ids.push(id)
          raw.send(item(id, 1) + item(id, 2) + item(id, 3))
        })
      )
      const hub = yield* connect({ url: server.url, ...socket })
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(hub.untyped.stream("S"), 2)), [1, 2])
      const reader = yield* Effect.forkChild(Stream.runDrain(hub.untyped.stream("S")))
      yield* eventually(() => ids.length === 2)
      yield* Fiber.interrupt(reader)
      yield* eventually(() => heard(server.sockets[0]!).length === 4)
      const cancels = heard(server.sockets[0]!).filter((message) => message["type"] === 5)
      assert.deepStrictEqual(
        cancels,
        ids.map((invocationId) => ({ type: 5, invocationId }))
      )
    })
  )

  it.live("C37 C38: a reader that fails ends its stream, with a Cancel, and the connection lives", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url })
      const error = yield* failure(
        Stream.runForEach(hub.untyped.stream("Range", [0, 1000, 1]), () => Effect.fail("enough" as const))
      )
      assert.strictEqual(error, "enough")
      yield* eventually(
        () => server.clients()[0]?.received.some((message) => message._tag === "CancelInvocation") === true
      )
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["alive"]), "alive")
    })
  )

  it.live("a slow reader holds the socket back, and calls beside it go on once it reads", () =>
    Effect.gen(function* () {
      let sent = 0
      const payload = "x".repeat(1000)
      const server = yield* HubServer.make({
        methods,
        streams: { Flood: () => Stream.map(Stream.range(1, 20_000), (n) => ((sent = n), payload)) }
      })
      const hub = yield* connect({ url: server.url, streamBuffer: 16 })
      let seen = 0
      const slow = gate()
      const reader = yield* Effect.forkChild(
        Stream.runForEach(hub.untyped.stream("Flood"), () =>
          Effect.suspend(() => (++seen === 1 ? Deferred.await(slow) : Effect.void))
        )
      )
      yield* eventually(() => seen === 1 && sent > 0)
      const { bytesIn } = yield* hub.metrics
      assert.isBelow(bytesIn, 4_000_000)
      yield* Deferred.succeed(slow, undefined)
      yield* Fiber.join(reader)
      assert.strictEqual(seen, 20_000)
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["after"]), "after")
    })
  )

  it.live("a reader that takes nothing for too long loses its stream, not the connection", () =>
    Effect.gen(function* () {
      const server = yield* HubServer.make({ methods, streams })
      const hub = yield* connect({ url: server.url, streamBuffer: 4, maxStall: "50 millis" })
      const stuck = gate()
      const reader = yield* Effect.forkChild(
        failure(Stream.runForEach(hub.untyped.stream("Range", [0, 100_000, 0]), () => Deferred.await(stuck))),
        { startImmediately: true }
      )
      yield* Effect.repeat(hub.metrics, { until: ({ messagesIn }) => messagesIn > 50 })
      // The answer is behind items that nobody takes, until their stream is given up.
      assert.strictEqual(yield* hub.untyped.invoke("Echo", ["alive"]), "alive")
      yield* Deferred.succeed(stuck, undefined)
      const error = yield* Fiber.join(reader)
      assert.strictEqual(error._tag, "StreamOverflow")
      assert.include(error.message, "streamBuffer")
    })
  )

  it.live("a lost stream goes on where the user says", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(
        streaming((raw, id, message) => {
          const [from] = message["arguments"] as [number]
          raw.send(item(id, from) + item(id, from + 1))
          if (raw.nth < 3) raw.cut()
          else raw.send(done(id))
        })
      )
      const hub = yield* connect({ url: server.url, ...socket })
      const stream = hub.untyped.stream("From", [1], {
        resume: (received, last) => (received === 0 ? [1] : [Number(last) + 1])
      })
      const all = yield* Stream.runCollect(stream)
      assert.deepStrictEqual(
        all,
        all.map((_, index) => index + 1)
      )
      assert.isAtLeast(all.length, 2)
      assert.strictEqual(server.sockets.length, 3)
    })
  )
})

const uploading = () => HubServer.make({ methods, streams })

describe("streams up", () => {
  it.live("D39 D42: streamIds lists it, arguments leave it out, its id comes first; items and the end follow", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(streaming(() => {}))
      const hub = yield* connect({ url: server.url, ...socket })
      yield* Effect.forkChild(hub.untyped.invoke("Upload", ["a", Stream.make(1, 2), "b"]), { startImmediately: true })
      yield* eventually(() => heard(server.sockets[0]!).length === 4)
      assert.deepStrictEqual(heard(server.sockets[0]!), [
        { type: 1, invocationId: "2", target: "Upload", arguments: ["a", "b"], streamIds: ["1"] },
        { type: 2, invocationId: "1", item: 1 },
        { type: 2, invocationId: "1", item: 2 },
        { type: 3, invocationId: "1" }
      ])
    })
  )

  it.live("D40 D42: send uploads too, and a failing stream says so", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(streaming(() => {}))
      const hub = yield* connect({ url: server.url, ...socket })
      yield* hub.untyped.send("Upload", [Stream.concat(Stream.make(1), Stream.fail(new Error("ran dry")))])
      yield* eventually(() => heard(server.sockets[0]!).length === 3)
      assert.deepStrictEqual(heard(server.sockets[0]!), [
        { type: 1, target: "Upload", arguments: [], streamIds: ["1"] },
        { type: 2, invocationId: "1", item: 1 },
        { type: 3, invocationId: "1", error: "ran dry" }
      ])
    })
  )

  it.live("D41: streams both ways at once", () =>
    Effect.gen(function* () {
      const server = yield* uploading()
      const hub = yield* connect({ url: server.url })
      assert.deepStrictEqual(
        yield* Stream.runCollect(hub.untyped.stream("Doubled", [Stream.range(1, 50)])),
        Array.from({ length: 50 }, (_, i) => (i + 1) * 2)
      )
    })
  )

  it.live("D43: several streams, adjacent ones included, in any place", () =>
    Effect.gen(function* () {
      const server = yield* uploading()
      const hub = yield* connect({ url: server.url })
      assert.strictEqual(yield* hub.untyped.invoke("SumTwo", [Stream.range(1, 100), Stream.make(1, 2), 10]), 5050 + 30)
    })
  )

  it.live("D44: the server's answer stops the producer, and so does a loss", () =>
    Effect.gen(function* () {
      const server = yield* uploading()
      const hub = yield* connect({ url: server.url })
      let stopped = 0
      const endless = Stream.ensuring(
        Stream.forever(Stream.mapEffect(Stream.make(7), (n) => Effect.delay(Effect.succeed(n), 1))),
        Effect.sync(() => stopped++)
      )
      assert.strictEqual(yield* hub.untyped.invoke("First", [endless]), 7)
      yield* eventually(() => stopped === 1)
      const lost = yield* Effect.forkChild(failure(hub.untyped.invoke("Sum", [endless])), { startImmediately: true })
      yield* eventually(() => server.clients()[0]!.received.filter(({ _tag }) => _tag === "StreamItem").length > 5)
      server.clients()[0]!.cut()
      assert.strictEqual((yield* Fiber.join(lost))._tag, "InvocationCancelled")
      yield* eventually(() => stopped === 2)
    })
  )

  it.live("an interrupted call ends its upload with an error, once", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(streaming(() => {}))
      const hub = yield* connect({ url: server.url, ...socket })
      const call = yield* Effect.forkChild(hub.untyped.invoke("Upload", [Stream.never]), { startImmediately: true })
      yield* eventually(() => heard(server.sockets[0]!).length === 1)
      yield* Fiber.interrupt(call)
      yield* eventually(() => heard(server.sockets[0]!).length === 2)
      assert.deepStrictEqual(heard(server.sockets[0]!)[1], {
        type: 3,
        invocationId: "1",
        error: "The client cancelled the stream."
      })
    })
  )

  it.live("a call interrupted in the turn in which it was made still ends its uploads", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(streaming(() => {}))
      const hub = yield* connect({ url: server.url, ...socket })
      const uploads = [Stream.never, Stream.make(1)]
      const call = yield* Effect.forkChild(hub.untyped.invoke("Upload", uploads), { startImmediately: true })
      yield* Fiber.interrupt(call)
      yield* eventually(() => heard(server.sockets[0]!).length >= 3)
      const [invocation, ...rest] = heard(server.sockets[0]!)
      assert.deepStrictEqual(invocation?.["streamIds"], ["1", "2"])
      const ends = rest.filter(({ type }) => type === 3)
      assert.sameMembers(
        ends.map(({ invocationId }) => invocationId),
        ["1", "2"]
      )
      const endless = ends.find(({ invocationId }) => invocationId === "1")
      assert.strictEqual(endless?.["error"], "The client cancelled the stream.")
    })
  )
})
