/**
 * The page's half of a browser test: puts functions where the test can call
 * them by name, and runs their effects. What they return must survive JSON.
 */
import * as Effect from "effect/Effect"

export type Verbs = Readonly<Record<string, (...args: Array<never>) => unknown>>

const isEffect = (u: unknown): u is Effect.Effect<unknown> => Effect.isEffect(u)

export interface Bridge {
  readonly call: (name: string, args: ReadonlyArray<unknown>) => Promise<unknown>
}

export const expose = (verbs: Verbs): void => {
  const call: Bridge["call"] = (name, args) => {
    const verb = verbs[name]
    if (verb === undefined) return Promise.reject(new Error(`this page has no verb ${name}`))
    const result = verb(...(args as Array<never>))
    return isEffect(result) ? Effect.runPromise(result) : Promise.resolve(result)
  }
  Object.assign(globalThis, { bridge: { call } })
}
