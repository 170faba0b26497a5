/**
 * Random histories of subscriptions on a pool, and what must hold after each;
 * what they prove is said in SubscriptionsSharded.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Entry } from "kharbranth/Subscriptions"
import * as Fault from "kharbranth/testing/Fault"
import { eachSeed, runsOf } from "../support/histories.ts"
import { randomOf } from "../support/random.ts"
import { sharded } from "./shardedRig.ts"
import { type Held, judge } from "./subscriptionsModel.ts"
import { type AckShape, type FromServer } from "./topicServer.ts"
import { pass } from "../support/passing.ts"

const topics = ["A", "B", "C", "D", "E", "F", "G", "H", "I"]

const history = (seed: number, tally: Record<string, number>) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const below = (n: number) => Math.floor(random() * n)
    const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)]!
    const shape = pick<AckShape>(["request", "each", "current", "listed", "both"])
    const [max, maxCount] = [2 + below(2), 1 + below(4)]
    const { manager, network, pool, server, subscriptions } = yield* sharded({
      network: { seed, latency: pick([0, 5, 40]) },
      pool: { max, maxCount, min: below(3) },
      options: { ackTimeout: "1 second", attempts: 100, batch: { items: 1 + below(4) }, dedupe: ({ seq }) => seq }
    })
    server.shape = shape
    const held: Array<Held> = []
    const everyone: Array<Held> = []
    const wanted = () => new Set(held.map(({ topic }) => topic))
    const complain = (issue: string | undefined) =>
      assert.isUndefined(issue, `SEED=${seed} RUNS=1 (${shape}, ${max} of ${maxCount}): ${issue}`)
    const open = Effect.gen(function* () {
      const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
      const entries: Array<Entry<FromServer>> = []
      const topic = pick(topics)
      const exit = yield* Effect.exit(Scope.provide(subscriptions.subscribe(topic), scope))
      if (Exit.isFailure(exit)) {
        tally["PoolFull"] = (tally["PoolFull"] ?? 0) + 1
        if (wanted().size < max * maxCount) complain(`${topic} was refused although there is room`)
        return
      }
      if (wanted().size >= max * maxCount && !wanted().has(topic)) complain(`${topic} has no room, and was taken`)
      yield* Effect.forkIn(
        Stream.runForEach(exit.value.entries, (entry) => Effect.sync(() => entries.push(entry))),
        scope
      )
      held.push({ topic, scope, entries })
      everyone.push(held.at(-1)!)
    })
    const member = Effect.map(pool.members, (members) => (members.length === 0 ? undefined : pick(members).name))
    const onMember = <E>(use: (name: string) => Effect.Effect<unknown, E>) =>
      Effect.flatMap(member, (name) => (name === undefined ? Effect.void : Effect.forkScoped(Effect.ignore(use(name)))))
    const commands: Record<string, () => Effect.Effect<unknown, unknown, Scope.Scope>> = {
      subscribe: () => open,
      release: () => {
        const [one] = held.splice(below(held.length), 1)
        return one === undefined ? Effect.void : Scope.close(one.scope, Exit.void)
      },
      publish: () => Effect.sync(() => topics.forEach((topic) => server.publish(topic))),
      kill: () => onMember((name) => manager.close(name)),
      restart: () => onMember((name) => manager.restart(name)),
      rotate: () => onMember((name) => manager.rotate(name)),
      pause: () => onMember((name) => Effect.andThen(manager.pause(name), manager.resume(name))),
      reset: () => network.inject(Fault.reset()),
      resubscribe: () =>
        Effect.forEach(topics, (topic) =>
          random() < 0.4 ? subscriptions.resubscribe(topic, "sequence") : Effect.void
        ),
      muteAcks: () => Effect.sync(() => (server.shape = server.shape === "never" ? shape : "never")),
      pass: () => pass(1 + below(2500), 100)
    }
    const weighted = [...Object.keys(commands), "subscribe", "subscribe", "publish", "publish", "kill", "pass", "pass"]
    for (let turn = 0; turn < 30; turn++) {
      const name = pick(weighted)
      tally[name] = (tally[name] ?? 0) + 1
      yield* commands[name]!()
      if (random() < 0.7) yield* pass(1 + below(60), 20)
    }
    // The storm is over: every member starts a last session with everything acknowledged.
    server.shape = shape
    yield* network.inject(Fault.reset())
    yield* pass(5_000, 250)
    // Cuts by chance may have hit one topic alone, three times in a row: to a client it looks deadly until it is retried.
    for (const topic of topics) yield* subscriptions.retry(topic)
    yield* pass(25_000, 1_000)
    const granted = [...server.granted.values()].flatMap((topics) => Array.from(topics)).toSorted()
    const expected = [...wanted()].toSorted()
    if (granted.join() !== expected.join()) complain(`wanted ${expected.join()}, the sockets have ${granted.join()}`)
    for (const { size } of server.granted.values()) if (size > maxCount) complain(`a socket has ${size} topics`)
    const { ackTimeouts, confirmed } = yield* subscriptions.figures
    if (confirmed !== expected.length) complain(`${confirmed} of ${expected.length} are confirmed`)
    if (server.doubled.length > 0 && ackTimeouts === 0) complain(`doubled ${server.doubled.join()}`)
    const before = held.map(({ entries }) => entries.length)
    for (const topic of topics) server.publish(topic)
    yield* pass(200)
    held.forEach(({ entries, topic }, index) => {
      if (entries.length <= before[index]!) complain(`a subscriber of ${topic} got nothing in the end`)
    })
    for (const { entries, topic } of everyone) complain(judge(topic, entries))
    for (const { entries } of everyone) {
      for (const { _tag } of entries) tally[_tag] = (tally[_tag] ?? 0) + 1
    }
  })

/** Registers so many random histories; `RUNS` overrides how many. */
export const histories = (many: number, runs = runsOf(many)) =>
  describe("Subscriptions on a pool, at random", () => {
    it.effect(
      `${runs} random histories: every topic on one socket, no cap broken, nothing missing without a marker`,
      () =>
        Effect.gen(function* () {
          const tally: Record<string, number> = {}
          yield* eachSeed(runs, (seed) => history(seed, tally))
          const needed = runs < 30 ? [] : ["kill", "rotate", "PoolFull", "Message", "Gap"]
          for (const kind of needed) assert.isAbove(tally[kind] ?? 0, 0, `${kind} never happened`)
        }),
      600_000
    )
  })
