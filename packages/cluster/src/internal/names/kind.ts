/**
 * A kind's code: params in and out of JSON, the connection, its consumer. All of
 * it is one program for each name, which lives as long as this process owns it.
 */
import * as Deferred from "effect/Deferred"
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
import { Publication } from "../entries/publication.ts"
import { Changing } from "./changing.ts"
import type { Handed, Takeover } from "./takeovers.ts"

export type { Publication }

/** How a name stops when its next owner has it. */
export interface Offer {
  /** Whether it has a session: one that has none would leave a hole. */
  readonly isReady: () => boolean
  /** Lets the consumer read all that arrived, then stops it; `undefined` when something may be missing. */
  readonly finish: Effect.Effect<Omit<Handed, "cursor"> | undefined>
}

/** What a name's program has around it. */
export interface Place extends Omit<Opening, "kind"> {
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
  /** The owner before goes on until the name is Ready here; `undefined` when it does not. */
  readonly takeover: Takeover | undefined
  /** The name may go on beside its next owner. */
  readonly offer: (offer: Offer) => void
  /** Whether it does. */
  readonly goesOn: () => boolean
  /** Shows entries to those that watch the name. */
  readonly publish: (entries: ReadonlyArray<Inbox.Entry<unknown>>) => void
  /** Completes when somebody watches. */
  readonly watched: () => Effect.Effect<void>
  readonly consumerFailed: (cause: ForeignCause) => void
}

export interface Body<in P, out R> {
  /** Params as JSON, or what the schema said. */
  readonly encode: (params: P) => Exit.Exit<unknown, unknown>
  /** Opens the name and keeps it, until it is interrupted. */
  readonly run: (place: Place) => Effect.Effect<never, ForeignCause, R | Scope.Scope>
}

/** How the entries begin at a new owner. */
interface Beginning {
  /** Nothing is missing since the owner before. */
  readonly isWhole: boolean
  readonly possibleDuplicates: number
}

const beginningOf = (waiting: number, handed: Handed | undefined, isDeduped: boolean): Beginning => ({
  isWhole: handed !== undefined,
  // Those without a key, or with one that others had too, are not left out.
  possibleDuplicates:
    handed === undefined ? waiting : Math.min(waiting, handed.delivered - (isDeduped ? handed.keys.length : 0))
})

/** The first entries at a new owner, with what a move makes of them. */
const begun = <In>(
  entries: ReadonlyArray<Inbox.Entry<In>>,
  { before, name, now }: Place,
  resumed: ReadonlyMap<number, unknown>,
  { isWhole, possibleDuplicates }: Beginning
): ReadonlyArray<Inbox.Entry<In>> => {
  const [first, ...rest] = entries
  if (first === undefined || before === undefined) return entries
  const opened =
    first._tag === "SessionOpened"
      ? Inbox.sessionOpened({
          ...first,
          rotated: isWhole || first.rotated,
          possibleDuplicates: Math.max(first.possibleDuplicates, possibleDuplicates)
        })
      : first
  if (isWhole) return [opened, ...rest]
  const epoch = first._tag === "Lagged" ? 1 : first.epoch
  const cause = new OwnerLost({ connection: name, owner: before.owner })
  const gap = Inbox.gap({ epoch, from: before.seenAt, to: now(), cause, resumed: resumed.get(epoch) })
  return [gap, opened, ...rest]
}

/** The entries of a connection, as a consumer gets them, seen by the watchers too. */
const entriesOf = <In>(
  all: Stream.Stream<Inbox.Entry<In>, ConnectionError>,
  place: Place,
  resumed: ReadonlyMap<number, unknown>,
  beginning: Beginning
): Stream.Stream<Inbox.Entry<In>, ConnectionError> => {
  let isFirst = place.before !== undefined
  return Stream.mapArrayEffect(all, (entries) => {
    // What arrived in time may be read too late: another process has it by now, or will say that it is missing.
    if (!place.isLive()) return Effect.never
    const shown = isFirst ? (begun(entries, place, resumed, beginning) as typeof entries) : entries
    isFirst = false
    place.publish(shown)
    return Effect.succeed(shown)
  })
}

/** Waits until the owner before has stopped: it does when the name is Ready here, or its time is over. */
const takenOver = (connection: Connection.Any, { handed, ready }: Takeover): Effect.Effect<Handed | undefined> => {
  const told = Effect.andThen(Effect.ignore(connection.awaitReady), ready)
  return Effect.raceFirst(handed, Effect.andThen(told, Effect.never))
}

const isDrained = (connection: Connection.Any): Effect.Effect<boolean> =>
  Effect.map(Connection.metrics(connection), ({ inbox }) => inbox.messages === 0)

