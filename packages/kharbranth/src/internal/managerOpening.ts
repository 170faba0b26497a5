/**
 * Opening a connection by name: claim the name, make the connection in the
 * background, then wait for its startup. Only the claim happens under the lock.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Codec from "../Codec.ts"
import type * as Connection from "../Connection.ts"
import { type ConnectionError, StartupTimeout } from "../ConnectionError.ts"
import type { ConnectOptions, Key } from "../ConnectionManager.ts"
import type { DialBudget } from "../DialBudget.ts"
import { Transport } from "../Transport.ts"
import * as internal from "./connection.ts"
import * as Entries from "./managerEntry.ts"
import type { Entry } from "./managerEntry.ts"
import * as Keys from "./managerKeys.ts"
import * as Raw from "./managerRaw.ts"
import type { Registry } from "./managerRegistry.ts"
import * as Check from "./options.ts"

/** Options as they arrive, whatever they carry. */
export type AnyOptions = ConnectOptions<Codec.Codec<unknown, unknown>, string, unknown, unknown>

export interface Opening {
  readonly registry: Registry
  readonly budget: DialBudget
  readonly transport: Transport["Service"]
  /** Lives as long as the manager. */
  readonly scope: Scope.Scope
  readonly watch: (entry: Entries.Made) => Effect.Effect<void>
}

type Permit = NonNullable<AnyOptions["permit"]>

const permitOf = (opening: Opening, entry: Entry, options: AnyOptions): Permit => {
  const { budget } = opening
  const egresses = entry.budget.map(([egress = ""]) => egress)
  const permits = entry.budget.map((keys, index) => ({
    keys,
    permit: budget.permit({ keys, instead: egresses.toSpliced(index, 1), priority: options.priority })
  }))
  const own = options.permit
  return (dial) => {
    if (dial.cause !== undefined && dial.cause !== entry.lastError) budget.note(entry.dialed, dial.cause)
    const { keys, permit } = permits[dial.endpoint % permits.length]!
    entry.dialed = keys
    return own === undefined ? permit(dial) : Effect.andThen(own(dial), permit(dial))
  }
}

const make = (opening: Opening, entry: Entry, options: AnyOptions) => {
  // What the options' effects need was provided before they got here.
  // oxlint-disable-next-line effecttsgo/unsafe-effect-type-assertion
  const making = internal.make(entry.name, {
    ...options,
    codec: Raw.codec(entry.codec as Codec.Codec<unknown, unknown>),
    outbox: Raw.outbox(options.outbox),
    startup: options.startup === "lazy" ? "lazy" : "background",
    permit: permitOf(opening, entry, options)
  }) as Effect.Effect<Connection.Any, ConnectionError, Transport | Scope.Scope>
  return making.pipe(
    Effect.provideService(Transport, opening.transport),
    Scope.provide(entry.scope),
    Effect.tap((connection) =>
      Effect.suspend(() => {
        entry.connection = connection
        opening.registry.announce(entry)
        return Entries.isMade(entry) ? opening.watch(entry) : Effect.void
      })
    )
  )
}

const startup = (
  entry: Entry,
  connection: Connection.Any,
  options: AnyOptions
): Effect.Effect<void, ConnectionError> => {
  if (options.startup === "background" || options.startup === "lazy") return Effect.void
  const after = Check.durationOr(options.startupTimeout, Duration.seconds(60))
  return Effect.timeoutOrElse(connection.awaitReady, {
    duration: after,
    orElse: () =>
      Effect.suspend(() =>
        Effect.fail(
          new StartupTimeout({
            connection: entry.name,
            after,
            last: Entries.causeOf(connection.state.getUnsafe()) ?? entry.lastError
          })
        )
      )
  })
}

// In a fiber of the manager's: the caller may be interrupted while others wait
// for the same name.
const start = Effect.fnUntraced(function* (opening: Opening, entry: Entry, options: AnyOptions) {
  const made = yield* Effect.exit(make(opening, entry, options))
  yield* Deferred.done(entry.made, made)
  if (made._tag === "Failure") {
    yield* Deferred.failCause(entry.started, made.cause)
    return yield* opening.registry.free(entry)
  }
  const waiting = startup(entry, made.value, options).pipe(
    Effect.onExit((exit) =>
      Effect.andThen(
        Deferred.done(entry.started, exit),
        exit._tag === "Failure" ? opening.registry.free(entry) : Effect.void
      )
    )
  )
  yield* Effect.forkIn(waiting, opening.scope, { startImmediately: true })
})

const partsOf = (nameOrKey: string | Key<unknown, never>, options: AnyOptions) =>
  typeof nameOrKey === "string"
    ? { name: nameOrKey, codec: options.codec ?? Codec.frames }
    : { name: nameOrKey.name, codec: nameOrKey.codec }

const open =
  (opening: Opening, mode: "connect" | "ensure") =>
  (nameOrKey: string | Key<unknown, never>, options: AnyOptions): Effect.Effect<Connection.Any, ConnectionError> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const { codec, name } = partsOf(nameOrKey, options)
        const problem = Keys.check(name, options)
        if (problem !== undefined) return yield* problem
        const budget = Keys.keysOf(name, options.target, options)
        const create = () => Entries.make({ name, codec, budget, tags: options.tags ?? [] })
        const share = (entry: Entry) => mode === "ensure" && entry.codec === codec
        const { entry, fresh } = yield* opening.registry.claim(restore, create, name, share)
        if (fresh) yield* start(opening, entry, options)
        const connection = yield* restore(Deferred.await(entry.made))
        const started = restore(Deferred.await(entry.started))
        yield* mode === "connect" ? Effect.onInterrupt(started, () => opening.registry.free(entry)) : started
        return connection
      })
    )

export const connect = (opening: Opening) => open(opening, "connect")
export const ensure = (opening: Opening) => open(opening, "ensure")
