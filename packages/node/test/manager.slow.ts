// Proves on real loopback sockets that a manager scales: 10,000 connections open
// within 1.6 times what raw `ws` takes, all are in a snapshot within 20 ms,
// closing the manager leaves no socket, timer or descriptor; one operation costs
// the same among 100, 1,000 and 10,000; 1,000 connections whose server cuts them
// all never dial faster than their budget, and are back as soon as it allows; and
// the fan-in of 100 busy connections keeps most of what they reach by themselves.
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as ManagerCommand from "kharbranth/ManagerCommand"
import * as Reconnect from "kharbranth/Reconnect"
import { createInterface } from "node:readline"
import * as NodeTransport from "../src/NodeTransport.ts"
import { type Child, spawnScoped } from "./support/process.ts"

interface Costs {
  readonly lookup: number
  readonly send: number
  readonly change: number
}

interface Report {
  readonly before: string
  readonly after: string
  readonly results: ReadonlyArray<{
    readonly raw: number
    readonly managed: { readonly open: number; readonly snapshot: number; readonly close: number; readonly cost: Costs }
  }>
}

const server = spawnScoped(new URL("support/fleetServer.ts", import.meta.url))
const urlOf = ({ ready }: Child) => `ws://127.0.0.1:${ready}/`

/** Asks the server for a line. */
const ask = (child: Child, command: string) =>
  Effect.callback<string>((resume) => {
    const lines = createInterface({ input: child.process.stdout! })
    lines.once("line", (line) => {
      lines.close()
      resume(Effect.succeed(line))
    })
    child.process.stdin!.write(`${command}\n`)
  })

const fleet = (count: number, rounds: number) =>
  Effect.gen(function* () {
    const child = yield* server
    const url = urlOf(child)
    const { ready } = yield* spawnScoped(
      new URL("support/fleet.ts", import.meta.url),
      url,
      String(count),
      String(rounds)
    )
    return JSON.parse(ready) as Report
  })

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

/** The most stamps that any window of this width holds. */
const peakOf = (stamps: ReadonlyArray<number>, width: number): number => {
  let peak = 0
  for (let first = 0, last = 0; last < stamps.length; last++) {
    while (stamps[first]! <= stamps[last]! - width) first++
    peak = Math.max(peak, last - first + 1)
  }
  return peak
}

describe("10,000 connections in one process", () => {
  it.live(
    "open within 1.6 times raw ws, snapshot within 20 ms, close without a trace",
    (context) =>
      Effect.gen(function* () {
        const { after, before, results } = yield* fleet(10_000, 3)
        const ratio = median(results.map(({ managed, raw }) => managed.open / raw))
        const snapshot = median(results.map(({ managed }) => managed.snapshot))
        yield* Effect.promise(() =>
          context.annotate(
            results
              .map(
                ({ managed, raw }) =>
                  `raw ${raw.toFixed(0)} ms, managed ${managed.open.toFixed(0)} ms, snapshot ${managed.snapshot.toFixed(1)} ms, close ${managed.close.toFixed(0)} ms`
              )
              .join("\n")
          )
        )
        assert.isAtMost(ratio, 1.6)
        assert.isAtMost(snapshot, 20)
        assert.strictEqual(after, before)
      }),
    300_000
  )

  it.live(
    "one operation costs the same among 100, 1,000 and 10,000",
    (context) =>
      Effect.gen(function* () {
        const costs: Array<Costs> = []
        for (const count of [100, 1_000, 10_000]) {
          const { results } = yield* Effect.scoped(fleet(count, 3))
          const of = (key: keyof Costs) => median(results.map(({ managed }) => managed.cost[key]))
          costs.push({ lookup: of("lookup"), send: of("send"), change: of("change") })
        }
        const table = costs.map((cost) =>
          Object.entries(cost)
            .map(([key, value]) => `${key} ${value.toFixed(2)} µs`)
            .join(", ")
        )
        yield* Effect.promise(() => context.annotate(table.join("\n")))
        const few = costs[0]!
        const many = costs[2]!
        // A hundred times more connections miss more caches, so a constant factor is allowed, growth with n is not.
        for (const key of ["lookup", "send", "change"] as const) assert.isAtMost(many[key], few[key] * 4 + 5, key)
      }),
    300_000
  )
})

