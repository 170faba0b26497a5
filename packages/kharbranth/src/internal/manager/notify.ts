/**
 * What the manager reports of its connections: the latest state of each, events
 * of all, and failures to the callback that asked for them.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Change, Failed, ManagerEvent } from "../../ManagerEvent.ts"
import type { ConnectionState } from "../../ConnectionState.ts"
import type { DialBudget } from "../../DialBudget.ts"
import { Fanout } from "../kit/fanout.ts"
import { causeOf, type Entry, type Made } from "./entry.ts"
import type { Registry } from "./registry.ts"
import { type Ending, type Pull, Waiting } from "../kit/waiting.ts"

/** How many events may wait for one observer. */
const backlog = 8_192

/** An observer of changes: what it has not seen yet, the latest of each name. */
class Observer {
  private readonly pending = new Map<string, Change>()
  private ending: Ending<never> | undefined
  private readonly waiting = new Waiting()

  notify(change: Change): void {
    // To the end: a name that changes always must not be first always.
    this.pending.delete(change.name)
    this.pending.set(change.name, change)
    this.waiting.wake()
  }

  end(): void {
    this.ending = { error: undefined }
    this.waiting.wake()
  }

  readonly pull: Pull<Change> = this.waiting.pull(
    () => this.take(),
    () => this.ending
  )

  private take(): Array<Change> {
    const changes = [...this.pending.values()]
    this.pending.clear()
    return changes
  }
}

export class Notifier {
  private readonly registry: Registry
  private readonly budget: DialBudget
  private readonly failed: (failure: Failed) => void
  private readonly observers = new Set<Observer>()
  private readonly eventFanouts = new Set<Fanout<ManagerEvent>>()
  private over = false

  constructor(registry: Registry, budget: DialBudget, failed: (failure: Failed) => void) {
    this.registry = registry
    this.budget = budget
    this.failed = failed
    registry.listen({
      added: ({ name }) => this.emit({ _tag: "Added", name }),
      removed: ({ name }) => {
        this.emit({ _tag: "Removed", name })
        for (const observer of this.observers) observer.notify({ name, state: undefined })
      }
    })
  }

  /** Follows one connection for as long as it lives. */
  watch(entry: Made): void {
    entry.supervisor.state.observe((state) => {
      const failure = this.changed(entry, state)
      if (failure !== undefined) this.failed(failure)
    })
  }

  private changed(entry: Entry, state: ConnectionState): Failed | undefined {
    if (entry.phase === "open") for (const observer of this.observers) observer.notify({ name: entry.name, state })
    const cause = causeOf(state)
    if (cause !== undefined && cause !== entry.lastError) {
      entry.lastError = cause
      this.budget.note(entry.dialed, cause)
    }
    if (state._tag !== "Failed") return undefined
    const failure: Failed = { ...state, name: entry.name }
    this.emit(failure)
    return failure
  }

  emit(event: ManagerEvent): void {
    for (const fanout of this.eventFanouts) fanout.publish([event])
  }

  readonly changes: Stream.Stream<Change> = Stream.unwrap(
    Effect.gen({ self: this }, function* () {
      const observer = new Observer()
      this.observers.add(observer)
      yield* Effect.addFinalizer(() => Effect.sync(() => this.observers.delete(observer)))
      for (const { connection, name } of this.registry.all()) {
        observer.notify({ name, state: connection.state.getUnsafe() })
      }
      if (this.over) observer.end()
      return Stream.fromPull(Effect.succeed(observer.pull))
    })
  )

  readonly events: Stream.Stream<ManagerEvent> = Stream.unwrap(
    Effect.gen({ self: this }, function* () {
      const fanout = new Fanout<ManagerEvent>()
      const { stream } = fanout.join(backlog)
      this.eventFanouts.add(fanout)
      yield* Effect.addFinalizer(() => Effect.sync(() => this.eventFanouts.delete(fanout)))
      yield* whileOpen(this.registry, (entry) =>
        Stream.runForEachArray(entry.connection.events, (events) =>
          Effect.sync(() => fanout.publish(events.map((event) => ({ _tag: "Happened", name: entry.name, event }))))
        )
      )
      if (this.over) fanout.end()
      return stream
    })
  )

  end(): void {
    this.over = true
    for (const observer of this.observers) observer.end()
    for (const fanout of this.eventFanouts) fanout.end()
  }
}

/** Runs an effect for every connection that is open, and for each that comes, until it goes. */
const whileOpen = (
  registry: Registry,
  run: (entry: Made) => Effect.Effect<void>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* FiberSet.runtime(yield* FiberSet.make())()
    const follow = (entry: Made) => void fork(run(entry))
    const forget = registry.listen({ added: follow, removed: () => {} })
    yield* Effect.addFinalizer(() => Effect.sync(forget))
    for (const entry of registry.all()) follow(entry)
  })
