/** What every store must do when a bucket moves: outboxes that travel, and handovers that overlap. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Case, near, type Rig, second, ttl } from "./conformanceCase.ts"

const parked = (name: string, position: number, more: object = {}) => ({
  name,
  position,
  item: { frame: `${name}${position}` },
  ttl: undefined,
  ...more
})
const first = { bucket: "b1", epoch: 1, holder: "a" }
const next = { bucket: "b1", epoch: 2, holder: "b" }
const third = { bucket: "b1", epoch: 3, holder: "c" }

/** The bucket goes on to the next holder, in order. */
const moveOn = ({ store: { leases } }: Rig, from: typeof first | undefined, to: typeof first) =>
  Effect.andThen(
    from === undefined ? Effect.void : leases.release([from]),
    leases.claim({ holder: to.holder, buckets: [to.bucket], ttl })
  )

export const outboxCases: ReadonlyArray<Case> = [
  {
    name: "what a holder put there, the next one gets, in order and as it was",
    run: (rig) =>
      Effect.gen(function* () {
        const { outboxes } = rig.store
        yield* moveOn(rig, undefined, first)
        const items = [parked("n", 0, { item: null }), parked("n", 1, { ttl: 50 * second }), parked("m", 0)]
        yield* outboxes.put(first, items)
        assert.deepStrictEqual(yield* outboxes.take([first]), [])
        yield* moveOn(rig, first, next)
        yield* rig.advance(20 * second)
        const taken = yield* outboxes.take([next])
        assert.deepStrictEqual(
          taken.map(({ bucket, item, name, position }) => ({ bucket, item, name, position })),
          [items[2]!, items[0]!, items[1]!].map(({ item, name, position }) => ({ bucket: "b1", item, name, position }))
        )
        assert.isUndefined(taken[0]?.ttl)
        near(taken[2]?.ttl, 30 * second)
      })
  },
  {
    name: "asked again, a lease gets the same messages, and no other lease gets them",
    run: (rig) =>
      Effect.gen(function* () {
        const { outboxes } = rig.store
        yield* moveOn(rig, undefined, first)
        yield* outboxes.put(first, [parked("n", 0), parked("n", 1)])
        yield* moveOn(rig, first, next)
        assert.lengthOf(yield* outboxes.take([next]), 2)
        assert.lengthOf(yield* outboxes.take([next]), 2)
        yield* moveOn(rig, next, third)
        assert.deepStrictEqual(yield* outboxes.take([third]), [])
      })
  },
  {
    name: "messages are put and taken only under the lease that is in force",
    run: (rig) =>
      Effect.gen(function* () {
        const { outboxes } = rig.store
        yield* moveOn(rig, undefined, first)
        yield* outboxes.put({ ...first, holder: "b" }, [parked("n", 0)])
        yield* outboxes.put(first, [parked("n", 1)])
        yield* rig.advance(2 * ttl)
        yield* outboxes.put(first, [parked("n", 2)])
        yield* moveOn(rig, undefined, next)
        yield* outboxes.put(first, [parked("n", 3)])
        assert.deepStrictEqual(yield* outboxes.take([first]), [])
        const taken = yield* outboxes.take([{ bucket: "b2", epoch: 9, holder: "b" }, next])
        assert.deepStrictEqual(
          taken.map(({ position }) => position),
          [1]
        )
      })
  },
  {
    name: "a message that waited for too long is gone",
    run: (rig) =>
      Effect.gen(function* () {
        const { outboxes } = rig.store
        yield* moveOn(rig, undefined, first)
        yield* outboxes.put(first, [parked("n", 0, { ttl: 10 * second })])
        yield* moveOn(rig, first, next)
        yield* rig.advance(40 * second)
        assert.deepStrictEqual(yield* outboxes.take([next]), [])
      })
  },
  {
    name: "what a lease forgets is deleted, and what waits for others stays",
    run: (rig) =>
      Effect.gen(function* () {
        const { outboxes } = rig.store
        yield* moveOn(rig, undefined, first)
        yield* outboxes.put(first, [parked("n", 0)])
        yield* outboxes.forget([next])
        yield* moveOn(rig, first, next)
        assert.lengthOf(yield* outboxes.take([next]), 1)
        yield* outboxes.forget([next])
        assert.deepStrictEqual(yield* outboxes.take([next]), [])
      })
  }
]

