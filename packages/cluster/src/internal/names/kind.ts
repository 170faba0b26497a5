/**
 * A kind's code: params in and out of JSON, the connection, its consumer. All of
 * it is one program for each name, which lives as long as this process owns it.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import { type ConnectionError, type ForeignCause, foreign, OwnerLost } from "kharbranth/ConnectionError"
import type * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Inbox from "kharbranth/Inbox"
import type * as Outbox from "kharbranth/Outbox"
import type * as Target from "kharbranth/Target"
import type { Transport } from "kharbranth/Transport"
import type { FleetKind, Opening, Options } from "../../FleetKind.ts"
import type { Watchers } from "../kit/watchers.ts"

/** What a name's program has around it. */
export interface Place extends Opening {
  readonly manager: ConnectionManager.Manager
  readonly params: unknown
  readonly tags: ReadonlyArray<string>
  /** The transport behind the lease's fence. */
  readonly fence: (transport: Transport["Service"] | undefined) => Transport["Service"] | undefined
  /** Whether this process may still use the name. */
  readonly isLive: () => boolean
  /** Who owned it before this process, and when that one was last seen. */
  readonly before: { readonly owner: string; readonly seenAt: number } | undefined
  readonly now: () => number
  readonly saveCursor: (value: unknown) => void
  /** What waited in the outbox of the owner before. */
  readonly arrived: () => ReadonlyArray<Outbox.Item>
  /** Whether the name is closed because another process gets it. */
  readonly isMoving: () => boolean
  /** Gives what waits in the outbox to the next owner. */
  readonly park: (items: ReadonlyArray<Outbox.Item>) => void
  readonly watchers: Watchers<Inbox.Entry<unknown>>
  /** Completes when somebody watches. */
  readonly watched: Effect.Effect<void>
  readonly consumerFailed: (cause: ForeignCause) => void
}

export interface Body<in P, out R> {
  /** Params as JSON, or what the schema said. */
  readonly encode: (params: P) => Exit.Exit<unknown, unknown>
  /** Opens the name and keeps it, until it is interrupted. */
  readonly run: (place: Place) => Effect.Effect<never, ForeignCause, R | Scope.Scope>
}

/** The entries of a connection, with the gap that a move makes in front, seen by the watchers too. */
const entriesOf = <In>(
  connection: Connection.Connection<In, never>,
  { before, isLive, name, now, watchers }: Place,
  resumed: ReadonlyMap<number, unknown>
): Stream.Stream<Inbox.Entry<In>, ConnectionError> => {
  let isFirst = before !== undefined
  const gapOf = (entry: Inbox.Entry<In>): ReadonlyArray<Inbox.Entry<In>> => {
    if (before === undefined) return []
    const epoch = entry._tag === "Lagged" ? 1 : entry.epoch
    const cause = new OwnerLost({ connection: name, owner: before.owner })
    return [Inbox.gap({ epoch, from: before.seenAt, to: now(), cause, resumed: resumed.get(epoch) })]
  }
  return Stream.mapArrayEffect(connection.entries, (entries) => {
    // What arrived in time may be read too late: another process has it by now, or will say that it is missing.
    if (!isLive()) return Effect.never
    const all = isFirst ? ([...gapOf(entries[0]), ...entries] as unknown as typeof entries) : entries
    isFirst = false
    watchers.publish(all)
    return Effect.succeed(all)
  })
}

const parkOutbox = (connection: Connection.Any, { isMoving, park }: Place): Effect.Effect<void> =>
  Effect.suspend(() => (isMoving() ? Effect.map(Connection.exportOutbox(connection), park) : Effect.void))

// A consumer that fails is tried again, ever later, for the fault may be in what it stores to.
const again = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")])

export const make = <
  const Id extends string,
  P,
  C extends Codec.Any,
  const T extends Target.Input<unknown, unknown>,
  RO = never,
  RH = never,
  RC = never
>(
  id: Id,
  { codec, consume, open, params }: Options<P, C, T, RO, RH, RC>
): FleetKind<Id, P, C, ConnectionManager.Requirements<T, RO, RH> | Connection.LessScope<RC>> => {
  type In = Codec.In<C>
  type Out = Codec.Out<C>
  const wire = Schema.toCodecJson(params)
  const encode = Schema.encodeUnknownExit(wire)
  const decode = Schema.decodeUnknownExit(wire)

  const run = Effect.fnUntraced(function* (place: Place) {
    const decoded = decode(place.params)
    if (Exit.isFailure(decoded)) return yield* Effect.fail(foreign(decoded.cause))
    const { cursor, lease, manager, name } = place
    const resumed = new Map<number, unknown>()
    const options = yield* Effect.try({
      try: () => open(decoded.value, { name, lease, cursor }),
      catch: foreign
    })
    const { onOpen } = options
    const connection: Connection.Connection<In, Out> = yield* Effect.acquireRelease(
      Effect.mapError(
        manager.connect(name, {
          ...options,
          codec,
          startup: "background",
          tags: [...place.tags, ...(options.tags ?? [])],
          transport: place.fence(options.transport),
          onOpen:
            onOpen === undefined
              ? undefined
              : (session) =>
                  Effect.tap(onOpen(session), (result) => Effect.sync(() => keep(resumed, session.epoch, result)))
        } as ConnectionManager.ConnectOptions<C, T, RO, RH>),
        foreign
      ),
      // Between the two nobody can send: what is refused from now on was never taken.
      (connection) => Effect.andThen(parkOutbox(connection, place), manager.close(name))
    )
    const arrived = place.arrived()
    if (arrived.length > 0) yield* Connection.importOutbox(connection, arrived)
    const entries = entriesOf<In>(connection, place, resumed)
    const { saveCursor } = place
    const consumer: Effect.Effect<unknown, unknown, RC> =
      consume === undefined
        ? Effect.andThen(place.watched, Stream.runDrain(entries))
        : Effect.suspend(() => consume({ name, lease, cursor, connection, entries, saveCursor }))
    yield* Effect.scoped(consumer as Effect.Effect<unknown, unknown, RC | Scope.Scope>).pipe(
      Effect.tapCause((cause) => Effect.sync(() => place.consumerFailed(foreign(cause)))),
      Effect.sandbox,
      Effect.retry(again),
      Effect.ignore
    )
    return yield* Effect.never
  })

  return { id, codec, body: { encode, run } as unknown as FleetKind<Id, P, C, never>["body"] }
}

// Only the first session's result is asked for, but a first session may fail to open.
const keep = (results: Map<number, unknown>, epoch: number, result: unknown): void => {
  results.clear()
  results.set(epoch, result)
}
