/**
 * One process of a fleet, put together: a manager for its sockets, the loop that
 * keeps names open, the holder of leases, and the verbs.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import { Transport } from "kharbranth/Transport"
import type * as ClusterManager from "../../ClusterManager.ts"
import type { Service } from "../../Fleet.ts"
import { InvalidFleet } from "../../FleetError.ts"
import type { FleetEvent } from "../../FleetEvent.ts"
import type * as FleetKind from "../../FleetKind.ts"
import type { FleetStore } from "../../FleetStore.ts"
import type { Watched } from "../../Watchdog.ts"
import { Budget } from "../budget/budget.ts"
import type { Engine } from "../engine/engine.ts"
import { fenced } from "../fence/fenced.ts"
import { Right } from "../fence/right.ts"
import { Holder } from "../holder/holder.ts"
import { type Timing, timingOf } from "../holder/timing.ts"
import { Watchers } from "../kit/watchers.ts"
import { type Held, Names, type Surroundings } from "../names/names.ts"
import { answering } from "./answering.ts"
import { Declared } from "./declared.ts"
import { shown } from "./following.ts"
import * as Fleet from "./make.ts"
import * as Managers from "./manager.ts"

type Options = ClusterManager.Options<ReadonlyArray<FleetKind.Any>>

export interface Runner {
  readonly fleet: Service
  readonly manager: ConnectionManager.Manager
}

const poll = 1_000
// How many events may wait for one observer.
const backlog = 8_192

const kindsOf = (
  kinds: ReadonlyArray<FleetKind.Any>
): Effect.Effect<ReadonlyMap<string, FleetKind.Any>, InvalidFleet> => {
  const byId = new Map([...kinds, Declared].map((kind): [string, FleetKind.Any] => [kind.id, kind]))
  return byId.size === kinds.length + 1
    ? Effect.succeed(byId)
    : Effect.fail(new InvalidFleet({ path: ["kinds"], issue: "two kinds have the same id" }))
}

/** Kinds whose requirements are met by the environment that the fleet was made in. */
const bodies =
  (kinds: ReadonlyMap<string, FleetKind.Any>, environment: Context.Context<unknown>): Surroundings["bodyOf"] =>
  (id) => {
    const body = kinds.get(id)?.body
    // A scope for each name, or what it acquires would live as long as the fleet does.
    return body === undefined
      ? undefined
      : (place) => Effect.provideContext(Effect.scoped(body.run(place)), environment)
  }

const newHolder = (role: "runner" | "client") =>
  Effect.map(
    Effect.all([Random.nextInt, Random.nextInt]),
    (parts) => `${role}-${parts.map((part) => Math.abs(part).toString(36)).join("")}`
  )

const begin = Effect.fnUntraced(function* (options: Options, store: FleetStore["Service"]) {
  const kinds = yield* kindsOf(options.kinds)
  const timing = timingOf(options.lease, options.moves)
  if (timing instanceof InvalidFleet) return yield* timing
  const environment = yield* Effect.context<never>()
  const clock = yield* Clock.clockWith(Effect.succeed)
  const events = new Watchers<FleetEvent>(backlog)
  const emit = (event: FleetEvent) => events.publish([event])
  const { statement } = timing
  const limits = options.budget?.fleet
  // Without limits no dial pays for asking.
  const budget =
    limits === undefined ? undefined : yield* Budget.make({ clock, permits: store.permits, limits, emit, statement })
  const holder = yield* newHolder("runner")
  const manager = yield* ConnectionManager.make({ budget: options.budget?.local, permit: budget?.permit })
  // The layer's type asks for whatever its kinds need.
  const bodyOf = bodies(kinds, environment as unknown as Context.Context<unknown>)

  const namesOf = (held: Surroundings["held"], fence: Surroundings["fence"]) =>
    new Names({ store, clock, manager, bodyOf, poll, emit, held, fence, statement })
  const answeringFor = (names: Names) => answering(names, manager, () => clock.currentTimeMillisUnsafe())
  const runnerOf = (parts: Pick<Fleet.Parts, "engine" | "names" | "answer" | "leave">) =>
    Fleet.make({ holder, knows: (kind) => kinds.get(kind.id) === kind, store, clock, events, ...parts })
  /** The manager whose verbs reach the whole fleet. */
  const managerOf = (names: Names, made: Fleet.Made) => Managers.make({ local: manager, names, kinds, store, ...made })
  /** Lets the store's notices reach what they concern, as long as the scope. */
  const listen = Effect.fnUntraced(function* (names: Names, leases: Holder) {
    const scope = yield* Effect.scope
    const run = Effect.runForkWith(environment)
    yield* (
      store.news?.listen((notice) => {
        if (notice._tag === "Wishes") names.changed()
        leases.heard(notice)
        if (notice._tag === "Held" && budget !== undefined) Fiber.runIn(run(budget.heard(notice)), scope)
      }) ?? Effect.void
    )
  })
  return { answeringFor, clock, emit, holder, listen, manager, managerOf, namesOf, runnerOf, timing }
})

