/**
 * A manager of many connections: how long they take to open, what one operation
 * costs among so many, and what the fan-in of all messages keeps.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import type * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as ManagerCommand from "kharbranth/ManagerCommand"
import * as Reconnect from "kharbranth/Reconnect"
import { median } from "../harness/figures.ts"
import { leftovers } from "./idle.ts"
import * as Kharbranth from "./kharbranth.ts"

export interface Params {
  readonly url: string
  readonly connections: number
  /** Messages of each connection; for `messages`. */
  readonly each: number
  /** Dials a second that the budget allows; for `cut`. */
  readonly limit: number
}

/** Microseconds of CPU for one of each: what else the machine does should not count. */
export interface Costs {
  readonly lookup: number
  readonly send: number
  readonly change: number
}

export interface Fleet extends Costs {
  readonly openMillis: number
  readonly openCpuMillis: number
  readonly snapshotMillis: number
  readonly snapshotCpuMillis: number
  /** Sockets and timers still there after the manager's scope closed. */
  readonly left: number
}

export interface Cut {
  /** From the cut until every connection is Ready again. */
  readonly backMillis: number
  readonly left: number
}

export interface Messages {
  /** What the single streams take together, over what the fan-in takes. */
  readonly kept: number
}

/** An operation touches this many connections, spread over all: what differs is only how many others there are. */
const touched = 100
const repeats = { lookup: 200, send: 60, change: 1 }
const samples = 15
const changeSamples = 5
/** Interleaved pairs of single streams and fan-in. */
const pairs = 5

const nameOf = (index: number): string => `feed ${index}`

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

interface Spent {
  readonly millis: number
  readonly cpuMillis: number
}

const timed = <E>(effect: Effect.Effect<unknown, E>): Effect.Effect<Spent, E> =>
  Effect.gen(function* () {
    const cpu = process.cpuUsage()
    const before = performance.now()
    yield* effect
    const millis = performance.now() - before
    const { system, user } = process.cpuUsage(cpu)
    return { millis, cpuMillis: (user + system) / 1_000 }
  })

type Opening = Pick<Connection.Options<Codec.Any, string, never>, "reconnect">

export const open = (
  manager: ConnectionManager.Manager,
  { connections, url }: Pick<Params, "url" | "connections">,
  options: Opening = {}
) =>
  Effect.gen(function* () {
    for (let i = 0; i < connections; i++) {
      yield* manager.connect(nameOf(i), {
        target: url,
        codec: Codec.text,
        heartbeat: Heartbeat.ping({ every: "60 seconds" }),
        startup: "background",
        ...options
      })
    }
    yield* manager.awaitReady()
  })

/** What is left of what has run and closed its scope. */
const thenLeft = <A, E, R>(effect: Effect.Effect<A, E, R | Scope.Scope>) =>
  Effect.gen(function* () {
    const result = yield* Effect.scoped(effect)
    yield* turn
    return { ...result, left: leftovers() }
  })

/** Medians; the first half is for the compiler. */
const sampled = <E>(runs: number, effect: Effect.Effect<unknown, E>): Effect.Effect<Spent, E> =>
  Effect.gen(function* () {
    const spent: Array<Spent> = []
    for (let run = 0; run < runs * 2; run++) spent.push(yield* timed(effect))
    const second = spent.slice(runs)
    return {
      millis: median(second.map(({ millis }) => millis)),
      cpuMillis: median(second.map(({ cpuMillis }) => cpuMillis))
    }
  })

const costs = (manager: ConnectionManager.Manager, count: number) =>
  Effect.gen(function* () {
    const names = Array.from({ length: touched }, (_, i) => nameOf(Math.floor((i * count) / touched)))
    const all = (use: (name: string) => Effect.Effect<unknown, unknown>, times: number) =>
      Effect.gen(function* () {
        for (let time = 0; time < times; time++) for (const name of names) yield* use(name)
        // what a send wrote leaves with the turn
        yield* turn
      })
    const each = (use: (name: string) => Effect.Effect<unknown, unknown>, times: number, runs = samples) =>
      Effect.map(sampled(runs, all(use, times)), ({ cpuMillis }) => (cpuMillis * 1_000) / (times * touched))
    const lookup = yield* each(manager.get, repeats.lookup)
    const send = yield* each((name) => manager.send(name, "x"), repeats.send)
    // a socket closed and one dialed, while somebody watches
    yield* Effect.forkScoped(Stream.runDrain(manager.changes), { startImmediately: true })
    yield* turn
    const there = (name: string) => Effect.andThen(manager.resume(name), manager.awaitReady(name))
    const again = (name: string) => Effect.andThen(manager.pause(name), there(name))
    const change = yield* each(again, repeats.change, changeSamples)
    return { lookup, send, change } satisfies Costs
  })

