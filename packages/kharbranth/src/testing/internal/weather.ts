/**
 * The faults that are active, and bringing them to the hosts, their sockets and
 * the client's process.
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
import * as Pipe from "./pipe.ts"
import type { ProcessClock } from "./processClock.ts"

interface Surroundings {
  readonly outer: Clock.Clock
  readonly path: Path
  readonly hosts: ReadonlyMap<string, Host.Host>
  readonly process: ProcessClock
  readonly note: (tag: "Injected" | "Lifted", fault: Fault) => void
}

export interface Weather {
  conditionsFor(host: string): Conditions.Conditions
  /** Whether the client's process is suspended. */
  isAsleep(): boolean
  /** Calls `f` once the client's process runs. */
  readonly whenAwake: (f: () => void) => void
  readonly inject: (fault: Fault) => Effect.Effect<void>
  readonly lift: (fault: Fault) => Effect.Effect<void>
  readonly heal: Effect.Effect<void>
  readonly play: (incidents: ReadonlyArray<Incident>) => Effect.Effect<void>
}

type Suspension = Extract<Fault, { readonly _tag: "Suspend" }>["monotonic"]

export const make = (around: Surroundings): Weather => {
  const { hosts, note, outer, path, process } = around
  const faults = new Set<Fault>()
  let asleep = false
  let atWake: Array<() => void> = []

  const conditionsFor = (host: string) => Conditions.derive(path, faults, host)

  const holdSockets = () => {
    for (const { sockets } of hosts.values()) {
      for (const socket of [...sockets]) socket.down.hold(Pipe.suspended, asleep)
    }
  }

  const fallAsleep = (monotonic: Suspension) => {
    if (asleep) return
    asleep = true
    process.suspend(monotonic)
    holdSockets()
  }

  const wakeUp = () => {
    if (!asleep) return
    asleep = false
    process.resume()
    holdSockets()
    const waiting = atWake
    atWake = []
    for (const f of waiting) f()
  }

  const changed = () => {
    for (const host of [...hosts.values()]) Host.adapt(host, conditionsFor(host.name))
    let suspension: Suspension | undefined
    let offset = 0
    for (const fault of faults) {
      if (fault._tag === "Suspend") suspension = fault.monotonic
      if (fault._tag === "WallClock") offset = fault.offsetMillis
    }
    process.offsetWall(offset)
    if (suspension === undefined) wakeUp()
    else fallAsleep(suspension)
  }

  const inject = (fault: Fault) =>
    Effect.sync(() => {
      note("Injected", fault)
      if (!Conditions.lasts(fault)) {
        for (const host of [...hosts.values()]) Host.strike(host, fault)
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
    conditionsFor,
    isAsleep: () => asleep,
    whenAwake: (f) => (asleep ? void atWake.push(f) : f()),
    inject,
    lift,
    heal,
    play
  }
}