/** One process that owns everything: no lease, no fence, no engine. */
export const makeAlone = Effect.fnUntraced(function* (options: Options, store: FleetStore["Service"], engine: Engine) {
  const { answeringFor, holder, manager, namesOf, runnerOf } = yield* begin(options, store)
  const buckets = [...engine.owned()]
  const { claimed } = yield* store.leases.claim({ holder, buckets, ttl: Number.MAX_SAFE_INTEGER })
  const held = new Map(
    claimed.map(({ bucket, epoch }): [string, Held] => {
      const right = { lease: { bucket, epoch, holder }, isLive: () => true }
      return [bucket, { right, before: undefined, overlap: undefined }]
    })
  )
  const names = namesOf(
    () => held,
    (_, transport) => transport
  )
  yield* names.run()
  const leave = Effect.suspend(() => {
    const rights = [...held.values()].map(({ right }) => right)
    held.clear()
    return Effect.forEach(rights, (right) => names.closeAllOf(right), { discard: true })
  })
  const { fleet } = runnerOf({ engine, names, leave, answer: answeringFor(names) })
  return { fleet, manager } satisfies Runner
})

/** How one of many comes and goes. */
export interface Membership<E> {
  /** Joins the cluster, as long as the scope. */
  readonly join: Effect.Effect<Engine, E, Scope.Scope>
  readonly watch: (watched: Watched) => Effect.Effect<void, never, Scope.Scope>
  /** How many milliseconds one that leaves waits for others to ask for what it holds. */
  readonly patience: () => number
}

/**
 * One of many: names follow leases. It joins the cluster last and leaves it first, so that others ask for its buckets
 * while it can still hand them over.
 */
export const make = Effect.fnUntraced(function* <E>(
  options: Options,
  store: FleetStore["Service"],
  { join, patience, watch }: Membership<E>
) {
  const { answeringFor, clock, emit, holder, listen, managerOf, namesOf, runnerOf, timing } = yield* begin(
    options,
    store
  )
  const transport = yield* Transport
  let engine: Engine | undefined
  const leases: Holder = new Holder({
    holder,
    store,
    clock,
    timing,
    emit,
    owned: () => engine?.owned() ?? nothing,
    changed: () => names.changed(),
    open: (right) => names.openOf(right),
    decide: (right) => names.decide(right),
    close: (right) => bounded(timing, names.close(right)),
    going: (right) => names.going(right),
    goOn: (right, isWantedBack) => bounded(timing, names.goOn(right, isWantedBack), timing.overlap),
    end: (right) => bounded(timing, names.closeAllOf(right))
  })
  const names: Names = namesOf(
    () => leases.held,
    (right, own) => (right instanceof Right ? fenced(own ?? transport, right) : own)
  )
  // What they open hangs on this scope, or it would be closed before the finalizer below could hand it over.
  const loops = yield* Scope.fork(yield* Effect.scope)
  yield* Scope.provide(Effect.all([names.run(), leases.run(), listen(names, leases)], { discard: true }), loops)
  yield* watch({ left: () => leases.left(), grace: timing.grace })
  const membership = yield* Scope.fork(yield* Effect.scope)
  const leave = Effect.suspend(() => {
    engine = undefined
    return Effect.andThen(Scope.close(membership, Exit.void), leases.leave(patience()))
  })
  // While the loops still run.
  yield* Effect.addFinalizer(() => leave)
  const answer = answeringFor(names)
  const joined = yield* Scope.provide(join, membership)
  engine = joined
  yield* Scope.provide(joined.serve(answer, shown(names)), membership)
  const made = runnerOf({ engine: joined, names, answer, leave })
  return { fleet: made.fleet, manager: yield* managerOf(names, made) } satisfies Runner
})

/** A process that holds nothing: it asks those that do. */
export const makeClient = Effect.fnUntraced(function* (store: FleetStore["Service"], engine: Engine) {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const { fleet } = Fleet.make({
    holder: yield* newHolder("client"),
    knows: () => true,
    store,
    clock,
    engine,
    names: { find: () => undefined, changed: () => {} },
    answer: () => Effect.succeed([]),
    events: new Watchers<FleetEvent>(1),
    leave: Effect.void
  })
  return fleet
})

const nothing: ReadonlySet<string> = new Set()

// What is not closed by then is cut with the lease.
const bounded = ({ usable }: Timing, closing: Effect.Effect<void>, most = usable): Effect.Effect<void> =>
  Effect.asVoid(Effect.timeoutOption(closing, most))
