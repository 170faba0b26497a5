/**
 * The random histories of subscriptions and the model that judges them; what they
 * prove is said in SubscriptionsModel.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { Entry } from "kharbranth/Subscriptions"
import * as Fault from "kharbranth/testing/Fault"
import { type AckShape, type FromServer, match as topicMatch, options, rig } from "./topicServer.ts"
import { closed, pass } from "../support/passing.ts"
import { eachSeed, runsOf } from "../support/histories.ts"
import { randomOf } from "../support/random.ts"

const topics = ["A", "B", "C", "D", "E", "F"]

/** One subscriber of a history. */
export interface Held {
  readonly topic: string
  readonly scope: Scope.Closeable
  readonly entries: Array<Entry<FromServer>>
}

/** What one subscriber saw, judged: nothing missing without a marker, nothing foreign, nothing twice. */
export const judge = (topic: string, entries: ReadonlyArray<Entry<FromServer>>): string | undefined => {
  let last: number | undefined
  let marked = false
  for (const entry of entries) {
    if (entry._tag !== "Message") {
      marked = true
      continue
    }
    const { seq, topic: named } = entry.message
    if (named !== topic || seq === undefined) return `${topic} got a message of ${named}`
    if (last !== undefined && seq <= last) return `${topic} got ${seq} after ${last}`
    if (last !== undefined && seq > last + 1 && !marked) return `${topic} misses ${last + 1} to ${seq - 1} unmarked`
    last = seq
    marked = false
  }
  return undefined
}

const history = (seed: number, tally: Record<string, number>) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const below = (n: number) => Math.floor(random() * n)
    const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)]!
    const shape = pick<AckShape>(["request", "each", "current", "listed", "both", "none"])
    const { connection, network, server } = yield* rig({ network: { seed, latency: pick([0, 0, 5, 40]) } })
    server.shape = shape
    // Data in batches; without `dedupe`, for which no two sessions may overlap, most of it is no news.
    const batches = pick(["no", "yes", "without dedupe"])
    const match = (message: FromServer) => {
      const found = topicMatch(message)
      return found?._tag === "Data" && batches !== "no" ? Subscriptions.batch([found.topics], () => message) : found
    }
    const subscriptions = yield* network.provide(
      Subscriptions.make(connection, {
        ...options,
        match,
        acks: shape !== "none",
        ackTimeout: "1 second",
        attempts: 100,
        batch: { items: 1 + below(4) },
        buffer: { capacity: pick([4, 1000]) },
        ...(batches === "without dedupe" ? {} : { dedupe: ({ seq }: FromServer) => seq })
      })
    )
    const held: Array<Held> = []
    const everyone: Array<Held> = []
    const open = Effect.gen(function* () {
      const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
      const entries: Array<Entry<FromServer>> = []
      const topic = pick(topics)
      const subscription = yield* Scope.provide(subscriptions.subscribe(topic), scope)
      const read = Stream.runForEach(subscription.entries, (entry) => Effect.sync(() => entries.push(entry)))
      yield* Effect.forkIn(random() < 0.3 ? Effect.delay(read, below(3000)) : read, scope)
      const one = { topic, scope, entries }
      held.push(one)
      everyone.push(one)
    })
    const commands: Record<string, () => Effect.Effect<unknown, unknown, Scope.Scope>> = {
      subscribe: () => open,
      release: () => {
        const [one] = held.splice(below(held.length), 1)
        if (one === undefined) return Effect.void
        // Without acknowledgements nobody can tell what was on its way when a topic is dropped and wanted again.
        return Effect.andThen(Scope.close(one.scope, Exit.void), shape === "none" ? pass(200) : Effect.void)
      },
      publish: () => Effect.sync(() => topics.forEach((topic) => server.publish(topic))),
      flood: () => Effect.sync(() => Array.from({ length: 20 }, () => server.publish(pick(topics)))),
      reset: () => network.inject(Fault.reset()),
      close: () => network.inject(Fault.close({ code: 1012 })),
      breakFirst: () => Effect.forkScoped(Effect.ignore(connection.restart())),
      makeFirst: () =>
        batches === "without dedupe"
          ? Effect.void
          : Effect.forkScoped(Effect.ignore(connection.restart({ mode: "makeFirst" }))),
      muteAcks: () => Effect.sync(() => (server.shape = server.shape === "never" ? shape : "never")),
      refuse: () => Effect.sync(() => void server.refused.add(pick(topics))),
      drop: () =>
        Effect.sync(() => {
          if (shape !== "current") return
          for (const [peer, granted] of server.granted) {
            granted.delete(pick(topics))
            server.say(peer, { current: [...granted] })
          }
        }),
      resubscribe: () =>
        Effect.forEach(topics, (topic) =>
          random() < 0.4 ? subscriptions.resubscribe(topic, pick(["sequence", "checksum", "custom:x"])) : Effect.void
        ),
      pass: () => pass(below(2500), 100)
    }
    const weighted = [...Object.keys(commands), "subscribe", "subscribe", "publish", "publish", "flood", "pass", "pass"]
    for (let turn = 0; turn < 30; turn++) {
      const name = pick(weighted)
      tally[name] = (tally[name] ?? 0) + 1
      yield* commands[name]!()
      if (random() < 0.7) yield* TestClock.adjust(below(60))
    }
    // The storm is over: a last session starts with nothing refused and everything acknowledged.
    server.shape = shape
    server.refused.clear()
    yield* network.inject(Fault.reset())
    yield* pass(5_000, 250)
    // Cuts by chance may have hit one topic alone, three times in a row: to a client it looks deadly until it is retried.
    for (const topic of topics) yield* subscriptions.retry(topic)
    yield* pass(25_000, 1_000)
    const complain = (issue: string | undefined) =>
      assert.isUndefined(issue, `SEED=${seed} RUNS=1 (${shape}, batches: ${batches}): ${issue}`)
    const wanted = [...new Set(held.map(({ topic }) => topic))].toSorted()
    if (connection.state.getUnsafe()._tag !== "Connected") complain("it never recovered")
    if (server.held.join() !== wanted.join()) complain(`wanted ${wanted.join()}, the server has ${server.held.join()}`)
    // Only what was not acknowledged in time may be asked for again.
    const { ackTimeouts } = yield* subscriptions.figures
    if (server.doubled.length > 0 && ackTimeouts === 0) complain(`doubled ${server.doubled.join()}`)
    const before = held.map(({ entries }) => entries.length)
    for (const topic of topics) server.publish(topic)
    yield* TestClock.adjust("4 seconds")
    held.forEach(({ entries, topic }, index) => {
      if (entries.length <= before[index]!) complain(`a subscriber of ${topic} got nothing in the end`)
    })
    yield* closed(connection)
    for (const { entries, topic } of everyone) complain(judge(topic, entries))
    for (const { entries } of everyone) {
      for (const { _tag } of entries) tally[_tag] = (tally[_tag] ?? 0) + 1
    }
  })

/** Registers so many random histories; `RUNS` overrides how many. */
export const histories = (many: number, runs = runsOf(many)) =>
  describe("Subscriptions at random", () => {
    it.effect(
      `agree with the model in ${runs} random histories`,
      () =>
        Effect.gen(function* () {
          const tally: Record<string, number> = {}
          yield* eachSeed(runs, (seed) => history(seed, tally))
          const needed =
            runs < 100 ? [] : ["makeFirst", "resubscribe", "drop", "refuse", "muteAcks", "Message", "Gap", "Lagged"]
          for (const kind of needed) assert.isAbove(tally[kind] ?? 0, 0, `${kind} never happened`)
        }),
      600_000
    )
  })
