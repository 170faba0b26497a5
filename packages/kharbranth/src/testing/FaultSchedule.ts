/**
 * Histories of trouble, drawn from a seed: plain data that can be printed when a
 * test fails, and replayed.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { Direction, Fault } from "./Fault.ts"
import { millis } from "./internal/faultParts.ts"
import * as Seeded from "./internal/seeded.ts"

/**
 * A fault that happens at a time and lasts for a while.
 *
 * @category models
 * @since 0.1.0
 */
export interface Incident {
  /** When, in milliseconds from the start of the schedule. */
  readonly at: number
  /** How long it lasts, in milliseconds. Faults that happen at once ignore it. */
  readonly duration: number
  readonly fault: Fault
}

/**
 * Options of `make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The same seed gives the same schedule. */
  readonly seed: number
  /** Every incident is over by then. */
  readonly within: Duration.Input
  /** How many incidents. Default: one for every 30 seconds, at least one. */
  readonly incidents?: number | undefined
  /** The longest an incident lasts. Default: 20 seconds. */
  readonly longest?: Duration.Input | undefined
  /** The kinds to draw from. Default: every kind. */
  readonly kinds?: ReadonlyArray<Fault["_tag"]> | undefined
  /** The hosts to draw from. Default: each incident concerns all hosts. */
  readonly hosts?: ReadonlyArray<string> | undefined
}

const directions: readonly [Direction, ...Array<Direction>] = ["toServer", "toClient", "both"]
const statuses: readonly [number, ...Array<number>] = [401, 403, 404, 429, 500, 503]
const endings: readonly [number, ...Array<number>] = [1000, 1001, 1008, 1011, 1012, 1013, 4000]

type Draw = (random: Seeded.Seeded, longest: number) => Fault

const draws: { readonly [Tag in Fault["_tag"]]: Draw } = {
  Refuse: (random) => ({ _tag: "Refuse", kind: random.pick(["refused", "dns", "unreachable", "reset"]) }),
  Hang: () => ({ _tag: "Hang" }),
  Reject: (random) => {
    const status = random.pick(statuses)
    return status === 429 || status === 503
      ? { _tag: "Reject", status, retryAfterMillis: 1000 * Math.ceil(random.between(0, 10)) }
      : { _tag: "Reject", status }
  },
  TlsFailure: () => ({ _tag: "TlsFailure", code: "CERT_HAS_EXPIRED" }),
  AcceptThenClose: (random) => ({ _tag: "AcceptThenClose", code: random.pick(endings) }),
  AcceptThenReset: () => ({ _tag: "AcceptThenReset" }),
  Latency: (random) => ({
    _tag: "Latency",
    millis: Math.ceil(random.between(1, 2000)),
    jitterMillis: Math.ceil(random.between(0, 500))
  }),
  Loss: (random) => ({ _tag: "Loss", chance: Math.ceil(random.between(1, 30)) / 100 }),
  Bandwidth: (random) => ({
    _tag: "Bandwidth",
    bytesPerSecond: Math.ceil(random.between(500, 50_000)),
    direction: random.pick(directions)
  }),
  Stall: (random) => ({ _tag: "Stall", direction: random.pick(directions) }),
  Partition: (random) => ({ _tag: "Partition", direction: random.pick(directions) }),
  HalfOpen: (random) => ({ _tag: "HalfOpen", direction: random.pick(directions) }),
  MutePongs: () => ({ _tag: "MutePongs" }),
  IgnoreClose: () => ({ _tag: "IgnoreClose" }),
  HoldOpen: () => ({ _tag: "HoldOpen" }),
  SlowReader: () => ({ _tag: "SlowReader" }),
  LateEnd: (random, longest) => ({ _tag: "LateEnd", afterMillis: Math.ceil(random.between(0, longest)) }),
  Reset: () => ({ _tag: "Reset" }),
  Close: (random) => ({ _tag: "Close", code: random.pick(endings), reason: "" }),
  CutMidWrite: (random) => ({ _tag: "CutMidWrite", frames: Math.floor(random.between(0, 8)) }),
  Flood: (random) => ({
    _tag: "Flood",
    frames: Math.ceil(random.between(1, 500)),
    size: Math.ceil(random.between(0, 4096))
  }),
  Suspend: (random) => ({ _tag: "Suspend", monotonic: random.pick(["stops", "runs"]) }),
  WallClock: (random) => ({ _tag: "WallClock", offsetMillis: Math.round(random.between(-3_600_000, 3_600_000)) })
}

/**
 * Every kind of fault.
 *
 * @category models
 * @since 0.1.0
 */
export const kinds = Object.keys(draws) as ReadonlyArray<Fault["_tag"]>

const inProcess = (tag: Fault["_tag"]): boolean => tag === "Suspend" || tag === "WallClock"

/**
 * Draws a schedule of incidents from a seed, in order of time. Plain data:
 * print it when a test fails, and replay it with `network.play`.
 *
 * @example
 * ```ts
 * import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
 * import { deepStrictEqual, strictEqual } from "node:assert"
 *
 * const incidents = FaultSchedule.make({ seed: 7, within: "10 minutes" })
 * strictEqual(incidents.length, 20)
 * deepStrictEqual(incidents, FaultSchedule.make({ seed: 7, within: "10 minutes" }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): ReadonlyArray<Incident> => {
  const random = Seeded.make(options.seed, 1)
  const within = millis(options.within)
  const longest = Math.min(within, millis(options.longest ?? "20 seconds"))
  const count = options.incidents ?? Math.max(1, Math.round(within / 30_000))
  const [kind = "Reset", ...others] = options.kinds ?? kinds
  const [host, ...hosts] = options.hosts ?? []
  return Array.from({ length: count }, () => {
    const tag = random.pick([kind, ...others])
    const drawn = draws[tag](random, longest)
    const duration = Math.ceil(random.between(0, longest))
    const at = Math.floor(random.between(0, within - duration))
    const fault =
      host === undefined || inProcess(tag) ? drawn : ({ ...drawn, host: random.pick([host, ...hosts]) } as Fault)
    return { at, duration, fault }
  }).toSorted((a, b) => a.at - b.at)
}
