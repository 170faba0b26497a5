/**
 * Random histories of topics that end every session which asks for them, among
 * cuts, restarts and comings and goings; what they prove is said in
 * Quarantine.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Fault from "kharbranth/testing/Fault"
import { eachSeed, runsOf } from "../support/histories.ts"
import { closingInTime, pass } from "../support/passing.ts"
import { randomOf } from "../support/random.ts"
import { sharded } from "./shardedRig.ts"
import { names } from "./topicNews.ts"
import { type AckShape, options, rig } from "./topicServer.ts"

/** Cuts that hit a request before its answer. A topic takes one to be suspected and two more to be quarantined. */
const unluckyCuts = 2

const history = (seed: number, tally: Record<string, number>) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const below = (n: number) => Math.floor(random() * n)
    const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)]!
    const count = (what: string, times = 1) => (tally[what] = (tally[what] ?? 0) + times)
    const isSharded = random() < 0.4
    const network = { seed, latency: pick([0, 5, 40]) }
    const batch = { items: pick([1, 4, 100]) }
    const made = Effect.gen(function* () {
      if (isSharded) return yield* sharded({ network, pool: { max: 3, maxCount: 12, min: 0 }, options: { batch } })
      const line = yield* closingInTime(rig({ network }))
      return {
        ...line,
        subscriptions: yield* line.network.provide(Subscriptions.make(line.connection, { ...options, batch }))
      }
    })
    const { server, subscriptions, ...rest } = yield* made
    server.shape = pick<AckShape>(["request", "each", "current", "listed", "both"])
    const topics = names(1 + below(30))
    for (let times = below(4); times > 0; times--) server.deadly.add(pick(topics))
    const complain = (issue: string) => assert.fail(`SEED=${seed} RUNS=1: ${issue}`)

    const events: Array<Subscriptions.SubscriptionEvent> = []
    yield* Effect.forkScoped(
      Stream.runForEach(subscriptions.events, (event) => Effect.sync(() => void events.push(event)))
    )
    const cut = Effect.suspend(() => rest.network.inject(random() < 0.5 ? Fault.reset() : Fault.close({ code: 1012 })))
    let searches = server.deadly.size
    const held = new Map<string, Scope.Closeable>()
    const subscribe = (topic: string) =>
      Effect.gen(function* () {
        if (held.has(topic)) return
        const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
        held.set(topic, scope)
        yield* Scope.provide(subscriptions.subscribe(topic), scope)
      })
    const release = (topic: string) => {
      const scope = held.get(topic)
      held.delete(topic)
      // A suspect that nobody wants is forgotten, and the search begins again.
      if (server.deadly.has(topic)) searches++
      return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    }

    // Some at once, the others one by one, while the network has its days.
    for (const topic of topics) if (random() < 0.6) yield* subscribe(topic)
    let unlucky = unluckyCuts
    for (let turn = 0; turn < 12; turn++) {
      yield* subscribe(pick(topics))
      if (random() < 0.2) yield* release(pick(topics))
      if (random() < 0.2) yield* cut
      if (unlucky > 0 && random() < 0.2) {
        unlucky--
        server.resets++
      }
      yield* pass(1 + below(4_000), 100)
    }
    for (const topic of topics) yield* subscribe(topic)

    const stateOf = Effect.map(
      subscriptions.topics,
      (figures) => new Map(figures.map(({ state, topic }) => [topic, state._tag]))
    )
    const isDone = Effect.map(stateOf, (states) =>
      topics.every((topic) => states.get(topic) === (server.deadly.has(topic) ? "Quarantined" : "Confirmed"))
    )
    for (let waited = 0; !(yield* isDone); waited++) {
      if (waited > 400) complain(JSON.stringify([...(yield* stateOf)]))
      yield* pass(1_000, 250)
    }
    const guilty = events.flatMap((event) => (event._tag === "Quarantined" ? [event.topic] : []))
    for (const topic of guilty) if (!server.deadly.has(topic)) complain(`${topic} was innocent`)
    const granted = [...server.granted.values()].flatMap((topics) => Array.from(topics)).toSorted()
    const innocent = topics.filter((topic) => !server.deadly.has(topic)).toSorted()
    if (granted.join() !== innocent.join()) complain(`the sockets have ${granted.join()}, not ${innocent.join()}`)
    // The one that makes it a suspect, as many as it takes to halve the group, and two when it is alone. One that
    // was alone from the beginning is asked for once before its session has shown that it works, which proves nothing.
    const most = searches * (1 + Math.max(1, Math.ceil(Math.log2(topics.length))) + 2)
    if (server.killed > most) complain(`${server.killed} sessions died in ${searches} searches, not ${most}`)
    // The last death is followed by one more dial.
    yield* pass(20_000, 1_000)
    const { sockets } = server
    yield* pass(120_000, 1_000)
    if (server.sockets !== sockets) complain("it did not stay quiet")
    count("quarantined", guilty.length)
    count("deaths", server.killed)
    count("unlucky", unluckyCuts - unlucky)
    count(isSharded ? "sharded" : "single")
  })

/** Registers so many random histories; `RUNS` overrides how many. */
export const histories = (many: number, runs = runsOf(many)) =>
  describe("Quarantine at random", () => {
    it.effect(
      `${runs} random histories: every deadly topic is quarantined, no other is, and few sessions die of it`,
      () =>
        Effect.gen(function* () {
          const tally: Record<string, number> = {}
          yield* eachSeed(runs, (seed) => history(seed, tally))
          for (const kind of runs < 20 ? [] : ["quarantined", "deaths", "unlucky", "sharded", "single"]) {
            assert.isAbove(tally[kind] ?? 0, 0, `${kind} never happened`)
          }
        }),
      600_000
    )
  })
