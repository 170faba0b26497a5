/**
 * Opening a connection by name: claim the name, make the connection in the
 * background, then wait for its startup. Only the claim happens under the lock.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Codec from "../../Codec.ts"
import type * as Connection from "../../Connection.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { ConnectOptions, Key, Options } from "../../ConnectionManager.ts"
import type { DialBudget } from "../../DialBudget.ts"
import { Transport } from "../../Transport.ts"
import type { Built } from "../budget/budget.ts"
import * as internal from "../connection/use/make.ts"
import type { Ask } from "../session/context.ts"
import { permitBy } from "../budget/permit.ts"
import { startUp } from "../connection/use/ready.ts"
import { Handle } from "../connection/use/handle.ts"
import * as Checks from "../options/full.ts"
import * as Entries from "./entry.ts"
import type { Entry } from "./entry.ts"
import * as Keys from "./egress.ts"
import * as Raw from "./rawCodec.ts"
import type { Registry } from "./registry.ts"
import type { Notifier } from "./notify.ts"
import { attempt } from "../kit/guard.ts"
import * as Settings from "../connection/run/settings.ts"

/** Options as they arrive, whatever they carry. */
export type AnyOptions = ConnectOptions<Codec.Codec<unknown, unknown>, string, unknown, unknown>

export interface Opening {
  readonly registry: Registry
  readonly budget: DialBudget
  readonly asking: Built["asking"]
  readonly transport: Transport["Service"]
  /** Lives as long as the manager. */
  readonly scope: Scope.Scope
  readonly notifier: Notifier
  /** Asked for every dial, last. */
  readonly permit: Options["permit"]
}

const transportOf = (opening: Opening, options: AnyOptions): Transport["Service"] =>
  options.transport ?? opening.transport

const askOf =
  ({ asking, budget }: Opening, entry: Entry, priority: number | undefined): Ask =>
  (dial, answer) => {
    if (dial.cause !== undefined && dial.cause !== entry.lastError) budget.note(entry.dialed, dial.cause)
    const index = dial.endpoint % entry.budget.length
    const instead = entry.budget.flatMap(([egress = ""], other) => (other === index ? [] : [egress]))
    entry.dialed = entry.budget[index]!
    return asking({ keys: entry.dialed, instead, priority })(dial, answer)
  }

/** Who is asked: the connection's own permit, the budget, and the manager's permit. */
const permitOf = (entry: Entry, own: AnyOptions["permit"], ask: Ask, last: Options["permit"]): AnyOptions["permit"] => {
  const asked = permitBy(ask)
  const counted: AnyOptions["permit"] = own === undefined ? asked : (dial) => Effect.andThen(own(dial), asked(dial))
  if (last === undefined) return counted
  return (dial) =>
    Effect.andThen(
      counted(dial),
      Effect.suspend(() => last({ ...dial, keys: entry.dialed }))
    )
}

const optionsOf = (entry: Entry, options: AnyOptions, ask: Ask, last: Options["permit"]): Settings.AnyOptions => {
  const permit = permitOf(entry, options.permit, ask, last)
  return {
    ...options,
    codec: Raw.codec(entry.codec as Codec.Codec<unknown, unknown>),
    outbox: Raw.outbox(options.outbox),
    permit
  } as unknown as Settings.AnyOptions
}

/** Makes the connection and lets it dial; plain calls, because ten thousand are opened at once. */
const make = (
  opening: Opening,
  entry: Entry,
  options: AnyOptions,
  context: Context.Context<never>
): Exit.Exit<Connection.Any, ConnectionError> => {
  const ask = askOf(opening, entry, options.priority)
  const given = Context.add(Context.add(context, Transport, transportOf(opening, options)), Scope.Scope, entry.scope)
  const permit = options.permit === undefined && opening.permit === undefined ? ask : undefined
  const settings = optionsOf(entry, options, ask, opening.permit)
  const supervised = internal.supervise<unknown, never>(entry.name, settings, given, permit)
  if (Result.isFailure(supervised)) return Exit.fail(supervised.failure)
  const supervisor = supervised.success
  const connection = new Handle(supervisor)
  entry.supervisor = supervisor
  entry.connection = connection
  internal.begin(supervisor, options.startup)
  opening.registry.announce(entry)
  if (Entries.isMade(entry)) opening.notifier.watch(entry)
  return Exit.succeed(connection)
}

// In a fiber of the manager's: the caller may be interrupted while others wait
// for the same name.
const start = (
  opening: Opening,
  entry: Entry,
  options: AnyOptions,
  context: Context.Context<never>
): Effect.Effect<unknown> => {
  // Options that no compiler has seen may throw: that ends this name, and nothing else.
  const made = attempt(() => make(opening, entry, options, context), Exit.die)
  Deferred.doneUnsafe(entry.made, made)
  if (Exit.isFailure(made)) {
    Deferred.doneUnsafe(entry.started, Exit.failCause(made.cause))
    return opening.registry.free(entry)
  }
  if (options.startup === "background" || options.startup === "lazy") {
    Deferred.doneUnsafe(entry.started, Exit.void)
    return Effect.void
  }
  const waiting = startUp(entry.supervisor!, Settings.startupTimeout(options), undefined).pipe(
    Effect.onExit((exit) =>
      Effect.andThen(
        Deferred.done(entry.started, exit),
        exit._tag === "Failure" ? opening.registry.free(entry) : Effect.void
      )
    )
  )
  return Effect.forkIn(waiting, opening.scope, { startImmediately: true })
}

const partsOf = (nameOrKey: string | Key<unknown, never>, options: AnyOptions) =>
  typeof nameOrKey === "string"
    ? { name: nameOrKey, codec: options.codec ?? Codec.frames }
    : { name: nameOrKey.name, codec: nameOrKey.codec }

const open =
  (opening: Opening, mode: "connect" | "ensure") =>
  (nameOrKey: string | Key<unknown, never>, options: AnyOptions): Effect.Effect<Connection.Any, ConnectionError> =>
    Effect.contextWith((context: Context.Context<never>) => {
      const { codec, name } = partsOf(nameOrKey, options)
      const problem = Checks.managed(name, options)
      if (problem !== undefined) return Effect.fail(problem)
      const budget = Keys.keysOf(name, options.target, options, transportOf(opening, options))
      const create = () => Entries.make({ name, codec, budget, tags: options.tags ?? none })
      const share = (entry: Entry) => mode === "ensure" && entry.codec === codec
      return Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(opening.registry.claim(restore, create, name, share), ({ entry, fresh }) => {
          const begun = fresh ? start(opening, entry, options, context) : Effect.void
          const started = restore(Deferred.await(entry.started))
          const made = Effect.andThen(begun, restore(Deferred.await(entry.made)))
          return Effect.flatMap(made, (connection) =>
            Effect.as(
              mode === "connect" ? Effect.onInterrupt(started, () => opening.registry.free(entry)) : started,
              connection
            )
          )
        })
      )
    })

const none: ReadonlyArray<string> = []

export const connect = (opening: Opening) => open(opening, "connect")
export const ensure = (opening: Opening) => open(opening, "ensure")
