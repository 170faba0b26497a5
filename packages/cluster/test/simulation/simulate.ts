/**
 * Runs one history: a fleet of three processes, a server that knows the truth, and
 * the incidents of the plan; then calm, and a look at what is open.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"
import { randomOf } from "../support/random.ts"
import { type Incident, planOf, stormy } from "./plan.ts"
import * as Records from "./record.ts"

const host = "feed.example"
const key = `wss://${host}`
const limit = { limit: Records.dialLimit.most, window: Records.dialLimit.window }
const names = Array.from({ length: 4 }, (_, n) => `n${n}`)
const beat = 250
const writeEvery = 120
const heartbeat = Heartbeat.ping({ every: "1 second", timeout: "500 millis" })

/** Shorter than by default, so that a silence of some seconds is seen as one. */
const dialTimeout = "2 seconds"
const silent = Fault.hang()

const forked = (effect: Effect.Effect<unknown, unknown>) => Effect.forkScoped(Effect.ignore(effect))

/** Sends every socket of a name the same numbered message, socket or not: what is not seen is a hole. */
const feed = (server: TestNetwork.Server) => {
  let seq = 0
  return Effect.gen(function* () {
    seq++
    for (const peer of yield* server.connections) peer.sendUnsafe([`${seq}`])
    yield* Effect.sleep(beat)
  }).pipe(Effect.forever)
}

const script = (record: Records.Record, now: () => number) => (peer: TestNetwork.Peer) =>
  peer.listen({
    frame: (frame) => {
      const [tag, name = "", rest = ""] = String(frame).split(" ")
      if (tag === "w") record.writes.push({ at: now(), socket: peer.id, name, epoch: Number(rest) })
      else record.arrivals.set(name, (record.arrivals.get(name) ?? 0) + 1)
    }
  })

const kindOf = (record: Records.Record, now: () => number, handover: "breakFirst" | "makeFirst") =>
  FleetKind.make(handover, {
    handover,
    dedupe: (message) => message,
    params: Schema.Struct({ path: Schema.String, version: Schema.Int }),
    codec: Codec.text,
    open: ({ path }, { cursor, lease, name }) => {
      record.opened.push({
        at: now(),
        name,
        epoch: lease.epoch,
        bucket: lease.bucket,
        holder: lease.holder,
        cursor: Number(cursor ?? 0)
      })
      return { target: `wss://${host}/${path}`, reconnect: Reconnect.prompt, heartbeat, dialTimeout }
    },
    consume: ({ connection, entries, lease: { epoch }, name, saveCursor }) =>
      Effect.gen(function* () {
        const write = connection.send(`w ${name} ${epoch}`, { whenDown: "drop" })
        // At once, and often: two owners may overlap for a moment only.
        yield* forked(
          Effect.andThen(connection.awaitReady, Effect.forever(Effect.andThen(write, Effect.sleep(writeEvery))))
        )
        yield* Stream.runForEachArray(entries, (batch) =>
          Effect.sync(() => {
            for (const entry of batch) {
              if (entry._tag === "Message") {
                record.reads.push({ at: now(), name, epoch, seq: Number(entry.message) })
                saveCursor(Number(entry.message))
              } else if (entry._tag === "SessionOpened") {
                if (entry.rotated) Records.count(record, "handed over")
                if (entry.possibleDuplicates > 0)
                  record.reads.push({ at: now(), name, epoch, doubles: entry.possibleDuplicates })
              } else {
                Records.count(record, entry._tag === "Gap" ? `Gap ${entry.cause._tag}` : entry._tag)
                record.reads.push({ at: now(), name, epoch, gap: entry._tag })
              }
            }
          })
        )
      })
  })

