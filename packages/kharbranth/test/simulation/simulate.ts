/**
 * One simulation: a connection on a test network, its user, its server and its
 * faults, from the plan of a seed to the history that the checker judges.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type * as Session from "kharbranth/Session"
import { isConnected } from "kharbranth/ConnectionState"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Inbox from "kharbranth/Inbox"
import * as RateLimit from "kharbranth/RateLimit"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { Transport } from "kharbranth/Transport"
import * as Seeded from "../../src/testing/internal/seeded.ts"
import * as History from "./history.ts"
import * as Plan from "./plan.ts"
import * as Recorder from "./recorder.ts"
import * as Server from "./server.ts"
import * as User from "./user.ts"
import * as VirtualTime from "../../src/testing/VirtualTime.ts"
import * as Census from "./census.ts"

/** A bug that is planted between the core and what surrounds it. */
export interface Sabotage extends User.Sabotage {
  /** Between the core and the recorder: a core that writes wrongly. */
  readonly transport?: ((inner: Recorder.Service, note: (fact: History.Fact) => void) => Recorder.Service) | undefined
  readonly heartbeat?: ((heartbeat: Heartbeat.Heartbeat) => Heartbeat.Heartbeat) | undefined
}

export interface Simulation {
  readonly plan: Plan.Plan
  readonly history: History.History
  readonly network: ReadonlyArray<TestNetwork.Event>
}

const urls = ["wss://simulated.example/ws", "wss://other.example/ws"] as const
const rateWindow = 2000
const openBuffer = 262_144
const overlap = 250
const closeTimeout = 5000
const drainDeadline = 10_000

// Longer than any detection, backoff and deadline taken together.
const quiesce = 120_000

const termsOf = (plan: Plan.Plan): History.Terms => ({
  ...plan.outbox,
  highWaterMark: plan.inbox.highWaterMark,
  overlap,
  pauses: plan.platform === "node",
  conflates: plan.inbox.overflow === "conflate",
  drops: plan.outbox.overflow === "dropOldest" || plan.outbox.overflow === "dropNewest",
  closeTimeout,
  drainDeadline,
  rate: plan.rate === undefined ? undefined : { ...plan.rate, window: rateWindow },
  hooks: plan.hooks,
  dedupes: plan.dedupes,
  endpoints: plan.endpoints,
  concurrentDials: plan.platform === "node"
})

const hooksOf = (note: (fact: History.Fact) => void): Session.Hooks => ({
  onOpen: (epoch) => Effect.sync(() => note({ e: "hooked", hook: "onOpen", epoch })),
  onClose: (_error, epoch) => Effect.sync(() => note({ e: "hooked", hook: "onClose", epoch })),
  onText: (text, epoch) => Effect.sync(() => note({ e: "hooked", hook: "onText", epoch, text }))
})

const heartbeatOf = ({ heartbeat, platform }: Plan.Plan): Heartbeat.Heartbeat =>
  platform === "node"
    ? Heartbeat.ping(heartbeat)
    : Heartbeat.frame({
        ...heartbeat,
        make: History.probe,
        match: (frame, id) => frame === History.pulse(id)
      })

const presets = { polite: Reconnect.polite, prompt: Reconnect.prompt }

const conflate = { shed: Inbox.conflate, key: (text: string) => (text.startsWith("S:") ? text.at(-1) : undefined) }

const optionsOf = (plan: Plan.Plan, sabotage: Sabotage, note: (fact: History.Fact) => void, mono: () => number) => ({
  target: { url: urls.slice(0, plan.endpoints) },
  rateLimit: plan.rate === undefined ? undefined : RateLimit.make({ ...plan.rate, window: rateWindow }),
  hooks: plan.hooks ? hooksOf(note) : undefined,
  codec: Codec.text,
  onOpen: (session: Session.Session<string, string>) =>
    Effect.gen(function* () {
      note({ e: "opening", epoch: session.epoch, step: "begun", mono: mono() })
      if (plan.handshake) {
        yield* session.send(History.hello)
        yield* session.receive((text) => text === History.welcome)
      }
      note({ e: "opening", epoch: session.epoch, step: "done", mono: mono() })
    }),
  heartbeat: (sabotage.heartbeat ?? ((heartbeat) => heartbeat))(heartbeatOf(plan)),
  reconnect: Reconnect.make({ ...presets[plan.reconnect], hedgeAfter: plan.hedgeAfter }),
  outbox: {
    ...plan.outbox,
    acks: {
      id: (text: string) => (History.wantsAck(text) ? String(History.numberOf(text)) : undefined),
      match: (text: string) => History.ackedBy(text)?.toString()
    }
  },
  inbox: {
    highWaterMark: plan.inbox.highWaterMark,
    overflow:
      plan.inbox.overflow === "conflate"
        ? conflate
        : plan.inbox.overflow === "dropNewest"
          ? { shed: Inbox.dropNewest }
          : plan.inbox.overflow
  },
  rotate: { ...plan.rotate, overlap, dedupe: plan.dedupes ? History.saidBy : undefined },
  closeTimeout,
  openBuffer,
  startup: "background" as const
})

const monoOf = (clock: Clock.Clock) => () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

