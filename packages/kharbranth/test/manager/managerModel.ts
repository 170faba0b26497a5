/**
 * The random runs of the manager and the model that judges them; what they prove
 * is said in ManagerModel.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as ManagerCommand from "../../src/ManagerCommand.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, plain, randomOf, settle, url } from "./managerRig.ts"
import { firstSeed } from "../support/histories.ts"

const names = ["a", "b", "c", "d"] as const

type Random = ReturnType<typeof randomOf>

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.match(effect, { onFailure: ({ _tag }): string => _tag, onSuccess: () => "ok" })

/** One run: a fresh network and manager, a body, and a look at what is left. */
const inManager = (
  seed: number,
  script: TestNetwork.Script,
  body: (
    manager: ConnectionManager.Manager,
    network: TestNetwork.TestNetwork
  ) => Effect.Effect<void, never, Scope.Scope>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed })
      yield* network.serve(url, script)
      const scope = yield* Scope.make()
      const manager = yield* ConnectionManager.make().pipe(network.provide, Scope.provide(scope), Effect.orDie)
      yield* body(manager, network)
      const closing = yield* fork(Scope.close(scope, Exit.void))
      yield* pass("10 seconds", 5_000)
      assert.isDefined(closing.pollUnsafe(), `seed ${seed}: the manager closes`)
      assert.strictEqual(yield* network.open, 0, `seed ${seed}: sockets left`)
      assert.strictEqual(yield* network.dialing, 0, `seed ${seed}: dials left`)
      assert.deepStrictEqual(yield* manager.names, [], `seed ${seed}: names left`)
    })
  )

/** Registers the runs of single commands. */
export const sequential = (runs: number) =>
  describe("one command after the other", () => {
    const step = (manager: ConnectionManager.Manager, model: Map<string, { paused: boolean }>, random: Random) =>
      Effect.gen(function* () {
        const name = random.pick(names)
        const there = model.get(name)
        const missing = "ConnectionNotFound"
        switch (random.whole(0, 8)) {
          case 0: {
            const answer = yield* tagOf(manager.connect(name, plain))
            if (there === undefined) model.set(name, { paused: false })
            return [answer, there === undefined ? "ok" : "ConnectionExists"]
          }
          case 1: {
            if (there?.paused === true) return ["ok", "ok"]
            const answer = yield* tagOf(manager.ensure(name, plain))
            if (there === undefined) model.set(name, { paused: false })
            return [answer, "ok"]
          }
          case 2:
            model.delete(name)
            return [yield* tagOf(manager.close(name)), "ok"]
          case 3: {
            const answer = yield* tagOf(manager.send(name, "x", { whenDown: "fail" }))
            return [answer, there === undefined ? missing : there.paused ? "NotConnected" : "ok"]
          }
          case 4: {
            if (there?.paused === true) return ["ok", "ok"]
            return [yield* tagOf(manager.restart(name)), there === undefined ? missing : "ok"]
          }
          case 5:
            if (there !== undefined) there.paused = true
            return [yield* tagOf(manager.pause(name)), there === undefined ? missing : "ok"]
          case 6:
            if (there !== undefined) there.paused = false
            return [yield* tagOf(manager.resume(name)), there === undefined ? missing : "ok"]
          case 7:
            if (there?.paused === true) return ["ok", "ok"]
            return [yield* tagOf(manager.rotate(name)), there === undefined ? missing : "ok"]
          default: {
            const outcomes = yield* manager.broadcast(ManagerCommand.send("x", { whenDown: "fail" })).pipe(Effect.orDie)
            const told = outcomes.map(({ error, name }) => `${name} ${error?._tag ?? "ok"}`).toSorted()
            const expected = [...model]
              .map(([name, { paused }]) => `${name} ${paused ? "NotConnected" : "ok"}`)
              .toSorted()
            return [told.join(), expected.join()]
          }
        }
      })

    it.effect(
      `${runs} runs of 25 commands: answers and names are the model's`,
      () =>
        Effect.gen(function* () {
          for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
            const random = randomOf(seed)
            const model = new Map<string, { paused: boolean }>()
            yield* inManager(seed, TestNetwork.silent, (manager) =>
              Effect.gen(function* () {
                for (let index = 0; index < 25; index++) {
                  const running = yield* fork(step(manager, model, random))
                  yield* pass(300, 150)
                  const result = running.pollUnsafe()
                  assert.isDefined(result, `seed ${seed}, command ${index} hangs`)
                  const [answer, expected] = yield* Fiber.join(running)
                  assert.strictEqual(answer, expected, `seed ${seed}, command ${index}`)
                  assert.deepStrictEqual(
                    (yield* manager.names).toSorted(),
                    [...model.keys()].toSorted(),
                    `seed ${seed}, after command ${index}`
                  )
                }
              })
            )
          }
        }),
      600_000
    )
  })

