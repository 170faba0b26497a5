/**
 * What a dashboard costs its program: ten thousand connections whose heartbeats
 * are answered, of which some lose their session each second, without a viewer and
 * with one on a real WebSocket in a process of its own. It prints the CPU time of
 * this process, all threads, over the time that passed, and how long a change of
 * state takes to reach the viewer.
 *
 * A major garbage collection takes as long as a viewer does in twenty seconds, and comes once
 * in a minute or so. Each measurement therefore begins with one. A pair into which another falls
 * is left out of the median, and named. What a viewer adds to them is reckoned and
 * added: how much faster the old space fills up, in collections a second if one comes
 * whenever it has grown by half of what lives, times the CPU time that one takes.
 * Node lets it grow by more.
 *
 * Fails when one viewer surely costs more than 2 % of a core, by the whole interval,
 * or when a change takes more than 250 ms. Run it with
 * `node packages/devtools/bench/viewer.ts`; it takes seven and a half minutes.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import { ConnectionClosed, ConnectionDropped } from "kharbranth/ConnectionError"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as ConnectionObserver from "kharbranth/ConnectionObserver"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Recorder from "kharbranth/Recorder"
import { type Receiver, Transport } from "kharbranth/Transport"
import { type ChildProcess, fork } from "node:child_process"
import { intervalOf, median } from "../../bench/src/harness/figures.ts"
import * as Collecting from "./collecting.ts"
import { build } from "../src/internal/server/build.ts"
import * as Http from "../src/internal/server/http.ts"
import type { View } from "../src/internal/wire/wire.ts"
import type { FromViewer, ToViewer } from "./looking.ts"

const connections = 10_000
const lostEachSecond = 10
/** Heartbeats come as often, one after another of all connections: every measurement has as many. */
const heartbeatSeconds = 20
/** They are opened over as long, because a burst of ten thousand heartbeats at the edge of a measurement would be most of it. */
const openedAtOnce = 10
/** Short ones, so that a machine that drifts is the same in both of a pair. */
const seconds = 8
const pairs = 24
const token = "a-token-for-the-bench-1234"

const nothing = (): void => {}

/** What ends the present session of each connection. */
const links = new Map<string, () => void>()

const transport: Transport["Service"] = {
  name: "memory",
  capabilities: { ping: Heartbeat.ping(), pause: false, headers: false, bytes: false },
  dial: ({ connection, epoch }, receiver: Receiver) =>
    Effect.sync(() => {
      const reason = Redacted.make("")
      const closed = { connection, epoch, code: 1012, reason, sentCode: undefined, initiator: "server" } as const
      links.set(connection, () => receiver.ended(new ConnectionClosed(closed)))
      return {
        protocol: "",
        write: nothing,
        ping: (payload: Uint8Array) => setImmediate(() => receiver.pong(payload)),
        buffered: () => 0,
        received: () => 0,
        pause: nothing,
        resume: nothing,
        close: () => receiver.ended(new ConnectionDropped({ connection, epoch, cause: undefined })),
        terminate: nothing
      }
    })
}

const nameOf = (n: number): string => `feed ${String(n).padStart(5, "0")}`

const open = Effect.gen(function* () {
  const manager = yield* ConnectionManager.make()
  const heartbeat = Heartbeat.ping({ every: `${heartbeatSeconds} seconds` })
  for (let n = 0; n < connections; n++) {
    yield* manager.connect(nameOf(n), {
      target: "wss://feed.example/",
      heartbeat,
      reconnect: Reconnect.prompt,
      startup: "background",
      tags: [`group ${n % 8}`]
    })
    if (n % openedAtOnce === 0) yield* Effect.sleep((heartbeatSeconds * 1_000 * openedAtOnce) / connections)
  }
  yield* manager.awaitReady()
})

/** Some lose their session, again and again. */
const losing = Effect.forever(
  Effect.andThen(
    Effect.sleep(1_000 / lostEachSecond),
    Effect.sync(() => links.get(nameOf(Math.trunc(performance.now()) % connections))?.())
  )
)

interface Measured {
  /** Of a core, in percent. */
  readonly share: number
  /** By how many bytes the old space grew in a second. */
  readonly grows: number
  /** The bytes that were live before. */
  readonly live: number
  /** CPU time of the major collection before, in milliseconds. */
  readonly collecting: number
  /** Whether another major collection fell into it. */
  readonly hadMajor: boolean
}

/** What this process takes for a while. */
const measured = Effect.gen(function* () {
  const collecting = Collecting.collectAll()
  const live = Collecting.oldBytes()
  // The collection's own entry belongs to the time before.
  yield* Effect.sleep("100 millis")
  const before = process.cpuUsage()
  const began = performance.now()
  yield* Effect.sleep(`${seconds} seconds`)
  const { system, user } = process.cpuUsage(before)
  const ended = performance.now()
  const grows = (Collecting.oldBytes() - live) / ((ended - began) / 1_000)
  yield* Effect.sleep("10 millis")
  const share = (user + system) / 10 / (ended - began)
  return { share, grows, live, collecting, hadMajor: Collecting.hadMajor(began, ended) } satisfies Measured
})

interface Pair {
  readonly without: Measured
  readonly withOne: Measured
}

/** The mean, and how far from it the true one lies with 95 % confidence: pairs are many enough to take them for normal. */
const meanOf = (values: ReadonlyArray<number>): { readonly mean: number; readonly around: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, around: 2.07 * Math.sqrt(variance / values.length) }
}

