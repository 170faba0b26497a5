// Proves what a viewer is sent, and when: nothing runs while nobody looks, a change shows within a quarter of a
// second, figures come once a second, a slow viewer makes nothing pile up, and commands are answered.
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import type { Observed } from "kharbranth/ConnectionObserver"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { Budgets } from "../src/internal/fleet/budgets.ts"
import { Fleet } from "../src/internal/fleet/fleet.ts"
import { Board } from "../src/internal/viewer/board.ts"
import { zero } from "./support/figures.ts"
import { rig, Seen } from "./support/rig.ts"

const url = "wss://feed.example/"
const options = { target: url, reconnect: Reconnect.polite } as const

const served = Effect.tap(TestNetwork.make({ seed: 1 }), (network) => network.serve(url, TestNetwork.echo))

describe("while nobody looks", () => {
  it.effect("there is no timer and no listener", () =>
    Effect.gen(function* () {
      let listening = 0
      let sleeping = 0
      const clock = yield* Clock.Clock
      const counted: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
        sleep: (duration: Duration.Duration) =>
          Effect.suspend(() => {
            sleeping++
            return Effect.ensuring(
              clock.sleep(duration),
              Effect.sync(() => sleeping--)
            )
          })
      })
      const fork = Effect.runForkWith(yield* Effect.context<never>())
      const fleet = new Fleet({ now: () => clock.currentTimeMillisUnsafe(), explain: () => undefined })
      const board = new Board({
        fleet,
        budgets: new Budgets(),
        hello: () => ({ t: "hello", versions, title: "test", commands: false, faults: false, recorder: false }),
        now: () => clock.currentTimeMillisUnsafe(),
        fork: (effect) => fork(Effect.provideService(effect, Clock.Clock, counted)),
        told: { detailOf: () => ({ explanation: undefined, recording: undefined }), act: () => {} }
      })
      for (let n = 0; n < 100; n++) {
        fleet.observe({
          name: `feed ${n}`,
          tags: [],
          origin: undefined,
          state: { _tag: "Disconnected", reason: "NotStarted" },
          figures: zero,
          topics: [],
          control: undefined as never,
          listen: () => {
            listening++
            return () => void listening--
          }
        } satisfies Observed)
      }
      assert.deepStrictEqual([listening, sleeping], [0, 0])
      const first = yield* Scope.make()
      const second = yield* Scope.make()
      yield* Scope.provide(board.join(new Seen().outlet), first)
      yield* Scope.provide(board.join(new Seen().outlet), second)
      yield* Effect.yieldNow
      assert.deepStrictEqual([listening, sleeping], [100, 1])
      yield* Scope.close(first, Exit.void)
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual([listening, sleeping], [100, 1])
      yield* Scope.close(second, Exit.void)
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual([listening, sleeping], [0, 0])
      assert.isUndefined(fleet.sampling)
    })
  )
})

