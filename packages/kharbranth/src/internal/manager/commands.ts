/**
 * The control channel: commands for many connections at once. Each connection
 * answers for itself: a failure at one is its outcome, and the others go on.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Connection from "../../Connection.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Addressed, Command, Outcome, Where } from "../../ManagerCommand.ts"
import type { ManagerEvent } from "../../ManagerEvent.ts"
import type * as Message from "../../Message.ts"
import type * as Outbox from "../../Outbox.ts"
import type { Made } from "./entry.ts"
import { Raw } from "./rawCodec.ts"
import type { Registry } from "./registry.ts"

/** Sends past the codec; see `rawCodec.ts`. */
export const sendFrame = (entry: Made, frame: Message.Frame, options?: Outbox.SendOptions) =>
  (entry.connection as Connection.Connection<unknown, Raw>).send(new Raw(frame), options)

type Handler<C extends Command> = (registry: Registry, entry: Made, command: C) => Effect.Effect<void, ConnectionError>

/** What each command does to one connection: one line for each member of `Command`, or this does not compile. */
const handlers: { readonly [Tag in Command["_tag"]]: Handler<Extract<Command, { readonly _tag: Tag }>> } = {
  Restart: (_, { connection }, { mode, reason }) => connection.restart({ mode, reason }),
  Rotate: (_, { connection }, command) => connection.rotate(command),
  Probe: (_, { connection }, command) => connection.probe(command),
  Drain: (registry, entry, command) =>
    Effect.andThen(Connection.drain(entry.connection, command), registry.free(entry)),
  Close: (registry, entry) => registry.free(entry),
  Pause: (_, { connection }) => connection.pause,
  Resume: (_, { connection }) => connection.resume,
  Send: (_, entry, { frame, options }) => sendFrame(entry, frame, options)
}

const run = (registry: Registry, entry: Made, command: Command): Effect.Effect<void, ConnectionError> => {
  // The table pairs each command with its handler; TypeScript does not follow that through the lookup.
  const handler = handlers[command._tag] as Handler<Command>
  return handler(registry, entry, command)
}

export const broadcast = (registry: Registry, command: Command, where: Where | undefined) =>
  Effect.flatMap(
    Effect.suspend(() => Effect.fromResult(registry.select(where))),
    (entries) =>
      Effect.forEach(
        entries,
        (entry) =>
          Effect.map(Effect.result(run(registry, entry, command)), (result): Outcome => ({
            name: entry.name,
            error: Result.isFailure(result) ? result.failure : undefined
          })),
        { concurrency: "unbounded" }
      )
  )

const failures = (command: Command, outcomes: ReadonlyArray<Outcome>): ReadonlyArray<ManagerEvent> =>
  outcomes.flatMap(({ error, name }) =>
    error === undefined ? [] : [{ _tag: "CommandFailed" as const, name, command: command._tag, error }]
  )

/** Commands in the queue may come from untyped code: a value that is no command fails like one. */
const obey = (registry: Registry, { command, where }: Addressed): Effect.Effect<ReadonlyArray<ManagerEvent>> =>
  Effect.match(broadcast(registry, command, where), {
    onFailure: (error): ReadonlyArray<ManagerEvent> => [
      { _tag: "CommandFailed", name: error.connection, command: command._tag, error }
    ],
    onSuccess: (outcomes) => failures(command, outcomes)
  })

const isAddressed = (u: unknown): u is Addressed => {
  const command = typeof u === "object" && u !== null && "command" in u ? u.command : undefined
  return (
    typeof command === "object" &&
    command !== null &&
    "_tag" in command &&
    Object.hasOwn(handlers, String(command._tag))
  )
}

export interface Channel {
  readonly commands: Queue.Enqueue<Addressed>
  readonly control: Sink.Sink<void, Addressed>
}

/** A queue of commands and the fiber that obeys. Commands begin in order; none waits for the one before to be done. */
export const channel = Effect.fnUntraced(function* (
  registry: Registry,
  capacity: number,
  emit: (event: ManagerEvent) => void,
  scope: Scope.Scope
) {
  const queue = yield* Queue.bounded<Addressed>(capacity)
  yield* Effect.addFinalizer(() => Queue.shutdown(queue))
  const begin = (addressed: Addressed) =>
    isAddressed(addressed)
      ? Effect.forkIn(
          Effect.map(obey(registry, addressed), (events) => {
            for (const event of events) emit(event)
          }),
          scope,
          { startImmediately: true }
        )
      : Effect.logWarning("The connection manager's queue was given something that is no command; it was ignored.")
  yield* Queue.takeAll(queue).pipe(
    Effect.flatMap((commands) => Effect.forEach(commands, begin, { discard: true })),
    Effect.forever,
    Effect.forkIn(scope)
  )
  const control: Sink.Sink<void, Addressed> = Sink.forEachArray((commands) => Queue.offerAll(queue, commands))
  return { commands: Queue.asEnqueue(queue), control } satisfies Channel
})
