/**
 * What every store of a fleet must do, as cases: they run on the store in memory
 * and on a real Postgres. Time passes by `advance` alone, so that nothing sleeps;
 * spans are long beside what a real database takes.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { StoreFailed } from "../../src/FleetError.ts"
import type { Wish } from "../../src/FleetStore.ts"
import { type Case, near, second, ttl } from "./conformanceCase.ts"
import { handoverCases, outboxCases } from "./moveCases.ts"

export type { Rig } from "./conformanceCase.ts"

const wish = (name: string, more: Partial<Wish> = {}): Wish => ({
  name,
  kind: "ticker",
  bucket: "b1",
  params: { symbol: name },
  tags: [],
  paused: false,
  ...more
})

const leaseCases: ReadonlyArray<Case> = [
  {
    name: "a claim takes what nobody ever held",
    run: ({ store: { leases } }) =>
      Effect.gen(function* () {
        const { busy, claimed } = yield* leases.claim({ holder: "a", buckets: ["b1", "b2"], ttl })
        assert.deepStrictEqual(busy, [])
        assert.sameDeepMembers(
          [...claimed],
          ["b1", "b2"].map((bucket) => ({
            bucket,
            epoch: 1,
            holder: "a",
            before: undefined,
            silence: undefined,
            overlap: undefined
          }))
        )
      })
  },
  {
    name: "a claim of what another holds is refused, and its holder learns who wants it",
    run: ({ store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        const { busy, claimed } = yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        assert.deepStrictEqual(claimed, [])
        assert.deepStrictEqual(busy, [{ bucket: "b1", holder: "a" }])
        const renewed = yield* leases.renew([{ bucket: "b1", epoch: 1, holder: "a" }], ttl)
        assert.deepStrictEqual(renewed, [{ bucket: "b1", epoch: 1, wantedBy: "b" }])
      })
  },
  {
    name: "an expired lease is claimed with an epoch of one more, and never renewed",
    run: ({ advance, store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        yield* advance(2 * ttl)
        assert.deepStrictEqual(yield* leases.renew([{ bucket: "b1", epoch: 1, holder: "a" }], ttl), [])
        const { claimed } = yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        assert.deepStrictEqual(
          claimed.map(({ before, epoch }) => ({ before, epoch })),
          [{ before: "a", epoch: 2 }]
        )
        near(claimed[0]?.silence, 2 * ttl)
      })
  },
  {
    name: "a renewal prolongs the lease, and is the holder's last sign of life",
    run: ({ advance, store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        yield* advance(0.7 * ttl)
        assert.lengthOf(yield* leases.renew([{ bucket: "b1", epoch: 1, holder: "a" }], ttl), 1)
        yield* advance(0.7 * ttl)
        assert.lengthOf((yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })).busy, 1)
        yield* advance(0.7 * ttl)
        const { claimed } = yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        near(claimed[0]?.silence, 1.4 * ttl)
      })
  },
  {
    name: "its own holder claims a lease again, with a new epoch, and the old one is void",
    run: ({ store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        const { claimed } = yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        assert.strictEqual(claimed[0]?.epoch, 2)
        assert.deepStrictEqual(yield* leases.renew([{ bucket: "b1", epoch: 1, holder: "a" }], ttl), [])
        yield* leases.release([{ bucket: "b1", epoch: 1, holder: "a" }])
        assert.lengthOf((yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })).busy, 1)
      })
  },
  {
    name: "a released bucket is free at once, and its epoch goes on",
    run: ({ advance, store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        yield* leases.release([{ bucket: "b1", epoch: 1, holder: "a" }])
        yield* advance(0.5 * ttl)
        const { claimed } = yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        assert.strictEqual(claimed[0]?.epoch, 2)
        assert.strictEqual(claimed[0]?.before, "a")
        near(claimed[0]?.silence, 0.5 * ttl)
      })
  },
  {
    name: "nobody renews or releases what is another's",
    run: ({ store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        assert.deepStrictEqual(yield* leases.renew([{ bucket: "b1", epoch: 1, holder: "b" }], ttl), [])
        yield* leases.release([{ bucket: "b1", epoch: 1, holder: "b" }])
        assert.deepStrictEqual(yield* leases.all, [{ bucket: "b1", epoch: 1, holder: "a" }])
      })
  },
  {
    name: "a wish for a bucket is forgotten with the next claim",
    run: ({ store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        yield* leases.release([{ bucket: "b1", epoch: 1, holder: "a" }])
        yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        const [renewed] = yield* leases.renew([{ bucket: "b1", epoch: 2, holder: "b" }], ttl)
        assert.strictEqual(renewed?.wantedBy, undefined)
      })
  },
  {
    name: "it lists who holds what, and nobody for what is over",
    run: ({ advance, store: { leases } }) =>
      Effect.gen(function* () {
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        yield* advance(2 * ttl)
        yield* leases.claim({ holder: "b", buckets: ["b2"], ttl })
        assert.sameDeepMembers(
          [...(yield* leases.all)],
          [
            { bucket: "b1", epoch: 1, holder: undefined },
            { bucket: "b2", epoch: 1, holder: "b" }
          ]
        )
      })
  },
  {
    name: "of many that claim at once, each bucket goes to one",
    run: ({ store: { leases } }) =>
      Effect.gen(function* () {
        const buckets = Array.from({ length: 40 }, (_, n) => `b${n}`)
        const holders = Array.from({ length: 8 }, (_, n) => `h${n}`)
        const answers = yield* Effect.forEach(
          holders,
          // Each in an order of its own: none may wait for another in a circle.
          (holder, n) => leases.claim({ holder, buckets: [...buckets.slice(n), ...buckets.slice(0, n)], ttl }),
          { concurrency: "unbounded" }
        )
        const got = answers.flatMap(({ claimed }) => claimed.map(({ bucket }) => bucket))
        assert.sameMembers(got, buckets)
        assert.strictEqual(new Set(got).size, got.length)
      })
  }
]

const wishCases: ReadonlyArray<Case> = [
  {
    name: "a name may have any characters",
    run: ({ store: { wishes } }) =>
      Effect.gen(function* () {
        const names = [
          "'; DROP TABLE kh_names; --",
          "a.b*>",
          '"\\u0000"',
          "ü 💥\n",
          "__proto__",
          "x/y?z#%",
          "n".repeat(500)
        ]
        yield* wishes.put(names.map((name) => wish(name, { tags: [name] })))
        const found = yield* wishes.select({ names })
        assert.sameMembers(
          found.map(({ name }) => name),
          names
        )
        yield* wishes.pause(names, true)
        for (const name of names) assert.isTrue((yield* wishes.select({ tag: name }))[0]?.paused, name)
        yield* wishes.remove(names)
        assert.deepStrictEqual(yield* wishes.select({}), [])
      })
  },
  {
    name: "wishes are kept as they were given, JSON null included",
    run: ({ store: { wishes } }) =>
      Effect.gen(function* () {
        const all = [wish("a", { tags: ["x", "y"] }), wish("b", { params: null }), wish("c", { params: [1, "é\n\"'"] })]
        yield* wishes.put(all)
        const kept = yield* wishes.select({})
        assert.sameDeepMembers(
          kept.map(({ bucket, kind, name, params, paused, tags }) => ({ bucket, kind, name, params, paused, tags })),
          all
        )
      })
  },
  {
    name: "a selection names, and everything it names must match",
    run: ({ store: { wishes } }) =>
      Effect.gen(function* () {
        yield* wishes.put([
          wish("a", { bucket: "b1", tags: ["x"] }),
          wish("b", { bucket: "b2", tags: ["x", "y"] }),
          wish("c", { bucket: "b2", kind: "other" })
        ])
        const names = (selection: Parameters<typeof wishes.select>[0]) =>
          Effect.map(wishes.select(selection), (found) => found.map(({ name }) => name).toSorted())
        assert.deepStrictEqual(yield* names({ buckets: ["b2"] }), ["b", "c"])
        assert.deepStrictEqual(yield* names({ tag: "x" }), ["a", "b"])
        assert.deepStrictEqual(yield* names({ kind: "other" }), ["c"])
        assert.deepStrictEqual(yield* names({ names: ["a", "c", "z"], buckets: ["b2"] }), ["c"])
        assert.deepStrictEqual(yield* names({ names: [] }), [])
        assert.deepStrictEqual(yield* names({ buckets: [] }), [])
      })
  },
  {
    name: "the version grows with every change, and only then",
    run: ({ store: { wishes } }) =>
      Effect.gen(function* () {
        const seen = [yield* wishes.version]
        const step = (change: Effect.Effect<unknown, StoreFailed>) =>
          Effect.map(Effect.andThen(change, wishes.version), (version) => {
            const grew = version > seen.at(-1)!
            seen.push(version)
            return grew
          })
        assert.isTrue(yield* step(wishes.put([wish("a")])))
        assert.isFalse(yield* step(wishes.put([wish("a")])))
        assert.isTrue(yield* step(wishes.put([wish("a", { params: 1 })])))
        assert.isTrue(yield* step(wishes.pause(["a"], true)))
        assert.isFalse(yield* step(wishes.pause(["a", "nobody"], true)))
        assert.isTrue(yield* step(wishes.remove(["a"])))
        assert.isFalse(yield* step(wishes.remove(["a"])))
      })
  },
  {
    name: "a wish that stays the same keeps its version, its cursor stays in any case",
    run: ({ store: { leases, wishes } }) =>
      Effect.gen(function* () {
        const lease = { bucket: "b1", epoch: 1, holder: "a" }
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        yield* wishes.put([wish("a"), wish("b")])
        yield* wishes.saveCursors(lease, [{ name: "a", value: { at: 7 } }])
        yield* wishes.put([wish("a", { tags: ["new"] }), wish("b")])
        const [a, b] = (yield* wishes.select({})).toSorted((one, two) => (one.name < two.name ? -1 : 1))
        assert.deepStrictEqual(a?.cursor, { at: 7 })
        assert.strictEqual(a?.cursorEpoch, 1)
        assert.strictEqual(b?.cursor, undefined)
        assert.isAbove(a?.version ?? 0, b?.version ?? Infinity)
      })
  },
  {
    name: "a cursor is kept only under the lease that is in force",
    run: ({ advance, store: { leases, wishes } }) =>
      Effect.gen(function* () {
        yield* wishes.put([wish("a"), wish("far", { bucket: "b9" })])
        yield* leases.claim({ holder: "a", buckets: ["b1"], ttl })
        const save = (epoch: number, holder: string, value: unknown) =>
          wishes.saveCursors({ bucket: "b1", epoch, holder }, [
            { name: "a", value },
            { name: "far", value }
          ])
        assert.deepStrictEqual(yield* save(1, "a", 1), ["a"])
        yield* advance(2 * ttl)
        assert.deepStrictEqual(yield* save(1, "a", 2), [])
        yield* leases.claim({ holder: "b", buckets: ["b1"], ttl })
        assert.deepStrictEqual(yield* save(1, "a", 3), [])
        assert.deepStrictEqual(yield* save(1, "b", 3), [])
        assert.deepStrictEqual(yield* save(2, "b", null), ["a"])
        const [kept] = yield* wishes.select({ names: ["a"] })
        assert.deepStrictEqual([kept?.cursor, kept?.cursorEpoch], [null, 2])
      })
  }
]

const window = 1_000 * second
const take = (want: number, more: object = {}) => ({
  key: "k",
  limit: 10,
  window,
  want,
  within: 100 * second,
  ...more
})
const granted = (block: { readonly _tag: string; readonly permits?: number }) =>
  block._tag === "Granted" ? block.permits : 0

const permitCases: ReadonlyArray<Case> = [
  {
    name: "blocks never exceed the limit, and what is left is granted in part",
    run: ({ store: { permits } }) =>
      Effect.gen(function* () {
        assert.strictEqual(granted(yield* permits.take(take(7))), 7)
        assert.strictEqual(granted(yield* permits.take(take(7))), 3)
        const none = yield* permits.take(take(1))
        assert.strictEqual(none._tag, "Wait")
        near(none._tag === "Wait" ? none.millis : undefined, 1.1 * window)
        assert.strictEqual(granted(yield* permits.take(take(7, { key: "other" }))), 7)
      })
  },
  {
    name: "a block counts until a window after its last dial can have been seen",
    run: ({ advance, store: { permits } }) =>
      Effect.gen(function* () {
        yield* permits.take(take(10))
        yield* advance(window + 50 * second)
        assert.strictEqual((yield* permits.take(take(1)))._tag, "Wait")
        yield* advance(100 * second)
        assert.strictEqual(granted(yield* permits.take(take(10))), 10)
      })
  },
  {
    name: "permits that no dial used are there for others, and used ones count from when they are settled",
    run: ({ store: { permits } }) =>
      Effect.gen(function* () {
        const block = yield* permits.take(take(10))
        assert.strictEqual(block._tag, "Granted")
        if (block._tag !== "Granted") return
        yield* permits.settle(block.id, 4)
        assert.strictEqual(granted(yield* permits.take(take(10))), 4)
        const wait = yield* permits.take(take(1))
        near(wait._tag === "Wait" ? wait.millis : undefined, window)
        yield* permits.settle(block.id, 100)
        assert.strictEqual(granted(yield* permits.take(take(10))), 6)
      })
  },
  {
    name: "a hold stops a key for all, and a shorter one does not shorten it",
    run: ({ advance, store: { permits } }) =>
      Effect.gen(function* () {
        yield* permits.hold("k", 500 * second)
        yield* permits.hold("k", 100 * second)
        const held = yield* permits.take(take(1))
        near(held._tag === "Wait" ? held.millis : undefined, 500 * second)
        yield* advance(600 * second)
        assert.strictEqual(granted(yield* permits.take(take(1))), 1)
      })
  },
  {
    name: "dials that fail in a row hold a key for all, ever longer, and one that worked ends that",
    run: ({ advance, store: { permits } }) =>
      Effect.gen(function* () {
        const breaker = { failures: 3, cooldown: 100 * second, maxCooldown: 300 * second }
        const fail = permits.failed("k", breaker)
        assert.deepStrictEqual([yield* fail, yield* fail], [0, 0])
        const before = yield* permits.take(take(2))
        assert.deepInclude(before, { permits: 2, failures: 2 })
        for (const millis of [100, 200, 300, 300]) {
          assert.strictEqual(yield* fail, millis * second)
          // Dials that were under way by then say nothing new.
          assert.strictEqual(yield* fail, 0)
          const held = yield* permits.take(take(1))
          near(held._tag === "Wait" ? held.millis : undefined, millis * second)
          yield* advance((millis + 10) * second)
        }
        assert.isTrue(yield* permits.worked("k"))
        assert.isFalse(yield* permits.worked("k"))
        assert.deepInclude(yield* permits.take(take(5)), { permits: 5, failures: 0 })
        assert.strictEqual(yield* permits.failed("other", breaker), 0)
      })
  },
  {
    name: "after such a hold one dial tries for all, and the next only when it is over or lost",
    run: ({ advance, store: { permits } }) =>
      Effect.gen(function* () {
        const breaker = { failures: 1, cooldown: 100 * second, maxCooldown: 1_000 * second }
        yield* permits.failed("k", breaker)
        yield* advance(110 * second)
        assert.strictEqual(granted(yield* permits.take(take(5))), 1)
        const others = yield* permits.take(take(5))
        near(others._tag === "Wait" ? others.millis : undefined, 100 * second)
        // The process that tried is gone.
        yield* advance(110 * second)
        assert.strictEqual(granted(yield* permits.take(take(5))), 1)
        assert.strictEqual(yield* permits.failed("k", breaker), 200 * second)
        yield* advance(210 * second)
        assert.strictEqual(granted(yield* permits.take(take(5))), 1)
        // It worked, but a hold that a server asked for stays.
        yield* permits.hold("k", 50 * second)
        assert.isTrue(yield* permits.worked("k"))
        assert.strictEqual((yield* permits.take(take(1)))._tag, "Wait")
        yield* advance(60 * second)
        assert.strictEqual(granted(yield* permits.take(take(5))), 5)
      })
  },
  {
    name: "many that take at once get the limit together",
    run: ({ store: { permits } }) =>
      Effect.gen(function* () {
        const blocks = yield* Effect.forEach(Array.from({ length: 12 }), () => permits.take(take(3)), {
          concurrency: "unbounded"
        })
        assert.strictEqual(
          blocks.reduce((sum, block) => sum + (granted(block) ?? 0), 0),
          10
        )
      })
  }
]

export const cases: ReadonlyArray<Case> = [
  ...leaseCases,
  ...wishCases,
  ...outboxCases,
  ...handoverCases,
  ...permitCases
]