describe("1,000 connections cut at once, 200 dials a second", () => {
  it.live(
    "no window at the server ever sees more, and all are Ready within 1.2 times the minimum",
    (context) =>
      Effect.gen(function* () {
        const child = yield* server
        const limits = { limit: 200, window: "1 second" } as const
        const manager = yield* ConnectionManager.make({ budget: { policy: { limits } } }).pipe(
          Effect.provide(NodeTransport.layer)
        )
        for (let i = 0; i < 1_000; i++) {
          yield* manager.connect(`feed ${i}`, {
            target: urlOf(child),
            codec: Codec.text,
            heartbeat: Heartbeat.none,
            reconnect: Reconnect.prompt,
            startup: "background"
          })
        }
        yield* manager.awaitReady()
        const first = JSON.parse(yield* ask(child, "dials")) as ReadonlyArray<number>
        // The budget's last window must be over, or the first would not be full.
        yield* Effect.sleep("1500 millis")
        const before = performance.now()
        child.process.stdin?.write("kill\n")
        yield* allBack(manager, 1_000)
        const took = performance.now() - before
        const second = JSON.parse(yield* ask(child, "dials")) as ReadonlyArray<number>
        yield* Effect.promise(() =>
          context.annotate(
            `first ${first.length} dials, peak ${peakOf(first, 1_000)}; then ${second.length}, peak ${peakOf(
              second,
              1_000
            )}; Ready after ${took.toFixed(0)} ms`
          )
        )
        assert.strictEqual(first.length, 1_000)
        assert.strictEqual(second.length, 1_000)
        assert.isAtMost(peakOf(first, 1_000), 200)
        assert.isAtMost(peakOf(second, 1_000), 200)
        assert.isAtMost(took, 4_000 * 1.2)
      }).pipe(Effect.scoped),
    120_000
  )
})

describe("messages of 100 busy connections", () => {
  it.live(
    "keep at least 0.7 of what the single streams reach together",
    (context) =>
      Effect.gen(function* () {
        const child = yield* server
        const manager = yield* ConnectionManager.make().pipe(Effect.provide(NodeTransport.layer))
        const connections = yield* Effect.forEach(Array.from({ length: 100 }), (_, i) =>
          manager.connect(`feed ${i}`, { target: urlOf(child), codec: Codec.text, heartbeat: Heartbeat.none })
        )
        const each = 3_000
        /** Milliseconds until whoever counts has counted all. */
        const timed = (read: (count: (batch: number) => void) => Effect.Effect<unknown, unknown>) =>
          Effect.gen(function* () {
            const all = yield* Deferred.make<void>()
            let left = each * connections.length
            const count = (batch: number) => {
              left -= batch
              if (left === 0) Deferred.doneUnsafe(all, Effect.void)
            }
            const reading = yield* Effect.forkChild(read(count), { startImmediately: true })
            const before = performance.now()
            yield* manager.broadcast(ManagerCommand.send(`flood ${each}`))
            yield* Deferred.await(all)
            const took = performance.now() - before
            yield* Fiber.interrupt(reading)
            return took
          })
        const single = timed((count) =>
          Effect.forEach(
            connections,
            ({ stream }) => Stream.runForEachArray(stream, (batch) => Effect.sync(() => count(batch.length))),
            { concurrency: "unbounded" }
          )
        )
        const fanned = timed((count) =>
          Stream.runForEachArray(manager.messages(), (batch) => Effect.sync(() => count(batch.length)))
        )
        yield* single
        yield* fanned
        const ratios: Array<number> = []
        for (let round = 0; round < 5; round++) ratios.push((yield* single) / (yield* fanned))
        yield* Effect.promise(() => context.annotate(ratios.map((ratio) => ratio.toFixed(2)).join(", ")))
        assert.isAtLeast(median(ratios), 0.7)
      }).pipe(Effect.scoped),
    120_000
  )
})

/** Until so many connections are Ready on a session after their first. */
const allBack = (manager: ConnectionManager.Manager, count: number): Effect.Effect<void> => {
  const back = new Set<string>()
  return manager.changes.pipe(
    Stream.takeUntil(({ name, state }) => {
      if (state?._tag === "Connected" && state.epoch > 1) back.add(name)
      return back.size === count
    }),
    Stream.runDrain
  )
}
