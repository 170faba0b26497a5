/** A fleet's verbs: wishes go to the store, questions to the owner of the name. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import { foreign } from "kharbranth/ConnectionError"
import type * as Inbox from "kharbranth/Inbox"
import type * as ManagerCommand from "kharbranth/ManagerCommand"
import type { Frame } from "kharbranth/Message"
import type * as Outbox from "kharbranth/Outbox"
import type { Changes, FleetSnapshot, NameOptions, Outcome, Overview, Sent, Service, Where } from "../../Fleet.ts"
import {
  type CannotTravel,
  InvalidParams,
  KindMismatch,
  NameNotFound,
  type StoreFailed,
  UnknownKind,
  Unreachable
} from "../../FleetError.ts"
import type { FleetEvent } from "../../FleetEvent.ts"
import type * as FleetKind from "../../FleetKind.ts"
import type { FleetStore, Selection, Standing, Wish, Wished } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import type { Answer, Ask, Engine, Question, WireCommand } from "../engine/engine.ts"
import { toWireFrame } from "../kit/wireFrame.ts"
import type { Watchers } from "../kit/watchers.ts"
import type { Names } from "../names/names.ts"
import { follow, type WireSeen } from "./following.ts"
import * as Wire from "./wire.ts"

export interface Parts {
  readonly holder: string
  /** Whether a kind may be used here. */
  readonly knows: (kind: FleetKind.Any) => boolean
  readonly store: FleetStore["Service"]
  readonly engine: Engine
  readonly clock: Clock.Clock
  readonly names: Pick<Names, "find" | "changed">
  readonly answer: Ask
  readonly events: Watchers<FleetEvent>
  readonly leave: Effect.Effect<void>
}

// A name that changes hands is claimed within about a second; this is some of them.
const patience = 5
const retryEvery = "1 second"

const selectionOf = (where: Where | undefined): Selection => {
  if (where === undefined) return {}
  if (typeof where === "string") return { names: [where] }
  return "tag" in where ? { tag: where.tag } : "kind" in where ? { kind: where.kind } : { names: where }
}

const newId = Effect.map(Random.nextInt, (random) => random.toString(36))

export interface Made {
  readonly fleet: Service
  /** Sends a frame by name, past the codec of its kind. */
  readonly sendFrame: (
    name: string,
    frame: Frame,
    options?: Outbox.SendOptions
  ) => Effect.Effect<Sent, NameNotFound | StoreFailed | Unreachable>
}

