// Proves that the manager's connections dial as one: whatever makes them dial
// (first connects, a server that dies, restarts from outside) no window at the
// server sees more than the budget, all are Ready as soon as it allows, a dead
// server is probed by one, "try again later" to one holds all, priorities go
// first, each way out has a budget of its own, and no token ages in the queue.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as ManagerCommand from "../../src/ManagerCommand.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, plain, rig, settle, url } from "./managerRig.ts"

/** The most dials that any window of this width sees. */
const peakOf = (dials: ReadonlyArray<TestNetwork.Request>, width: number): number => {
  const times = dials.map(({ at }) => at).toSorted((a, b) => a - b)
  return times.reduce(
    (peak, at) => Math.max(peak, times.filter((other) => other >= at && other < at + width).length),
    0
  )
}

const opened = (count: number, options: Parameters<typeof rig>[0]) =>
  Effect.gen(function* () {
    const parts = yield* rig(options)
    for (let index = 0; index < count; index++) {
      yield* parts.manager.connect(`feed ${index}`, {
        ...plain,
        startup: "background",
        tags: [index % 2 === 0 ? "even" : "odd"]
      })
    }
    return parts
  })

describe("one budget", () => {
  const perSecond = { budget: { policy: { limits: { limit: 20, window: "1 second" } } } } as const

  it.effect(
    "200 connections under 20 dials a second: first connects, a kill and a restart of all never exceed it",
    () =>
      Effect.gen(function* () {
        const { manager, server } = yield* opened(200, {
          manager: perSecond,
          network: { latency: 20, jitter: 30, seed: 7 }
        })
        const ready = Effect.map(
          manager.snapshot,
          (all) => all.filter(({ stateTag }) => stateTag === "Connected").length
        )
        // The minimum is 9 seconds and a dial.
        yield* pass("10800 millis")
        assert.strictEqual(yield* ready, 200)
        for (const peer of yield* server.connections) yield* peer.reset
        yield* pass("1 minute", 250)
        assert.strictEqual(yield* ready, 200)
        yield* fork(manager.broadcast(ManagerCommand.restart()))
        yield* pass("1 minute", 250)
        assert.strictEqual(yield* ready, 200)
        const dials = yield* server.dials
        assert.isAtLeast(dials.length, 600)
        assert.strictEqual(peakOf(dials, 1_000), 20)
      })
  )

  // The core dials by callback in a network with an even seed, and by an effect in one with an odd seed.
  for (const seed of [1, 2]) {
    it.effect(`dials that run out of time open the breaker, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { manager } = yield* opened(5, {
          network: { seed },
          serve: { answer: () => Effect.succeed(TestNetwork.hang) }
        })
        yield* pass("9 seconds")
        assert.strictEqual((yield* manager.budget.snapshot)[0]?.breaker, "Closed")
        yield* pass("1001 millis")
        assert.strictEqual((yield* manager.budget.snapshot)[0]?.breaker, "Open")
      })
    )
  }

  it.effect("a dead server is asked by few, and when it is back all follow", () =>
    Effect.gen(function* () {
      let up = true
      let dials = 0
      const { manager, server } = yield* opened(300, {
        serve: {
          answer: () =>
            Effect.sync(() => {
              dials++
              return up ? TestNetwork.accept() : TestNetwork.refuse()
            })
        }
      })
      yield* pass("5 seconds")
      up = false
      dials = 0
      for (const peer of yield* server.connections) yield* peer.reset
      yield* pass("30 seconds")
      // Without a breaker 300 connections would have dialed some 1,500 times.
      assert.isAtMost(dials, 40)
      up = true
      yield* pass("40 seconds")
      const states = (yield* manager.snapshot).map(({ stateTag }) => stateTag)
      assert.strictEqual(states.filter((state) => state === "Connected").length, 300)
    })
  )

  it.effect("close code 1013 to one session holds everybody's next dial", () =>
    Effect.gen(function* () {
      const { manager, server } = yield* opened(10, { manager: { budget: { policy: { busy: "20 seconds" } } } })
      yield* pass("5 seconds")
      const before = (yield* server.dials).length
      const peers = yield* server.connections
      yield* peers[0]!.close(1013)
      yield* settle
      yield* fork(manager.restart("feed 5"))
      yield* pass("19 seconds")
      assert.strictEqual((yield* server.dials).length, before)
      assert.strictEqual((yield* manager.budget.snapshot)[0]?.breaker, "Open")
      yield* pass("30 seconds")
      assert.strictEqual((yield* server.dials).length, before + 2)
    })
  )

  it.effect("priorities go first", () =>
    Effect.gen(function* () {
      const { manager, server } = yield* rig({
        manager: { budget: { policy: { concurrent: 1 } } },
        network: { latency: 10 }
      })
      for (const [name, priority] of [
        ["first", 0],
        ["low", -1],
        ["normal", 0],
        ["high", 9]
      ] as const) {
        yield* manager.connect(name, { ...plain, priority, startup: "background" })
      }
      yield* pass("5 seconds")
      assert.deepStrictEqual(
        (yield* server.dials).map(({ connection }) => connection),
        ["first", "high", "normal", "low"]
      )
    })
  )

  it.effect("connections to other origins have budgets of their own, unless they are given one key", () =>
    Effect.gen(function* () {
      const policy = { limits: { limit: 1, window: "1 hour" } } as const
      const { manager, network } = yield* rig({ manager: { budget: { policy } } })
      const other = "wss://other.example/ws"
      yield* network.serve(other, TestNetwork.echo)
      yield* manager.connect("a", plain)
      yield* manager.connect("b", { ...plain, target: other })
      yield* manager.connect("c", { ...plain, target: Effect.succeed(other) })
      yield* manager.connect("d", { ...plain, target: other, startup: "background", egress: "wss://feed.example" })
      yield* settle
      assert.strictEqual(yield* network.open, 3)
      const keys = (yield* manager.snapshot).map(({ budget }) => budget[0])
      assert.sameMembers(keys, ["connection c", "wss://feed.example", "wss://feed.example", "wss://other.example"])
      assert.strictEqual(url.startsWith("wss://feed.example"), true)
    })
  )

  it.effect("ways out have budgets of their own, under the policy of their origin or one of theirs", () =>
    Effect.gen(function* () {
      const perHour = (limit: number) => ({ limits: { limit, window: "1 hour" } }) as const
      const origin = "wss://feed.example"
      const { manager, network } = yield* rig({
        manager: { budget: { policy: perHour(9), keys: { [origin]: perHour(2), [`${origin} via c`]: perHour(1) } } }
      })
      const asked: Array<string> = []
      const by = (way: string | undefined) => ({
        ...network.transport,
        egress: (origin: string) => {
          asked.push(origin)
          return way
        }
      })
      const ways = { a: by("a"), b: by("b"), c: by("c"), none: by(undefined), own: undefined }
      for (const [way, transport] of Object.entries(ways)) {
        for (let index = 0; index < 4; index++) {
          const target = index % 2 === 0 ? url : [`${url}?secret=1`]
          yield* manager.connect(`${way} ${index}`, {
            ...plain,
            target: { url: target },
            transport,
            startup: "background"
          })
        }
      }
      yield* settle
      // Those that name no way share the origin's own key.
      const ready = (yield* manager.snapshot).filter(({ stateTag }) => stateTag === "Connected").map(({ name }) => name)
      assert.sameMembers(ready, ["a 0", "a 1", "b 0", "b 1", "c 0", "none 0", "none 1"])
      assert.sameMembers(
        (yield* manager.budget.snapshot).map(({ key, waiting }) => `${key}: ${waiting}`),
        [`${origin} via a: 2`, `${origin} via b: 2`, `${origin} via c: 3`, `${origin}: 6`]
      )
      assert.deepStrictEqual([...new Set(asked)], [origin])
    })
  )

  it.effect("credentials are made when the permit is there, not while the dial waits for it", () =>
    Effect.gen(function* () {
      const policy = { limits: { limit: 1, window: "10 seconds" } } as const
      const { manager, network } = yield* rig({ manager: { budget: { policy } } })
      const began = network.clock.currentTimeMillisUnsafe()
      const made: Array<number> = []
      const headers = Effect.sync(() => {
        made.push(Math.floor((network.clock.currentTimeMillisUnsafe() - began) / 1_000))
        return { authorization: `token ${made.length}` }
      })
      for (const name of ["a", "b", "c"]) {
        yield* manager.connect(name, { ...plain, target: { url, headers }, startup: "background" })
      }
      yield* pass("25 seconds", 250)
      assert.deepStrictEqual(made, [0, 10, 20])
      assert.strictEqual(yield* network.open, 3)
    })
  )

  it.effect("the manager's own permit is asked last, with the keys, and hears how the dial ended", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const permit = (dial: ConnectionManager.ManagedDial) =>
        Effect.andThen(
          Effect.sync(() => void asked.push(`${dial.connection} ${dial.keys.join()}`)),
          Effect.addFinalizer((exit) => Effect.sync(() => void asked.push(exit._tag)))
        )
      const { manager, network } = yield* rig({ manager: { permit } })
      const own = () => Effect.sync(() => void asked.push("own"))
      yield* manager.connect("a", { ...plain, permit: own, budget: ["account:7"] })
      yield* network.inject(Fault.refuse({ host: "down.example" }))
      yield* manager.connect("b", { ...plain, target: "wss://down.example/", startup: "background" })
      yield* settle
      assert.deepStrictEqual(asked, [
        "own",
        "a wss://feed.example,account:7",
        "Success",
        "b wss://down.example",
        "Failure"
      ])
    })
  )

  it.effect("an open breaker sends a connection to its next endpoint, and holds nobody who has another", () =>
    Effect.gen(function* () {
      const budget = { policy: { breaker: { failures: 2, cooldown: "1 hour", maxCooldown: "1 hour" } } } as const
      const { manager, network } = yield* rig({ manager: { budget } })
      const other = "wss://other.example/ws"
      const down = Fault.refuse({ host: "feed.example" })
      yield* network.serve(other, TestNetwork.echo)
      yield* network.inject(down)
      yield* manager.connect("lonely", { ...plain, startup: "background" })
      yield* pass("10 seconds")
      const refused = (yield* manager.snapshot).find(({ name }) => name === "lonely")?.metrics.dials
      const both = yield* manager.connect("both", { ...plain, target: { url: [url, other] }, startup: "background" })
      const held: Array<string> = []
      yield* fork(
        Stream.runForEach(both.state.changes, (state) =>
          Effect.sync(() => state._tag === "Reconnecting" && held.push(String(state.cause)))
        )
      )
      yield* pass("2 seconds")
      assert.strictEqual(both.state.getUnsafe()._tag, "Connected")
      assert.deepStrictEqual(
        [...new Set(held)].map((cause) => /could not reach wss:\/\/feed.example: dials there keep failing/.test(cause)),
        [true]
      )
      const snapshot = yield* manager.snapshot
      assert.strictEqual(snapshot.find(({ name }) => name === "lonely")?.metrics.dials, refused)
      assert.deepStrictEqual(snapshot.find(({ name }) => name === "both")?.budget, [
        "wss://feed.example",
        "wss://other.example"
      ])
      const breakers = (yield* manager.budget.snapshot).map(({ breaker, key }) => [key, breaker])
      assert.deepInclude(breakers, ["wss://feed.example", "Open"])
    })
  )

  it.effect("with every endpoint's breaker open, a connection waits for the probe as everybody does", () =>
    Effect.gen(function* () {
      const budget = { policy: { breaker: { failures: 1, cooldown: "1 minute", maxCooldown: "1 minute" } } } as const
      const { manager, network } = yield* rig({ manager: { budget } })
      const other = "wss://other.example/ws"
      yield* network.serve(other, TestNetwork.echo)
      yield* network.inject(Fault.refuse())
      yield* manager.connect("a", { ...plain, target: { url: [url, other] }, startup: "background" })
      yield* pass("20 seconds")
      const dials = (yield* manager.snapshot)[0]?.metrics.dials
      yield* pass("30 seconds")
      assert.strictEqual((yield* manager.snapshot)[0]?.metrics.dials, dials)
      yield* network.lift(Fault.refuse())
      yield* pass("1 minute")
      assert.strictEqual((yield* manager.snapshot)[0]?.stateTag, "Connected")
    })
  )

  it.effect("the limits of a host and of an account hold at once", () =>
    Effect.gen(function* () {
      const keys = {
        "wss://feed.example": { limits: { limit: 3, window: "1 hour" } },
        "account:7": { limits: { limit: 4, window: "1 hour" } }
      } as const
      const { manager, network, server } = yield* rig({ manager: { budget: { keys } } })
      const other = yield* network.serve("wss://other.example/ws", TestNetwork.echo)
      const background = { ...plain, startup: "background", budget: ["account:7"] } as const
      for (let index = 0; index < 5; index++) {
        yield* manager.connect(`here ${index}`, background)
        yield* manager.connect(`there ${index}`, { ...background, target: other.url })
      }
      yield* manager.connect("no account", { ...plain, target: other.url })
      yield* pass("1 minute", 1_000)
      const dialed = [...(yield* server.dials), ...(yield* other.dials)].map(({ connection }) => connection)
      const [here, there] = ["here", "there"].map((host) => dialed.filter((name) => name.startsWith(host)).length)
      assert.isAtMost(here!, 3)
      assert.strictEqual(here! + there!, 4)
      assert.include(dialed, "no account")
    })
  )
})
