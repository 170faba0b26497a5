/**
 * Proves what notices of the store are worth and that nothing depends on them: a name
 * that another process asks for opens at once with them and within a poll without, and a
 * bucket goes to the process that joins without waiting for a renewal.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import type * as FleetEvent from "../../src/FleetEvent.ts"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

type Notices = NonNullable<TestFleet.Options<[]>["notices"]>

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({}),
  codec: Codec.text,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
})

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

const run = async <A>(program: Effect.Effect<A, unknown>): Promise<A> => {
  const exit = await VirtualTime.run(program)
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

const rig = Effect.fnUntraced(function* (notices: Notices) {
  const fleet = yield* TestFleet.make({ kinds: [Ticker], runners: 2, notices, lag: 0 })
  const server = yield* fleet.network.serve("wss://feed.example/")
  yield* Effect.sleep("20 seconds")
  return { fleet, server }
})

/** How long 20 names take to open, wished for one after the other, and 10 of them elsewhere: the longest wait. */
const longestOpening = (notices: Notices) =>
  run(
    Effect.gen(function* () {
      const { fleet, server } = yield* rig(notices)
      const [first] = yield* fleet.runners
      let longest = 0
      for (let n = 0; n < 20; n++) {
        const at = yield* now
        yield* first!.fleet.ensure(Ticker, `name-${n}`, {})
        yield* server.accepted
        longest = Math.max(longest, (yield* now) - at)
        yield* Effect.sleep(130)
      }
      return longest
    }).pipe(Effect.scoped)
  )

/** How long a process that joins waits for the buckets of others, from the first that it gets to the last. */
const joining = (notices: Notices) =>
  run(
    Effect.gen(function* () {
      const { fleet } = yield* rig(notices)
      const asked = yield* now
      const third = yield* fleet.join("r3")
      const claims: Array<number> = []
      const isClaim = ({ _tag }: FleetEvent.FleetEvent) => _tag === "Claimed"
      yield* third.fleet.events.pipe(
        Stream.filter(isClaim),
        Stream.runForEach(() => Effect.map(now, (at) => void claims.push(at))),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* Effect.sleep("20 seconds")
      assert.isNotEmpty(claims)
      return Math.max(...claims) - asked
    }).pipe(Effect.scoped)
  )

describe("notices of the store", () => {
  it("open a name of another process at once, which looks every second without them", async () => {
    const [all, none] = [await longestOpening("all"), await longestOpening("none")]
    console.log(`ensure to open, the longest of 20: ${all} ms, without notices ${none} ms`)
    assert.isAtMost(all, 50)
    assert.isAbove(none, 500)
    assert.isAtMost(none, 1_050)
  })

  it("give a process that joins its share without waiting for a renewal", async () => {
    const [all, none] = [await joining("all"), await joining("none")]
    console.log(`from joining to the last bucket: ${all} ms, without notices ${none} ms`)
    // Three seconds to settle, and a claim.
    assert.isAtMost(all, 4_500)
    assert.isAbove(none, all + 500)
  })

  it("that get lost, come late or twice cost time alone", async () => {
    assert.isAtMost(await longestOpening("some"), 1_050)
  })
})
