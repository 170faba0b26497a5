// Proves in virtual time what a fleet of 1,000 connections under one budget of
// 200 dials a second does when their server cuts all of them at once: no second
// ever sees more dials than the budget, all are Ready within 1.2 times the least
// that it allows, and closing the manager's scope leaves no fiber, no timer and
// no socket.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { Transport } from "../../src/Transport.ts"
import { plain, url } from "./managerRig.ts"
import { census } from "../simulation/census.ts"
import { clock, now, run } from "../support/virtual.ts"

const count = 1_000
const limit = 200

/** The most dials in any second; times ascend. */
const peakOf = (times: ReadonlyArray<number>): number => {
  let [peak, first] = [0, 0]
  for (const [last, at] of times.entries()) {
    while (times[first]! <= at - 1_000) first++
    peak = Math.max(peak, last - first + 1)
  }
  return peak
}

const program = Effect.gen(function* () {
  const network = yield* TestNetwork.make({ seed: 3, latency: 5, jitter: 5 })
  const server = yield* network.serve(url, TestNetwork.silent)
  const left = census(yield* clock)
  const scope = yield* Scope.make()
  const manager = yield* ConnectionManager.make({
    budget: { policy: { limits: { limit, window: "1 second" } } }
  }).pipe(Effect.provideService(Transport, network.transport), Scope.provide(scope), left.count)
  const open = Effect.forEach(Array.from({ length: count }), (_, index) =>
    // A reader each, which ends with its connection: a connection alone has no fiber.
    Effect.flatMap(manager.connect(`feed ${index}`, { ...plain, startup: "background" }), ({ stream }) =>
      Effect.forkDetach(Effect.ignore(Stream.runDrain(stream)), { startImmediately: true })
    )
  )
  yield* left.count(open)
  yield* manager.awaitReady()
  const fibers = left.fibers()
  yield* Effect.sleep("20 seconds")
  const before = yield* now
  yield* network.inject(Fault.reset())
  // Until every client has seen the cut.
  yield* Effect.sleep(100)
  yield* manager.awaitReady()
  const took = (yield* now) - before
  const times = (yield* server.dials).map(({ at }) => at).toSorted((a, b) => a - b)
  yield* Scope.close(scope, Exit.void)
  // The fiber that closed the last of them ends in this turn.
  yield* Effect.sleep(1)
  return { took, times, fibers, left: [left.fibers(), left.sleeps(), yield* network.open, yield* network.dialing] }
})

describe("1,000 connections cut at once, 200 dials a second", () => {
  it("never exceed the budget, are back in time, and leave nothing", async ({ annotate }) => {
    const { fibers, left, times, took } = await run(program)
    assert.strictEqual(times.length, 2 * count)
    assert.strictEqual(peakOf(times), limit)
    assert.isAtMost(took, (count / limit - 1) * 1_000 * 1.2)
    assert.isAtLeast(fibers, count, "a census that sees no fibers proves little")
    assert.deepStrictEqual(left, [0, 0, 0, 0], "fibers, timers, sockets, dials")
    await annotate(`Ready after ${took} ms`)
  })
})
