/**
 * What telemetry costs, in CPU time, which other work on the machine hardly
 * changes. First scrapes of ever more connections that have lost a session each,
 * and how many bytes they have. Then the heartbeats of ten thousand connections,
 * with telemetry and without: both are open at the same time, and take turns at a
 * probe and its answer for each connection. Connections are of a transport in
 * memory that answers pings. Fails when ten thousand connections, scraped each 15
 * seconds, surely cost more than 1 % of a core, or a scrape has more than 200 KB.
 * Run it with `node packages/telemetry/bench/scrape.ts`; it takes a minute.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { ConnectionClosed, ConnectionDropped } from "kharbranth/ConnectionError"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import { type Receiver, Transport } from "kharbranth/Transport"
import { intervalOf, median } from "../../bench/src/harness/figures.ts"
import * as Instruments from "../src/Instruments.ts"
import * as Telemetry from "../src/Telemetry.ts"

const sizes = [10, 1_000, 10_000]
const groups = 8
const scrapes = 40
const scrapeSeconds = 15
/** How often a connection beats by default, which is what a round of heartbeats is spread over. */
const heartbeatSeconds = 20
/** Pairs of rounds in which each connection beats once, after some that the compiler sees first. */
const pairs = 25
const warmings = 5

const nothing = (): void => {}

/** What ends the present session of each connection. */
const links = new Map<string, (kind: number) => void>()

const lossOf = (connection: string, epoch: number, kind: number) => {
  const reason = Redacted.make("")
  const closed = { connection, epoch, code: 1012, reason, sentCode: undefined, initiator: "server" } as const
  return kind === 0 ? new ConnectionDropped({ connection, epoch, cause: undefined }) : new ConnectionClosed(closed)
}

const transport: Transport["Service"] = {
  name: "memory",
  capabilities: { ping: Heartbeat.ping(), pause: false, headers: false, bytes: false },
  dial: ({ connection, epoch }, receiver: Receiver) =>
    Effect.sync(() => {
      links.set(connection, (kind) => receiver.ended(lossOf(connection, epoch, kind)))
      return {
        protocol: "",
        write: nothing,
        ping: (payload: Uint8Array) => setImmediate(() => receiver.pong(payload)),
        buffered: () => 0,
        received: () => 0,
        pause: nothing,
        resume: nothing,
        close: () => receiver.ended(lossOf(connection, epoch, 0)),
        terminate: nothing
      }
    })
}

/** CPU milliseconds that an effect takes. */
const spent = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = process.cpuUsage()
    const value = yield* effect
    const { system, user } = process.cpuUsage(before)
    return { value, millis: (user + system) / 1_000 }
  })

const open = (count: number) =>
  Effect.gen(function* () {
    const manager = yield* ConnectionManager.make()
    // None beats by itself while the bench runs.
    const heartbeat = Heartbeat.ping({ every: "1 hour" })
    for (let n = 0; n < count; n++) {
      const tags = [`group ${n % groups}`]
      yield* manager.connect(`feed ${n}`, {
        target: "wss://feed.example/",
        heartbeat,
        reconnect: Reconnect.prompt,
        startup: "background",
        tags
      })
    }
    yield* manager.awaitReady()
    return manager
  })

/** Every connection loses its session, half of them in another way. */
const lose = (manager: ConnectionManager.Manager) =>
  Effect.gen(function* () {
    for (const [index, end] of [...links.values()].entries()) end((index >> 3) & 1)
    yield* manager.awaitReady()
  })

const page = PrometheusMetrics.format({ metricNameMapper: Instruments.prometheusName })

const scraped = (count: number) =>
  Effect.gen(function* () {
    yield* lose(yield* open(count))
    const times: Array<number> = []
    let bytes = 0
    for (let n = 0; n < scrapes; n++) {
      const { millis, value } = yield* spent(page)
      times.push(millis)
      bytes = Buffer.byteLength(value)
      yield* Effect.sleep("5 millis")
    }
    return { count, millis: median(times.slice(scrapes / 2)), bytes }
  }).pipe(Effect.scoped, Effect.provide(Telemetry.layer()))

/** What it takes when each of ten thousand connections probes once and is answered. */
const beating = Effect.gen(function* () {
  const manager = yield* open(sizes.at(-1) ?? 0)
  const names = (yield* manager.snapshot).map(({ name }) => name)
  const connections = yield* Effect.forEach(names, (name) => manager.get(name))
  return Effect.map(
    spent(
      Effect.andThen(
        Effect.forEach(connections, (one) => one.probe(), { discard: true }),
        turns
      )
    ),
    ({ millis }) => millis
  )
})

/** By then what was asked in one turn is answered. */
const turns = Effect.callback<void>((resume) => void setImmediate(() => setImmediate(() => resume(Effect.void))))

/** By how many CPU milliseconds a round of heartbeats is longer with telemetry, in pairs. */
const compared = Effect.gen(function* () {
  const measured = yield* Layer.build(Telemetry.layer())
  const off = yield* beating
  const on = yield* Effect.provideContext(beating, measured)
  const differences: Array<number> = []
  const base: Array<number> = []
  for (let pair = -warmings; pair < pairs; pair++) {
    // A machine drifts, so the two take turns at going first.
    const isFirst = pair % 2 === 0
    const first = yield* isFirst ? off : on
    const second = yield* isFirst ? on : off
    if (pair < 0) continue
    differences.push(isFirst ? second - first : first - second)
    base.push(isFirst ? first : second)
  }
  return { differences, base: median(base) }
}).pipe(Effect.scoped)

/** Milliseconds that recur each so many seconds, in percent of a core. */
const shareOf = (millis: number, seconds: number): number => millis / seconds / 10

const percent = (share: number): string => share.toFixed(3)

const program = Effect.gen(function* () {
  const figures = []
  for (const size of sizes) {
    const figure = yield* scraped(size)
    figures.push(figure)
    process.stdout.write(
      `${figure.count} connections in ${groups} groups: ${figure.millis.toFixed(2)} ms of CPU and ${figure.bytes} bytes a scrape\n`
    )
  }
  const { base, differences } = yield* compared
  const [low, high] = intervalOf(differences)
  process.stdout.write(
    `a heartbeat of each: ${base.toFixed(1)} ms of CPU without telemetry, and ${median(differences).toFixed(1)} ms more with it (${low.toFixed(1)} to ${high.toFixed(1)}, ${pairs} pairs)\n`
  )
  const scraping = shareOf(figures.at(-1)?.millis ?? 0, scrapeSeconds)
  const shares = [median(differences), low, high].map((millis) => shareOf(Math.max(0, millis), heartbeatSeconds))
  const [between = 0, least = 0, most = 0] = shares
  process.stdout.write(`without scrapes ${percent(between)} % of a core (${percent(least)} to ${percent(most)})\n`)
  process.stdout.write(
    `with a scrape each ${scrapeSeconds} s ${percent(between + scraping)} % of a core (${percent(least + scraping)} to ${percent(most + scraping)})\n`
  )
  if (least + scraping > 1 || figures.some(({ bytes }) => bytes > 200_000)) process.exitCode = 1
})

await Effect.runPromise(
  program.pipe(Effect.provideService(Transport, transport), Effect.provideService(References.MinimumLogLevel, "Error"))
)