const endings = (plan: Plan.Plan, connection: Connection.Connection<string, string>): Effect.Effect<void> => {
  switch (plan.end) {
    case "close":
      return connection.close
    case "drain":
      return Connection.drain(connection, { deadline: drainDeadline })
    case "scope":
      return Effect.void
  }
}

/** Notes when the server begins to close what is open. */
const serverCloses = (plan: Plan.Plan, outside: Clock.Clock, note: (fact: History.Fact) => void) =>
  Effect.forEach(
    plan.incidents.filter(({ fault }) => fault._tag === "Close"),
    ({ at }) =>
      Effect.flatMap(outside.currentTimeMillis, (now) =>
        Effect.andThen(
          outside.sleep(Duration.millis(Math.max(0, at - now))),
          Effect.sync(() => note({ e: "serverCloses" }))
        )
      ),
    { discard: true }
  )

/** The life of the connection, under the count of fibers and sleeps. */
const inProcess = (
  plan: Plan.Plan,
  sabotage: Sabotage,
  network: TestNetwork.TestNetwork,
  note: (fact: History.Fact) => void,
  outside: Clock.Clock
) =>
  Effect.gen(function* () {
    const mono = monoOf(network.clock)
    const scope = yield* Scope.make()
    const connection = yield* Scope.provide(Connection.make("simulated", optionsOf(plan, sabotage, note, mono)), scope)
    const user: User.User = { connection, note, mono, sabotage }
    const pace: User.Pace = { how: "normal", until: 0 }
    const observers = yield* Effect.all([
      Effect.forkChild(User.watch(user), { startImmediately: true }),
      Effect.forkChild(User.gauge(user)),
      Effect.forkChild(User.revive(user))
    ])
    const reader = yield* Effect.forkChild(User.read(user, pace))
    const deeds = yield* Effect.forkChild(User.live(user, plan, pace))

    const closing = yield* Effect.forkChild(serverCloses(plan, outside, note))
    yield* network.play(plan.incidents)
    yield* outside.sleep(Duration.millis(quiesce))
    pace.how = "normal"
    // A rotation, or a cut that waited for one more frame, may be under way at this very moment.
    const ready = yield* connection.state.changes.pipe(
      Stream.filter(isConnected),
      Stream.runHead,
      Effect.timeoutOption("1 minute")
    )
    note({ e: "quiet", state: Option.isSome(ready) ? "Connected" : connection.state.getUnsafe()._tag })
    const last = yield* Effect.forkChild(User.lastWord(user), { startImmediately: true })
    yield* outside.sleep(Duration.millis(quiesce))

    if (plan.deadPeerAtEnd) yield* network.inject(Fault.halfOpen())
    if (plan.floodAtEnd) {
      User.leave(user, pace, 3000)
      yield* network.inject(Fault.flood({ frames: 300, size: 1000 }))
    }
    const begun = mono()
    yield* endings(plan, connection)
    yield* User.measure(user)
    yield* Scope.close(scope, Exit.void)
    note({ e: "closed", how: plan.end, millis: mono() - begun })
    // It may be absent for a while; then the end is due.
    yield* Effect.timeoutOption(Fiber.await(reader), "1 minute")
    yield* outside.sleep(Duration.millis(1))
    // What the connection owes the user is due now; a caller that still waits will wait for ever.
    yield* Fiber.interruptAll([deeds, last, reader, closing, ...observers])
  })

const program = (seed: number, sabotage: Sabotage) =>
  Effect.gen(function* () {
    const plan = Plan.make(seed)
    const facts: Array<History.Fact> = []
    const note = (fact: History.Fact) => void facts.push(fact)
    const network = yield* TestNetwork.make({
      seed,
      latency: plan.latency,
      jitter: plan.latency / 4,
      window: plan.window,
      platform: plan.platform
    })
    const feed = new Server.Feed(plan, Seeded.make(seed, 10))
    const script = Server.script(plan, Seeded.make(seed, 9), feed, note)
    for (const url of urls) yield* network.serve(url, script)
    const outside = yield* Clock.clockWith(Effect.succeed)
    yield* Effect.forkScoped(feed.talk)
    const recorded = Recorder.make(network.transport, note, monoOf(network.clock))
    const transport = sabotage.transport?.(recorded, note) ?? recorded
    const census = Census.census(network.clock)
    yield* census.count(
      inProcess(plan, sabotage, network, note, outside).pipe(
        Effect.forkChild,
        Effect.flatMap(Fiber.join),
        Effect.provideService(Transport, transport)
      )
    )
    note({
      e: "left",
      fibers: census.fibers(),
      sleeps: census.sleeps(),
      links: yield* network.open,
      dials: yield* network.dialing
    })
    return { plan, history: { seed, terms: termsOf(plan), facts }, network: yield* network.history }
  })

/** Simulates what a seed stands for. */
export const simulate = async (seed: number, sabotage: Sabotage = {}): Promise<Simulation> => {
  const exit = await VirtualTime.run(
    Effect.scoped(program(seed, sabotage)).pipe(
      Random.withSeed(seed),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  )
  if (Exit.isFailure(exit)) throw new Error(`seed ${seed}: the simulation itself failed: ${String(exit.cause)}`)
  return exit.value
}
