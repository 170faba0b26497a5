// Proves what the manager reports: a connection that fails for good is reported by
// event, snapshot and onFailed, and harms nobody; a snapshot is plain data; the
// changes of each name reach a slow observer as its latest; events have names.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { ManagerEvent } from "../../src/ManagerEvent.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, plain, rig, settle } from "./managerRig.ts"

describe("supervision", () => {
  it.effect(
    "one that fails for good is reported by event, snapshot and onFailed, keeps its name, and harms nobody",
    () =>
      Effect.gen(function* () {
        const failures: Array<string> = []
        const { manager, network, server } = yield* rig({
          manager: { onFailed: ({ error, name }) => Effect.sync(() => failures.push(`${name} ${error._tag}`)) }
        })
        const bad = "wss://bad.example/ws"
        yield* network.serve(bad, (peer) => peer.close(1002))
        const events: Array<ManagerEvent> = []
        yield* fork(Stream.runForEach(manager.events, (event) => Effect.sync(() => events.push(event))))
        const good = yield* manager.connect("good", plain)
        yield* manager.connect("bad", { ...plain, target: bad, startup: "background" })
        yield* pass("1 second")
        assert.deepStrictEqual(failures, ["bad ConnectionClosed"])
        const failed = events.filter((event) => event._tag === "Failed")
        assert.deepStrictEqual(
          failed.map(({ name }) => name),
          ["bad"]
        )
        const snapshot = (yield* manager.snapshot).find(({ name }) => name === "bad")
        assert.strictEqual(snapshot?.stateTag, "Failed")
        assert.strictEqual(snapshot?.lastError?.tag, "ConnectionClosed")
        yield* good.send("still here")
        assert.strictEqual(yield* good.receive, "still here")
        assert.strictEqual((yield* server.dials).length, 1)
        // A restart revives it, now that its server behaves.
        yield* network.serve(bad, TestNetwork.echo)
        const restarting = yield* fork(manager.restart("bad"))
        yield* pass("1 minute", 250)
        yield* Fiber.join(restarting)
        assert.strictEqual((yield* manager.snapshot).find(({ name }) => name === "bad")?.stateTag, "Connected")
      })
  )

  it.effect("a snapshot is plain data: it survives JSON unchanged", () =>
    Effect.gen(function* () {
      const { manager, network } = yield* rig()
      yield* manager.connect("feed", { ...plain, tags: ["spot"], budget: ["account:1"] })
      yield* manager.connect("down", { ...plain, target: "wss://nobody.example/ws", startup: "background" })
      yield* settle
      const all = yield* manager.snapshot
      assert.deepStrictEqual(JSON.parse(JSON.stringify(all)), JSON.parse(JSON.stringify(structuredClone(all))))
      const feed = all.find(({ name }) => name === "feed")
      assert.deepStrictEqual(feed?.tags, ["spot"])
      assert.deepStrictEqual(feed?.budget, ["wss://feed.example", "account:1"])
      assert.strictEqual(feed?.epoch, 1)
      const down = all.find(({ name }) => name === "down")
      assert.strictEqual(down?.stateTag, "Reconnecting")
      assert.isNumber(down?.nextRetryAt)
      assert.strictEqual(down?.lastError?.tag, "DialFailed")
      assert.strictEqual(yield* network.open, 1)
    })
  )

  it.effect("changes: the present state of each first, then the latest of each name, then its end", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      yield* manager.connect("a", plain)
      const seen: Array<string> = []
      const watching = yield* fork(
        Stream.runForEach(manager.changes, ({ name, state }) =>
          Effect.sync(() => seen.push(`${name} ${state?._tag ?? "gone"}`))
        )
      )
      yield* settle
      assert.deepStrictEqual(seen, ["a Connected"])
      yield* manager.connect("b", plain)
      yield* settle
      assert.strictEqual(seen.at(-1), "b Connected")
      yield* manager.close("a")
      yield* settle
      assert.strictEqual(seen.at(-1), "a gone")
      yield* Fiber.interrupt(watching)
    })
  )

  it.effect("10,000 changes cost a slow observer one entry a name", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      yield* manager.connect("a", plain)
      const pull = yield* Stream.toPull(Stream.chunks(manager.changes))
      yield* pull
      for (let i = 0; i < 50; i++) {
        yield* manager.pause("a")
        yield* manager.resume("a")
        yield* settle
      }
      const [chunk] = yield* pull
      assert.strictEqual(chunk.length, 1)
    })
  )

  it.effect("events: added, what happens to each, removed", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const seen: Array<string> = []
      yield* fork(
        Stream.runForEach(manager.events, (event) =>
          Effect.sync(() => seen.push(`${event.name} ${event._tag === "Happened" ? event.event._tag : event._tag}`))
        )
      )
      yield* settle
      yield* manager.connect("a", { ...plain, startup: "background" })
      yield* settle
      yield* manager.close("a")
      yield* settle
      assert.strictEqual(seen[0], "a Added")
      assert.include(seen, "a GatePassed")
      assert.include(seen, "a Removed")
    })
  )
})
