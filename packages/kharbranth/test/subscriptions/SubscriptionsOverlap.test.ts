/**
 * Proves that an old session which is cut within the overlap of a rotation shows
 * as a `Gap` on the topics it carried, that one which has its full time does
 * not, and that what it delivered is not delivered again afterwards.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Fault from "kharbranth/testing/Fault"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { Entry, Gap } from "kharbranth/Subscriptions"
import { type FromServer, options, rig } from "./topicServer.ts"
import { closed, pass, settle } from "../support/passing.ts"

/** A topic "A" whose first message has come, and a rotation whose overlap has just begun. */
const inOverlap = Effect.gen(function* () {
  const line = yield* rig()
  const { connection, network, server } = line
  const subscriptions = yield* network.provide(Subscriptions.make(connection, { ...options, dedupe: ({ seq }) => seq }))
  const { entries } = yield* subscriptions.subscribe("A")
  const seen: Array<Entry<FromServer>> = []
  yield* Effect.forkScoped(Stream.runForEach(entries, (entry) => Effect.sync(() => seen.push(entry))))
  yield* TestClock.adjust("1 second")
  server.publish("A")
  yield* pass(1000)
  yield* Effect.forkScoped(Effect.ignore(connection.restart({ mode: "makeFirst" })))
  yield* settle
  const [old] = server.peers.values()
  assert.strictEqual(server.peers.size, 2)
  return { ...line, seen, old: old!, brief: () => seen.map((one) => (one._tag === "Message" ? one.message.seq : one)) }
})

const gap = (epoch: number, from: number, to: number): Gap => ({ _tag: "Gap", epoch, from, to, reason: "session" })

describe("Subscriptions, within an overlap", () => {
  it.effect("mark what an old session lost when the server cuts it", () =>
    Effect.gen(function* () {
      const { brief, connection, old, server } = yield* inOverlap
      // The old socket is slow: what is published now reaches it too late.
      const slow = server.granted.get(old.id)!
      slow.clear()
      yield* pass(100)
      yield* old.reset
      yield* settle
      server.publish("A")
      yield* pass(500)
      assert.deepStrictEqual(brief(), [1, gap(2, 1000, 2100), 2])
      yield* closed(connection)
    })
  )

  it.effect("mark what an old session lost when another rotation drops it", () =>
    Effect.gen(function* () {
      const { brief, connection } = yield* inOverlap
      yield* pass(100)
      yield* Effect.forkScoped(Effect.ignore(connection.restart({ mode: "makeFirst" })))
      yield* pass(1000)
      assert.deepStrictEqual(brief(), [1, gap(2, 1000, 2100)])
      yield* closed(connection)
    })
  )

  it.effect("mark nothing when the old session has its full time, however it ends then", () =>
    Effect.gen(function* () {
      const { brief, connection, network, old, server } = yield* inOverlap
      yield* network.inject(Fault.ignoreClose())
      yield* pass(300)
      assert.strictEqual(server.peers.has(old.id), true)
      yield* old.reset
      yield* settle
      server.publish("A")
      yield* pass(500)
      assert.deepStrictEqual(brief(), [1, 2])
      yield* closed(connection)
    })
  )
})
