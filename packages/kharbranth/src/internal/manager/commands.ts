/**
 * The control channel: commands for many connections at once. Each connection
 * answers for itself; what fails at one is an outcome, and stops nobody else.
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

/** Sends past the codec; see `managerRaw`. */
export const sendFrame = (entry: Made, frame: Message.Frame, options?: Outbox.SendOptions) =>
  (entry.connection as Connection.Connection<unknown, Raw>).send(new Raw(frame), options)

const run = (registry: Registry, entry: Made, command: Command): Effect.Effect<void, ConnectionError> => {
  const { connection } = entry
  switch (command._tag) {
    case "Restart":
      return connection.restart(command)
    case "Rotate":
      return connection.rotate(command)
    case "Probe":
      return connection.probe(command)
    case "Drain":
      return Effect.andThen(Connection.drain(connection, command), registry.free(entry))
    case "Close":
      return registry.free(entry)
    case "Pause":
      return connection.pause
    case "Resume":
      return connection.resume
    case "Send":
      return sendFrame(entry, command.frame, command.options)
  }
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

/** Whoever writes the queue may not be checked by a compiler: what is no command fails like one. */
const obey = (registry: Registry, { command, where }: Addressed): Effect.Effect<ReadonlyArray<ManagerEvent>> =>
  Effect.match(broadcast(registry, command, where), {
    onFailure: (error): ReadonlyArray<ManagerEvent> => [
      { _tag: "CommandFailed", name: error.connection, command: command._tag, error }
    ],
    onSuccess: (outcomes) => failures(command, outcomes)
  })

const known = new Set<unknown>([
  "Restart",
  "Rotate",
  "Probe",
  "Pause",
  "Resume",
  "Send",
  "Drain",
  "Close"
] satisfies ReadonlyArray<Command["_tag"]>)

const isAddressed = (u: unknown): u is Addressed => {
  const command = typeof u === "object" && u !== null && "command" in u ? u.command : undefined
  return typeof command === "object" && command !== null && "_tag" in command && known.has(command._tag)
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
