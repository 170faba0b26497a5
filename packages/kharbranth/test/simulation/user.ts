/**
 * The user of a simulated connection: does the deeds of the plan, reads at the
 * pace it is told to, restarts a connection that has given up, and writes down
 * what it is told in return.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Cause from "effect/Cause"
import * as Connection from "kharbranth/Connection"
import * as Outbox from "kharbranth/Outbox"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type * as Inbox from "kharbranth/Inbox"
import * as History from "./history.ts"
import type { Deed, Letter, Plan } from "./plan.ts"

export interface User {
  readonly connection: Connection.Connection<string, string>
  readonly note: (fact: History.Fact) => void
  readonly mono: () => number
  readonly sabotage: Sabotage
}

/** A bug that is planted between the user and the outbox. */
export interface Sabotage {
  readonly importing?: ((items: ReadonlyArray<Outbox.Item>) => ReadonlyArray<Outbox.Item>) | undefined
  readonly exportLeaves?: boolean | undefined
}

/** How fast the reader takes, changed by deeds. */
export interface Pace {
  how: "normal" | "slow" | "absent"
  until: number
}

const defaultTtl = 30_000

const ttlOf = ({ options: { ttl } }: Letter): number =>
  ttl === undefined ? defaultTtl : Duration.toMillis(Duration.fromInputUnsafe(ttl))

const errorOf = <A, E extends { readonly _tag: string }>(exit: Exit.Exit<A, E>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  const failure = Cause.findErrorOption(exit.cause)
  return Option.isSome(failure) ? failure.value._tag : `died: ${Cause.pretty(exit.cause)}`
}

const call = (user: User, way: History.Call["way"], letter: Letter): string => {
  const { n, options, proof } = letter
  user.note({ e: "call", n, way, options, ttl: ttlOf(letter), proof, mono: user.mono() })
  return History.payload(n, proof, letter.padding)
}

const send = (user: User, letter: Letter, patience: number | undefined) =>
  Effect.gen(function* () {
    const { n } = letter
    const text = call(user, "send", letter)
    const sending = user.connection.send(text, letter.options)
    const exit = yield* Effect.exit(
      patience === undefined ? Effect.asSome(sending) : Effect.timeoutOption(sending, patience)
    )
    const error = errorOf(exit)
    if (error === "interrupted") user.note({ e: "withdrawn", n })
    else if (error !== undefined) user.note({ e: "refused", n, error })
    else if (Exit.isSuccess(exit)) user.note({ e: Option.isSome(exit.value) ? "sent" : "withdrawn", n })
  })

const track = (user: User, letter: Letter) =>
  Effect.gen(function* () {
    const { n } = letter
    const text = call(user, "track", letter)
    const exit = yield* Effect.exit(Connection.track(user.connection, text, letter.options))
    if (Exit.isFailure(exit)) return user.note({ e: "refused", n, error: errorOf(exit) ?? "none" })
    user.note({ e: "accepted", n })
    const delivery = yield* exit.value
    user.note({ e: "delivery", n, tag: delivery._tag, by: delivery._tag === "Confirmed" ? delivery.by : "" })
  })

const sink = (user: User, letters: ReadonlyArray<Letter>) =>
  Effect.gen(function* () {
    const plain = letters.map((letter) => ({ ...letter, options: {} }))
    const texts = plain.map((letter) => call(user, "sink", letter))
    const exit = yield* Effect.exit(Stream.run(Stream.fromIterable(texts), user.connection.sink))
    // A sink that fails does not tell how far it came.
    for (const { n } of letters) user.note({ e: Exit.isSuccess(exit) ? "sent" : "unsure", n })
  })

const did = <A>(user: User, what: string, effect: Effect.Effect<A, ConnectionError>) =>
  Effect.map(Effect.exit(effect), (exit) => user.note({ e: "did", what, result: errorOf(exit) ?? "done" }))

const numbersOf = (items: ReadonlyArray<Outbox.Item>) =>
  items.map(({ frame, written }) => ({ n: History.numberOf(String(frame)) ?? -1, written }))

// Back into the same connection, as plain data: what another process would do.
const handOver = ({ connection, mono, note, sabotage }: User, millis: number) =>
  Effect.gen(function* () {
    const since = mono()
    const items = yield* Effect.map(Connection.exportOutbox(connection), (exported) => {
      note({ e: "exported", items: numbersOf(exported) })
      return exported
    })
    if (sabotage.exportLeaves === true) yield* Connection.importOutbox(connection, items)
    yield* Effect.sleep(millis)
    const plain: ReadonlyArray<Outbox.Item> = JSON.parse(JSON.stringify(items))
    note({ e: "imported", items: numbersOf(plain).map(({ n }) => n), away: mono() - since })
    yield* Connection.importOutbox(connection, sabotage.importing?.(plain) ?? plain)
  })

