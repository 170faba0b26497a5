/**
 * Fan-in: one stream of many connections' messages. Each connection has a slot
 * for one batch, and its reader waits until that was taken, so what is not read
 * stays in the connection's own inbox, under its own bounds.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ConnectionError } from "../../ConnectionError.ts"
import { type ConnectionState, isFinal } from "../../ConnectionState.ts"
import type { Where } from "../../ManagerCommand.ts"
import type { Named } from "../../ManagerEvent.ts"
import type { Entry, Made } from "./entry.ts"
import type { Registry } from "./registry.ts"
import { nextMicrotask } from "../kit/microtask.ts"
import { Waiting } from "../kit/waiting.ts"

interface Slot {
  readonly name: string
  readonly messages: ReadonlyArray<unknown>
  readonly taken: () => void
}

type Pull = Effect.Effect<Arr.NonEmptyReadonlyArray<Named<unknown>>, ConnectionError | Cause.Done>

class FanIn {
  private slots: Array<Slot> = []
  private ending: { readonly error: ConnectionError | undefined } | undefined
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

  // The reader takes when it runs, not when it is woken: an interrupted reader leaves every batch where it is.
  private readonly next: Pull = Effect.suspend(() => {
    const messages = this.take()
    if (Arr.isArrayNonEmpty(messages)) return Effect.succeed(messages)
    if (this.ending === undefined) return this.pull
    return this.ending.error === undefined ? Cause.done() : Effect.fail(this.ending.error)
  })

  readonly pull: Pull = this.waiting.until(() =>
    this.slots.length > 0 || this.ending !== undefined ? this.next : undefined
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
const revived = (entry: Made): Effect.Effect<boolean> =>
  entry.connection.state.changes.pipe(
    Stream.filter((state: ConnectionState) => !isFinal(state) || state._tag === "Disconnected"),
    Stream.runHead,
    Effect.map((head) => head._tag === "Some" && !isFinal(head.value))
  )

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

const isFixed = (where: Where | undefined): boolean => typeof where === "string" || Array.isArray(where)

export const messages = (
  registry: Registry,
  address: Effect.Effect<Where | undefined, ConnectionError>,
  onEnd: (end: () => void) => () => void
): Stream.Stream<Named<unknown>, ConnectionError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const where = yield* address
      const entries = yield* Effect.fromResult(registry.select(where))
      const into = new FanIn()
      const fork = yield* FiberSet.runtime(yield* FiberSet.make())()
      const left = new Set<Entry>(entries)
      const leave = (entry: Entry) => {
        left.delete(entry)
        if (isFixed(where) && left.size === 0) into.end()
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
          if (!isFixed(where) && registry.means(where, entry)) follow(entry)
        },
        removed: () => {}
      })
      const stopped = onEnd(() => into.end())
      yield* Effect.addFinalizer(() => Effect.sync(() => (forget(), stopped())))
      for (const entry of entries) follow(entry)
      if (isFixed(where) && left.size === 0) into.end()
      return Stream.fromPull(Effect.succeed(into.pull))
    })
  )
