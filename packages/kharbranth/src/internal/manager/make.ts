/**
 * Puts the manager together: the registry of names, how one opens, what is told
 * about them, how they are addressed, and the budget that their dials pass.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Connection from "../../Connection.ts"
import { type ConnectionError, InvalidOptions } from "../../ConnectionError.ts"
import type { Key, Manager, Options } from "../../ConnectionManager.ts"
import type { Command, Where } from "../../ManagerCommand.ts"
import type { Failed, Named } from "../../ManagerEvent.ts"
import type * as Message from "../../Message.ts"
import type * as Outbox from "../../Outbox.ts"
import { Transport } from "../../Transport.ts"
import * as Budget from "../budget/budget.ts"
import * as Control from "./commands.ts"
import * as Declared from "./declared/parse.ts"
import * as Entries from "./entry.ts"
import type { Made } from "./entry.ts"
import * as Messages from "./fanIn.ts"
import * as Opening from "./opening.ts"
import { namesOf, Registry } from "./registry.ts"
import { Notifier } from "./notify.ts"
import * as Check from "../model/check.ts"
import { allReady } from "../connection/use/ready.ts"

type NameOrKey = string | Key<unknown, never>

/** The entry of a name or key; by key only with the key's codec. */
const entryOf = (registry: Registry, nameOrKey: NameOrKey): Effect.Effect<Made, ConnectionError> => {
  if (typeof nameOrKey === "string") return registry.get(nameOrKey)
  const { codec, name } = nameOrKey
  return Effect.flatMap(registry.get(name), (entry) =>
    entry.codec === codec
      ? Effect.succeed(entry)
      : Effect.fail(
          new InvalidOptions({
            connection: name,
            path: ["codec"],
            issue: "it was opened with another codec; use the key that it was opened with"
          })
        )
  )
}

const send =
  (registry: Registry) =>
  (nameOrKey: NameOrKey, message: unknown, options?: Outbox.SendOptions): Effect.Effect<void, ConnectionError> =>
    Effect.flatMap(entryOf(registry, nameOrKey), (entry) =>
      typeof nameOrKey === "string"
        ? Control.sendFrame(entry, message as Message.Frame, options)
        : (entry.connection as Connection.Connection<unknown, unknown>).send(message, options)
    )

const isKey = (u: unknown): u is Key<unknown, never> => typeof u === "object" && u !== null && "codec" in u

/** Keys become their names, once each is known to fit. */
const whereOf = (registry: Registry, args: ReadonlyArray<unknown>): Effect.Effect<Where | undefined, ConnectionError> =>
  isKey(args[0])
    ? Effect.map(
        Effect.forEach(args.filter(isKey), (key) => entryOf(registry, key)),
        (entries) => entries.map(({ name }) => name)
      )
    : Effect.succeed(args[0] as Where | undefined)

const awaitReady = (registry: Registry, where: Where | undefined): Effect.Effect<void, ConnectionError> =>
  Effect.flatMap(
    Effect.suspend(() => Effect.fromResult(registry.select(where))),
    (entries) => allReady(entries.map(({ supervisor }) => supervisor))
  )

const declare = (
  open: ReturnType<typeof Opening.connect>,
  configuration: unknown
): Effect.Effect<ReadonlyArray<Connection.Any>, ConnectionError> =>
  Effect.suspend(() => {
    const parsed = Declared.parse(configuration)
    return Result.isFailure(parsed)
      ? Effect.fail(parsed.failure[0]!)
      : Effect.forEach(parsed.success, (declaration) =>
          open(declaration.name, Declared.optionsOf(declaration) as unknown as Opening.AnyOptions)
        )
  })

/** Things to do when the manager ends, for streams that are still run. */
const endings = () => {
  const all = new Set<() => void>()
  const add = (end: () => void) => {
    all.add(end)
    return () => void all.delete(end)
  }
  return { add, run: () => all.forEach((end) => end()) }
}

export const make = Effect.fnUntraced(function* <R = never>(
  options: Options<R> = {}
): Effect.fn.Return<Manager, InvalidOptions, Scope.Scope | Transport | R> {
  const { asking, budget } = yield* Budget.build(options.budget)
  const problem = Check.wholeNumber("connection manager", ["commandCapacity"], options.commandCapacity, 1)
  if (problem !== undefined) return yield* problem
  const scope = yield* Effect.scope
  const environment = yield* Effect.context<R>()
  const registry = new Registry()
  const ends = endings()

  const { onFailed } = options
  const fork = Effect.runForkWith(environment)
  const failed = (failure: Failed): void => {
    if (onFailed !== undefined) Fiber.runIn(fork(Effect.ignore(Effect.suspend(() => onFailed(failure)))), scope)
  }
  const notifier = new Notifier(registry, budget, failed)

  const emit = (event: Parameters<typeof notifier.emit>[0]) => notifier.emit(event)
  const { commands, control } = yield* Control.channel(registry, options.commandCapacity ?? 1_024, emit, scope)
  const transport = yield* Transport
  const { permit } = options
  const opening: Opening.Opening = { registry, budget, asking, scope, transport, notifier, permit }
  const connect = Opening.connect(opening)

  yield* Effect.addFinalizer(() =>
    Effect.andThen(
      registry.end(),
      Effect.sync(() => {
        notifier.end()
        ends.run()
      })
    )
  )

  const named = <A>(name: string, use: (connection: Connection.Any) => Effect.Effect<A, ConnectionError>) =>
    Effect.flatMap(registry.get(name), ({ connection }) => use(connection))
  const tell = (command: Command) => (where: Where) => Effect.asVoid(Control.broadcast(registry, command, where))
  const messages = (...args: ReadonlyArray<unknown>): Stream.Stream<Named<unknown>, ConnectionError> =>
    Messages.messages(registry, whereOf(registry, args), ends.add)

  return {
    connect: connect as unknown as Manager["connect"],
    ensure: Opening.ensure(opening) as unknown as Manager["ensure"],
    get: ((nameOrKey: NameOrKey) =>
      Effect.map(entryOf(registry, nameOrKey), ({ connection }) => connection)) as Manager["get"],
    has: (name) => registry.find(name) !== undefined,
    send: send(registry),
    restart: (name, restart) => named(name, (connection) => connection.restart(restart)),
    rotate: (name, options) => named(name, (connection) => connection.rotate(options)),
    update: (name, change) => named(name, (connection) => Connection.update(connection, change)),
    pause: tell({ _tag: "Pause" }),
    resume: tell({ _tag: "Resume" }),
    close: (name) => registry.freeNamed(name),
    closeAll: (where) => closeAll(registry, where),
    awaitReady: (where) => awaitReady(registry, where),
    names: Effect.sync(() => registry.all().map(({ name }) => name)),
    snapshot: Effect.sync(() => registry.all().map(Entries.snapshot)),
    changes: notifier.changes,
    messages,
    events: notifier.events,
    broadcast: (command, where) => Control.broadcast(registry, command, where),
    commands,
    control,
    declare: (configuration) => declare(connect, configuration),
    budget
  }
})

/** Names that nobody has are closed already. */
const closeAll = (registry: Registry, where: Where | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    const names = namesOf(where)
    const closing =
      names === undefined
        ? Result.getOrElse(registry.select(where), () => []).map((entry) => registry.free(entry))
        : names.map((name) => registry.freeNamed(name))
    return Effect.all(closing, { concurrency: "unbounded", discard: true })
  })
