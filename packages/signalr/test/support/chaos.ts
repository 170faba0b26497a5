/** One run of many calls and streams with outages in the middle, from a seed; gives what became of each. */
import { assert, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Channel } from "../../src/internal/channel/channel.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { connect } from "./hub.ts"
import { random } from "./random.ts"

/** Every channel that was opened while the effect ran. */
const channelsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const spy = vi.spyOn(Channel.prototype, "attach")
    return effect.pipe(
      Effect.map(() => new Set(spy.mock.contexts.filter((context) => context instanceof Channel))),
      Effect.ensuring(Effect.sync(() => spy.mockRestore()))
    )
  })

const policies = ["fail", "queue", "replay"] as const

/** Runs it and checks it. */
export const run = (seed: number, calls = 1000) =>
  Effect.gen(function* () {
    const next = random(seed)
    const executed = new Map<unknown, number>()
    const count = (id: unknown) => executed.set(id, (executed.get(id) ?? 0) + 1)
    const server = yield* HubServer.make({
      methods: {
        Work: ({ args }) =>
          Effect.andThen(
            Effect.sync(() => count(args[0])),
            next() < 0.5 ? Effect.succeed(args[0]) : Effect.delay(Effect.succeed(args[0]), 2)
          )
      },
      streams: { Numbers: ({ args }) => Stream.map(Stream.range(1, 10), (n) => Number(args[0]) * 100 + n) }
    })
    const outcomes = new Map<number, Array<string>>()
    const note = (id: number, what: string) => outcomes.set(id, [...(outcomes.get(id) ?? []), what])
    const channels = yield* channelsOf(
      Effect.scoped(
        Effect.gen(function* () {
          const hub = yield* connect({ url: server.url, maxReplays: 2 })
          const one = (id: number) => {
            const policy = policies[id % 3]!
            if (id % 5 === 0) {
              return Stream.runCount(
                hub.untyped.stream("Numbers", [id], { pending: policy === "fail" ? "fail" : "queue" })
              ).pipe(
                Effect.match({
                  onSuccess: (n) => note(id, n === 10 ? "done" : "short"),
                  onFailure: (error) => note(id, error._tag)
                })
              )
            }
            return hub.untyped.invoke("Work", [id], { pending: policy, idempotent: policy === "replay" }).pipe(
              Effect.match({
                onSuccess: (value) => note(id, value === id ? "done" : "wrong"),
                onFailure: (error) => note(id, error._tag)
              })
            )
          }
          const outages = Effect.forever(
            Effect.suspend(() => {
              server.clients()[0]?.cut()
              return Effect.sleep(5 + next() * 40)
            })
          )
          yield* Effect.forkScoped(outages)
          yield* Effect.forEach(
            Array.from({ length: calls }, (_, id) => id),
            (id) => Effect.andThen(one(id), next() < 0.2 ? Effect.sleep(1) : Effect.yieldNow),
            { concurrency: 40, discard: true }
          )
        })
      )
    )
    for (let id = 0; id < calls; id++) {
      const settled = outcomes.get(id) ?? []
      const times = executed.get(id) ?? 0
      assert.strictEqual(settled.length, 1, `seed ${seed}: call ${id} settled ${settled.length} times`)
      assert.oneOf(settled[0], ["done", "InvocationCancelled"], `seed ${seed}: call ${id}`)
      assert.isAtMost(
        times,
        id % 5 !== 0 && policies[id % 3] === "replay" ? 3 : 1,
        `seed ${seed}: call ${id} ran too often`
      )
    }
    for (const channel of channels) {
      assert.strictEqual(channel.pending.size, 0, `seed ${seed}: calls left behind`)
      assert.strictEqual(channel.stops.size, 0, `seed ${seed}: programs left behind`)
    }
    const all = [...outcomes.values()].flat()
    return {
      done: all.filter((outcome) => outcome === "done").length,
      lost: all.filter((outcome) => outcome !== "done").length,
      sessions: channels.size
    }
  })