export const make = (parts: Parts): Made => {
  const { answer, clock, engine, events, holder, knows, leave, names, store } = parts

  // ------------------------------------------------------------------ wishes

  const wishOf = (
    kind: FleetKind.Any,
    name: string,
    params: unknown,
    options: NameOptions | undefined
  ): Effect.Effect<Wish, InvalidParams | UnknownKind> => {
    if (!knows(kind)) return Effect.fail(new UnknownKind({ name, kind: kind.id }))
    const encoded = kind.body.encode(params as never)
    if (Exit.isFailure(encoded))
      return Effect.fail(new InvalidParams({ name, kind: kind.id, cause: foreign(Cause.squash(encoded.cause)) }))
    const tags = options?.tags ?? []
    const issue = unfit(name) ?? textIssue([tags, encoded.value])
    if (issue !== undefined)
      return Effect.fail(new InvalidParams({ name, kind: kind.id, issue, cause: foreign(undefined) }))
    return Effect.succeed({
      name,
      kind: kind.id,
      bucket: engine.bucketOf(name),
      params: encoded.value,
      tags,
      paused: false
    })
  }

  /** What is there already, unless it is of another kind. */
  const known = (wishes: ReadonlyArray<Wish>): Effect.Effect<ReadonlyMap<string, Wished>, KindMismatch | StoreFailed> =>
    Effect.flatMap(store.wishes.select({ names: wishes.map(({ name }) => name) }), (found) => {
      const old = new Map(found.map((wish) => [wish.name, wish]))
      const wrong = wishes.find(({ kind, name }) => (old.get(name)?.kind ?? kind) !== kind)
      return wrong === undefined
        ? Effect.succeed(old)
        : Effect.fail(new KindMismatch({ name: wrong.name, kind: wrong.kind, actual: old.get(wrong.name)!.kind }))
    })

  /** Puts wishes; one that is paused stays so. */
  const put = Effect.fnUntraced(function* (wishes: ReadonlyArray<Wish>) {
    const old = yield* known(wishes)
    const news = wishes.map((wish) => ({ ...wish, paused: old.get(wish.name)?.paused ?? false }))
    yield* store.wishes.put(news)
    names.changed()
    return old
  })

  const reconcile = Effect.fnUntraced(function* (
    kind: FleetKind.Any,
    wanted: ReadonlyMap<string, unknown>,
    options?: NameOptions
  ) {
    const wishes = yield* Effect.forEach([...wanted], ([name, params]) => wishOf(kind, name, params, options))
    const before = yield* store.wishes.select({ kind: kind.id })
    const known = yield* put(wishes)
    const removed = before.flatMap(({ name }) => (wanted.has(name) ? [] : [name]))
    if (removed.length > 0) yield* store.wishes.remove(removed)
    const after = new Map((yield* store.wishes.select({ kind: kind.id })).map((wish) => [wish.name, wish.version]))
    names.changed()
    const present = [...wanted.keys()]
    return {
      added: present.filter((name) => !known.has(name)),
      changed: present.filter((name) => known.has(name) && known.get(name)?.version !== after.get(name)),
      removed
    } satisfies Changes
  })

  const wished = (name: string): Effect.Effect<Wished, NameNotFound | StoreFailed> =>
    // The store is not asked for what it could not keep.
    Effect.flatMap(unfit(name) === undefined ? store.wishes.select({ names: [name] }) : Effect.succeed([]), ([wish]) =>
      wish === undefined ? Effect.fail(new NameNotFound({ name })) : Effect.succeed(wish)
    )

  const wishedAs = (
    { id: kind }: FleetKind.Any,
    name: string
  ): Effect.Effect<Wished, KindMismatch | NameNotFound | StoreFailed> =>
    Effect.flatMap(wished(name), (wish) =>
      wish.kind === kind ? Effect.succeed(wish) : Effect.fail(new KindMismatch({ name, kind, actual: wish.kind }))
    )

  // ------------------------------------------------------------------- owners

  const leaseOf = (standing: Standing | undefined): Lease | undefined =>
    standing?.holder === undefined ? undefined : { ...standing, holder: standing.holder }

  const ownerOf = ({ bucket, name }: Wished): Effect.Effect<Lease | undefined, StoreFailed> =>
    Effect.suspend(() => {
      const open = names.find(name)
      if (open !== undefined) return Effect.succeed(open.right.lease)
      return Effect.map(store.leases.all, (all) => leaseOf(all.find((standing) => standing.bucket === bucket)))
    })

  /** Waits a little for a name that changes hands. */
  const reachable = (wish: Wished, left = patience): Effect.Effect<Lease, StoreFailed | Unreachable> =>
    Effect.flatMap(ownerOf(wish), (lease) => {
      if (lease !== undefined && (lease.holder !== holder || names.find(wish.name) !== undefined))
        return Effect.succeed(lease)
      return left === 0
        ? Effect.fail(new Unreachable({ name: wish.name, owner: lease?.holder }))
        : Effect.andThen(Effect.sleep(retryEvery), reachable(wish, left - 1))
    })

  const ask = (name: string, question: Question): Effect.Effect<ReadonlyArray<Answer> | undefined> =>
    Effect.suspend(() => (names.find(name) === undefined ? engine.ask(name, question) : answer(question)))

  // ------------------------------------------------------------------ by name

  const send = Effect.fnUntraced(function* (
    kind: FleetKind.Any,
    name: string,
    message: unknown,
    options?: Pick<Outbox.SendOptions, "whenDown" | "ttl" | "key" | "lane">
  ) {
    const frame = (kind.codec as Codec.Codec<unknown, unknown>).encode(message)
    if (frame instanceof Codec.Failure)
      return { _tag: "Refused", tag: "EncodeError", message: frame.issue } satisfies Sent
    return yield* give(yield* wishedAs(kind, name), frame, options)
  })

  const give = Effect.fnUntraced(function* (wish: Wished, frame: Frame, options: Outbox.SendOptions | undefined) {
    const { name } = wish
    const { epoch } = yield* reachable(wish)
    const id = yield* newId
    const question: Question = {
      _tag: "Send",
      id,
      name,
      epoch,
      frame: toWireFrame(frame),
      options: Wire.toWireOptions(options)
    }
    const [outcome] = (yield* ask(name, question)) ?? []
    if (outcome?._tag === "Done") return { _tag: "Written" } satisfies Sent
    // Elsewhere: the engine may have asked its owner before, and lost the answer.
    if (outcome?._tag !== "Failed") return { _tag: "Unknown" } satisfies Sent
    return { _tag: "Refused", tag: outcome.tag, message: outcome.message } satisfies Sent
  })

  /** Asks the owner of each bucket; what is elsewhere by then is asked for again. */
  const command = (all: ReadonlyArray<Wished>, wire: WireCommand, left: number): Effect.Effect<ReadonlyArray<Answer>> =>
    Effect.gen(function* () {
      const asked = yield* Effect.forEach(
        byBucket(all).values(),
        (list) =>
          Effect.gen(function* () {
            const id = yield* newId
            const answers = yield* ask(list[0]!, { _tag: "Command", id, names: list, command: wire })
            return answers ?? list.map((name): Answer => ({ name, _tag: "Elsewhere" }))
          }),
        { concurrency: 32 }
      )
      const answers = asked.flat()
      const missed = new Set(answers.flatMap(({ _tag, name }) => (_tag === "Elsewhere" ? [name] : [])))
      // A frame may have been written although nobody said so: it is never asked for twice.
      if (missed.size === 0 || left === 0 || wire._tag === "Send") return answers
      yield* Effect.sleep(retryEvery)
      const again = yield* command(
        all.filter(({ name }) => missed.has(name)),
        wire,
        left - 1
      )
      return [...answers.filter(({ name }) => !missed.has(name)), ...again]
    })

  const outcomeOf = (answer: Answer): Outcome => {
    const { name } = answer
    if (answer._tag === "Done" || answer._tag === "Shown") return { name, error: undefined }
    if (answer._tag === "Failed") return { name, error: { tag: answer.tag, message: answer.message } }
    const error = new Unreachable({ name, owner: undefined })
    return { name, error: { tag: error._tag, message: error.message } }
  }

  const notFound = (where: Where | undefined, found: ReadonlyArray<Wished>): ReadonlyArray<Outcome> => {
    const present = new Set(found.map(({ name }) => name))
    return (selectionOf(where).names ?? []).flatMap((name) => {
      if (present.has(name)) return []
      const error = new NameNotFound({ name })
      return [{ name, error: { tag: error._tag, message: error.message } }]
    })
  }

  /** What the store alone can do. */
  const byStore = (told: ManagerCommand.Command["_tag"], list: ReadonlyArray<string>) =>
    Effect.andThen(
      told === "Close" ? store.wishes.remove(list) : store.wishes.pause(list, told === "Pause"),
      Effect.sync(() => {
        names.changed()
        return list.map((name): Outcome => ({ name, error: undefined }))
      })
    )

  const broadcast = Effect.fnUntraced(function* (told: ManagerCommand.Command, where?: Where) {
    const found = yield* store.wishes.select(selectionOf(where))
    const missing = notFound(where, found)
    if (told._tag === "Pause" || told._tag === "Resume" || told._tag === "Close") {
      return [
        ...missing,
        ...(yield* byStore(
          told._tag,
          found.map(({ name }) => name)
        ))
      ]
    }
    const answers = yield* command(found, Wire.toWireCommand(told), patience)
    if (told._tag === "Drain") {
      yield* store.wishes.remove(answers.flatMap(({ _tag, name }) => (_tag === "Done" ? [name] : [])))
      names.changed()
    }
    return [...missing, ...answers.map(outcomeOf)]
  })

  const entries = (
    kind: FleetKind.Any,
    name: string
  ): Stream.Stream<Inbox.Entry<unknown>, CannotTravel | KindMismatch | NameNotFound | StoreFailed | Unreachable> =>
    Stream.suspend(() => {
      let isFirst = true
      const owned = Effect.flatMap(wishedAs(kind, name), (wish) => {
        isFirst = false
        return Effect.as(reachable(wish), true)
      })
      // Released while somebody reads: the entries end.
      const locate = Effect.catchTag(owned, "NameNotFound", (error) =>
        isFirst ? Effect.fail(error) : Effect.succeed(false)
      )
      const watch = (watched: string) => engine.watch(watched) as Stream.Stream<WireSeen>
      return follow({ name, names, watch, now: () => clock.currentTimeMillisUnsafe() }, locate)
    })

  /** A picture that comes late is none. */
  const shownBy = (name: string, question: Question) =>
    Effect.map(Effect.timeoutOption(ask(name, question), `${patience} seconds`), Option.getOrUndefined)

  const snapshot = (where?: Where): Stream.Stream<FleetSnapshot, StoreFailed> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const [wishes, standings] = yield* Effect.all([store.wishes.select(selectionOf(where)), store.leases.all])
        const leases = new Map(standings.map((standing) => [standing.bucket, leaseOf(standing)]))
        const buckets = [...byBucket(wishes)]
        return Stream.fromIterable(buckets).pipe(
          Stream.mapEffect(
            ([bucket, list]) =>
              Effect.gen(function* () {
                const lease = leases.get(bucket)
                const id = yield* newId
                const question: Question = { _tag: "Snapshot", id, names: list }
                const shown = lease === undefined ? undefined : yield* shownBy(list[0]!, question)
                const known = new Map(shown?.flatMap((one) => (one._tag === "Shown" ? [[one.name, one.value]] : [])))
                return list.map((name): FleetSnapshot => {
                  const value = known.get(name)
                  return { name, lease, snapshot: value as FleetSnapshot["snapshot"] }
                })
              }),
            { concurrency: 32 }
          ),
          Stream.flattenIterable
        )
      })
    )

  const overview = Effect.gen(function* () {
    const [wishes, standings] = yield* Effect.all([store.wishes.select({}), store.leases.all])
    return overviewOf(wishes, standings)
  })

  const fleet: Service = {
    holder,
    ensure: (kind, name, params, options) =>
      Effect.flatMap(wishOf(kind, name, params, options), (wish) => Effect.asVoid(put([wish]))),
    reconcile: (kind, wanted, options) => reconcile(kind, wanted, options),
    release: (...gone) => Effect.andThen(store.wishes.remove(gone), Effect.sync(names.changed)),
    entries: entries as Service["entries"],
    send: (kind, name, message, options) => send(kind, name, message, options),
    broadcast,
    owner: (name) => Effect.flatMap(wished(name), ownerOf),
    overview,
    snapshot,
    events: events.stream,
    leave
  }
  return {
    fleet,
    sendFrame: (name, frame, options) => Effect.flatMap(wished(name), (wish) => give(wish, frame, options))
  }
}