export const handoverCases: ReadonlyArray<Case> = [
  {
    name: "an overlap frees the lease, and the next holder learns for how long it lasts",
    run: (rig) =>
      Effect.gen(function* () {
        const { handovers, leases } = rig.store
        yield* moveOn(rig, undefined, first)
        assert.isTrue(yield* handovers.begin(first, [{ name: "n", value: { from: 1 } }], ttl))
        assert.deepStrictEqual(yield* handovers.read("b1"), {
          holder: undefined,
          overlap: 1,
          notes: [{ epoch: 1, name: "n", value: { from: 1 } }]
        })
        assert.deepStrictEqual(yield* leases.renew([first], ttl), [])
        yield* rig.advance(0.4 * ttl)
        const { claimed } = yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        assert.strictEqual(claimed[0]?.overlap?.epoch, 1)
        near(claimed[0]?.overlap?.millis, 0.6 * ttl)
        assert.strictEqual((yield* handovers.read("b1")).holder, "b")
      })
  },
  {
    name: "both sides leave notes while the overlap lasts, and only then",
    run: (rig) =>
      Effect.gen(function* () {
        const { handovers } = rig.store
        yield* moveOn(rig, undefined, first)
        yield* handovers.begin(first, [{ name: "n", value: null }], 3 * ttl)
        yield* moveOn(rig, undefined, next)
        yield* handovers.note(first, [{ name: "n", value: "old" }])
        yield* handovers.note(next, [{ name: "n", value: "new" }])
        yield* handovers.note({ ...first, holder: "x" }, [{ name: "n", value: "stranger" }])
        const { notes } = yield* handovers.read("b1")
        assert.sameDeepMembers(
          [...notes],
          [
            { epoch: 1, name: "n", value: "old" },
            { epoch: 2, name: "n", value: "new" }
          ]
        )
        yield* rig.advance(4 * ttl)
        yield* handovers.note(first, [{ name: "n", value: "late" }])
        yield* handovers.note(next, [{ name: "n", value: "late" }])
        assert.deepStrictEqual(
          new Set((yield* handovers.read("b1")).notes.map(({ value }) => value)),
          new Set(["new", "old"])
        )
      })
  },
  {
    name: "no overlap begins while another lasts, nor under a lease that is not in force",
    run: (rig) =>
      Effect.gen(function* () {
        const { handovers, leases } = rig.store
        yield* moveOn(rig, undefined, first)
        assert.isFalse(yield* handovers.begin({ ...first, epoch: 2 }, [], ttl))
        assert.isTrue(yield* handovers.begin(first, [], 3 * ttl))
        assert.isFalse(yield* handovers.begin(first, [], 3 * ttl))
        yield* moveOn(rig, undefined, next)
        assert.isFalse(yield* handovers.begin(next, [], ttl))
        assert.deepStrictEqual(yield* leases.renew([next], ttl), [{ bucket: "b1", epoch: 2, wantedBy: undefined }])
        assert.strictEqual((yield* handovers.read("b1")).overlap, 1)
        yield* leases.release([first])
        assert.deepInclude(yield* handovers.read("b1"), { holder: "b", overlap: undefined })
        assert.isTrue(yield* handovers.begin(next, [], ttl))
      })
  },
  {
    name: "the notes of an overlap are those that it begins with, whatever was noted under its epoch before",
    run: (rig) =>
      Effect.gen(function* () {
        const { handovers, leases } = rig.store
        yield* moveOn(rig, undefined, first)
        yield* handovers.begin(first, [{ name: "n", value: null }], 3 * ttl)
        yield* moveOn(rig, undefined, next)
        yield* handovers.note(next, [
          { name: "m", value: "ready" },
          { name: "n", value: "ready" }
        ])
        yield* leases.release([first])
        assert.isTrue(yield* handovers.begin(next, [{ name: "n", value: null }], ttl))
        assert.deepStrictEqual((yield* handovers.read("b1")).notes, [{ epoch: 2, name: "n", value: null }])
      })
  },
  {
    name: "an overlap that is over is nobody's affair, and its notes go with the next one",
    run: (rig) =>
      Effect.gen(function* () {
        const { handovers, leases } = rig.store
        yield* moveOn(rig, undefined, first)
        yield* handovers.begin(first, [{ name: "n", value: 1 }], 0.5 * ttl)
        yield* rig.advance(ttl)
        const { claimed } = yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        assert.isUndefined(claimed[0]?.overlap)
        yield* handovers.begin(next, [{ name: "m", value: 2 }], ttl)
        assert.deepStrictEqual((yield* handovers.read("b1")).notes, [{ epoch: 2, name: "m", value: 2 }])
      })
  }
]
