/** Ways to let virtual time pass. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

/** Lets everything happen that needs turns, and no time. */
export const settle = Effect.repeat(TestClock.adjust(0), { times: 20 })

/** Lets time pass in small steps, so that what each step causes can wait for the next. */
export const pass = (millis: number, step = 50) =>
  Effect.repeat(Effect.andThen(TestClock.adjust(step), Effect.repeat(TestClock.adjust(0), { times: 4 })), {
    times: Math.ceil(millis / step) - 1
  })

/** Closes a connection while time passes: its closing handshake takes some, and a scope that closes cannot wait for it. */
export const closed = (connection: { readonly close: Effect.Effect<void> }) =>
  Effect.andThen(Effect.forkScoped(connection.close), pass(6000, 100))

/** Makes something whose closing takes time, and lets time pass while its scope closes. */
export const closingInTime = <A, E, R>(make: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let closing = true
    yield* Effect.addFinalizer(() => Effect.sync(() => (closing = false)))
    const made = yield* make
    yield* Effect.addFinalizer(() =>
      Effect.forkDetach(Effect.whileLoop({ while: () => closing, body: () => pass(50), step: () => {} }))
    )
    return made
  })
