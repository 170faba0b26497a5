/**
 * Conformance: what is sent is what arrives, both ways, in order and in kind.
 */
import * as Effect from "effect/Effect"
import type { Frame } from "../../../Message.ts"
import * as Message from "../../../Message.ts"
import type { Case, RigPeer } from "../../TransportRig.ts"
import { Broken } from "../../TransportRig.ts"
import { sizeOf } from "../../../internal/model/frame.ts"
import { expect, finish, make, pair, same, sameFrames } from "./client.ts"

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 31) & 0xff)

const samples: ReadonlyArray<readonly [string, Frame]> = [
  ["empty text", ""],
  ["one character", "x"],
  ["unicode text", "zażółć 网络 👋🏽 \u0000 end"],
  ["70 KB of text", "é".repeat(35_000)],
  ["empty bytes", bytes(0)],
  ["one byte", bytes(1)],
  ["126 bytes", bytes(126)],
  ["70 KB of bytes", bytes(70_000)]
]

/** The next so many data frames at the server. */
export const framesAt = (peer: RigPeer, count: number) =>
  Effect.gen(function* () {
    const frames: Array<Frame> = []
    while (frames.length < count) {
      const message = yield* peer.receive
      if (message._tag === "Text" || message._tag === "Binary") frames.push(Message.toFrame(message))
    }
    return frames
  })

const roundTrip = ([name, frame]: readonly [string, Frame]) =>
  make(
    `round trip: ${name}`,
    Effect.gen(function* () {
      const { client, peer } = yield* pair()
      client.link.write([frame])
      yield* sameFrames(yield* framesAt(peer, 1), [frame], "what the server received")
      yield* peer.send([frame])
      yield* sameFrames(yield* client.untilFrames(1), [frame], "what the client received")
      const [said] = client.said
      if (said?._tag !== "Frame") return yield* new Broken({ issue: "no frame was reported" })
      yield* same(said.size, sizeOf(frame), "the reported size")
      yield* finish(client)
    })
  )

const mixed = (count: number): ReadonlyArray<Frame> =>
  Array.from({ length: count }, (_, index) => (index % 3 === 0 ? bytes(index % 200) : `message ${index}`))

const outOrder = make(
  "1,000 frames of one batch arrive at the server in order",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const frames = mixed(1000)
    client.link.write(frames)
    yield* sameFrames(yield* framesAt(peer, 1000), frames, "what the server received")
    yield* finish(client)
  })
)

const outBatches = make(
  "batches arrive in the order of their writes, and an empty one is nothing",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    client.link.write(["a", "b"])
    client.link.write([])
    client.link.write(["c"])
    yield* sameFrames(yield* framesAt(peer, 3), ["a", "b", "c"], "what the server received")
    yield* finish(client)
  })
)

const inOrder = make(
  "1,000 frames arrive at the client in order",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const frames = mixed(1000)
    yield* peer.send(frames)
    yield* sameFrames(yield* client.untilFrames(1000), frames, "what the client received")
    yield* finish(client)
  })
)

const unshared = make(
  "received bytes do not change when more arrives",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const frames = Array.from({ length: 50 }, (_, index) => new Uint8Array(1000).fill(index))
    for (const frame of frames) yield* peer.send([frame])
    yield* sameFrames(yield* client.untilFrames(50), frames, "what the client kept")
    yield* finish(client)
  })
)

const part = make(
  "a view into a larger buffer is sent as that part alone",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const view = bytes(100).subarray(10, 20)
    client.link.write([view])
    yield* sameFrames(yield* framesAt(peer, 1), [view], "what the server received")
    yield* finish(client)
  })
)

const limit = 1000

const withinLimit = make(
  "a message of exactly the allowed size arrives",
  Effect.gen(function* () {
    const { client, peer } = yield* pair({}, { maxMessageSize: limit })
    const frames = [bytes(limit), "é".repeat(limit / 2)]
    yield* peer.send(frames)
    yield* sameFrames(yield* client.untilFrames(2), frames, "what the client received")
    yield* finish(client)
  })
)

const beyondLimit = (kind: string, frame: Frame) =>
  make(
    `${kind} beyond the allowed size ends the link with MessageTooLarge`,
    Effect.gen(function* () {
      const { client, peer } = yield* pair({}, { maxMessageSize: limit })
      yield* peer.send(["fits", frame])
      const error = yield* client.ended
      yield* sameFrames(client.frames(), ["fits"], "what the client received")
      if (error._tag !== "MessageTooLarge") {
        return yield* new Broken({ issue: `too large a message ended the link with ${error._tag}` })
      }
      yield* same(error.max, limit, "the maximum in the error")
      yield* expect(error.size === undefined || error.size > limit, `its size is ${error.size}`)
      yield* finish(client)
    })
  )

export const cases: ReadonlyArray<Case> = [
  ...samples.map(roundTrip),
  outOrder,
  outBatches,
  inOrder,
  unshared,
  part,
  withinLimit,
  beyondLimit("bytes", bytes(limit + 1)),
  beyondLimit("text", "é".repeat(limit / 2 + 1))
]
