/** The times of a holder, in milliseconds, all of which follow from its options. */
import * as Duration from "effect/Duration"
import { InvalidFleet } from "../../FleetError.ts"
import type { Moves, Options } from "../../Lease.ts"

export interface Timing {
  readonly ttl: number
  /** How long a lease is used, counted from before it was asked for. */
  readonly usable: number
  /**
   * How long before that end a lease that nobody renewed is given up: time to cut its sockets before a watchdog would
   * kill the process for them.
   */
  readonly ease: number
  /** How much longer than that a watchdog waits: halfway to the moment at which others may claim. */
  readonly grace: number
  readonly settle: number
  readonly renewEvery: number
  /** The same after one that failed. */
  readonly retryEvery: number
  readonly claimEvery: number
  /** The same while a bucket is still another's, and how often one that leaves looks who asks. */
  readonly askEvery: number
  /** The longest wait before somebody looks whether rights are over. */
  readonly sweepEvery: number
  /** The deadline of one statement. */
  readonly statement: number
  /** How long two holders may overlap, and how much of that the old one uses. */
  readonly overlap: number
  readonly overlapUsable: number
  /** How many names may be on their way to another process at a time. */
  readonly concurrent: number
}

const millisOf = (input: Duration.Input | undefined, otherwise: number): number | undefined => {
  if (input === undefined) return otherwise
  const duration = Duration.fromInput(input)
  return duration._tag === "Some" ? Duration.toMillis(duration.value) : undefined
}

// Below this, a slow statement alone makes a fleet lose its leases.
const shortestTtl = 1_000

/** The timing that options ask for, or what is wrong with them. */
export const timingOf = (options: Options = {}, moves: Moves = {}): Timing | InvalidFleet => {
  const invalid = (key: string, issue: string, of = "lease") => new InvalidFleet({ path: [of, key], issue })
  const ttl = millisOf(options.ttl, 15_000)
  const margin = millisOf(options.margin, 500)
  const settle = millisOf(options.settle, 3_000)
  if (ttl === undefined || !(ttl >= shortestTtl && ttl < Infinity))
    return invalid("ttl", "expected a duration of at least 1 second")
  if (margin === undefined || !(margin > 0 && margin < ttl / 2))
    return invalid("margin", "expected a duration above zero and below half of ttl")
  if (settle === undefined || !(settle >= 0 && settle < Infinity)) return invalid("settle", "expected a duration")
  const overlap = millisOf(moves.deadline, 30_000)
  const { concurrent = 100 } = moves
  if (overlap === undefined || !(overlap > 0 && overlap < Infinity))
    return invalid("deadline", "expected a duration above zero", "moves")
  if (!(Number.isInteger(concurrent) && concurrent >= 1))
    return invalid("concurrent", "expected a whole number of at least 1", "moves")
  return {
    ttl,
    usable: ttl - margin,
    ease: ttl / 24,
    grace: margin / 2,
    settle,
    // By default a store that is away for three quarters of ttl is back in time: a lease bears one interval of each.
    renewEvery: ttl / 8,
    retryEvery: ttl / 20,
    claimEvery: Math.min(1_000, ttl / 8),
    askEvery: Math.min(200, ttl / 8),
    sweepEvery: 1_000,
    statement: ttl / 4,
    overlap,
    // As with leases: clocks may differ by that much.
    overlapUsable: overlap * (1 - margin / ttl),
    concurrent
  }
}
