/**
 * Proves that a fenced transport works only as long as its right: no dial, no
 * frame in, no frame out once it is over, by either clock; that the socket is cut
 * then; and that a right which is over does not come back.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type * as Transport from "kharbranth/Transport"
import { fenced } from "../../src/internal/fence/fenced.ts"
import { instantOf, Right } from "../../src/internal/fence/right.ts"

const url = "wss://feed.example/"
const nothing = () => {}

const dialing: Transport.Dial = {
  connection: "feed",
  epoch: 1,
  url,
  subprotocols: [],
  headers: {},
  maxMessageSize: 1_024,
  writeMark: { high: 1_024, low: 256 }
}

const rig = Effect.gen(function* () {
  const network = yield* TestNetwork.make()
  const process = yield* network.process("runner")
  const server = yield* network.serve(url, TestNetwork.silent)
  const right = new Right({ bucket: "b", epoch: 1, holder: "h" }, process.clock, instantOf(process.clock), 1_000)
  const transport = fenced(process.transport, right)
  const seen: Array<string> = []
  const receiver: Transport.Receiver = {
    frame: (frame) => void seen.push(String(frame)),
    ping: nothing,
    pong: nothing,
    drained: nothing,
    ended: ({ _tag }) => void seen.push(_tag)
  }
  const open = Effect.gen(function* () {
    const link = yield* transport.dial(dialing, receiver)
    return { link, peer: yield* server.accepted }
  })
  return { network, open, process, receiver, right, seen, server, transport }
})

describe("fenced", () => {
  it.effect("passes frames both ways while the right lasts", () =>
    Effect.gen(function* () {
      const { open, right, seen } = yield* rig
      const { link, peer } = yield* open
      link.write(["out"])
      assert.strictEqual(yield* peer.receive, "out")
      yield* peer.send("in")
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(seen, ["in"])
      assert.isTrue(right.isLive())
    })
  )

  it.effect("a write that is too late cuts the socket and leaves nothing", () =>
    Effect.gen(function* () {
      const { open, seen } = yield* rig
      const { link, peer } = yield* open
      yield* TestClock.adjust(1_000)
      link.write(["late"])
      link.ping(new Uint8Array())
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(seen, ["ConnectionDropped"])
      assert.deepStrictEqual(yield* peer.ended, { _tag: "Dropped" })
      assert.strictEqual((yield* Effect.flip(peer.receive))._tag, "Done")
    })
  )

  it.effect("a frame that comes too late is not delivered", () =>
    Effect.gen(function* () {
      const { open, seen } = yield* rig
      const { peer } = yield* open
      yield* TestClock.adjust(1_000)
      yield* peer.send("late")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(seen, ["ConnectionDropped"])
    })
  )

  it.effect("after a pause the frames that waited in the kernel are not delivered", () =>
    Effect.gen(function* () {
      const { network, open, seen } = yield* rig
      const { peer } = yield* open
      const pause = Fault.suspend("runs", { process: "runner" })
      yield* network.inject(pause)
      yield* peer.send("stale")
      yield* TestClock.adjust("10 seconds")
      yield* network.lift(pause)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(seen, ["ConnectionDropped"])
    })
  )

  it.effect("a machine that slept is late too, though its monotonic clock stood still", () =>
    Effect.gen(function* () {
      const { network, right } = yield* rig
      const sleep = Fault.suspend("stops", { process: "runner" })
      yield* network.inject(sleep)
      yield* TestClock.adjust("10 seconds")
      yield* network.lift(sleep)
      assert.isFalse(right.isLive())
    })
  )

  it.effect("a wall clock that is set back prolongs nothing", () =>
    Effect.gen(function* () {
      const { network, right } = yield* rig
      yield* network.inject(Fault.wallClock("-1 hour", { process: "runner" }))
      yield* TestClock.adjust(1_000)
      assert.isFalse(right.isLive())
    })
  )

  it.effect("no dial leaves once the right is over, and none opens that it overtook", () =>
    Effect.gen(function* () {
      const { open, receiver, right, server, transport } = yield* rig
      const { peer } = yield* open
      right.revoke()
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(yield* peer.ended, { _tag: "Dropped" })
      const error = yield* Effect.flip(transport.dial(dialing, receiver))
      assert.strictEqual(error._tag, "DialFailed")
      assert.lengthOf(yield* server.dials, 1)
    })
  )

  it.effect("a renewal prolongs a right that lasts, and wakes none that is over", () =>
    Effect.gen(function* () {
      const { process, right } = yield* rig
      yield* TestClock.adjust(500)
      assert.isTrue(right.extend(instantOf(process.clock), 1_000))
      yield* TestClock.adjust(900)
      assert.isTrue(right.isLive())
      const asked = instantOf(process.clock)
      yield* TestClock.adjust(100)
      assert.isFalse(right.extend(asked, 1_000))
      assert.isFalse(right.isLive())
      assert.isAtMost(right.left(), 0)
    })
  )
})
