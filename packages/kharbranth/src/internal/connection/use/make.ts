/** Makes a connection: options checked, a supervisor in the user's context, started as asked. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Codec from "../../../Codec.ts"
import type * as Connection from "../../../Connection.ts"
import type * as ConnectionError from "../../../ConnectionError.ts"
import { Transport } from "../../../Transport.ts"
import type { Ask } from "../../session/context.ts"
import * as Checks from "../../options/checks.ts"
import { Handle } from "./handle.ts"
import { startUp } from "./ready.ts"
import * as Settings from "../run/settings.ts"
import { shutDown } from "./steer.ts"
import { Supervisor } from "../run/supervisor.ts"

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
  return Effect.contextWith((context: Context.Context<Transport | Scope.Scope>) => {
    const wrong = Checks.connection(name, options)
    if (wrong !== undefined) return Effect.fail(wrong)
    const supervised = supervise<Codec.In<C>, Codec.Out<C>>(name, options, context)
    if (Result.isFailure(supervised)) return Effect.fail(supervised.failure)
    const supervisor = supervised.success
    return Effect.flatMap(kept(supervisor, Context.get(context, Scope.Scope)), () => start(supervisor, options))
  })
}

/** Makes what runs a connection, from options that have passed the checks; nothing is dialed yet. */
export const supervise = <In, Out>(
  name: string,
  options: Settings.AnyOptions,
  context: Context.Context<Transport>,
  ask?: Ask
): Result.Result<Supervisor<In, Out>, ConnectionError.InvalidOptions> => {
  const { capabilities } = Context.get(context, Transport)
  const policies = Settings.policiesOf(options, capabilities)
  const wrong = Checks.compression(name, options.compression, capabilities.compression)
  if (wrong !== undefined) return Result.fail(wrong)
  const target = Settings.checkPolicies(name, policies, capabilities)
  if (Result.isFailure(target)) return Result.fail(target.failure)
  const codec = (options.codec ?? Codec.frames) as unknown as Codec.Codec<In, Out>
  return Result.succeed(
    new Supervisor({
      connection: name,
      codec,
      context,
      policies,
      target: target.success,
      options: options as never,
      ask
    })
  )
}

/** It lives as long as this scope. */
const kept = <In, Out>(self: Supervisor<In, Out>, scope: Scope.Scope): Effect.Effect<void> =>
  Scope.addFinalizer(scope, shutDown(self))

/** Lets itself be observed, heeds its surroundings, and dials unless it is to wait for its first use. */
export const begin = <In, Out>(self: Supervisor<In, Out>, startup: Settings.AnyOptions["startup"]): void => {
  self.react()
  if (startup !== "lazy") self.dispatch({ _tag: "Start" })
}

const start = <In, Out>(
  self: Supervisor<In, Out>,
  options: Settings.AnyOptions
): Effect.Effect<Connection.Connection<In, Out>, Failure> => {
  const { startup = "await" } = options
  begin(self, startup)
  const handle = new Handle(self)
  return startup === "await" ? startUp(self, Settings.startupTimeout(options), handle) : Effect.succeed(handle)
}
