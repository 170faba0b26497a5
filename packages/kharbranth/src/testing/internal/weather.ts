/**
 * The faults that are active, and bringing them to the hosts, their sockets and
 * the client's processes.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type { Fault } from "../Fault.ts"
import type { Incident } from "../FaultSchedule.ts"
import * as Conditions from "./conditions.ts"
import * as Host from "./host.ts"
import type { Path } from "./pipe.ts"
import type { Process } from "./process.ts"

interface Surroundings {
  readonly outer: Clock.Clock
  readonly path: Path
  readonly processes: ReadonlyMap<string, Process>
  readonly note: (tag: "Injected" | "Lifted", fault: Fault) => void
}

export interface Weather {
  /** Brings the faults that are active to a process that starts. */
  greet(process: Process): void
  conditionsFor(process: string, host: string): Conditions.Conditions
  readonly inject: (fault: Fault) => Effect.Effect<void>
  readonly lift: (fault: Fault) => Effect.Effect<void>
  readonly heal: Effect.Effect<void>
  readonly play: (incidents: ReadonlyArray<Incident>) => Effect.Effect<void>
}

export const make = (around: Surroundings): Weather => {
  const { note, outer, path, processes } = around
  const faults = new Set<Fault>()

  const conditionsFor = (process: string, host: string) => Conditions.derive(path, faults, process, host)

  const routes = (): ReadonlyArray<Host.Host> =>
    [...processes.values()].flatMap(({ hosts }) => Array.from(hosts.values()))

  /** What is wrong inside of a process. */
  const disturb = (process: Process) => {
    let suspension: Extract<Fault, { readonly _tag: "Suspend" }>["monotonic"] | undefined
    let offset = 0
    for (const fault of faults) {
      if (fault.process !== undefined && fault.process !== process.name) continue
      if (fault._tag === "Suspend") suspension = fault.monotonic
      if (fault._tag === "WallClock") offset = fault.offsetMillis
    }
    process.offsetWall(offset)
    if (suspension === undefined) process.wakeUp()
    else process.fallAsleep(suspension)
  }

  const changed = () => {
    for (const host of routes()) Host.adapt(host, conditionsFor(host.process, host.name))
    for (const process of [...processes.values()]) disturb(process)
  }

  const inject = (fault: Fault) =>
    Effect.sync(() => {
      note("Injected", fault)
      if (!Conditions.lasts(fault)) {
        for (const host of routes()) Host.strike(host, fault)
        return
      }
      faults.delete(fault)
      faults.add(fault)
      changed()
    })

  // The very fault if it is active, or one that says the same.
  const active = (fault: Fault): Fault | undefined =>
    faults.has(fault) ? fault : [...faults].find((other) => Equal.equals(other, fault))

  const lift = (fault: Fault) =>
    Effect.sync(() => {
      const found = active(fault)
      if (found === undefined) return
      faults.delete(found)
      note("Lifted", found)
      changed()
    })

  const heal = Effect.sync(() => {
    for (const fault of faults) note("Lifted", fault)
    faults.clear()
    changed()
  })

  const play = (incidents: ReadonlyArray<Incident>) =>
    Effect.gen(function* () {
      // A copy of each fault, so that equal incidents may overlap.
      const steps = incidents.flatMap(({ at, duration, fault }) => {
        const own = { ...fault }
        const start = { at, act: inject(own) }
        return Conditions.lasts(own) ? [start, { at: at + duration, act: lift(own) }] : [start]
      })
      const begun = outer.currentTimeMillisUnsafe()
      for (const { act, at } of steps.toSorted((a, b) => a.at - b.at)) {
        const wait = begun + at - outer.currentTimeMillisUnsafe()
        if (wait > 0) yield* outer.sleep(Duration.millis(wait))
        yield* act
      }
    }).pipe(Effect.ensuring(heal))

  return {
    greet: disturb,
    conditionsFor,
    inject,
    lift,
    heal,
    play
  }
}
