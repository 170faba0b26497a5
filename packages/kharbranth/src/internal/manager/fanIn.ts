/**
 * Fan-in: one stream of many connections' messages. Each connection has a slot
 * for one batch, and its reader waits until that was taken, so what is not read
 * stays in the connection's own inbox, under its own bounds.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ConnectionError } from "../../ConnectionError.ts"
import { isFinal } from "../../ConnectionState.ts"
import type { Where } from "../../ManagerCommand.ts"
import type { Named } from "../../ManagerEvent.ts"
import type { Entry, Made } from "./entry.ts"
import { means, namesOf, type Registry } from "./registry.ts"
import { nextMicrotask } from "../kit/microtask.ts"
import { type Ending, type Pull, Waiting } from "../kit/waiting.ts"

interface Slot {
  readonly name: string
  readonly messages: ReadonlyArray<unknown>
  readonly taken: () => void
}

class FanIn {
  private slots: Array<Slot> = []
  private ending: Ending<ConnectionError> | undefined
  private readonly waiting = new Waiting()

  /** Completes when the reader took the batch. */
  offer(name: string, messages: ReadonlyArray<unknown>): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const slot: Slot = { name, messages, taken: () => resume(Effect.void) }
      this.slots.push(slot)
      this.waiting.wake()
      return Effect.sync(() => {
        this.slots = this.slots.filter((other) => other !== slot)
      })
    })
  }

  end(error?: ConnectionError): void {
    this.ending ??= { error }
    this.waiting.wake()
  }

  readonly pull: Pull<Named<unknown>, ConnectionError> = this.waiting.pull(
    () => this.take(),
    () => this.ending
  )

  private take(): Array<Named<unknown>> {
    const { slots } = this
    this.slots = []
    const messages: Array<Named<unknown>> = []
    for (const { messages: batch, name } of slots) for (const message of batch) messages.push({ name, message })
    if (slots.length > 0) nextMicrotask(() => slots.forEach(({ taken }) => taken()))
    return messages
  }
}

/** Completes with `true` when a connection that gave up was revived, `false` when it is closed. */
const revived = ({ supervisor }: Made): Effect.Effect<boolean> =>
  supervisor.state.until((state) => {
    if (!isFinal(state)) return Effect.succeed(true)
    return state._tag === "Disconnected" ? Effect.succeed(false) : undefined
  })

/** Reads one connection until it is closed; a wrong use (a second reader) ends the whole. */
const read = (entry: Made, into: FanIn): Effect.Effect<void> => {
  const once = Stream.runForEachArray(entry.connection.stream, (messages) => into.offer(entry.name, messages))
  const again: Effect.Effect<void> = Effect.flatMap(Effect.result(once), (ended) => {
    if (Result.isSuccess(ended)) return Effect.void
    if (ended.failure._tag === "ReaderBusy") return Effect.sync(() => into.end(ended.failure))
    return Effect.flatMap(revived(entry), (lives) => (lives ? again : Effect.void))
  })
  return again
}

export const messages = (
  registry: Registry,
  address: Effect.Effect<Where | undefined, ConnectionError>,
  onEnd: (end: () => void) => () => void
): Stream.Stream<Named<unknown>, ConnectionError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const where = yield* address
      // Names mean the connections that have them now.
      const isFixed = namesOf(where) !== undefined
      const entries = yield* Effect.fromResult(registry.select(where))
      const into = new FanIn()
      const fork = yield* FiberSet.runtime(yield* FiberSet.make())()
      const left = new Set<Entry>(entries)
      const leave = (entry: Entry) => {
        left.delete(entry)
        if (isFixed && left.size === 0) into.end()
      }
      const follow = (entry: Made) =>
        void fork(
          Effect.ensuring(
            read(entry, into),
            Effect.sync(() => leave(entry))
          )
        )
      const forget = registry.listen({
        added: (entry) => {
          if (!isFixed && means(where, entry)) follow(entry)
        },
        removed: () => {}
      })
      const stopped = onEnd(() => into.end())
      yield* Effect.addFinalizer(() => Effect.sync(() => (forget(), stopped())))
      for (const entry of entries) follow(entry)
      if (isFixed && left.size === 0) into.end()
      return Stream.fromPull(Effect.succeed(into.pull))
    })
  )