/** What a viewer's share of the major collections takes, in percent of a core. */
const majorsOf = (all: ReadonlyArray<Pair>): number => {
  const of = (figure: (pair: Pair) => number): number => median(all.map(figure))
  const faster = of(({ withOne, without }) => withOne.grows - without.grows)
  const live = of(({ withOne }) => withOne.live)
  const collecting = of(({ withOne }) => withOne.collecting)
  const collections = Math.max(0, faster) / (live / 2)
  const [kilobytes, megabytes] = [faster / 1_024, live / 1_024 / 1_024]
  process.stdout.write(
    `with a viewer the old space of ${megabytes.toFixed(0)} MiB fills up faster by ${kilobytes.toFixed(0)} KiB a second; a major collection takes ${collecting.toFixed(0)} ms\n`
  )
  return (collections * collecting) / 10
}

const answer = <T extends FromViewer["t"]>(viewer: ChildProcess, t: T): Effect.Effect<Extract<FromViewer, { t: T }>> =>
  Effect.callback((resume) => {
    const hear = (message: FromViewer): void => {
      if (message.t !== t) return
      viewer.off("message", hear)
      resume(Effect.succeed(message as Extract<FromViewer, { t: T }>))
    }
    viewer.on("message", hear)
  })

const looking = (port: number, view: View) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const viewer = fork(new URL("./looking.ts", import.meta.url), [String(port), token])
      const looks = answer(viewer, "looks")
      viewer.send({ t: "look", view } satisfies ToViewer)
      yield* looks
      return viewer
    }),
    (viewer) => Effect.sync(() => viewer.kill())
  )

/** From when a session is lost until the viewer has seen it. Both clocks are the machine's. */
const latency = (viewer: ChildProcess) =>
  Effect.gen(function* () {
    const took: Array<number> = []
    for (let n = 0; n < 30; n++) {
      yield* Effect.sleep(`${200 + 13 * n} millis`)
      const name = nameOf(n)
      const seen = answer(viewer, "seen")
      viewer.send({ t: "await", name } satisfies ToViewer)
      yield* answer(viewer, "awaits")
      const began = Date.now()
      links.get(name)?.()
      took.push((yield* seen).at - began)
    }
    return took.toSorted((a, b) => a - b)
  })

const view: View = { sort: "inRate", descending: true, text: "", states: [], from: 0, to: 200 }

const program = Effect.gen(function* () {
  const recording = yield* Layer.build(Recorder.layer())
  const recorder = Context.get(recording, Recorder.Recorder)
  const built = yield* build({ title: "bench", commands: false, faults: false }, recorder)
  const port = yield* Http.serve({ port: 0, token, page: new Map(), board: built.board })
  const observing = yield* Effect.provide(Layer.build(ConnectionObserver.layer(built.observer)), recording)
  yield* Effect.provide(open, observing)
  yield* Effect.forkScoped(losing)
  // The compiler has seen everything once.
  yield* Effect.scoped(Effect.andThen(looking(port, view), Effect.sleep("5 seconds")))
  const stopWatching = Collecting.watch()
  const all: Array<Pair> = []
  for (let pair = 0; pair < pairs; pair++) {
    // What it is sent at first is no part of what it costs in a second.
    const looked = Effect.scoped(
      Effect.andThen(looking(port, view), Effect.andThen(Effect.sleep("500 millis"), measured))
    )
    // A machine drifts, so the two take turns at going first.
    const isFirst = pair % 2 === 0
    const first = yield* isFirst ? measured : looked
    const second = yield* isFirst ? looked : measured
    const [without, withOne] = isFirst ? [first, second] : [second, first]
    all.push({ without, withOne })
    const note = without.hadMajor || withOne.hadMajor ? ", left out: a major collection fell into it" : ""
    process.stdout.write(
      `${without.share.toFixed(2)} % of a core without a viewer, ${withOne.share.toFixed(2)} % with one${note}\n`
    )
  }
  stopWatching()
  const differences = all
    .filter(({ withOne, without }) => !withOne.hadMajor && !without.hadMajor)
    .map(({ withOne, without }) => withOne.share - without.share)
  const majors = majorsOf(all)
  const [low, high] = intervalOf(differences).map((share) => share + majors) as [number, number]
  const cost = median(differences) + majors
  process.stdout.write(
    `one viewer of ${connections} connections costs ${cost.toFixed(2)} % of a core (${low.toFixed(2)} to ${high.toFixed(2)}, ${differences.length} pairs), of which ${majors.toFixed(2)} % are its share of the major collections\n`
  )
  process.stdout.write(
    `that is ${high <= 2 ? "surely at most 2 %" : low > 2 ? "surely more than 2 %" : "not surely at most 2 %"}\n`
  )
  const { around, mean } = meanOf(differences)
  process.stdout.write(
    `their mean, which is what an hour of looking costs: ${(mean + majors).toFixed(2)} % ± ${around.toFixed(2)}\n`
  )
  const viewer = yield* looking(port, { ...view, sort: "name", descending: false })
  const took = yield* latency(viewer)
  const [half = 0, most = 0] = [took[took.length >> 1], took.at(-1)]
  process.stdout.write(`a change of state shows after ${half} ms, ${most} ms at most of ${took.length}\n`)
  if (low > 2 || most > 250) process.exitCode = 1
})

await Effect.runPromise(
  program.pipe(
    Effect.scoped,
    Effect.provideContext(Context.make(Transport, transport)),
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)
