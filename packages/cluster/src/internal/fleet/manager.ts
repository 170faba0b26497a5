/**
 * A `ConnectionManager` whose verbs by name reach the whole fleet. Names of the
 * fleet are commanded at their owners; connections that were opened with code are
 * pinned to this process. What cannot travel is refused, with what to do instead.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import {
  type ConnectionError,
  ConnectionExists,
  ConnectionNotFound,
  foreign,
  InvalidOptions,
  OwnerFailed,
  Unreachable,
  EncodeError
} from "kharbranth/ConnectionError"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import type * as ManagerCommand from "kharbranth/ManagerCommand"
import type { Frame } from "kharbranth/Message"
import type * as Outbox from "kharbranth/Outbox"
import type { Outcome, Sent, Service } from "../../Fleet.ts"
import type { FleetError } from "../../FleetError.ts"
import type * as FleetKind from "../../FleetKind.ts"
import type { FleetStore } from "../../FleetStore.ts"
import type { Names } from "../names/names.ts"
import { Declared } from "./declared.ts"

export interface Parts {
  readonly local: ConnectionManager.Manager
  readonly names: Pick<Names, "find" | "has">
  readonly fleet: Service
  readonly sendFrame: (name: string, frame: Frame, options?: Outbox.SendOptions) => Effect.Effect<Sent, FleetError>
  readonly kinds: ReadonlyMap<string, FleetKind.Any>
  readonly store: FleetStore["Service"]
}

type Where = ManagerCommand.Where
type Travels = Exclude<Where, (...args: never) => unknown>
type Key = ConnectionManager.Key<unknown, never>

// How old the copy may be from which `has` answers, in milliseconds.
const copyEvery = 5_000

const travels = (where: Where | undefined): Effect.Effect<Travels | undefined, InvalidOptions> =>
  typeof where === "function"
    ? Effect.fail(
        new InvalidOptions({
          connection: "fleet",
          path: ["where"],
          issue: "a function cannot travel to other processes; give names, or a tag"
        })
      )
    : Effect.succeed(where)

const errorOf = (connection: string, { message, tag }: { readonly tag: string; readonly message: string }) => {
  if (tag === "Unreachable" || tag === "StoreFailed") return new Unreachable({ connection, owner: undefined })
  return tag === "NameNotFound"
    ? new ConnectionNotFound({ connection })
    : new OwnerFailed({ connection, tag, issue: message })
}

const ofFleet =
  (connection: string) =>
  <A>(effect: Effect.Effect<A, FleetError>): Effect.Effect<A, ConnectionError> =>
    Effect.mapError(effect, (error) =>
      error._tag === "Unreachable"
        ? new Unreachable({ connection, owner: error.owner })
        : error._tag === "KindMismatch"
          ? new ConnectionExists({ connection })
          : errorOf(connection, { tag: error._tag, message: error.message })
    )

export const make = Effect.fnUntraced(function* (
  parts: Parts
): Effect.fn.Return<ConnectionManager.Manager, never, Scope.Scope> {
  const { fleet, kinds, local, names, sendFrame, store } = parts
  const scope = yield* Effect.scope

  /** Whether it was opened here with code: no wish of the fleet. */
  const isPinned = (name: string) => local.has(name) && !names.has(name)
  const isHere = (name: string) => isPinned(name) || names.find(name) !== undefined

  // ------------------------------------------------------------------ which names

  let copy: ReadonlySet<string> = new Set()
  let version: number | undefined
  const refresh = Effect.gen(function* () {
    const now = yield* store.wishes.version
    if (now === version) return
    copy = new Set((yield* store.wishes.select({})).map(({ name }) => name))
    version = now
  })
  yield* Effect.forkScoped(
    Effect.forever(Effect.andThen(Effect.ignore(Effect.timeout(refresh, copyEvery)), Effect.sleep(copyEvery)))
  )

  const pinnedOf = (where: Travels | undefined) =>
    Effect.map(local.snapshot, (all) =>
      all
        .filter(({ name, tags }) => {
          if (!isPinned(name)) return false
          if (where === undefined) return true
          if (typeof where === "string") return where === name
          return "tag" in where ? tags.includes(where.tag) : where.includes(name)
        })
        .map(({ name }) => name)
    )

  const select = Effect.fnUntraced(function* (where: Where | undefined) {
    const travelling = yield* travels(where)
    const pinned = yield* pinnedOf(travelling)
    if (travelling === undefined || (typeof travelling === "object" && "tag" in travelling))
      return { pinned, wishes: travelling }
    const others = (typeof travelling === "string" ? [travelling] : travelling).filter((name) => !isPinned(name))
    const found = yield* ofFleet(others[0] ?? "fleet")(store.wishes.select({ names: others }))
    const known = new Set(found.map(({ name }) => name))
    const missing = others.find((name) => !known.has(name))
    return missing === undefined ? { pinned, wishes: others } : yield* new ConnectionNotFound({ connection: missing })
  })

  const isWish = (name: string) =>
    Effect.map(ofFleet(name)(store.wishes.select({ names: [name] })), (found) => found.length > 0)

  // ---------------------------------------------------------------------- commands

  const outcomesOf = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<ManagerCommand.Outcome> =>
    outcomes.map(({ error, name }) => ({ name, error: error && errorOf(name, error) }))

  const broadcast = Effect.fnUntraced(function* (command: ManagerCommand.Command, where?: Where) {
    const { pinned, wishes } = yield* select(where)
    const [here, there] = yield* Effect.all(
      [
        pinned.length === 0 ? Effect.succeed([]) : local.broadcast(command, pinned),
        ofFleet("fleet")(fleet.broadcast(command, wishes))
      ],
      { concurrency: 2 }
    )
    return [...here, ...outcomesOf(there)]
  })

  const one = (name: string, command: ManagerCommand.Command): Effect.Effect<void, ConnectionError> =>
    Effect.flatMap(broadcast(command, name), ([outcome]) =>
      outcome?.error === undefined ? Effect.void : Effect.fail(outcome.error)
    )

  const all = (command: ManagerCommand.Command) => (where: Where) =>
    Effect.flatMap(broadcast(command, where), (outcomes) => {
      const failed = outcomes.find(({ error }) => error !== undefined)?.error
      return failed === undefined ? Effect.void : Effect.fail(failed)
    })

  const queue = yield* Queue.bounded<ManagerCommand.Addressed>(1_024)
  yield* Effect.addFinalizer(() => Queue.shutdown(queue))
  const obey = ({ command, where }: ManagerCommand.Addressed) =>
    Effect.matchEffect(broadcast(command, where), {
      onFailure: (error) => Effect.logWarning("A command of the queue was refused.", error),
      onSuccess: (outcomes) =>
        Effect.forEach(
          outcomes.filter(({ error }) => error !== undefined),
          ({ error, name }) => Effect.logWarning(`A command of the queue failed at "${name}".`, error),
          { discard: true }
        )
    })
  yield* Queue.take(queue).pipe(
    Effect.flatMap((addressed) => Effect.forkIn(obey(addressed), scope)),
    Effect.forever,
    Effect.forkScoped
  )

  const close = (name: string): Effect.Effect<void> =>
    isPinned(name)
      ? local.close(name)
      : fleet.release(name).pipe(
          Effect.retry({ times: 5 }),
          Effect.catch((error) => Effect.logWarning(`"${name}" stays a name of the fleet.`, error))
        )

  const closeAll = (where?: Where): Effect.Effect<void> =>
    typeof where === "function"
      ? local.closeAll((addressee) => isPinned(addressee.name) && where(addressee))
      : Effect.flatMap(pinnedOf(where), (pinned) =>
          Effect.andThen(
            local.closeAll(pinned),
            Effect.catch(Effect.asVoid(fleet.broadcast({ _tag: "Close" }, where)), (error) =>
              Effect.logWarning("Names that should close stay names of the fleet.", error)
            )
          )
        )

  // ----------------------------------------------------------------------- sending

  const deliver = Effect.fnUntraced(function* (name: string, frame: Frame, options?: Outbox.SendOptions) {
    if (options?.replay !== undefined) {
      const issue = "a replay cannot travel; send from the kind's `consume`, which runs beside the socket"
      return yield* new InvalidOptions({ connection: name, path: ["replay"], issue })
    }
    const sent = yield* ofFleet(name)(sendFrame(name, frame, options))
    if (sent._tag === "Written") return
    return yield* sent._tag === "Unknown"
      ? new Unreachable({ connection: name, owner: undefined })
      : new OwnerFailed({ connection: name, tag: sent.tag, issue: sent.message })
  })

  const deliverBy = Effect.fnUntraced(function* ({ codec, name }: Key, message: unknown, options?: Outbox.SendOptions) {
    const [wish] = yield* ofFleet(name)(store.wishes.select({ names: [name] }))
    if (wish !== undefined && kinds.get(wish.kind)?.codec !== codec) {
      const issue = "it is a name of the fleet with another codec; use the codec of its kind"
      return yield* new InvalidOptions({ connection: name, path: ["codec"], issue })
    }
    const frame = (codec as Codec.Codec<unknown, unknown>).encode(message)
    if (frame instanceof Codec.Failure)
      return yield* new EncodeError({ connection: name, issue: frame.issue, cause: foreign(frame.cause) })
    yield* deliver(name, frame, options)
  })

  const nameOf = (nameOrKey: string | Key) => (typeof nameOrKey === "string" ? nameOrKey : nameOrKey.name)

  const send = (nameOrKey: string | Key, message: never, options?: Outbox.SendOptions) => {
    const name = nameOf(nameOrKey)
    if (isHere(name)) return local.send(nameOrKey as string, message, options)
    return typeof nameOrKey === "string" ? deliver(name, message, options) : deliverBy(nameOrKey, message, options)
  }

  // ----------------------------------------------------------------------- opening

  /** Opens here, unless the name is the fleet's. */
  const pinning = (open: ConnectionManager.Connect): ConnectionManager.Connect =>
    ((nameOrKey: string | Key, options: never) =>
      Effect.flatMap(isWish(nameOf(nameOrKey)), (taken) =>
        taken
          ? Effect.fail(new ConnectionExists({ connection: nameOf(nameOrKey) }))
          : open(nameOrKey as string, options)
      )) as unknown as ConnectionManager.Connect

  const declare = Effect.fnUntraced(function* (configuration: unknown) {
    const parsed = ConnectionManager.parse(configuration)
    if (Result.isFailure(parsed)) return yield* parsed.failure[0]!
    const { connections } = configuration as { readonly connections: Readonly<Record<string, unknown>> }
    for (const { name, tags } of parsed.success) {
      const options = { tags: tags ?? [] }
      yield* ofFleet(name)(fleet.ensure(Declared, name, connections[name] as never, options))
    }
    const here = parsed.success.filter(({ name }) => names.find(name) !== undefined)
    return yield* Effect.forEach(here, ({ name }) => local.get(name))
  })

  const update: ConnectionManager.Manager["update"] = (name, change) =>
    isPinned(name)
      ? local.update(name, change)
      : Effect.flatMap(isWish(name), (isKnown) =>
          Effect.fail(
            isKnown
              ? new InvalidOptions({
                  connection: name,
                  path: ["update"],
                  issue: "a function cannot travel; change the params with `Fleet.ensure`, or the kind's `open`"
                })
              : new ConnectionNotFound({ connection: name })
          )
        )

  // ------------------------------------------------------------------------ looking

  const snapshot = Effect.gen(function* () {
    const pinned = (yield* local.snapshot).filter(({ name }) => isPinned(name))
    const fleets = yield* Stream.runCollect(fleet.snapshot())
    return [...pinned, ...fleets.flatMap(({ snapshot }) => (snapshot === undefined ? [] : [snapshot]))]
  }).pipe(
    Effect.catch((error) =>
      Effect.andThen(Effect.logWarning("The snapshot shows this process alone.", error), local.snapshot)
    )
  )

  const awaitReady = Effect.fnUntraced(function* (where?: Where) {
    const { pinned, wishes } = yield* select(where)
    if (pinned.length > 0) yield* local.awaitReady(pinned)
    while (true) {
      const states = yield* ofFleet("fleet")(Stream.runCollect(fleet.snapshot(wishes)))
      const failed = states.find(({ snapshot }) => snapshot?.stateTag === "Failed")
      if (failed !== undefined) {
        const { message, tag } = failed.snapshot?.lastError ?? { tag: "Failed", message: "it gave up" }
        return yield* new OwnerFailed({ connection: failed.name, tag, issue: message })
      }
      if (states.every(({ snapshot }) => snapshot?.stateTag === "Connected" && snapshot.gate === "Ready")) return
      yield* Effect.sleep("500 millis")
    }
  })

  return {
    ...local,
    connect: pinning(local.connect),
    ensure: pinning(local.ensure),
    has: (name) => isHere(name) || copy.has(name),
    send: send as ConnectionManager.Manager["send"],
    restart: (name, options) =>
      isHere(name) ? local.restart(name, options) : one(name, { _tag: "Restart", ...options }),
    rotate: (name, options) => (isHere(name) ? local.rotate(name, options) : one(name, { _tag: "Rotate", ...options })),
    update,
    pause: all({ _tag: "Pause" }),
    resume: all({ _tag: "Resume" }),
    close,
    closeAll,
    awaitReady,
    names: Effect.gen(function* () {
      yield* Effect.ignore(Effect.timeout(refresh, copyEvery))
      return [...copy, ...(yield* local.names).filter((name) => !copy.has(name) && isPinned(name))]
    }),
    snapshot,
    broadcast,
    commands: Queue.asEnqueue(queue),
    control: Sink.forEachArray((commands) => Queue.offerAll(queue, commands)),
    declare
  }
})
