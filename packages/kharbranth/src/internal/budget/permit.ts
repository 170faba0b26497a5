/** A dial permit by callback as the program that the `permit` option takes. */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Permit } from "../../Session.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Ask } from "../session/context.ts"
import { Waiting } from "../kit/waiting.ts"

/** The permit goes back when its scope closes, with the dial's outcome. */
export const permitBy =
  (ask: Ask) =>
  (dial: Permit): Effect.Effect<void, ConnectionError, Scope.Scope> =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.suspend(() => {
        const answered = new Waiting()
        let answer: Effect.Effect<void, ConnectionError> | undefined
        const pass = ask(dial, (refusal) => {
          answer = refusal === undefined ? Effect.void : Effect.fail(refusal)
          answered.wake()
        })
        const granted = answered.until(() => answer)
        const release = Scope.addFinalizerExit(scope, (exit) => Effect.sync(() => pass(exit)))
        return Effect.andThen(Effect.uninterruptible(release), granted)
      })
    )