/** Registers the runs of races. */
export const races = (runs: number) =>
  describe("from many fibers", () => {
    const act = (manager: ConnectionManager.Manager, random: Random): Effect.Effect<unknown> => {
      const name = random.pick(names.slice(0, 2))
      const acts: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        manager.connect(name, plain),
        manager.ensure(name, plain),
        manager.ensure(name, { ...plain, startup: "background" }),
        manager.close(name),
        manager.restart(name),
        manager.pause(name),
        manager.resume(name),
        manager.send(name, "x", { whenDown: "fail" }),
        manager.closeAll()
      ]
      return Effect.exit(random.pick(acts))
    }

    const worker = (manager: ConnectionManager.Manager, random: Random) =>
      Effect.gen(function* () {
        for (let index = 0; index < 6; index++) {
          for (let yields = random.whole(0, 4); yields > 0; yields--) yield* Effect.yieldNow
          const acting = yield* fork(act(manager, random))
          for (let yields = random.whole(0, 6); yields > 0; yields--) yield* Effect.yieldNow
          if (random.next() < 0.3) yield* Effect.forkScoped(Fiber.interrupt(acting))
        }
      })

    it.effect(
      `${runs} runs of 6 fibers: never two live sockets of one name, every name can be closed, nothing is left`,
      () =>
        Effect.gen(function* () {
          let overlaps = 0
          let accepted = 0
          for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
            const random = randomOf(seed)
            const live = new Map<string, number>()
            const script: TestNetwork.Script = (peer) => {
              const name = peer.request.connection
              accepted++
              live.set(name, (live.get(name) ?? 0) + 1)
              if (live.get(name)! > 1) overlaps++
              assert.isAtMost(live.get(name)!, 1, `seed ${seed}: two sockets of ${name}`)
              return peer.listen({ ended: () => void live.set(name, live.get(name)! - 1) })
            }
            yield* inManager(seed, script, (manager, network) =>
              Effect.gen(function* () {
                for (let index = 0; index < 6; index++) yield* fork(worker(manager, randomOf(seed * 1_000 + index)))
                yield* pass(random.whole(0, 2_000), 500)
                yield* pass("1 minute", 15_000)
                const closing = yield* fork(manager.closeAll())
                yield* pass("10 seconds", 5_000)
                assert.isDefined(closing.pollUnsafe(), `seed ${seed}: closeAll hangs`)
                yield* settle
                assert.deepStrictEqual(yield* manager.names, [], `seed ${seed}: a name that cannot be closed`)
                assert.strictEqual(yield* network.open, 0, `seed ${seed}: a socket without a name`)
                const again = yield* fork(Effect.exit(manager.connect("a", plain)))
                yield* pass("1 minute", 15_000)
                const exit = yield* Fiber.join(again)
                assert.isTrue(Exit.isSuccess(exit), `seed ${seed}: a name that cannot be taken again`)
              })
            )
          }
          assert.strictEqual(overlaps, 0)
          assert.isAbove(accepted, runs * 2, "runs in which hardly anything connects prove little")
        }),
      600_000
    )
  })
