/**
 * How long until a fault is noticed or repaired: a half-open socket, a server
 * that comes back, a large message that drips in.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import { loopback } from "../harness/address.ts"
import type { Bench } from "../harness/bench.ts"
import { figure } from "../harness/figures.ts"
import { type Server, startServer } from "../harness/process.ts"
import * as Kharbranth from "../subjects/kharbranth.ts"

const every = 1_000
const timeout = 1_000
const heartbeat = Heartbeat.ping({ every, timeout })
const retries = Reconnect.make({ schedule: Schedule.spaced("400 millis"), classify: () => Reconnect.retry })

interface Timed {
  readonly at: number
  readonly event: ConnectionEvent
}

/** Collects events with the time at which they were seen. */
const recording = Effect.fnUntraced(function* (connection: Kharbranth.Text) {
  const seen: Array<Timed> = []
  const record = (event: ConnectionEvent): Effect.Effect<void> =>
    Effect.sync(() => void seen.push({ at: performance.now(), event }))
  yield* Effect.forkScoped(Stream.runForEach(connection.events, record), { startImmediately: true })
  return seen
})

const awaitEvent = (connection: Kharbranth.Text, matches: (event: ConnectionEvent) => boolean) =>
  Effect.forkScoped(Stream.runHead(Stream.filter(connection.events, matches)), { startImmediately: true })

/** From the moment the server goes dark to the end of the session, over interval + timeout. */
const halfOpen = async (): Promise<number> => {
  const server = await startServer()
  const program = Effect.gen(function* () {
    const connection = yield* Kharbranth.connect(loopback(server.port, "/quiet"), { heartbeat, reconnect: retries })
    const ended = yield* awaitEvent(connection, ({ _tag }) => _tag === "SessionEnded")
    yield* Effect.sleep(yield* Random.nextBetween(0, every * 2))
    yield* Effect.promise(server.goDark)
    const dark = performance.now()
    yield* Fiber.join(ended)
    return (performance.now() - dark) / (every + timeout)
  })
  const ratio = await Kharbranth.run(program)
  await server.kill()
  return ratio
}

/** The retry that was pending when the server was back: when it was due. */
const dueAt = (events: ReadonlyArray<Timed>, back: number): number => {
  const pending = events.findLast(({ at, event }) => event._tag === "RetryScheduled" && at <= back)
  if (pending === undefined || pending.event._tag !== "RetryScheduled") return back
  return Math.max(back, pending.at + Duration.toMillis(pending.event.delay))
}

/** How much later than the pending retry the connection is Ready again, in milliseconds. */
const restart = async (): Promise<number> => {
  let server: Server = await startServer()
  const { port } = server
  const program = Effect.gen(function* () {
    const connection = yield* Kharbranth.connect(loopback(port, "/quiet"), { heartbeat, reconnect: retries })
    const events = yield* recording(connection)
    yield* Effect.promise(server.kill)
    yield* Effect.sleep(yield* Random.nextBetween(1_000, 1_400))
    const ready = yield* awaitEvent(connection, (event) => event._tag === "GatePassed" && event.gate === "Ready")
    server = yield* Effect.promise(() => startServer(port))
    const back = performance.now()
    yield* Fiber.join(ready)
    return performance.now() - dueAt(events, back)
  })
  const late = await Kharbranth.run(program)
  await server.kill()
  return late
}

/** How many sessions ended while one message of 1 MB dripped in for three heartbeat timeouts. */
const drip = async (): Promise<number> => {
  const server = await startServer()
  const size = 1_000_000
  const beats = Heartbeat.ping({ every: 300, timeout: 400 })
  const program = Effect.gen(function* () {
    const url = loopback(server.port, `/drip?size=${size}&millis=2400`)
    const connection = yield* Kharbranth.connect(url, { heartbeat: beats, reconnect: retries })
    const events = yield* recording(connection)
    const text = yield* connection.receive
    const ended = events.filter(({ event }) => event._tag === "SessionEnded").length
    return text.length === size ? ended : Number.NaN
  })
  const ended = await Kharbranth.run(program)
  await server.kill()
  return ended
}

const repeat = async (rounds: number, measure: () => Promise<number>): Promise<ReadonlyArray<number>> => {
  const values: Array<number> = []
  for (let round = 0; round < rounds; round++) values.push(await measure())
  return values
}

export const faults: Bench = {
  name: "faults",
  title: "Faults: how long until noticed or repaired",
  run: async ({ rounds }) => [
    figure("faults", "half-open noticed, of interval + timeout", await repeat(rounds, halfOpen)),
    figure("faults", "Ready after the pending retry was due", await repeat(rounds, restart), "ms"),
    figure("faults", "sessions lost to a dripping 1 MB message", await repeat(rounds, drip), "sessions")
  ]
}
