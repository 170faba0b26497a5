/**
 * What telemetry costs, in CPU time, which other work on the machine hardly
 * changes: scrapes of ever more connections that have lost a session each, and
 * how many bytes they have; and the heartbeats of ten thousand connections, with
 * telemetry and without, in pairs. Connections are of a transport in memory that
 * answers pings. Fails when ten thousand connections, scraped each 15 seconds,
 * cost more than 1 % of a core, or a scrape has more than 200 KB. Run it with
 * `node packages/telemetry/bench/scrape.ts`.
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
import * as Instruments from "../src/Instruments.ts"
import * as Telemetry from "../src/Telemetry.ts"

const sizes = [10, 1_000, 10_000]
const groups = 8
const scrapes = 40
const scrapeSeconds = 15
const heartbeatSeconds = 20
/** Pairs of runs, and how much of a heartbeat's period each sees. */
const pairs = 3
const listenSeconds = 10

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

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

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
    const heartbeat = Heartbeat.ping({ every: `${heartbeatSeconds} seconds` })
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

/** CPU milliseconds a second of connections that only beat. */
const beating = (measured: boolean) =>
  Effect.gen(function* () {
    yield* open(sizes.at(-1) ?? 0)
    const { millis } = yield* spent(Effect.sleep(`${listenSeconds} seconds`))
    return millis / listenSeconds
  }).pipe(Effect.scoped, Effect.provide(measured ? Telemetry.layer() : Layer.empty))

const program = Effect.gen(function* () {
  const figures = []
  for (const size of sizes) {
    const figure = yield* scraped(size)
    figures.push(figure)
    process.stdout.write(
      `${figure.count} connections in ${groups} groups: ${figure.millis.toFixed(2)} ms of CPU and ${figure.bytes} bytes a scrape\n`
    )
  }
  const differences: Array<number> = []
  for (let pair = 0; pair < pairs; pair++) {
    const off = yield* beating(false)
    const on = yield* beating(true)
    differences.push(on - off)
    process.stdout.write(`heartbeats: ${off.toFixed(1)} ms a second without, ${on.toFixed(1)} ms with telemetry\n`)
  }
  const most = figures.at(-1)
  const share = ((most?.millis ?? 0) / scrapeSeconds + Math.max(0, median(differences))) / 10
  process.stdout.write(`in all ${share.toFixed(2)} % of a core\n`)
  if (share > 1 || figures.some(({ bytes }) => bytes > 200_000)) process.exitCode = 1
})

await Effect.runPromise(
  program.pipe(Effect.provideService(Transport, transport), Effect.provideService(References.MinimumLogLevel, "Error"))
)
