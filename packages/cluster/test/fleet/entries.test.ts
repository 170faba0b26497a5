/**
 * Proves that what a name receives can be read in any process: it follows the name
 * from owner to owner, a marker stands wherever something is missing, although the
 * engine resumes streams in silence, and what cannot travel says so.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Inbox from "kharbranth/Inbox"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import { Marker } from "../../src/internal/entries/marker.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({}),
  codec: Codec.json,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
})

const Dated = FleetKind.make("dated", {
  params: Schema.Struct({}),
  codec: Codec.make({ encode: () => "", decode: (frame) => ({ at: [new Date(String(frame))] }) }),
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
})

interface Parts {
  readonly fleet: TestFleet.TestFleet
  readonly say: (text: string) => Effect.Effect<void>
  readonly owner: TestFleet.TestRunner
  readonly reader: TestFleet.TestRunner
}

const story = (tell: (parts: Parts) => Effect.Effect<void, unknown, Scope.Scope>) => async () => {
  const program = Effect.gen(function* () {
    const fleet = yield* TestFleet.make({ kinds: [Ticker, Dated], runners: 3, lease: { ttl: "10 seconds" } })
    const server = yield* fleet.network.serve("wss://feed.example/")
    const [first] = yield* fleet.runners
    yield* first!.fleet.ensure(Ticker, "a", {})
    yield* first!.fleet.ensure(Dated, "d", {})
    yield* Effect.sleep("10 seconds")
    const runners = yield* fleet.runners
    const lease = yield* first!.fleet.owner("a")
    const owner = runners.find((runner) => runner.fleet.holder === lease?.holder)!
    const say = (text: string) =>
      Effect.flatMap(server.connections, (peers) => Effect.sync(() => peers.forEach((peer) => peer.sendUnsafe([text]))))
    yield* tell({ fleet, say, owner, reader: runners.find((runner) => runner !== owner)! })
  })
  const exit = await VirtualTime.run(Effect.scoped(program))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
}

const reading = ({ fleet, process }: TestFleet.TestRunner, seen: Array<unknown>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      process.provide(
        Stream.runForEach(fleet.entries(Ticker, "a"), (entry) =>
          Effect.sync(() => void seen.push(entry._tag === "Message" ? entry.message : entry._tag))
        )
      )
    )
    yield* Effect.sleep("1 second")
    return fiber
  })

const lease = (epoch: number) => ({ bucket: "b", holder: `h${epoch}`, epoch })
const seenAt = (epoch: number, sequence: number, entry: Inbox.Entry<unknown> = Inbox.message(1, sequence)) => ({
  lease: lease(epoch),
  opening: 0,
  sequence,
  entry
})
const tagsOf = (entries: ReadonlyArray<Inbox.Entry<unknown>>) =>
  entries.map((entry) => (entry._tag === "Message" ? entry.message : entry._tag))

describe("entries from another process", () => {
  it(
    "arrive as they are, in order, while the owner stays",
    story(({ reader, say }) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        yield* reading(reader, seen)
        yield* say("1")
        yield* say('{"two":[2,null]}')
        yield* say('"three"')
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(seen, ["SessionOpened", 1, { two: [2, null] }, "three"])
      })
    )
  )

  it(
    "go on at the next owner, with a gap where the name moved",
    story(({ owner, reader, say }) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        yield* reading(reader, seen)
        yield* say("1")
        yield* Effect.sleep("1 second")
        yield* owner.kill
        yield* Effect.sleep("20 seconds")
        yield* say("2")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(
          seen.filter((one) => one !== "SessionOpened"),
          [1, "Gap", 2]
        )
      })
    )
  )

  it(
    "end when the name is released, and fail where the fleet never had it",
    story(({ owner, reader }) =>
      Effect.gen(function* () {
        const fiber = yield* reading(reader, [])
        yield* owner.process.provide(owner.fleet.release("a"))
        yield* Effect.sleep("3 seconds")
        yield* Fiber.join(fiber)
        const error = yield* Effect.flip(
          reader.process.provide(Stream.runDrain(reader.fleet.entries(Ticker, "nobody")))
        )
        assert.strictEqual(error._tag, "NameNotFound")
      })
    )
  )

  it(
    "are refused where JSON would change them, with the place",
    story(({ fleet, say }) =>
      Effect.gen(function* () {
        const [any] = yield* fleet.runners
        const holder = (yield* any!.fleet.owner("d"))?.holder
        const other = (yield* fleet.runners).find((runner) => runner.fleet.holder !== holder)!
        const read = yield* Effect.forkChild(
          other.process.provide(Effect.flip(Stream.runDrain(other.fleet.entries(Dated, "d"))))
        )
        yield* Effect.sleep("1 second")
        yield* say("2026-11-28")
        yield* Effect.sleep("1 second")
        const error = yield* Fiber.join(read)
        assert.deepInclude(error, { _tag: "CannotTravel", path: "message.at[0]" })
        assert.include(error.message, "`consume`")
      })
    )
  )
})

describe("markers", () => {
  it("stand where numbers are missing, and count them", () => {
    const marker = new Marker("a", () => 0)
    const all = [seenAt(1, 4), seenAt(1, 5), seenAt(1, 9)].flatMap((seen) => marker.mark(seen))
    assert.deepStrictEqual(tagsOf(all), [4, 5, "Lagged", 9])
    assert.deepInclude(all[2], { dropped: 3, atMost: true })
  })

  it("are not doubled where the owner put one already", () => {
    const marker = new Marker("a", () => 0)
    const gap = Inbox.gap({ epoch: 1, from: 0, to: 1, cause: undefined as never, resumed: undefined })
    const all = [seenAt(1, 0), seenAt(1, -1, Inbox.lagged(7)), seenAt(1, 8), seenAt(2, 0, gap), seenAt(2, 1)].flatMap(
      (seen) => marker.mark(seen)
    )
    assert.deepStrictEqual(tagsOf(all), [0, "Lagged", 8, "Gap", 1])
  })

  it("stand where another owner goes on; what an older one still sends, or sends again, is left out", () => {
    const marker = new Marker("a", () => 0)
    const all = [seenAt(1, 0), seenAt(1, 0), seenAt(2, 0), seenAt(1, 1), seenAt(2, 1)].flatMap((seen) =>
      marker.mark(seen)
    )
    assert.deepStrictEqual(tagsOf(all), [0, "Gap", 0, 1])
  })
})
