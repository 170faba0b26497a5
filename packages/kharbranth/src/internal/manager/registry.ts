/**
 * Who has which name. The map is changed in one step under its lock, and only to
 * register: dialing, waiting and closing happen outside.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as SynchronizedRef from "effect/SynchronizedRef"
import { type ConnectionError, ConnectionExists, ConnectionNotFound, NotConnected } from "../../ConnectionError.ts"
import type { Where } from "../../ManagerCommand.ts"
import * as Entries from "./entry.ts"
import type { Entry, Made } from "./entry.ts"
import { shutDown } from "../connection/use/steer.ts"
import { attempt } from "../kit/guard.ts"

type Names = HashMap.HashMap<string, Entry>

/** What the rest of the manager wants to hear. */
export interface Listener {
  readonly added: (entry: Made) => void
  readonly removed: (entry: Entry) => void
}

type Claim = { readonly entry: Entry; readonly fresh: boolean }
type Step = Claim | { readonly wait: Entry } | { readonly error: ConnectionError }

/** The names in an address, if it is one of names. */
export const namesOf = (where: Where | undefined): ReadonlyArray<string> | undefined =>
  typeof where === "string" ? [where] : isNames(where) ? where : undefined

const isNames = (where: Where | undefined): where is ReadonlyArray<string> => Array.isArray(where)

/** Whether an address without names means this connection. */
export const means = (where: Where | undefined, entry: Made): boolean => {
  if (where === undefined) return true
  if (typeof where === "function") {
    return attempt(
      () => where(Entries.addresseeOf(entry)),
      () => false
    )
  }
  return typeof where === "object" && "tag" in where && entry.tags.includes(where.tag)
}

export class Registry {
  private readonly ref: SynchronizedRef.SynchronizedRef<Names>
  private readonly listeners = new Set<Listener>()
  private over = false

  constructor() {
    this.ref = SynchronizedRef.makeUnsafe(HashMap.empty<string, Entry>())
  }

  /**
   * Takes the name, or shares it where `share` says so. A name that is being
   * closed is waited for: its old session must be gone before a new one begins.
   * Call it uninterruptibly, or a claimed name may stay empty;
   * `restore` is for the wait.
   */
  claim(
    restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
    make: () => Entry,
    name: string,
    share: (entry: Entry) => boolean
  ): Effect.Effect<Claim, ConnectionError> {
    return Effect.flatMap(
      SynchronizedRef.modify(this.ref, (names) => this.step(names, make, name, share)),
      (step) => {
        if ("error" in step) return Effect.fail(step.error)
        if (!("wait" in step)) return Effect.succeed(step)
        return Effect.andThen(restore(Deferred.await(step.wait.freed)), this.claim(restore, make, name, share))
      }
    )
  }

  private step(
    names: Names,
    make: () => Entry,
    name: string,
    share: (entry: Entry) => boolean
  ): readonly [Step, Names] {
    if (this.over) return [{ error: new NotConnected({ connection: name, state: "the manager is closed" }) }, names]
    const taken = Option.getOrUndefined(HashMap.get(names, name))
    if (taken?.phase === "closing") return [{ wait: taken }, names]
    if (taken !== undefined) {
      return [
        share(taken) ? { entry: taken, fresh: false } : { error: new ConnectionExists({ connection: name }) },
        names
      ]
    }
    const entry = make()
    return [{ entry, fresh: true }, HashMap.set(names, name, entry)]
  }

  /** Its connection exists now. */
  announce(entry: Entry): void {
    if (Entries.isMade(entry)) for (const listener of this.listeners) listener.added(entry)
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  private get names(): Names {
    return SynchronizedRef.getUnsafe(this.ref)
  }

  find(name: string): Made | undefined {
    const entry = Option.getOrUndefined(HashMap.get(this.names, name))
    return entry !== undefined && Entries.isMade(entry) ? entry : undefined
  }

  get(name: string): Effect.Effect<Made, ConnectionNotFound> {
    return Effect.suspend(() => {
      const entry = this.find(name)
      return entry === undefined ? Effect.fail(new ConnectionNotFound({ connection: name })) : Effect.succeed(entry)
    })
  }

  all(): ReadonlyArray<Made> {
    const entries: Array<Made> = []
    for (const [, entry] of this.names) if (Entries.isMade(entry)) entries.push(entry)
    return entries
  }

  select(where: Where | undefined): Result.Result<ReadonlyArray<Made>, ConnectionNotFound> {
    const names = namesOf(where)
    if (names === undefined) return Result.succeed(this.all().filter((entry) => means(where, entry)))
    const entries: Array<Made> = []
    for (const name of new Set(names)) {
      const entry = this.find(name)
      if (entry === undefined) return Result.fail(new ConnectionNotFound({ connection: name }))
      entries.push(entry)
    }
    return Result.succeed(entries)
  }

  /** Closes a connection and frees its name; completes when both are done, no matter who began. */
  free(entry: Entry): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (entry.phase === "closing") return Deferred.await(entry.freed)
      entry.phase = "closing"
      // The caller may stop waiting; the closing goes on.
      return Effect.flatMap(Effect.forkDetach(this.closing(entry), { startImmediately: true }), () =>
        Deferred.await(entry.freed)
      )
    })
  }

  /** The same by name; a name that nobody has is free. */
  freeNamed(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const entry = Option.getOrUndefined(HashMap.get(this.names, name))
      return entry === undefined ? Effect.void : this.free(entry)
    })
  }

  private closing(entry: Entry): Effect.Effect<void> {
    const gone = new NotConnected({ connection: entry.name, state: "Closed" })
    const close = Effect.suspend(() => (entry.supervisor === undefined ? Effect.void : shutDown(entry.supervisor)))
    return Effect.uninterruptible(
      Effect.gen({ self: this }, function* () {
        yield* Effect.exit(Deferred.await(entry.made))
        yield* Effect.exit(close)
        yield* Effect.exit(Scope.close(entry.scope, Exit.void))
        yield* SynchronizedRef.update(this.ref, (names) => HashMap.remove(names, entry.name))
        yield* Deferred.fail(entry.started, gone)
        if (entry.connection !== undefined) for (const listener of this.listeners) listener.removed(entry)
        yield* Deferred.succeed(entry.freed, undefined)
      })
    )
  }

  /** Closes whatever is open, and lets nobody in any more. */
  end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.over = true
      const entries = Array.from(HashMap.values(this.names))
      return Effect.forEach(entries, (entry) => this.free(entry), { concurrency: "unbounded", discard: true })
    })
  }
}