/** One incident, from its beginning to its end. */
const happen = (
  fleet: TestFleet.TestFleet,
  join: (name: string) => Effect.Effect<unknown, unknown, Scope.Scope>,
  { duration, trouble, whom }: Incident,
  number: number
) =>
  Effect.gen(function* () {
    const runners = yield* fleet.runners
    const victim = runners[whom % runners.length]
    if (victim === undefined) return
    const wait = Effect.sleep(duration)
    const fresh = `x${number}`
    const server = (...faults: ReadonlyArray<Fault.Fault>) =>
      Effect.andThen(
        Effect.andThen(Effect.forEach(faults, fleet.network.inject), wait),
        Effect.forEach(faults, fleet.network.lift)
      )
    switch (trouble) {
      case "kill":
        yield* victim.kill
        yield* wait
        return yield* join(victim.name)
      case "pause":
      case "sleep":
        yield* victim.pause(trouble === "pause" ? "runs" : "stops")
        yield* wait
        return yield* victim.resume
      case "cutStore":
        yield* victim.cutStore
        yield* wait
        return yield* victim.healStore
      case "cutServer": {
        const cut = Fault.partition({ process: victim.name })
        yield* fleet.network.inject(cut)
        yield* wait
        return yield* fleet.network.lift(cut)
      }
      case "slowStore":
        yield* victim.slowStore(duration / 3)
        yield* wait
        return yield* victim.slowStore(0)
      case "fadeStore":
        // Ever slower, then gone: the last answers are old when they come.
        yield* victim.slowStore(480)
        yield* wait
        yield* victim.cutStore
        yield* Effect.sleep(4_000)
        yield* victim.slowStore(0)
        return yield* victim.healStore
      case "leave":
        if (runners.length > 1) yield* victim.leave
        yield* wait
        return yield* join(fresh)
      case "join":
        return yield* join(fresh)
      case "leaveDown": {
        // The server is away for a while: messages wait, and move with their names.
        const cut = Fault.partition({ process: victim.name })
        yield* fleet.network.inject(cut)
        yield* Effect.sleep(1_600 + duration / 4)
        if (runners.length > 1) yield* victim.leave
        yield* wait
        return yield* join(fresh)
      }
      // What the server does to all of them: it closes every socket, and refuses every dial for a while.
      case "notNow":
        return yield* server(Fault.reset(), Fault.reject({ status: 429, retryAfter: whom % 2 === 0 ? 700 : undefined }))
      case "closedNotNow":
        return yield* server(Fault.close({ code: 1013 }))
      case "outage":
        yield* server(Fault.reset(), whom % 2 === 0 ? Fault.refuse() : Fault.reject({ status: 503 }))
        // A server that comes back is slow at first: the dial that tries for all waits.
        yield* fleet.network.inject(silent)
        yield* Effect.sleep(1_500)
        return yield* fleet.network.lift(silent)
      case "silence":
        return yield* server(Fault.reset(), silent)
      case "deploy":
        // Blue-green: all new ones join, then all old ones leave.
        yield* Effect.forEach(runners, ({ name }) => join(`${name}-${number}`))
        yield* wait
        return yield* Effect.forEach(runners, (runner) => runner.leave, { concurrency: "unbounded" })
    }
  })

export interface Simulation {
  readonly record: Records.Record
  readonly seed: number
}