// A name is the key of an index, whose rows are small.
const longestName = 500

// JSON writes both as escapes; a backslash before one makes it plain text.
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/

/** Why no store can keep texts in this value. */
const textIssue = (value: unknown): string | undefined =>
  unstorable.test(JSON.stringify(value))
    ? "a name, its tags and its params may contain neither U+0000 nor half of a surrogate pair. Leave them out."
    : undefined

/** Why no store can keep a name. */
const unfit = (name: string): string | undefined =>
  name === "" || name.length > longestName
    ? `a name has between 1 and ${longestName} characters. Put what is longer into its params.`
    : textIssue(name)

const byBucket = (wishes: ReadonlyArray<Wished>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const buckets = new Map<string, Array<string>>()
  for (const { bucket, name } of wishes) {
    const list = buckets.get(bucket)
    if (list === undefined) buckets.set(bucket, [name])
    else list.push(name)
  }
  return buckets
}

const overviewOf = (wishes: ReadonlyArray<Wished>, standings: ReadonlyArray<Standing>): Overview => {
  const owners = new Map(standings.map(({ bucket, holder }) => [bucket, holder]))
  const shares = new Map<string, { buckets: number; names: number }>()
  const shareOf = (holder: string) => {
    const share = shares.get(holder) ?? { buckets: 0, names: 0 }
    shares.set(holder, share)
    return share
  }
  for (const { holder } of standings) if (holder !== undefined) shareOf(holder).buckets++
  const kinds: Record<string, number> = {}
  const unowned: Array<string> = []
  for (const { bucket, kind, name } of wishes) {
    kinds[kind] = (kinds[kind] ?? 0) + 1
    const holder = owners.get(bucket)
    if (holder === undefined) unowned.push(name)
    else shareOf(holder).names++
  }
  return {
    names: wishes.length,
    paused: wishes.filter(({ paused }) => paused).length,
    kinds,
    holders: [...shares].map(([holder, { buckets, names }]) => ({ holder, buckets, names })),
    unowned
  }
}
