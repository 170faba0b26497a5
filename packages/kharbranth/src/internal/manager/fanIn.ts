/**
 * Fan-in: one stream of many connections' messages. What is not read stays in
 * the connection's own inbox, undecoded and under its own bounds; a connection
 * only says that it has something, and the reader of all takes it from there.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ConnectionError } from "../../ConnectionError.ts"
import { isFinal } from "../../ConnectionState.ts"
import type { Where } from "../../ManagerCommand.ts"
import type { Named } from "../../ManagerEvent.ts"
import { reader } from "../connection/use/read.ts"
import type { Entry, Made, Supervised } from "./entry.ts"
import { means, namesOf, type Registry } from "./registry.ts"
import { nextMicrotask } from "../kit/microtask.ts"
import { type Ending, type Pull, Waiting } from "../kit/waiting.ts"

/** One connection among many, as long as it is read. */
interface Source {
  readonly name: string
  readonly inbox: Supervised["inbox"]
  readonly ended: (error: ConnectionError | undefined) => void
  /** What its inbox wakes, time after time. */
  readonly wake: () => void
  left: boolean
}

class FanIn {
  /** The connections that have something to read. */
  private ready: Array<Source> = []
  private ending: Ending<ConnectionError> | undefined
  private readonly waiting = new Waiting()

  /** Reads a connection until its end. A message wakes the one reader of all, and no fiber of its connection. */
  follow({ name, supervisor: { inbox } }: Made): Effect.Effect<void, ConnectionError> {
    return Effect.callback<void, ConnectionError>((resume) => {
      const ended: Source["ended"] = (error) => resume(error === undefined ? Effect.void : Effect.fail(error))
      const source: Source = { name, inbox, ended, wake: () => this.arrived(source), left: false }
      this.listen(source)
      return Effect.sync(() => {
        source.left = true
        this.ready = this.ready.filter((other) => other !== source)
      })
    })
  }

  private listen(source: Source): void {
    if (!source.left) source.inbox.await(source.wake)
  }

  private arrived(source: Source): void {
    const { ended, inbox } = source
    if (inbox.ending !== undefined && inbox.messages === 0) return ended(inbox.ending.error)
    this.ready.push(source)
    this.waiting.wake()
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
    const { ready } = this
    const messages: Array<Named<unknown>> = []
    if (ready.length === 0) return messages
    this.ready = []
    for (const { inbox, name } of ready) for (const message of inbox.take() ?? none) messages.push({ name, message })
    // Once the reader has what was taken, they may say that there is more.
    nextMicrotask(() => {
      for (const source of ready) this.listen(source)
    })
    return messages
  }
}

const none: ReadonlyArray<never> = []

/** Completes with `true` when a connection that gave up was revived, `false` when it is closed. */
const revived = ({ supervisor }: Made): Effect.Effect<boolean> =>
  supervisor.state.until((state) => {
    if (!isFinal(state)) return Effect.succeed(true)
    return state._tag === "Disconnected" ? Effect.succeed(false) : undefined
  })

/** Reads one connection until it is closed; a wrong use (a second reader) ends the whole. */
const read = (entry: Made, into: FanIn): Effect.Effect<void> => {
  const once = Effect.scopedWith((scope) => Effect.andThen(reader(entry.supervisor, scope), into.follow(entry)))
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
