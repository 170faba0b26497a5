/**
 * Conformance: backpressure both ways, pings, and what `received` sees.
 */
import * as Effect from "effect/Effect"
import type { Case, RigPeer } from "../../TransportRig.ts"
import { expect, finish, make, pair, same, sameFrame, sameFrames, settle } from "./client.ts"
import { framesAt } from "./messages.ts"

// More than the two kernels of a loopback connection hold between them.
const blockSize = 64 * 1024
const manyBlocks = 512
const blocks = Array.from({ length: manyBlocks }, (_, index) => new Uint8Array(blockSize).fill(index & 0xff))

const watermarks = make(
  "buffered grows while the server does not read, and drained comes once at the low mark",
  Effect.gen(function* () {
    const marks = { high: 1 << 20, low: 1 << 18 }
    const { client, peer } = yield* pair({}, { writeMark: marks })
    yield* peer.pause
    const atDrain: Array<number> = []
    client.watch((said) => said._tag === "Drained" && atDrain.push(client.link.buffered()))
    client.link.write(blocks)
    yield* expect(client.link.buffered() >= marks.high, `buffered is ${client.link.buffered()} with nobody reading`)
    yield* settle
    yield* same(atDrain.length, 0, "how often drained was called with nobody reading")
    yield* peer.resume
    yield* client.until((said) => said.some((one) => one._tag === "Drained"))
    yield* expect(atDrain[0]! <= marks.low, `buffered was ${atDrain[0]} when drained was called`)
    const arrived = yield* framesAt(peer, manyBlocks)
    const wrong = arrived.findIndex((frame, index) => !(frame instanceof Uint8Array) || frame[0] !== (index & 0xff))
    yield* same(wrong, -1, "the first block out of order")
    yield* same(atDrain.length, 1, "how often drained was called")
    yield* same(client.link.buffered(), 0, "buffered in the end")
    yield* finish(client)
  })
)

const unprovoked = make(
  "drained is not called below the high mark",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    client.link.write(["small"])
    yield* framesAt(peer, 1)
    yield* settle
    yield* same(client.said.length, 0, "how much was reported")
    yield* finish(client)
  })
)

const pause = make(
  "pause holds frames back, resume lets them come, in order",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    client.link.pause()
    const sent = yield* Effect.forkScoped(peer.send(blocks))
    // The same, later, to a link that reads: once it has everything, the first could have had it too.
    const other = yield* pair()
    yield* Effect.forkScoped(other.peer.send(blocks))
    yield* other.client.untilFrames(manyBlocks)
    yield* other.client.leave
    const early = client.frames().length
    yield* expect(early < manyBlocks / 2, `${early} of ${manyBlocks} frames arrived while paused`)
    client.link.resume()
    const frames = yield* client.untilFrames(manyBlocks)
    const wrong = frames.findIndex((frame, index) => !(frame instanceof Uint8Array) || frame[0] !== (index & 0xff))
    yield* same(wrong, -1, "the first block out of order")
    sent.interruptUnsafe()
    yield* finish(client)
  }),
  ["pause"]
)

const pauseTwice = make(
  "pausing and resuming twice is the same as once",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    client.link.pause()
    client.link.pause()
    yield* peer.send(["late"])
    client.link.resume()
    client.link.resume()
    yield* sameFrames(yield* client.untilFrames(1), ["late"], "what arrived after resume")
    yield* finish(client)
  }),
  ["pause"]
)

const awaitPing = (peer: RigPeer) =>
  Effect.gen(function* () {
    while (true) {
      const message = yield* peer.receive
      if (message._tag === "Ping" || message._tag === "Pong") return message
    }
  })

const pong = make(
  "a ping is answered with its payload",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const payload = new Uint8Array([1, 2, 3, 250])
    client.link.ping(payload)
    const seen = yield* awaitPing(peer)
    yield* expect(seen._tag === "Ping" && sameFrame(seen.payload, payload), "the server saw another ping")
    yield* client.until((said) => said.some((one) => one._tag === "Pong"))
    const answer = client.said.find((one) => one._tag === "Pong")
    yield* expect(answer?._tag === "Pong" && sameFrame(answer.payload, payload), "the pong has another payload")
    yield* finish(client)
  }),
  ["ping"]
)

const emptyPing = make(
  "a ping may be empty",
  Effect.gen(function* () {
    const { client } = yield* pair()
    client.link.ping(new Uint8Array(0))
    yield* client.until((said) => said.some((one) => one._tag === "Pong" && one.payload.length === 0))
    yield* finish(client)
  }),
  ["ping"]
)

const serverPing = make(
  "a server's ping is reported, and answered once",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const payload = new Uint8Array([9, 8, 7])
    yield* peer.ping(payload)
    yield* client.until((said) => said.some((one) => one._tag === "Ping" && sameFrame(one.payload, payload)))
    const answer = yield* awaitPing(peer)
    yield* expect(answer._tag === "Pong" && sameFrame(answer.payload, payload), "the server got another answer")
    client.link.write(["behind it"])
    const next = yield* peer.receive
    yield* same(next._tag, "Text", "what follows the only pong")
    yield* finish(client)
  }),
  ["ping"]
)

const serverPingUnseen = make(
  "a server's ping is answered by the platform",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    yield* peer.ping(new Uint8Array([4, 5]))
    const answer = yield* awaitPing(peer)
    yield* expect(answer._tag === "Pong" && sameFrame(answer.payload, new Uint8Array([4, 5])), "not answered in kind")
    yield* finish(client)
  })
)

const receivedFrames = make(
  "received grows with every frame",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const seen = [client.link.received()]
    for (let count = 1; count <= 3; count++) {
      yield* peer.send(["x"])
      yield* client.untilFrames(count)
      seen.push(client.link.received())
    }
    yield* expect(
      seen.every((value, index) => index === 0 || value > seen[index - 1]!),
      `received was ${seen.join(", ")} around three frames`
    )
    yield* finish(client)
  })
)

const receivedBytes = make(
  "received grows before a large message is complete",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const before = client.link.received()
    const message = new Uint8Array(100_000).fill(7)
    const rest = yield* peer.begin(message)
    // A control frame may come between two fragments. It shows when the first is here.
    yield* peer.ping(new Uint8Array([1]))
    yield* client.until((said) => said.some((one) => one._tag === "Ping"))
    yield* same(client.frames().length, 0, "the number of complete frames")
    const grown = client.link.received() - before
    yield* expect(grown >= 50_000, `received grew by ${grown} for a first half of 50,000 bytes`)
    yield* rest
    yield* sameFrames(yield* client.untilFrames(1), [message], "the whole message")
    yield* finish(client)
  }),
  ["bytes", "ping"]
)

export const cases: ReadonlyArray<Case> = [
  watermarks,
  unprovoked,
  pause,
  pauseTwice,
  pong,
  emptyPing,
  serverPing,
  serverPingUnseen,
  receivedFrames,
  receivedBytes
]
