/**
 * What the active faults come to for one route: the weather between a host's
 * servers and a client process. Later faults win over earlier ones of the same kind.
 */
import type { Direction, Fault } from "../Fault.ts"
import type { Path } from "./pipe.ts"

/** A fault that answers a dial in the server's place. */
export type Door = Extract<
  Fault,
  { readonly _tag: "Refuse" | "Hang" | "Reject" | "TlsFailure" | "AcceptThenClose" | "AcceptThenReset" }
>

export interface Conditions {
  readonly door: Door | undefined
  readonly up: Path
  readonly down: Path
  readonly stalledUp: boolean
  readonly stalledDown: boolean
  readonly cutUp: boolean
  readonly cutDown: boolean
  readonly mutePongs: boolean
  readonly ignoreClose: boolean
  readonly holdOpen: boolean
  readonly slowReader: boolean
  /** Milliseconds until the platform reports an end; infinite when only `terminate` makes it do so. */
  readonly lateEnd: number | undefined
}

export const calm = (path: Path): Conditions => ({
  door: undefined,
  up: path,
  down: path,
  stalledUp: false,
  stalledDown: false,
  cutUp: false,
  cutDown: false,
  mutePongs: false,
  ignoreClose: false,
  holdOpen: false,
  slowReader: false,
  lateEnd: undefined
})

export const isUp = (direction: Direction): boolean => direction !== "toClient"
export const isDown = (direction: Direction): boolean => direction !== "toServer"

/** Whether a fault concerns the way from a process to a host. */
export const concerns = (fault: Fault, process: string, host: string): boolean =>
  (fault.host === undefined || fault.host === host) && (fault.process === undefined || fault.process === process)

/** Whether a fault lasts until it is lifted. */
export const lasts = (fault: Fault): boolean => {
  switch (fault._tag) {
    case "HalfOpen":
    case "Reset":
    case "Close":
    case "CutMidWrite":
    case "Flood":
      return false
    default:
      return true
  }
}

const bothWays = (now: Conditions, change: Partial<Path>): Conditions => ({
  ...now,
  up: { ...now.up, ...change },
  down: { ...now.down, ...change }
})

const add = (now: Conditions, fault: Fault): Conditions => {
  switch (fault._tag) {
    case "Refuse":
    case "Hang":
    case "Reject":
    case "TlsFailure":
    case "AcceptThenClose":
    case "AcceptThenReset":
      return { ...now, door: fault }
    case "Latency":
      return bothWays(now, { latency: fault.millis, jitter: fault.jitterMillis })
    case "Loss":
      return bothWays(now, { loss: fault.chance })
    case "Bandwidth": {
      const bandwidth = fault.bytesPerSecond / 1000
      return {
        ...now,
        up: isUp(fault.direction) ? { ...now.up, bandwidth } : now.up,
        down: isDown(fault.direction) ? { ...now.down, bandwidth } : now.down
      }
    }
    case "Stall":
      return {
        ...now,
        stalledUp: now.stalledUp || isUp(fault.direction),
        stalledDown: now.stalledDown || isDown(fault.direction)
      }
    case "Partition":
      return { ...now, cutUp: now.cutUp || isUp(fault.direction), cutDown: now.cutDown || isDown(fault.direction) }
    case "MutePongs":
      return { ...now, mutePongs: true }
    case "IgnoreClose":
      return { ...now, ignoreClose: true }
    case "HoldOpen":
      return { ...now, holdOpen: true }
    case "SlowReader":
      return { ...now, slowReader: true }
    case "LateEnd":
      return { ...now, lateEnd: fault.afterMillis ?? Infinity }
    default:
      return now
  }
}

export const derive = (path: Path, faults: Iterable<Fault>, process: string, host: string): Conditions => {
  let conditions = calm(path)
  for (const fault of faults) if (concerns(fault, process, host)) conditions = add(conditions, fault)
  return conditions
}

/** Whether nothing of a dial gets through right now. */
export const isBlocked = (now: Conditions): boolean => now.cutUp || now.cutDown || now.stalledUp || now.stalledDown
