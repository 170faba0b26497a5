/** What the tests of the dial budget share: errors to fail with, and dials to play. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as ConnectionError from "../../src/ConnectionError.ts"
import type * as DialBudget from "../../src/DialBudget.ts"

const endpoint = "wss://feed.example/ws"
export const cause = ConnectionError.foreign({ code: "ETEST" })
export const failed = (kind: ConnectionError.DialFailure) =>
  new ConnectionError.DialFailed({ connection: "feed", kind, endpoint, cause })
export { closed, rejected } from "../support/errors.ts"

export const dial = { connection: "feed", epoch: 1, attempt: 1, cause: undefined, endpoint: 0 }

export interface Dialed {
  readonly name: string
  readonly from: number
  to: number
}

export interface Plan {
  readonly name?: string
  readonly keys?: ReadonlyArray<string>
  readonly priority?: number
  readonly takes?: number
  readonly error?: ConnectionError.ConnectionError | undefined
}

/** Plays one dial under a budget: asks, dials for a while, ends as planned. */
export const play = (budget: DialBudget.DialBudget, log: Array<Dialed>, plan: Plan = {}) =>
  Effect.gen(function* () {
    yield* budget.permit({ keys: plan.keys ?? ["host"], priority: plan.priority })(dial)
    const dialed = { name: plan.name ?? "", from: yield* Clock.currentTimeMillis, to: Infinity }
    log.push(dialed)
    if (plan.takes !== undefined) yield* Effect.sleep(plan.takes)
    dialed.to = yield* Clock.currentTimeMillis
    if (plan.error !== undefined) return yield* Effect.fail(plan.error)
  }).pipe(Effect.scoped, Effect.exit)

export const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })
export const settle = TestClock.adjust(0)