const offerOf = <In>(
  connection: Connection.Any,
  changing: Changing<In>,
  publication: Publication,
  consumed: Effect.Effect<void>
): Offer => ({
  isReady: () => connection.state.getUnsafe()._tag === "Connected",
  finish: Effect.gen(function* () {
    // The answer comes behind all that was sent before. Without one, nobody knows what is still on its way.
    yield* Effect.timeout(Connection.ping(connection), "1 second")
    changing.stop()
    yield* Effect.timeoutOption(consumed, "5 seconds")
    return { ...changing.handed(), published: publication.endedAt() }
  }).pipe(Effect.orElseSucceed(() => undefined))
})

const parkOutbox = (connection: Connection.Any, { isMoving, park }: Place): Effect.Effect<void> =>
  Effect.suspend(() => (isMoving() ? Effect.map(Connection.exportOutbox(connection), park) : Effect.void))

// A consumer that fails is tried again, ever later, for the fault may be in what it stores to.
const firstAgain = "1 second"
const again = Schedule.min([Schedule.exponential("2 seconds"), Schedule.spaced("30 seconds")])

/** Most consumers never fail, and a schedule at work costs each name more memory than all else here. */
const untilDone = <E, R>(consumer: Effect.Effect<unknown, E, R>): Effect.Effect<void, never, R> =>
  Effect.matchCauseEffect(consumer, {
    onSuccess: () => Effect.void,
    onFailure: () =>
      Effect.andThen(Effect.sleep(firstAgain), Effect.ignore(Effect.retry(Effect.sandbox(consumer), again)))
  })

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
  { codec, consume, dedupe, handover = "breakFirst", open, params }: Options<P, C, T, RO, RH, RC>
): FleetKind<Id, P, C, ConnectionManager.Requirements<T, RO, RH> | Connection.LessScope<RC>> => {
  type In = Codec.In<C>
  type Out = Codec.Out<C>
  const wire = Schema.toCodecJson(params)
  const encode = Schema.encodeUnknownExit(wire)
  const decode = Schema.decodeUnknownExit(wire)

  const run = Effect.fnUntraced(function* (place: Place) {
    const decoded = decode(place.params)
    if (Exit.isFailure(decoded)) return yield* Effect.fail(foreign(decoded.cause))
    const { lease, manager, name, takeover } = place
    const resumed = new Map<number, unknown>()
    const options = yield* Effect.try({
      try: () => open(decoded.value, { name, kind: id, lease, cursor: place.cursor }),
      catch: foreign
    })
    const { onOpen } = options
    const connection: Connection.Connection<In, Out> = yield* Effect.acquireRelease(
      Effect.mapError(
        manager.connect(name, {
          codec,
          // Names that were declared bring one of their own.
          ...options,
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
    const handed = takeover === undefined ? undefined : yield* takenOver(connection, takeover)
    const { saveCursor } = place
    const cursor = handed?.cursor === undefined ? place.cursor : handed.cursor.value
    // Under the new lease, or the next owner would begin before it.
    if (handed?.cursor !== undefined) saveCursor(cursor)
    const isMakeFirst = handover === "makeFirst"
    const publication = new Publication(handed?.published)
    const consumed = isMakeFirst ? Deferred.makeUnsafe<void>() : undefined
    let all: Stream.Stream<Inbox.Entry<In>, ConnectionError> = connection.entries
    if (consumed !== undefined) {
      const changing = new Changing<In>(dedupe, place.goesOn, handed)
      const isConsumed = consume === undefined ? Effect.void : Deferred.await(consumed)
      place.offer(offerOf(connection, changing, publication, isConsumed))
      all = changing.entries(connection.entries, isDrained(connection))
    }
    // What came here before the old owner stopped, it may have delivered too.
    const waiting = takeover === undefined ? 0 : (yield* Connection.metrics(connection)).inbox.messages
    const entries = entriesOf<In>(
      all,
      place,
      resumed,
      beginningOf(waiting, handed, isMakeFirst && dedupe !== undefined)
    )
    const consumer: Effect.Effect<unknown, unknown, RC> =
      consume === undefined
        ? Effect.andThen(place.watched(), Stream.runDrain(entries))
        : Effect.suspend(() => consume({ name, kind: id, lease, cursor, connection, entries, publication, saveCursor }))
    const attempt = Effect.tapCause(
      Effect.scoped(consumer as Effect.Effect<unknown, unknown, RC | Scope.Scope>),
      (cause) => Effect.sync(() => place.consumerFailed(foreign(cause)))
    )
    yield* untilDone(attempt)
    if (consumed !== undefined) yield* Deferred.succeed(consumed, undefined)
    return yield* Effect.never
  })

  return { id, codec, body: { encode, run } as unknown as FleetKind<Id, P, C, never>["body"] }
}

// Only the first session's result is asked for, but a first session may fail to open.
const keep = (results: Map<number, unknown>, epoch: number, result: unknown): void => {
  results.clear()
  results.set(epoch, result)
}
