/**
 * A fleet of one process beside a manager: the CPU of messages and of names that come
 * and go, in pairs, and the heap of a name. `layerLocal` has a manager too, which
 * programs use that know no fleet; and `Fleet`, which keeps wishes and consumers.
 */
import * as ClusterManager from "@kharbranth/cluster/ClusterManager"
import { Fleet } from "@kharbranth/cluster/Fleet"
import * as FleetKind from "@kharbranth/cluster/FleetKind"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import type { Transport } from "kharbranth/Transport"
import { cpuOf, overMemory, ratiosOf, spent, turn } from "./memory.ts"

export interface Params {
  /** Names that come and go, or stay. */
  readonly names: number
  readonly pairs: number
  readonly messages: number
}

/** The CPU of a manager over that of the subject, a pair each. */
export interface Ratios {
  /** Read by `manager.messages`, of a connection that nobody else reads; it is the manager's own affair. */
  readonly messages: ReadonlyArray<number>
  /** Read by the reader of one name. */
  readonly entries: ReadonlyArray<number>
  readonly names: ReadonlyArray<number>
}

export interface Heap {
  readonly kibPerName: number
}

/** How a process keeps names. */
interface Way {
  readonly manager: ConnectionManager.Manager
  /** Completes when all of them are Ready. */
  readonly open: (names: ReadonlyArray<string>) => Effect.Effect<void>
  readonly close: (names: ReadonlyArray<string>) => Effect.Effect<void>
  /** How many entries the readers of all names got. */
  readonly seen: () => number
}

const target = "wss://feed.example/"

const byManager = (manager: ConnectionManager.Manager): Way => {
  let count = 0
  const read = (batch: ReadonlyArray<unknown>) => Effect.sync(() => void (count += batch.length))
  const open = (name: string) =>
    Effect.gen(function* () {
      const { entries } = yield* manager.connect(name, { target, codec: Codec.text, startup: "background" })
      // It ends with the connection.
      yield* Effect.forkDetach(Effect.ignore(Stream.runForEachArray(entries, read)))
    })
  return {
    manager,
    open: (names) => Effect.orDie(Effect.andThen(Effect.forEach(names, open, { discard: true }), manager.awaitReady())),
    close: (names) => Effect.forEach(names, (name) => manager.close(name), { discard: true }),
    seen: () => count
  }
}

const local = Effect.gen(function* () {
  let count = 0
  const Feed = FleetKind.make("feed", {
    params: Schema.Struct({}),
    codec: Codec.text,
    open: () => ({ target }),
    consume: ({ entries }) =>
      Stream.runForEachArray(entries, (batch) => Effect.sync(() => void (count += batch.length)))
  })
  const context = yield* Layer.build(ClusterManager.layerLocal({ kinds: [Feed] }))
  const fleet = Context.get(context, Fleet)
  const manager = Context.get(context, ConnectionManager.ConnectionManager)
  const until = (isDone: Effect.Effect<boolean>): Effect.Effect<void> =>
    Effect.flatMap(isDone, (done) => (done ? Effect.void : Effect.andThen(turn, until(isDone))))
  const areOpen = (wanted: boolean, names: ReadonlyArray<string>) =>
    until(
      Effect.map(manager.names, (open) => {
        const known = new Set(open)
        return names.every((name) => known.has(name) === wanted)
      })
    )
  const byFleet: Way = {
    manager,
    open: (names) =>
      Effect.forEach(names, (name) => fleet.ensure(Feed, name, {}), { discard: true }).pipe(
        Effect.andThen(areOpen(true, names)),
        Effect.andThen(manager.awaitReady()),
        Effect.orDie
      ),
    close: (names) => Effect.orDie(Effect.andThen(fleet.release(...names), areOpen(false, names))),
    seen: () => count
  }
  return { layerLocal: byManager(manager), Fleet: byFleet }
})

const plain = Effect.map(ConnectionManager.make(), byManager)

export type Subject = "manager" | "layerLocal" | "Fleet"

const wayOf = (subject: Subject) => (subject === "manager" ? plain : Effect.map(local, (ways) => ways[subject]))

const named = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, n) => `name ${n}`)

/** Takes turns of names that come and go: they are few, for each takes a hundred times what a message does. */
const fewer = 10

const ratios = (subject: Subject, { messages, names, pairs }: Params) =>
  Effect.gen(function* () {
    const [base, own] = [yield* plain, yield* wayOf(subject)]
    const coming = ({ close, open }: Way) => cpuOf(Effect.andThen(open(named(names)), close(named(names))))
    const comings = yield* ratiosOf(Math.ceil(pairs / fewer), coming(base), coming(own))
    yield* base.open(["base"])
    yield* own.open(["own"])
    const entries = yield* ratiosOf(pairs, spent("base", messages, base.seen), spent("own", messages, own.seen))
    const fanned = ({ manager }: Way, name: string) =>
      Effect.gen(function* () {
        let count = 0
        yield* manager.connect(name, { target, codec: Codec.text })
        const read = Stream.runForEachArray(manager.messages(name), (batch) =>
          Effect.sync(() => void (count += batch.length))
        )
        yield* Effect.forkScoped(Effect.orDie(read), { startImmediately: true })
        yield* turn
        return spent(name, messages, () => count)
      })
    const all = yield* ratiosOf(pairs, yield* fanned(base, "base all"), yield* fanned(own, "own all"))
    return { entries, messages: all, names: comings } satisfies Ratios
  })

const heapNow = Effect.gen(function* () {
  for (let n = 0; n < 4; n++) {
    globalThis.gc?.()
    yield* Effect.sleep("50 millis")
  }
  return process.memoryUsage().heapUsed
})

/** Some names come first: the code, and what it keeps for itself, comes with them. */
const heap = (subject: Subject, { names }: Params) =>
  Effect.gen(function* () {
    const { open } = yield* wayOf(subject)
    const all = named(names + names / 10)
    yield* open(all.slice(names))
    const before = yield* heapNow
    yield* open(all.slice(0, names))
    return { kibPerName: ((yield* heapNow) - before) / 1_024 / names } satisfies Heap
  })

export const measure = (subject: string, params: Params): Promise<Heap | Ratios> => {
  const [what, of] = subject.split(", ") as ["heap" | "ratios", Subject]
  const program: Effect.Effect<Heap | Ratios, unknown, Scope.Scope | Transport> =
    what === "heap" ? heap(of, params) : ratios(of, params)
  return Effect.runPromise(
    Effect.scoped(overMemory(program)).pipe(Effect.provideService(References.MinimumLogLevel, "Error"))
  )
}
