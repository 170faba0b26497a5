/**
 * Makes a dial budget of its options: turns them into the rules of gates, gives the
 * lanes a clock, and answers who asks for a permit.
 */
import * as Effect from "effect/Effect"
import { DialFailed, foreign, type InvalidOptions } from "../../ConnectionError.ts"
import type { DialBudget, Limit, Options, PermitOptions, Policy } from "../../DialBudget.ts"
import { Observer } from "./observer.ts"
import type { Rules } from "./gate.ts"
import { Lanes } from "./lanes.ts"
import * as Verdict from "./verdict.ts"
import type { Ask } from "../session/context.ts"
import { permitBy } from "./permit.ts"
import { Fibers } from "../kit/fibers.ts"
import { attempt } from "../kit/guard.ts"
import * as Check from "../model/check.ts"
import { nextMicrotask } from "../kit/microtask.ts"
import { Timer, type Timers, timersOf } from "../kit/timers.ts"

const owner = "dial budget"

const limitsOf = ({ limits }: Policy): ReadonlyArray<Limit> =>
  limits === undefined ? [] : "window" in limits ? [limits] : limits

const rulesOf = (policy: Policy): Rules => {
  const breaker = policy.breaker === false ? { failures: Infinity } : (policy.breaker ?? {})
  return {
    windows: limitsOf(policy).map(({ limit, window }) => ({ limit, millis: Check.millisOr(window, 0) })),
    minGap: Check.millisOr(policy.minGap, 0),
    concurrent: policy.concurrent ?? 256,
    failures: breaker.failures ?? 5,
    cooldown: Check.millisOr("cooldown" in breaker ? breaker.cooldown : undefined, "1 second"),
    maxCooldown: Check.millisOr("maxCooldown" in breaker ? breaker.maxCooldown : undefined, "30 seconds"),
    stagger: Check.millisOr(policy.stagger, "50 millis"),
    busy: Check.millisOr(policy.busy, "5 seconds"),
    maxBusy: Check.millisOr(policy.maxRetryAfter, "60 seconds")
  }
}

const checkPolicy = (policy: Policy, path: Check.Path): Check.Check => {
  const at = (...keys: Check.Path): Check.Path => [...path, ...keys]
  const time = (key: "minGap" | "stagger" | "busy" | "maxRetryAfter") => Check.positive(owner, at(key), policy[key])
  const breaker = policy.breaker === false ? {} : (policy.breaker ?? {})
  return Check.firstOf([
    ...limitsOf(policy).flatMap(({ limit, window }, index) => [
      Check.wholeNumber(owner, at("limits", index, "limit"), limit, 1),
      Check.positive(owner, at("limits", index, "window"), window)
    ]),
    Check.wholeNumber(owner, at("concurrent"), policy.concurrent, 1),
    time("minGap"),
    time("stagger"),
    time("busy"),
    time("maxRetryAfter"),
    Check.wholeNumber(owner, at("breaker", "failures"), breaker.failures, 1),
    Check.positive(owner, at("breaker", "cooldown"), breaker.cooldown),
    Check.positive(owner, at("breaker", "maxCooldown"), breaker.maxCooldown)
  ])
}

export const check = (options: Options): InvalidOptions | undefined =>
  Check.firstOf([
    options.policy === undefined ? undefined : checkPolicy(options.policy, ["budget", "policy"]),
    ...Object.entries(options.keys ?? {}).map(([key, policy]) => checkPolicy(policy, ["budget", "keys", key]))
  ])

const heldBack = (connection: string, endpoint: string): DialFailed =>
  new DialFailed({ connection, kind: "breaker", endpoint, cause: foreign(undefined) })

/** The origin in an egress key, which may also name a way out. */
const originOf = (key: string): string => key.split(" via ", 1)[0]!

const lanesOf = (options: Options, timers: Timers, fibers: Fibers): Lanes => {
  const rules = new Map(Object.entries(options.keys ?? {}).map(([key, policy]) => [key, rulesOf(policy)]))
  const others = rulesOf(options.policy ?? {})
  return new Lanes(
    (key) => rules.get(key) ?? rules.get(originOf(key)) ?? others,
    (fire) => new Timer(timers, fibers, fire),
    () => timers.now()
  )
}

/** A budget, and its permits by callback. */
export interface Built {
  readonly budget: DialBudget
  readonly asking: (options: PermitOptions) => Ask
}

const asking =
  (lanes: Lanes) =>
  ({ instead = [], keys, priority = 0 }: PermitOptions): Ask =>
  ({ connection, epoch, report }, answer) => {
    const [egress] = keys
    if (egress !== undefined && lanes.isOpen(egress) && instead.some((key) => !lanes.isOpen(key))) {
      nextMicrotask(() => answer(heldBack(connection, egress)))
      return nothing
    }
    let waits = false
    const ticket = lanes.ask(connection, keys, priority, () => {
      if (waits) report?.(() => ({ _tag: "DialPermitted", epoch }))
      answer(undefined)
    })
    // A permit is granted in a later turn, also where nothing holds it back.
    waits = ticket.phase === "waiting"
    if (waits) report?.(() => ({ _tag: "DialWaiting", epoch, ...lanes.waitOf(ticket)! }))
    return (exit) => lanes.settle(ticket, Verdict.ofExit(exit))
  }

const nothing = (): void => {}

export const build = Effect.fnUntraced(function* (options: Options = {}) {
  const problem = check(options)
  if (problem !== undefined) return yield* problem
  const environment = yield* Effect.context<never>()
  const timers = timersOf(environment)
  const fibers = new Fibers(owner, environment)
  const lanes = lanesOf(options, timers, fibers)
  yield* Effect.addFinalizer(() => Effect.sync(() => lanes.end()))
  const ask = asking(lanes)
  const budget: DialBudget = {
    permit: (options) => permitBy(ask(options)),
    note: (keys, error) => {
      const verdict = Verdict.ofError(error)
      if (error._tag === "ConnectionClosed" && verdict._tag === "Busy") lanes.hold(keys, verdict.wait)
    },
    snapshot: Effect.sync(() =>
      lanes.all().map(({ gate, waiters, waiting }) => ({
        key: gate.key,
        dialing: gate.inFlight,
        waiting,
        breaker: gate.phase,
        probesIn: gate.phase === "Open" ? Math.max(0, gate.until - timers.now()) : undefined,
        waiters
      }))
    )
  }
  const observe = yield* Observer
  const guarded = <A>(run: () => A) => attempt(run, (defect) => fibers.died(defect))
  const forget = guarded(() => observe?.(budget))
  if (forget !== undefined) yield* Effect.addFinalizer(() => Effect.sync(() => guarded(forget)))
  return { budget, asking: ask } satisfies Built
})

export const make = (options: Options = {}) => Effect.map(build(options), ({ budget }) => budget)
