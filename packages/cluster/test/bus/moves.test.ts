/**
 * Proves that a reader on the bus follows a name through a fleet: from its owner to
 * the next one, with a `Gap` between, while the kind's consumer still sees it all;
 * that what a stopped owner had under way is not believed any more; and that a
 * `makeFirst` move leaves no marker where the reader has all that came before, and one
 * where it has not.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Inbox from "kharbranth/Inbox"
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

const heartbeat = Heartbeat.ping({ every: "1 second", timeout: "500 millis" })

const Moving = FleetKind.make("moving", {
  params: Schema.Struct({}),
  codec: Codec.text,
  handover: "makeFirst",
  dedupe: (message) => message,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}`, heartbeat }),
  consume: FleetBus.publish
})

/** All processes of a fleet are replaced, one after the other, while the server says numbers and `lose` drops packets. */
const replaced = (lose: (packet: string) => boolean) =>
  Effect.gen(function* () {
    const memory = yield* FleetBus.makeMemory
    const decoder = new TextDecoder()
    const bus = yield* FleetBus.make({
      ...memory,
      publish: (subject, packet) => (lose(decoder.decode(packet)) ? Effect.void : memory.publish(subject, packet))
    })
    return yield* Effect.gen(function* () {
      const fleet = yield* TestFleet.make({ kinds: [Moving], runners: 2, lease: { ttl: "10 seconds" } })
      const server = yield* fleet.network.serve("wss://feed.example/")
      const [first] = yield* fleet.runners
      yield* first!.fleet.ensure(Moving, "a", {})
      const seen: Array<Inbox.Entry<unknown>> = []
      yield* Effect.forkScoped(
        Stream.runForEach(FleetBus.subscribe(Moving, "a"), (entry) => Effect.sync(() => void seen.push(entry)))
      )
      while ((yield* server.connections).length === 0) yield* Effect.sleep("100 millis")
      let n = 0
      yield* Effect.forkScoped(
        Effect.forever(
          Effect.gen(function* () {
            n++
            for (const peer of yield* server.connections) peer.sendUnsafe([`${n}`])
            yield* Effect.sleep("50 millis")
          })
        )
      )
      const owners = new Set<string | undefined>()
      const owner = Effect.gen(function* () {
        const [one] = yield* fleet.runners
        owners.add((yield* one!.fleet.owner("a"))?.holder)
      })
      for (const old of yield* fleet.runners) {
        yield* owner
        yield* fleet.join(`after-${old.name}`)
        yield* Effect.sleep("20 seconds")
        yield* old.leave
        yield* Effect.sleep("20 seconds")
      }
      yield* owner
      return { seen, owners }
    }).pipe(Effect.provideService(FleetBus.FleetBus, bus))
  })

const run = async (lose: (packet: string) => boolean) => {
  const exit = await VirtualTime.run(Effect.scoped(replaced(lose)))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  assert.isAbove(exit.value.owners.size, 1)
  const numbers = exit.value.seen.filter(Inbox.isMessage).map(({ message }) => Number(message))
  const holes = numbers.slice(1).filter((number, index) => number !== numbers[index]! + 1).length
  return { ...exit.value, holes, markers: exit.value.seen.filter(({ _tag }) => _tag === "Gap" || _tag === "Lagged") }
}

describe("a reader on the bus", () => {
  it("finds no marker and no hole when every owner of a makeFirst name is replaced", async () => {
    const { holes, markers, seen } = await run(() => false)
    assert.deepStrictEqual({ holes, markers }, { holes: 0, markers: [] })
    assert.isTrue(seen.some((entry) => entry._tag === "SessionOpened" && entry.rotated))
  })

  it("finds a marker in such a move where the broker lost what came before it, or what says that one follows", async () => {
    for (const isLost of [
      (packet: string) => packet.includes(`"follows"`),
      // The last ones of each owner, as far as that can be told.
      (packet: string) => packet.includes(`"rotated":true`)
    ]) {
      const { holes, markers } = await run(isLost)
      assert.isAtLeast(markers.length, Math.max(1, holes))
    }
  })

  it("follows a name to its next owner and back, with gaps, and hears nothing late of one that was paused", async () => {
    const exit = await VirtualTime.run(Effect.scoped(Effect.provide(program, FleetBus.layerMemory)))
    if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
    const words = exit.value.filter((one) => one !== "SessionOpened")
    // The second gap is the move back to the process that runs again.
    assert.deepStrictEqual(words, ["1", "2", "Gap", "3", "Gap", "4"])
    assert.deepStrictEqual(consumed, ["1", "2", "3", "4"])
  })
})
