/**
 * Proves that a reader on the bus follows a name through a fleet: from its owner to
 * the next one, with a `Gap` between, while the kind's consumer still sees it all;
 * and that what a stopped owner had under way is not believed any more.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetBus from "../../src/FleetBus.ts"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

const consumed: Array<string> = []

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({}),
  codec: Codec.text,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` }),
  consume: (owned) =>
    Stream.runForEach(FleetBus.published(owned), (entry) =>
      Effect.sync(() => {
        if (entry._tag === "Message") consumed.push(entry.message)
      })
    )
})

const program = Effect.gen(function* () {
  const fleet = yield* TestFleet.make({ kinds: [Ticker], runners: 3, lease: { ttl: "10 seconds" } })
  const server = yield* fleet.network.serve("wss://feed.example/")
  const say = (text: string) =>
    Effect.flatMap(server.connections, (peers) => Effect.sync(() => peers.forEach((peer) => peer.sendUnsafe([text]))))
  const seen: Array<unknown> = []
  yield* Effect.forkScoped(
    Stream.runForEach(FleetBus.subscribe(Ticker, "a"), (entry) =>
      Effect.sync(() => void seen.push(entry._tag === "Message" ? entry.message : entry._tag))
    )
  )
  const [first] = yield* fleet.runners
  yield* first!.fleet.ensure(Ticker, "a", {})
  yield* Effect.sleep("10 seconds")
  yield* say("1")
  yield* say("2")
  yield* Effect.sleep("1 second")
  const holder = (yield* first!.fleet.owner("a"))?.holder
  const owner = (yield* fleet.runners).find(({ fleet }) => fleet.holder === holder)!
  yield* owner.pause()
  yield* say("while it is paused")
  yield* Effect.sleep("30 seconds")
  yield* say("3")
  yield* Effect.sleep("1 second")
  yield* owner.resume
  yield* Effect.sleep("5 seconds")
  yield* say("4")
  yield* Effect.sleep("1 second")
  return seen
})

describe("a reader on the bus", () => {
  it("follows a name to its next owner and back, with gaps, and hears nothing late of one that was paused", async () => {
    const exit = await VirtualTime.run(Effect.scoped(Effect.provide(program, FleetBus.layerMemory)))
    if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
    const words = exit.value.filter((one) => one !== "SessionOpened")
    // The second gap is the move back to the process that runs again.
    assert.deepStrictEqual(words, ["1", "2", "Gap", "3", "Gap", "4"])
    assert.deepStrictEqual(consumed, ["1", "2", "3", "4"])
  })
})
