/**
 * One feed over two lines that die in turn; what it proves is said in
 * PoolRedundant.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as ConnectionPool from "../../src/ConnectionPool.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, plain } from "../manager/managerRig.ts"
import { run } from "../support/virtual.ts"

const hosts = ["a.example", "b.example"] as const
const turns = 10
/** Every outage starts from the beginning: no line is down for longer than half a turn. */
const reconnect = Reconnect.make({ schedule: Reconnect.prompt.schedule, stableAfter: "200 millis" })
const numbersEachTurn = 100

/** Reads everything while the lines die in turn; what was seen, how many were said, and what the pool says of itself. */
const history = (seed: number) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed, latency: 5, jitter: 20 })
    const servers = yield* Effect.forEach(hosts, (host) => network.serve(`wss://${host}/ws`, TestNetwork.silent))
    const manager = yield* ConnectionManager.make().pipe(network.provide)
    // Its chance is the network's too: without it a seed would not replay a history.
    const pool = yield* network.provide(
      ConnectionPool.redundant(manager, "md", {
        line: (index) => ({ ...plain, target: `wss://${hosts[index]!}/ws`, reconnect }),
        key: (text) => text
      })
    )
    const seen: Array<number> = []
    yield* fork(Stream.runForEach(pool.stream, (text) => Effect.sync(() => seen.push(Number(text)))))
    yield* manager.awaitReady()
    yield* Effect.sleep(100)
    let said = 0
    for (let turn = 0; turn < turns; turn++) {
      for (let tick = 0; tick < numbersEachTurn; tick++) {
        for (const server of servers) for (const peer of yield* server.connections) peer.sendUnsafe([String(said)])
        said++
        if (tick === numbersEachTurn / 2) yield* network.inject(Fault.reset({ host: hosts[turn % 2]! }))
        yield* Effect.sleep(10)
      }
    }
    yield* Effect.sleep("1 second")
    const dials = yield* Effect.forEach(servers, (server) => server.dials)
    return { seen, said, dials: dials.flat().length, scores: yield* pool.scores, lag: yield* pool.lag }
  })

/** Registers so many seeds. */
export const redundant = (runs: number) =>
  describe("redundant", () => {
    it("every number once although the lines die in turn", { timeout: 600_000 }, async () => {
      for (let seed = 1; seed <= runs; seed++) {
        const { dials, lag, said, scores, seen } = await run(history(seed))
        assert.strictEqual(dials, hosts.length + turns, `seed ${seed}: every line died, and came back`)
        assert.deepStrictEqual(
          seen.toSorted((a, b) => a - b),
          Array.from({ length: said }, (_, number) => number),
          `seed ${seed}: each number once`
        )
        assert.strictEqual(
          scores.reduce((sum, { wins }) => sum + wins, 0),
          said,
          `seed ${seed}: each number has one winner`
        )
        for (const { late, name, wins } of scores) {
          assert.isAbove(wins, said / 10, `seed ${seed}: ${name} won`)
          assert.isAbove(late, said / 10, `seed ${seed}: ${name} was late`)
        }
        assert.isTrue(lag !== undefined && lag > 0 && lag <= 20, `seed ${seed}: lag of ${lag}`)
      }
    })
  })
