/**
 * A client that numbers its messages, tracks each, and writes down when it was
 * accepted and what became of it: one half of a history.
 */
import * as Effect from "effect/Effect"
import * as Connection from "kharbranth/Connection"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ClientEntry } from "./history.ts"
import { connect, type Options, record } from "./supervised.ts"

/** Messages are their numbers; the server answers `ack n`. */
export const acks = {
  id: (message: string) => message,
  match: (message: string) => (message.startsWith("ack ") ? message.slice(4) : undefined)
}

/** A connection that sends a numbered message every few milliseconds until it is stopped. */
export const start = Effect.fnUntraced(function* (url: string, options: Options = {}) {
  const connection = yield* connect(url, { ...options, outbox: { acks } })
  const log = yield* record(connection)
  const client: Array<ClientEntry> = [{ e: "open", epoch: 1, t: Date.now() }]
  yield* Effect.forkScoped(Stream.runDrain(connection.stream))
  const outcomes: Array<Fiber.Fiber<void>> = []
  let n = 0
  const sendNext = Effect.gen(function* () {
    const own = ++n
    const delivery = yield* Connection.track(connection, String(own))
    client.push({ e: "accepted", n: own, t: Date.now() })
    const settle = Effect.map(
      delivery,
      ({ _tag }) => void client.push({ e: "outcome", n: own, outcome: _tag, t: Date.now() })
    )
    outcomes.push(yield* Effect.forkScoped(settle))
  })
  const sending = yield* Effect.forkScoped(Effect.repeat(sendNext, Schedule.spaced(10)))
  /** Stops sending and waits until every message has its outcome. */
  const settle = Effect.gen(function* () {
    yield* Fiber.interrupt(sending)
    yield* Effect.forEach(outcomes, Fiber.join, { discard: true })
  })
  const confirmed = () => client.filter((entry) => entry.e === "outcome" && entry.outcome === "Confirmed").length
  const unknown = () => client.filter((entry) => entry.e === "outcome" && entry.outcome === "Unknown").length
  return { connection, log, client, settle, confirmed, unknown, sent: () => n }
})