const program = (seed: number, record: Records.Record) =>
  Effect.gen(function* () {
    const plan = planOf(seed)
    const random = randomOf(seed + 0x5eed)
    const clock = yield* Clock.clockWith(Effect.succeed)
    const now = () => clock.currentTimeMillisUnsafe()
    const kinds = [kindOf(record, now, "breakFirst"), kindOf(record, now, "makeFirst")] as const
    const kindFor = (name: string) => kinds[names.indexOf(name) % 2]!
    const fleet = yield* TestFleet.make({
      kinds,
      runners: 0,
      seed,
      buckets: 3,
      detection: 800,
      lag: 400,
      notices: plan.notices,
      lease: plan.lease,
      moves: { deadline: Records.overlap },
      budget: { fleet: { [key]: limit } }
    })
    const join = (name: string, options?: TestFleet.JoinOptions) =>
      Effect.tap(fleet.join(name, options), ({ fleet: { events }, process }) =>
        forked(
          process.provide(Stream.runForEach(events, (event) => Effect.sync(() => Records.note(record, now(), event))))
        )
      )
    const server = yield* fleet.network.serve(`wss://${host}/`, script(record, now))
    for (const [n, rate] of plan.rates.entries()) yield* join(`r${n + 1}`, { rate })
    yield* Effect.forkScoped(feed(server))
    yield* Effect.forkScoped(
      Effect.flatMap(fleet.keptBack(key), ({ held, probed }) =>
        Effect.sync(() => {
          Records.look(record, now(), "held", held)
          Records.look(record, now(), "probed", probed)
        })
      ).pipe(Effect.andThen(Effect.sleep(Records.lookEvery)), Effect.forever)
    )

    const wanted = new Map(names.map((name) => [name, { path: name, version: 0 }]))
    const [first] = yield* fleet.runners
    yield* Effect.forEach(wanted, ([name, params]) => first!.fleet.ensure(kindFor(name), name, params))

    const anyone = Effect.flatMap(fleet.runners, (runners) =>
      runners.length === 0 ? Effect.fail("no process lives") : Effect.succeed(random.pick(runners))
    )
    // Watchers: in some process, of some name, until it ends for them; then others begin.
    let watchers = 0
    const watchOne = Effect.gen(function* () {
      const { fleet: one, process } = yield* anyone
      const name = random.pick(names)
      const watcher = `w${++watchers} of ${name}`
      yield* process.provide(
        Stream.runForEach(one.entries(kindFor(name), name), (entry) =>
          Effect.sync(() => {
            const common = { at: now(), name: watcher, epoch: 0 }
            Records.count(record, `watched ${entry._tag}`)
            if (entry._tag === "Message") record.watched.push({ ...common, seq: Number(entry.message) })
            else if (entry._tag === "SessionOpened") {
              if (entry.possibleDuplicates > 0) record.watched.push({ ...common, doubles: entry.possibleDuplicates })
            } else record.watched.push({ ...common, gap: entry._tag })
          })
        )
      )
    })
    // Users: they send by name, and change what the fleet holds.
    let ids = 0
    const sendOne = Effect.gen(function* () {
      const runner = yield* anyone
      const name = random.pick(names)
      const id = `s${++ids}`
      const sending: Records.Sending = { id, outcome: undefined }
      record.sendings.set(id, sending)
      const sent = yield* runner.process.provide(
        Effect.exit(runner.fleet.send(kindFor(name), name, `s ${id}`, { ttl: "2 seconds" }))
      )
      if (Exit.isSuccess(sent)) sending.outcome = sent.value._tag
      Records.count(record, Exit.isSuccess(sent) ? `sent ${sent.value._tag}` : "sent nothing")
    })
    const changeOne = Effect.gen(function* () {
      // Late ones might still be on their way when the end is judged.
      if (now() > stormy - 3_000) return
      const runner = yield* anyone
      const name = random.pick(names)
      const known = wanted.get(name)
      if (known !== undefined && random() < 0.5) {
        wanted.delete(name)
        // It is gone for good at some time between now and when this comes back.
        record.released.push({ at: now(), name })
        yield* runner.process.provide(runner.fleet.release(name))
        record.released.push({ at: now(), name })
      } else {
        const params = { path: name, version: (known?.version ?? 0) + random.below(2) }
        wanted.set(name, params)
        yield* runner.process.provide(runner.fleet.ensure(kindFor(name), name, params))
      }
    })
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.ignore(Effect.timeout(watchOne, 8_000)), Effect.sleep(500)))
    )
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.sleep(300), Effect.forkScoped(Effect.ignore(sendOne))))
    )
    // Changes one after the other, so that the last one is known; one that cannot be made now waits.
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.sleep(2_000), Effect.timeoutOption(Effect.ignore(changeOne), 1_500)))
    )

    for (const [number, incident] of plan.incidents.entries()) {
      Records.count(record, incident.trouble)
      yield* Effect.forkScoped(
        Effect.ignoreCause(Effect.andThen(Effect.sleep(incident.at), happen(fleet, join, incident, number)))
      )
    }
    yield* Effect.sleep(stormy)
    yield* fleet.network.heal
    yield* Effect.forEach(yield* fleet.runners, (runner) =>
      Effect.all([runner.resume, runner.healStore, runner.slowStore(0)], { discard: true })
    )
    // What a lost request left undone is asked for once more.
    if ((yield* fleet.runners).length === 0) yield* join("last")
    const last = yield* anyone
    for (const kind of kinds) {
      const own = new Map([...wanted].filter(([name]) => kindFor(name) === kind))
      yield* last.process.provide(last.fleet.reconcile(kind, own))
    }
    yield* Effect.sleep(plan.calm)

    const since = now() - 4 * beat
    record.wanted = [...wanted.keys()]
    for (const { at, name, socket } of record.writes) {
      if (at >= since) record.sockets.set(name, new Set([...(record.sockets.get(name) ?? []), socket]))
    }
    for (const read of record.reads) if ("seq" in read && read.at >= since) record.fresh.add(read.name)
    for (const { at } of yield* server.dials) record.dials.push(at)
    for (const event of yield* fleet.network.history) if (event._tag === "Dialed") record.dialed.push(event.at)
  })

export const simulate = async (seed: number): Promise<Simulation> => {
  const record = Records.empty()
  const exit = await VirtualTime.run(Effect.scoped(program(seed, record)).pipe(Effect.provide(Logger.layer([]))))
  if (Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit.cause)}`)
  return { record, seed }
}
