/** Puts a test's fleet together: network, store, members, and one runner for each process. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type * as FleetKind from "../../FleetKind.ts"
import * as Runners from "../../internal/fleet/runner.ts"
import * as Memory from "../../internal/store/memory.ts"
import * as Model from "../../internal/store/model.ts"
import type { JoinOptions, Options, TestFleet, TestRunner } from "../TestFleet.ts"
import { chanceOf } from "./chance.ts"
import { Members } from "./members.ts"
import { type Conditions, linkOf, through } from "./storeLink.ts"

// How long one that leaves waits for others to ask.
const patience = 20_000

const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

export const make = Effect.fnUntraced(function* <const Kinds extends ReadonlyArray<FleetKind.Any>>(
  options: Options<Kinds>
) {
  const seed = options.seed ?? 1
  const chance = chanceOf(seed)
  const outer = yield* Clock.clockWith(Effect.succeed)
  const context = yield* Effect.context<FleetKind.Requirements<Kinds[number]> | Scope.Scope>()
  const network = yield* TestNetwork.make({ ...options.network, seed })
  const detection = millis(options.detection ?? "3 seconds")
  const lag = millis(options.lag ?? "1 second")
  const { notices = "all" } = options
  const members = new Members(options.buckets ?? 12, outer, chance)
  const living = new Map<string, TestRunner>()
  const scope = yield* Effect.scope

  // With the test, nobody hands over to others that end as well.
  let hasEnded = false

  // ---- the store, and what it was

  const voice = new Memory.Voice()
  let tables = Model.empty(voice.tell)
  const past: Array<{ readonly at: number; readonly tables: Model.Tables }> = []
  const remember = () => {
    const at = outer.currentTimeMillisUnsafe()
    if (at - (past.at(-1)?.at ?? -Infinity) < 100) return
    past.push({ at, tables: Model.copy(tables) })
    if (past.length > 64) past.shift()
  }
  let statements = 0
  // What it was is what the next statement finds.
  const truth = Memory.over(
    () => {
      remember()
      return tables
    },
    voice,
    (more) => void (statements += more)
  )
  const onOuter = <A, E>(effect: Effect.Effect<A, E>) => Effect.provideService(effect, Clock.Clock, outer)
  const loseCommits = (age: Duration.Input) =>
    Effect.sync(() => {
      const before = outer.currentTimeMillisUnsafe() - millis(age)
      const found = past.findLast(({ at }) => at <= before)
      if (found !== undefined) tables = Model.copy(found.tables)
    })

  // ---- one process

  const start = (name: string, joining: JoinOptions) =>
    Effect.gen(function* () {
      const process = yield* network.process(name, joining)
      const conditions: Conditions = { cut: undefined, latency: 0 }
      const store = linkOf(truth, { outer, context, process, conditions, chance, notices })
      const isReachable = () => living.has(name) && conditions.cut === undefined
      const engine = members.engine(name, process, isReachable, Math.floor(chance() * lag))
      // Of its own: a process that is killed runs no finalizers.
      const own = Scope.makeUnsafe()
      const { fleet, manager } = yield* Runners.make(options, store, {
        join: Effect.succeed(engine),
        watch: () => Effect.void,
        patience: () => (hasEnded ? 0 : patience)
      }).pipe(process.provide, Scope.provide(own))
      const suspensions = {
        stops: Fault.suspend("stops", { process: name }),
        runs: Fault.suspend("runs", { process: name })
      }
      const wakened = Effect.andThen(network.lift(suspensions.runs), network.lift(suspensions.stops))
      const dead = Deferred.makeUnsafe<void>()
      const isLiving = () => living.get(name) === runner
      const gone = Effect.sync(() => isLiving() && living.delete(name))
      let isLeaving = false
      const seen = (isHere: boolean, delay: number) =>
        Effect.sync(() => {
          // One that is gone does not come back, whatever of it is healed.
          if (!isHere || (isLiving() && !isLeaving)) members.note(name, isHere, delay)
        })
      const handOver = Effect.gen(function* () {
        yield* wakened
        isLeaving = true
        // It is still reached while it hands over, but nobody gives it anything new.
        yield* seen(false, 0)
        yield* process.provide(fleet.leave)
        yield* gone
        yield* process.provide(Scope.close(own, Exit.void))
        yield* process.kill
      })
      const die = Effect.gen(function* () {
        // Of one that hands over, the others know already.
        if (!isLeaving) yield* seen(false, detection)
        yield* gone
        yield* process.kill
        yield* Deferred.succeed(dead, undefined)
      })
      const runner: TestRunner = {
        name,
        process,
        fleet,
        manager,
        pause: (monotonic = "runs") => Effect.andThen(network.inject(suspensions[monotonic]), seen(false, detection)),
        resume: Effect.andThen(wakened, seen(true, detection)),
        kill: Effect.suspend(() => (isLiving() || isLeaving ? die : Effect.void)),
        // On its own: one that is killed on the way out never comes to the end of it.
        leave: Effect.suspend(() =>
          isLiving() && !isLeaving
            ? Effect.flatMap(Effect.forkDetach(handOver), (leaving) =>
                Effect.raceFirst(Fiber.join(leaving), Deferred.await(dead))
              )
            : Effect.void
        ),
        cutStore: Effect.andThen(
          Effect.sync(() => void (conditions.cut = chance() < 0.5 ? "requests" : "answers")),
          seen(false, detection)
        ),
        healStore: Effect.andThen(
          Effect.sync(() => {
            conditions.cut = undefined
          }),
          seen(true, detection)
        ),
        slowStore: (latency) => Effect.sync(() => void (conditions.latency = millis(latency)))
      }
      living.set(name, runner)
      members.note(name, true, 0)
      return { runner, own }
    })

  const join = (name: string, joining: JoinOptions = {}) =>
    start(name, joining).pipe(
      Effect.flatMap(({ own, runner }) =>
        Effect.as(
          Scope.addFinalizer(
            scope,
            // It runs again for this, or its finalizers would wait for ever.
            Effect.suspend(() => {
              hasEnded = true
              if (living.get(name) !== runner) return Effect.void
              return Effect.andThen(runner.healStore, Effect.andThen(runner.resume, Scope.close(own, Exit.void)))
            })
          ),
          runner
        )
      ),
      Effect.provideContext(context),
      onOuter
    )

  for (let n = 1; n <= (options.runners ?? 3); n++) yield* join(`r${n}`)
  const fleet: TestFleet = {
    network,
    // On the test's clock, not on its caller's.
    store: through(truth, onOuter, voice),
    runners: Effect.sync(() => [...living.values()]),
    join,
    statements: Effect.sync(() => statements),
    keptBack: (key) => Effect.sync(() => Model.keptBack(tables, outer.currentTimeMillisUnsafe(), key)),
    loseCommits
  }
  return fleet
})