const fleet = (params: Params) =>
  Effect.gen(function* () {
    const manager = yield* ConnectionManager.make()
    const opened = yield* timed(open(manager, params))
    const snapshot = yield* sampled(9, manager.snapshot)
    globalThis.gc?.()
    return {
      openMillis: opened.millis,
      openCpuMillis: opened.cpuMillis,
      snapshotMillis: snapshot.millis,
      snapshotCpuMillis: snapshot.cpuMillis,
      ...(yield* costs(manager, params.connections))
    } satisfies Omit<Fleet, "left">
  })

/** Until so many connections are Ready on a session after their first. */
const allBack = (manager: ConnectionManager.Manager, count: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const back = new Set<string>()
    return manager.changes.pipe(
      Stream.takeUntil(({ name, state }) => {
        if (state?._tag === "Connected" && state.epoch > 1) back.add(name)
        return back.size === count
      }),
      Stream.runDrain
    )
  })

const cut = (params: Params) =>
  Effect.gen(function* () {
    const limits = { limit: params.limit, window: "1 second" } as const
    const manager = yield* ConnectionManager.make({ budget: { policy: { limits } } })
    yield* open(manager, params, { reconnect: Reconnect.prompt })
    // the first second after the cut should have all of the budget
    yield* Effect.sleep("1500 millis")
    const back = yield* timed(Effect.andThen(manager.send(nameOf(0), "now"), allBack(manager, params.connections)))
    return { backMillis: back.millis }
  })

const messages = (params: Params) =>
  Effect.gen(function* () {
    const manager = yield* ConnectionManager.make()
    yield* open(manager, params)
    const connections = yield* Effect.forEach(yield* manager.names, (name) => manager.get(name))
    /** Milliseconds until the reader has counted all. */
    const counted = (read: (count: (batch: number) => void) => Effect.Effect<unknown, unknown>) =>
      Effect.gen(function* () {
        const all = yield* Deferred.make<void>()
        let left = params.each * params.connections
        const count = (batch: number): void => {
          left -= batch
          if (left === 0) Deferred.doneUnsafe(all, Effect.void)
        }
        const reading = yield* Effect.forkChild(read(count), { startImmediately: true })
        const ask = manager.broadcast(ManagerCommand.send(String(params.each)))
        const { millis } = yield* timed(Effect.andThen(ask, Deferred.await(all)))
        yield* Fiber.interrupt(reading)
        return millis
      })
    const single = counted((count) =>
      Effect.forEach(
        connections,
        ({ stream }) => Stream.runForEachArray(stream, (batch) => Effect.sync(() => count(batch.length))),
        { concurrency: "unbounded" }
      )
    )
    const fanned = counted((count) =>
      Stream.runForEachArray(manager.messages(), (batch) => Effect.sync(() => count(batch.length)))
    )
    yield* single
    yield* fanned
    const ratios: Array<number> = []
    for (let pair = 0; pair < pairs; pair++) ratios.push((yield* single) / (yield* fanned))
    return { kept: median(ratios) } satisfies Messages
  })

/** A line on the console for each session, or its loss, would cost more than the session. */
const quiet = Effect.provideService(References.MinimumLogLevel, "Error")

export const measure = (subject: string, params: Params): Promise<Fleet | Messages | Cut> => {
  if (subject === "messages") return Kharbranth.run(quiet(messages(params)))
  return subject === "cut"
    ? Kharbranth.run(quiet(thenLeft(cut(params))))
    : Kharbranth.run(quiet(thenLeft(fleet(params))))
}
