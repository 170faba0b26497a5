/**
 * Every command of a manager, against a name in every condition but Ready, and how
 * it ends; what this proves is said in ManagerAudit.test.ts.
 */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as ManagerCommand from "../../src/ManagerCommand.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, plain, settle, url } from "./managerRig.ts"

type Manager = ConnectionManager.Manager
type Use = (manager: Manager, name: string) => Effect.Effect<unknown, unknown, Scope.Scope>

const name = "feed"
const key = ConnectionManager.key(name, plain.codec)

const told =
  (command: ManagerCommand.Command): Use =>
  (manager) =>
    Effect.flatMap(manager.broadcast(command, name), ([outcome]) =>
      outcome?.error === undefined ? Effect.void : Effect.fail(outcome.error)
    )

/** Through the queue: how it ends is an event. */
const queued =
  (command: ManagerCommand.Command): Use =>
  (manager) =>
    Effect.gen(function* () {
      const failed = yield* fork(
        manager.events.pipe(
          Stream.filter((event) => event._tag === "CommandFailed" && event.name === name),
          Stream.runHead
        )
      )
      yield* settle
      yield* Queue.offer(manager.commands, { command, where: name })
      yield* pass("1 second")
      const event = failed.pollUnsafe()
      if (event === undefined || Exit.isFailure(event) || Option.isNone(event.value)) return
      if (event.value.value._tag === "CommandFailed") return yield* Effect.fail(event.value.value.error)
    })

export const commands = {
  "get": (manager) => manager.get(name),
  "get by key": (manager) => manager.get(key),
  "send": (manager) => manager.send(name, "x", { whenDown: "fail" }),
  "send, held": (manager) => manager.send(name, "x"),
  "send by key": (manager) => manager.send(key, "x", { whenDown: "fail" }),
  "restart": (manager) => manager.restart(name),
  "rotate": (manager) => manager.rotate(name),
  "update": (manager) => manager.update(name, (policies) => policies),
  "pause": (manager) => manager.pause(name),
  "resume": (manager) => manager.resume(name),
  "awaitReady": (manager) => manager.awaitReady(name),
  "awaitReady, all": (manager) => manager.awaitReady(),
  "messages": (manager) => Stream.runDrain(manager.messages(name)),
  "messages by key": (manager) => Stream.runDrain(manager.messages(key)),
  "snapshot": (manager) => manager.snapshot,
  "close": (manager) => manager.close(name),
  "closeAll": (manager) => manager.closeAll(name),
  "connect": (manager) => manager.connect(name, { ...plain, startup: "background" }),
  "ensure": (manager) => manager.ensure(name, { ...plain, startup: "background" }),
  "broadcast restart": told(ManagerCommand.restart()),
  "broadcast rotate": told(ManagerCommand.rotate()),
  "broadcast probe": told(ManagerCommand.probe()),
  "broadcast pause": told(ManagerCommand.pause),
  "broadcast resume": told(ManagerCommand.resume),
  "broadcast send": told(ManagerCommand.send("x", { whenDown: "fail" })),
  "broadcast drain": told(ManagerCommand.drain({ deadline: "1 second" })),
  "broadcast close": told(ManagerCommand.close),
  "queued send": queued(ManagerCommand.send("x", { whenDown: "fail" })),
  "queued restart": queued(ManagerCommand.restart())
} satisfies Record<string, Use>

type Answer = NonNullable<TestNetwork.ServeOptions["answer"]>

interface World {
  readonly network: TestNetwork.TestNetwork
  /** Closes the manager. */
  readonly end: Effect.Effect<void>
}

interface Setting {
  readonly answer?: Answer | undefined
  readonly reach: (manager: Manager, world: World) => Effect.Effect<unknown, unknown, Scope.Scope>
}

const open = (manager: Manager) => manager.connect(name, { ...plain, startup: "background" })
const never: Answer = () => Effect.never

export const conditions = {
  "never opened": { reach: () => Effect.void },
  "mid-dial": { answer: never, reach: (manager) => Effect.andThen(open(manager), pass("1 second")) },
  "between dials": {
    answer: () => Effect.succeed(TestNetwork.reject(503)),
    reach: (manager) => Effect.andThen(open(manager), pass("3 seconds"))
  },
  "not started": { reach: (manager) => manager.connect(name, { ...plain, startup: "lazy" }) },
  "paused": { reach: (manager) => Effect.andThen(open(manager), Effect.andThen(pass(100), manager.pause(name))) },
  "given up": {
    answer: () => Effect.succeed(TestNetwork.reject(404)),
    reach: (manager) => Effect.andThen(open(manager), pass("1 second"))
  },
  // Nothing answers the closing handshake.
  "closing": {
    reach: (manager, { network }) =>
      Effect.gen(function* () {
        yield* open(manager)
        yield* pass(100)
        yield* network.inject(Fault.halfOpen())
        const closing = yield* fork(manager.close(name))
        yield* settle
        assert.isUndefined(closing.pollUnsafe())
      })
  },
  "closed": {
    reach: (manager) =>
      Effect.andThen(
        open(manager),
        Effect.andThen(pass(100), Effect.andThen(fork(manager.close(name)), pass("10 seconds")))
      )
  },
  "manager closed": {
    reach: (manager, { end }) =>
      Effect.andThen(open(manager), Effect.andThen(pass(100), Effect.andThen(fork(end), pass("10 seconds"))))
  }
} satisfies Record<string, Setting>

export type Condition = keyof typeof conditions

const verdictOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error === undefined || typeof error !== "object" || error === null || !("_tag" in error)) {
    return `untyped: ${Cause.pretty(exit.cause)}`
  }
  if (!("connection" in error) || error.connection !== name) return `${String(error._tag)} without the name`
  return String(error._tag)
}

/** How a command ends; one that waits must end when its name is closed. */
export const outcomeOf = (condition: Condition, command: keyof typeof commands) =>
  Effect.gen(function* () {
    const { answer, reach }: Setting = conditions[condition]
    const network = yield* TestNetwork.make()
    yield* network.serve(url, TestNetwork.echo, answer === undefined ? {} : { answer })
    const scope = yield* Scope.make()
    const manager = yield* ConnectionManager.make().pipe(network.provide, Scope.provide(scope))
    const end = Scope.close(scope, Exit.void)
    yield* Effect.orDie(reach(manager, { network, end }))
    const running = yield* fork(Effect.exit(commands[command](manager, name)))
    const ended = () => running.pollUnsafe()
    yield* pass("1500 millis")
    const waits = ended() === undefined
    if (waits) {
      yield* fork(manager.close(name))
      yield* pass("20 seconds", 500)
    }
    const exit = ended()
    const left = yield* fork(end)
    yield* pass("12 seconds", 500)
    assert.isDefined(left.pollUnsafe(), `${condition}: after ${command} the manager does not close`)
    const nothing = [yield* network.open, yield* network.dialing]
    assert.deepStrictEqual(nothing, [0, 0], `${condition}: ${command} leaves sockets or dials`)
    if (exit === undefined) return "hangs"
    const verdict = Exit.isSuccess(exit) ? verdictOf(exit.value) : verdictOf(exit)
    return waits ? `waits ${verdict}` : verdict
  })