describe("a viewer", () => {
  it.effect("sees at once what there is, and a change of state within 250 ms", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        yield* Connection.make("feed", { ...options, tags: ["prices"] })
        const { seen } = yield* look
        assert.deepStrictEqual(
          seen.frames.map(({ t }) => t),
          ["hello", "totals", "fleet", "rows"]
        )
        assert.deepStrictEqual([seen.fleet.ids, seen.fleet.cells], [[1], "2"])
        const [row] = seen.rows
        assert.deepStrictEqual(
          [row?.name, row?.tags, row?.origin, row?.state, row?.detail],
          ["feed", ["prices"], "wss://feed.example", "Connected", "Ready"]
        )
        yield* network.inject(Fault.refuse())
        yield* network.inject(Fault.reset())
        yield* TestClock.adjust("250 millis")
        assert.strictEqual(seen.fleet.cells, "3")
        assert.strictEqual(seen.last("totals")?.states.Reconnecting, 1)
        const [after] = seen.rows
        assert.strictEqual(after?.state, "Reconnecting")
        assert.isDefined(after?.nextAt)
        assert.isDefined(after?.why)
        assert.strictEqual(after?.blame, "network")
      }).pipe(provide, network.provide)
    })
  )

  it.effect("is sent nothing but figures, once a second, while nothing happens", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        yield* TestClock.adjust("1 minute")
        const { seen } = yield* look
        yield* TestClock.adjust("1 second")
        const before = seen.texts.length
        for (let n = 0; n < 50; n++) yield* connection.send("a message")
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(
          seen.frames.slice(before).map(({ t }) => t),
          ["totals", "changes", "totals", "changes"]
        )
        assert.deepStrictEqual(
          seen
            .all("changes")
            .map(({ rows }) => rows)
            .slice(-2),
          [
            [{ id: 1, inRate: 50, outRate: 50, inbox: { messages: 50, bytes: 450 } }],
            [{ id: 1, inRate: 0, outRate: 0 }]
          ]
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(
          seen.frames.slice(before + 4).map(({ t }) => t),
          ["totals"]
        )
      }).pipe(provide, network.provide)
    })
  )

  it.effect("sees connections come and go, and is told the new order of cells", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        const { seen } = yield* look
        assert.deepStrictEqual([seen.fleet.ids, seen.fleet.cells], [[], ""])
        const scope = yield* Scope.make()
        yield* Scope.provide(Connection.make("one", options), scope)
        yield* Connection.make("two", options)
        yield* TestClock.adjust("200 millis")
        assert.deepStrictEqual([seen.fleet.ids, seen.fleet.cells], [[1, 2], "22"])
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("200 millis")
        assert.deepStrictEqual([seen.fleet.ids, seen.fleet.cells], [[2], "2"])
        assert.deepStrictEqual(
          seen.rows.map(({ name }) => name),
          ["two"]
        )
        const before = seen.all("fleet").length
        yield* TestClock.adjust("1 second")
        assert.strictEqual(seen.all("fleet").length, before)
      }).pipe(provide, network.provide)
    })
  )

  it.effect("follows one connection: its recording, its explanation, and its end", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Scope.provide(Connection.make("feed", options), scope)
        const { say, seen } = yield* look
        say({ t: "open", id: 1 })
        const detail = seen.last("detail")
        assert.strictEqual(detail?.row.name, "feed")
        assert.strictEqual(detail?.recording?.entries[0]?.event._tag, "DialStarted")
        assert.strictEqual(detail?.explanation?.you, "messages flow")
        const before = seen.all("detail").length
        yield* network.inject(Fault.reset())
        yield* TestClock.adjust("200 millis")
        assert.isAbove(seen.all("detail").length, before)
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("200 millis")
        assert.deepStrictEqual(seen.last("gone"), { t: "gone", id: 1 })
        say({ t: "open", id: 99 })
        assert.deepStrictEqual(seen.last("gone"), { t: "gone", id: 99 })
      }).pipe(provide, network.provide)
    })
  )

  it.effect("sees the budget of a manager, without being told of it, and who waits", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        const manager = yield* ConnectionManager.make({ budget: { policy: { minGap: "1 minute" } } })
        for (const name of ["a", "b", "c"]) yield* manager.connect(name, { ...options, startup: "background" })
        const { say, seen } = yield* look
        say({ t: "budget", on: true })
        const [key] = seen.last("budget")!.keys
        assert.deepStrictEqual([key?.key, key?.waiting, key?.waiters], ["wss://feed.example", 2, ["b", "c"]])
        say({ t: "budget", on: false })
        const before = seen.all("budget").length
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(seen.all("budget").length, before)
      }).pipe(Effect.scoped, provide, network.provide)
    })
  )

  it.effect("that is slow misses news, and is given up when it does not read answers", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        yield* Connection.make("one", options)
        const { say, seen } = yield* look
        seen.unsent = 1024 * 1024
        const before = seen.texts.length
        yield* Connection.make("two", options)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(seen.texts.length, before)
        say({ t: "do", ask: 1, command: "probe", id: 1 })
        yield* Effect.yieldNow
        assert.strictEqual(seen.last("outcome")?.ask, 1)
        seen.unsent = 0
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([seen.fleet.ids, seen.fleet.cells], [[1, 2], "22"])
        seen.unsent = 5 * 1024 * 1024
        say({ t: "do", ask: 2, command: "probe", id: 1 })
        yield* Effect.yieldNow
        assert.strictEqual(seen.closed?.code, 1008)
      }).pipe(provide, network.provide)
    })
  )

  it.effect("that says something else than requests is closed", () =>
    Effect.gen(function* () {
      for (const text of [
        "",
        "{",
        "[]",
        `{"t":"view"}`,
        `{"t":"open","id":-1}`,
        `{"t":"do","ask":1,"command":"eval","id":1}`
      ]) {
        const { look } = yield* rig()
        const { seen, viewer } = yield* look
        viewer.receive(text)
        assert.strictEqual(seen.closed?.code, 1008, text)
      }
    })
  )
})

describe("commands", () => {
  it.effect("are done where the program allows them, and answered", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig({ commands: true })
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const { say, seen } = yield* look
        assert.isTrue(seen.last("hello")?.commands)
        for (const [ask, command] of (["restart", "rotate", "probe", "close"] as const).entries()) {
          say({ t: "do", ask, command, id: 1 })
          yield* TestClock.adjust("1 second")
          const outcome = seen.last("outcome")
          assert.deepStrictEqual([outcome?.ask, outcome?.ok], [ask, true], outcome?.text)
        }
        assert.deepStrictEqual(yield* connection.state.get, { _tag: "Disconnected", reason: "Closed" })
        say({ t: "do", ask: 9, command: "restart", id: 1 })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([seen.last("outcome")?.ask, seen.last("outcome")?.ok], [9, false])
        say({ t: "do", ask: 10, command: "restart", id: 77 })
        yield* TestClock.adjust("1 second")
        assert.match(seen.last("outcome")?.text ?? "", /no such connection/)
      }).pipe(provide, network.provide)
    })
  )

  it.effect("are refused where it only shows", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        const { say, seen } = yield* look
        say({ t: "do", ask: 1, command: "close", id: 1 })
        say({ t: "break", ask: 2, fault: "cut", where: { id: 1 } })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(
          seen.all("outcome").map(({ ok }) => ok),
          [false, false]
        )
        assert.strictEqual((yield* connection.state.get)._tag, "Connected")
      }).pipe(provide, network.provide)
    })
  )

  it.effect("that never end are answered, and only so many may be under way", () =>
    Effect.gen(function* () {
      const network = yield* served
      const { look, provide } = yield* rig({ commands: true })
      yield* Effect.gen(function* () {
        yield* Connection.make("feed", options)
        const { say, seen } = yield* look
        yield* network.inject(Fault.hang())
        for (let ask = 0; ask < 20; ask++) say({ t: "do", ask, command: "restart", id: 1 })
        yield* Effect.yieldNow
        assert.strictEqual(seen.all("outcome").length, 4)
        yield* TestClock.adjust("31 seconds")
        assert.strictEqual(seen.all("outcome").length, 20)
        assert.isTrue(seen.all("outcome").every(({ ok }) => !ok))
      }).pipe(provide, network.provide)
    })
  )
})

const versions = { kharbranth: "0", effect: "0", runtime: "test" }
