/**
 * Values from callbacks, taken one at a time by tests.
 */
import * as Effect from "effect/Effect"

export interface Mailbox<A> {
  readonly put: (value: A) => void
  readonly take: Effect.Effect<A>
}

export const mailbox = <A>(): Mailbox<A> => {
  const values: Array<A> = []
  const takers: Array<(value: A) => void> = []
  return {
    put: (value) => {
      const taker = takers.shift()
      if (taker === undefined) values.push(value)
      else taker(value)
    },
    take: Effect.callback((resume) => {
      if (values.length > 0) return resume(Effect.succeed(values.shift()!))
      const taker = (value: A) => resume(Effect.succeed(value))
      takers.push(taker)
      return Effect.sync(() => {
        const index = takers.indexOf(taker)
        if (index >= 0) takers.splice(index, 1)
      })
    })
  }
}
