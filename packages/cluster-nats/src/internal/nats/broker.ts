/**
 * A broker over a connection to NATS. Packets are counted as on their way until the
 * server has answered a ping behind them. While the server is away nothing is taken;
 * when it is back, subscribers hear that packets may be missing, and owners that
 * theirs may have got lost.
 */
import type { Broker, News } from "@kharbranth/cluster/FleetBus"
import { BusFailed, InvalidFleet } from "@kharbranth/cluster/FleetError"
import type { NatsConnection, Status } from "@nats-io/transport-node"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { foreign } from "kharbranth/ConnectionError"
import type { BrokerOptions } from "../../NatsBus.ts"

const defaultPrefix = "kh"
const defaultWindow = 4_194_304
// What a server takes that does not say.
const defaultBytes = 1_048_576
/** How long a subscription waits for the server's answer. */
const deadline = "5 seconds"

const failed = (operation: string) => (cause: unknown) => new BusFailed({ operation, cause: foreign(cause) })

const away = failed("connection")({ _tag: "ServerAway" })
const closed = failed("connection")({ _tag: "ConnectionClosed" })

const checked = ({
  prefix = defaultPrefix,
  window = defaultWindow
}: BrokerOptions): Effect.Effect<Required<{ prefix: string; window: number }>, InvalidFleet> => {
  if (!/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(prefix))
    return Effect.fail(
      new InvalidFleet({ path: ["prefix"], issue: "expected letters, digits, `_` and `-`, in parts between dots" })
    )
  if (!(window > 0 && window < Infinity))
    return Effect.fail(new InvalidFleet({ path: ["window"], issue: "expected a number of bytes above zero" }))
  return Effect.succeed({ prefix, window })
}

export const make = Effect.fnUntraced(function* (connection: NatsConnection, options: BrokerOptions = {}) {
  const { prefix, window } = yield* checked(options)
  const clock = yield* Clock.clockWith(Effect.succeed)
  const subscribers = new Set<(news: News) => void>()
  const waiting = new Set<() => void>()
  let isUp = true
  let isOver = connection.isClosed()
  let awaySince: number | undefined

  // ------------------------------------------------------- what is on its way

  let underway = 0
  const published = Latch.makeUnsafe(false)
  const room = Latch.makeUnsafe(true)

  const freed = (bytes: number): void => {
    underway = Math.max(0, underway - bytes)
    room.openUnsafe()
  }

  const confirm = Effect.gen(function* () {
    yield* published.await
    published.closeUnsafe()
    const bytes = underway
    // A connection that breaks rejects it; by then nothing is on its way.
    yield* Effect.ignore(Effect.tryPromise(() => connection.flush()))
    freed(bytes)
    if (underway > 0 && isUp) published.openUnsafe()
  })
  yield* Effect.forkScoped(Effect.forever(confirm))

  const publish = (subject: string, packet: Uint8Array): Effect.Effect<void, BusFailed> =>
    Effect.suspend(() => {
      if (isOver) return Effect.fail(closed)
      if (!isUp) return Effect.fail(away)
      if (underway > 0 && underway + packet.byteLength > window) {
        room.closeUnsafe()
        return Effect.andThen(room.await, publish(subject, packet))
      }
      return Effect.try({
        try: () => {
          connection.publish(`${prefix}.${subject}`, packet)
          underway += packet.byteLength
          published.openUnsafe()
        },
        catch: failed("publish")
      })
    })

  // ---------------------------------------------------------- the server's way

  const gone = (): void => {
    isUp = false
    awaySince ??= clock.currentTimeMillisUnsafe()
    underway = 0
    room.openUnsafe()
  }

  // The answer comes behind the subscriptions, which the client repeats first.
  const back = Effect.map(Effect.option(Effect.tryPromise(() => connection.flush())), (answer) => {
    if (answer._tag === "None") return
    const from = awaySince
    isUp = true
    awaySince = undefined
    for (const subscriber of subscribers) subscriber({ _tag: "Interrupted", from, error: away })
    for (const listener of waiting) listener()
  })

  const told = new Set<string>()
  const trouble = (error: Error): Effect.Effect<void> => {
    // Such as a right that is missing: the server says so for every packet.
    if (told.has(error.name) || told.size > 16) return Effect.void
    told.add(error.name)
    return Effect.logWarning(failed("server")(error))
  }

  const heard = (status: Status): Effect.Effect<void> => {
    if (status.type === "disconnect") return Effect.sync(gone)
    if (status.type === "reconnect") return back
    return status.type === "error" ? trouble(status.error) : Effect.void
  }
  yield* Effect.forkScoped(
    Effect.ignore(Stream.runForEach(Stream.fromAsyncIterable(connection.status(), failed("status")), heard))
  )

  const over = Effect.map(
    Effect.promise(() => connection.closed()),
    () => {
      isOver = true
      gone()
      for (const subscriber of subscribers) subscriber({ _tag: "Closed", error: closed })
    }
  )
  yield* Effect.forkScoped(over)

  // -------------------------------------------------------------- subscriptions

  const subscribe: Broker["subscribe"] = (subject, listener) =>
    Effect.gen(function* () {
      if (isOver) return yield* closed
      yield* Effect.acquireRelease(
        Effect.try({
          try: () => {
            subscribers.add(listener)
            return connection.subscribe(`${prefix}.${subject}`, {
              callback: (error, { data }) => {
                if (error !== null) listener({ _tag: "Closed", error: failed("subscribe")(error) })
                // A copy: the client's own buffer is larger.
                else listener({ _tag: "Packet", packet: data.slice() })
              }
            })
          },
          catch: failed("subscribe")
        }),
        (subscription) =>
          Effect.sync(() => {
            subscribers.delete(listener)
            if (!connection.isClosed()) subscription.unsubscribe()
          })
      )
      const answered = Effect.tryPromise({ try: () => connection.flush(), catch: failed("subscribe") })
      yield* Effect.timeoutOrElse(answered, { duration: deadline, orElse: () => Effect.fail(away) })
    })

  const broker: Broker = {
    mostBytes: () => connection.info?.max_payload ?? defaultBytes,
    publish,
    subscribe,
    restored: (listener) =>
      Effect.acquireRelease(
        Effect.sync(() => void waiting.add(listener)),
        () => Effect.sync(() => waiting.delete(listener))
      )
  }
  return broker
})
