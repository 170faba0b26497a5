/** Makes a connection: options checked, a supervisor in the user's context, started as asked. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Codec from "../Codec.ts"
import type * as Connection from "../Connection.ts"
import type * as ConnectionError from "../ConnectionError.ts"
import { Surroundings } from "../Surroundings.ts"
import { Transport } from "../Transport.ts"
import type { Ward } from "./attention.ts"
import { Handle } from "./handle.ts"
import { startUp } from "./readiness.ts"
import * as Settings from "./settings.ts"
import { shutDown } from "./steering.ts"
import { Supervisor } from "./supervisor.ts"

type Failure = ConnectionError.ConnectionError

export const make = <C extends Codec.Any, T, RO, RH>(
  name: string,
  given: Connection.Options<C, T, RO, RH>
): Effect.Effect<
  Connection.Connection<Codec.In<C>, Codec.Out<C>>,
  Failure,
  Connection.Requirements<T, RO, RH> | Scope.Scope
> => {
  // What the options require is in the context, which every fiber of the connection gets.
  const options = given as unknown as Settings.AnyOptions
  const codec = (given.codec ?? Codec.frames) as unknown as Codec.Codec<Codec.In<C>, Codec.Out<C>>
  return Effect.flatMap(Effect.context<Transport>(), (context) => {
    const { capabilities } = Context.get(context, Transport)
    const policies = Settings.policiesOf(options, capabilities)
    const wrong = Settings.checkOptions(name, options)
    const target = wrong === undefined ? Settings.checkPolicies(name, policies, capabilities) : Result.fail(wrong)
    if (Result.isFailure(target)) return Effect.fail(target.failure)
    const supervisor = new Supervisor({
      connection: name,
      codec,
      context,
      policies,
      target: target.success,
      options: given as never
    })
    const attend = Context.get(context, Surroundings)
    return Effect.addFinalizer(() => shutDown(supervisor)).pipe(
      Effect.andThen(attend === undefined ? Effect.void : attended(supervisor, attend)),
      Effect.andThen(start(supervisor, options)),
      Effect.as(new Handle(supervisor))
    )
  })
}

const attended = <In, Out>(self: Supervisor<In, Out>, attend: (ward: Ward) => () => void) =>
  Effect.acquireRelease(
    Effect.sync(() => attend(self)),
    (end) => Effect.sync(end)
  )

const start = <In, Out>(self: Supervisor<In, Out>, options: Settings.AnyOptions): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    if (options.startup === "lazy") return Effect.void
    self.dispatch({ _tag: "Start" })
    return options.startup === "background" ? Effect.void : startUp(self, Settings.startupTimeout(options))
  })