const slacken = (user: User, pace: Pace, { how, millis }: Extract<Deed, { readonly do: "read" }>): void => {
  pace.how = how
  pace.until = user.mono() + millis
  user.note({ e: "did", what: how, result: "done" })
}

/** Reads nothing for a while. */
export const leave = (user: User, pace: Pace, millis: number): void =>
  slacken(user, pace, { do: "read", how: "absent", millis })

const perform = (user: User, pace: Pace, deed: Deed): Effect.Effect<void> => {
  const { connection } = user
  switch (deed.do) {
    case "send":
      return send(user, deed.letter, deed.patience)
    case "track":
      return track(user, deed.letter)
    case "sink":
      return sink(user, deed.letters)
    case "restart":
      return did(user, deed.mode, connection.restart({ mode: deed.mode, reason: "simulated" }))
    case "pause":
      return did(
        user,
        "pause",
        connection.pause.pipe(Effect.andThen(Effect.sleep(deed.millis)), Effect.andThen(connection.resume))
      )
    case "handOver":
      return did(user, "handOver", handOver(user, deed.millis))
    case "update":
      return did(
        user,
        "update",
        Connection.update(connection, (policies) => ({ ...policies, dialTimeout: Duration.seconds(8) }))
      )
    case "ping":
      return did(user, "ping", Connection.ping(connection))
    case "probe":
      return did(user, "probe", connection.probe({ reason: "simulated" }))
    case "read":
      return Effect.sync(() => slacken(user, pace, deed))
  }
}

/** Does all deeds at their times; ends when each has come to its end. */
export const live = (user: User, plan: Plan, pace: Pace): Effect.Effect<void> =>
  Effect.gen(function* () {
    const begun = user.mono()
    const running: Array<Fiber.Fiber<void>> = []
    for (const { at, deed } of plan.deeds) {
      const wait = begun + at - user.mono()
      if (wait > 0) yield* Effect.sleep(wait)
      running.push(yield* Effect.forkChild(perform(user, pace, deed), { startImmediately: true }))
    }
    yield* Fiber.awaitAll(running)
  })

/** The last message of a history: it must get through. */
export const lastWord = (user: User): Effect.Effect<void> =>
  track(user, { n: History.lastWord, proof: "pong", padding: 0, options: { replay: Outbox.ifUnknown } })

const noteEntry = (user: User, entry: Inbox.Entry<string>): void => {
  switch (entry._tag) {
    case "Message":
      return user.note({ e: "entry", tag: "Message", epoch: entry.epoch, text: entry.message })
    case "SessionOpened":
      return user.note({
        e: "entry",
        tag: "SessionOpened",
        epoch: entry.epoch,
        rotated: entry.rotated,
        doubles: entry.possibleDuplicates
      })
    case "Gap":
      return user.note({ e: "entry", tag: "Gap", epoch: entry.epoch })
    case "Lagged":
      return user.note({ e: "entry", tag: "Lagged", dropped: entry.dropped, atMost: entry.atMost })
  }
}

const rest = (user: User, pace: Pace): Effect.Effect<void> => {
  const left = pace.until - user.mono()
  if (pace.how === "normal" || left <= 0) return Effect.void
  return Effect.sleep(pace.how === "slow" ? Math.min(left, 300) : left)
}

/** Reads until the connection is closed; after it has given up, waits for its return. */
export const read = (user: User, pace: Pace): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { connection } = user
    while (true) {
      const exit = yield* Effect.exit(
        Stream.runForEachArray(connection.entries, (entries) => {
          for (const entry of entries) noteEntry(user, entry)
          return rest(user, pace)
        })
      )
      const error = errorOf(exit)
      user.note({ e: "streamEnded", error })
      if (error === undefined) return
      const goesOn = yield* connection.state.changes.pipe(
        Stream.filter((state) => state._tag !== "Failed"),
        Stream.runHead
      )
      if (Option.isNone(goesOn)) return
    }
  })

/** Brings a connection that has given up back. */
export const revive = (user: User): Effect.Effect<void> =>
  user.connection.state.changes.pipe(
    Stream.runForEach((state) =>
      state._tag === "Failed"
        ? Effect.andThen(Effect.sleep(2000), did(user, "revive", user.connection.restart({ reason: "gave up" })))
        : Effect.void
    )
  )

/** Writes down every event. */
export const watch = (user: User): Effect.Effect<void> =>
  Stream.runForEach(user.connection.events, (event) => Effect.sync(() => user.note({ e: "happened", event })))

/** Reads the queues' sizes. */
export const measure = (user: User): Effect.Effect<void> =>
  Effect.map(Connection.metrics(user.connection), ({ inbox, outbox }) =>
    user.note({ e: "gauge", outbox: outbox.messages, outboxBytes: outbox.bytes, inboxBytes: inbox.bytes })
  )

/** Reads the queues' sizes now and then. */
export const gauge = (user: User): Effect.Effect<void> =>
  measure(user).pipe(Effect.andThen(Effect.sleep(1703)), Effect.forever)
