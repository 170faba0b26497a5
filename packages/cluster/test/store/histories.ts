/**
 * Random histories of one store beside the model: the same verbs in the same
 * order must give the same answers. Time passes in steps of a hundred seconds and
 * leases end between two steps, so that what a real database takes changes nothing.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Block } from "../../src/FleetStore.ts"
import * as Model from "../../src/internal/store/model.ts"
import { type Random, randomOf } from "../support/random.ts"
import type { Rig } from "./conformance.ts"

const step = 100_000
const steps = (count: number) => (count + 0.5) * step
const holders = ["a", "b", "c"]
const buckets = ["b1", "b2", "b3", "b4"]
const names = ["n1", "n2", "n3", "n4", "n5"]

const rounded = (millis: number | undefined) => (millis === undefined ? undefined : Math.round(millis / step))
// What is left of a span that ends between two steps.
const left = (millis: number | undefined) => (millis === undefined ? undefined : Math.ceil(millis / step))
const byBucket = <A extends { readonly bucket: string }>(all: ReadonlyArray<A>) =>
  all.toSorted((one, two) => (one.bucket < two.bucket ? -1 : 1))

/** One verb on both; what each said, in a form that can be compared. */
type Verb = (
  rig: Rig,
  tables: Model.Tables,
  now: number,
  random: Random
) => Effect.Effect<readonly [unknown, unknown], unknown>

const leaseOf = (random: Random, tables: Model.Tables) => {
  const bucket = random.pick(buckets)
  const row = tables.leases.get(bucket)
  // Mostly the one in force, so that renewals succeed too.
  return random() < 0.7 && row !== undefined
    ? { bucket, epoch: row.epoch, holder: row.last }
    : { bucket, epoch: 1 + random.below(4), holder: random.pick(holders) }
}

const claim: Verb = ({ store }, tables, now, random) => {
  const request = { holder: random.pick(holders), buckets: random.some(buckets, 0.6), ttl: steps(1 + random.below(4)) }
  const plain = ({ busy, claimed }: ReturnType<typeof Model.claim>) => ({
    busy: byBucket(busy),
    claimed: byBucket(claimed).map(({ before, bucket, epoch, holder, overlap, silence }) => ({
      before,
      bucket,
      epoch,
      holder,
      silence: rounded(silence),
      overlap: overlap && { epoch: overlap.epoch, millis: left(overlap.millis) }
    }))
  })
  const expected = plain(Model.claim(tables, now, request))
  return Effect.map(store.leases.claim(request), (answer) => [
    plain({ busy: [...answer.busy], claimed: [...answer.claimed] }),
    expected
  ])
}

const renew: Verb = ({ store }, tables, now, random) => {
  const leases = [leaseOf(random, tables)]
  const ttl = steps(1 + random.below(4))
  const expected = Model.renew(tables, now, leases, ttl)
  return Effect.map(store.leases.renew(leases, ttl), (answer) => [answer, expected])
}

const release: Verb = ({ store }, tables, now, random) => {
  const lease = leaseOf(random, tables)
  Model.release(tables, now, [lease])
  const expected = byBucket(Model.standings(tables, now))
  return Effect.map(Effect.andThen(store.leases.release([lease]), store.leases.all), (all) => [byBucket(all), expected])
}

const put: Verb = ({ store }, tables, _, random) => {
  const wishes = random.some(names, 0.4).map((name) => ({
    name,
    kind: random.pick(["x", "y"]),
    bucket: random.pick(buckets),
    params: random.pick([null, 1, { a: "b" }]),
    tags: random.some(["s", "t"], 0.5),
    paused: random() < 0.3
  }))
  Model.put(tables, wishes)
  return Effect.as(store.wishes.put(wishes), [0, 0] as const)
}

const change: Verb = ({ store }, tables, _, random) => {
  const some = random.some(names, 0.4)
  const paused = random() < 0.5
  if (random() < 0.4) {
    Model.remove(tables, some)
    return Effect.as(store.wishes.remove(some), [0, 0] as const)
  }
  Model.pause(tables, some, paused)
  return Effect.as(store.wishes.pause(some, paused), [0, 0] as const)
}

const save: Verb = ({ store }, tables, now, random) => {
  const lease = leaseOf(random, tables)
  const cursors = random.some(names, 0.5).map((name) => ({ name, value: random.below(9) }))
  const expected = Model.saveCursors(tables, now, lease, cursors).toSorted()
  return Effect.map(store.wishes.saveCursors(lease, cursors), (kept) => [kept.toSorted(), expected])
}

const park: Verb = ({ store }, tables, now, random) => {
  const lease = leaseOf(random, tables)
  const parked = random.some(names, 0.4).map((name) => ({
    name,
    position: random.below(3),
    item: random.below(9),
    ttl: random() < 0.5 ? undefined : steps(random.below(3))
  }))
  Model.putParked(tables, now, lease, parked)
  return Effect.as(store.outboxes.put(lease, parked), [0, 0] as const)
}

const unpark: Verb = ({ store }, tables, now, random) => {
  const leases = [leaseOf(random, tables)]
  if (random() < 0.2) {
    Model.forgetParked(tables, leases)
    return Effect.as(store.outboxes.forget(leases), [0, 0] as const)
  }
  const plain = (taken: ReturnType<typeof Model.takeParked>) => taken.map((one) => ({ ...one, ttl: left(one.ttl) }))
  const expected = plain(Model.takeParked(tables, now, leases))
  return Effect.map(store.outboxes.take(leases), (taken) => [plain(taken), expected])
}

const hand: Verb = ({ store }, tables, now, random) => {
  const lease = leaseOf(random, tables)
  const notes = random.some(names, 0.3).map((name) => ({ name, value: random.below(9) }))
  if (random() < 0.5) {
    Model.note(tables, now, lease, notes)
    const sorted = (all: ReadonlyArray<{ readonly name: string; readonly epoch: number }>) =>
      all.toSorted((a, b) => (`${a.name}${a.epoch}` < `${b.name}${b.epoch}` ? -1 : 1))
    const plain = (known: ReturnType<typeof Model.readHandover>) => ({ ...known, notes: sorted(known.notes) })
    const expected = plain(Model.readHandover(tables, now, lease.bucket))
    const written = Effect.andThen(store.handovers.note(lease, notes), store.handovers.read(lease.bucket))
    return Effect.map(written, (known) => [plain(known), expected])
  }
  const millis = steps(random.below(4))
  const expected = Model.beginOverlap(tables, now, lease, notes, millis)
  return Effect.map(store.handovers.begin(lease, notes, millis), (begun) => [begun, expected])
}

const read: Verb = ({ store }, tables, _, random) => {
  const selection = {
    names: random() < 0.3 ? random.some(names, 0.6) : undefined,
    buckets: random() < 0.3 ? random.some(buckets, 0.6) : undefined,
    kind: random() < 0.3 ? "x" : undefined,
    tag: random() < 0.3 ? "s" : undefined
  }
  const sorted = (wishes: ReadonlyArray<{ readonly name: string }>) =>
    wishes.toSorted((one, two) => (one.name < two.name ? -1 : 1))
  const expected = [sorted(Model.select(tables, selection)), tables.version]
  return Effect.map(Effect.all([store.wishes.select(selection), store.wishes.version]), ([found, version]) => [
    [sorted(found), version],
    expected
  ])
}

const take: Verb = ({ store }, tables, now, random) => {
  const request = {
    key: random.pick(["k", "l"]),
    limit: 10,
    window: steps(2),
    want: 1 + random.below(6),
    within: 1.25 * step
  }
  const plain = (block: Block) =>
    block._tag === "Granted"
      ? { permits: block.permits, failures: block.failures }
      : { wait: Math.ceil(block.millis / step) }
  const expected = plain(Model.take(tables, now, request))
  return Effect.map(store.permits.take(request), (block) => [plain(block), expected])
}

const hold: Verb = ({ store }, tables, now, random) => {
  const key = random.pick(["k", "l"])
  const millis = steps(random.below(3))
  Model.hold(tables, now, key, millis)
  return Effect.as(store.permits.hold(key, millis), [0, 0] as const)
}

const failed: Verb = ({ store }, tables, now, random) => {
  const key = random.pick(["k", "l"])
  // All holds end between two steps.
  const breaker = { failures: 2, cooldown: steps(1), maxCooldown: steps(1) }
  const expected = Model.failed(tables, now, key, breaker)
  return Effect.map(store.permits.failed(key, breaker), (millis) => [millis, expected])
}

const worked: Verb = ({ store }, tables, _, random) => {
  const key = random.pick(["k", "l"])
  const expected = Model.worked(tables, key)
  return Effect.map(store.permits.worked(key), (wasOpen) => [wasOpen, expected])
}

const verbs: ReadonlyArray<Verb> = [
  claim,
  claim,
  renew,
  renew,
  release,
  put,
  change,
  save,
  park,
  park,
  unpark,
  hand,
  hand,
  read,
  read,
  take,
  take,
  hold,
  failed,
  failed,
  worked
]

export const history = (rig: Rig, seed: number, length: number): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const tables = Model.empty()
    let now = 0
    for (let n = 0; n < length; n++) {
      if (random() < 0.3) {
        const millis = step * (1 + random.below(3))
        now += millis
        yield* rig.advance(millis)
      }
      const [actual, expected] = yield* random.pick(verbs)(rig, tables, now, random)
      assert.deepStrictEqual(actual, expected, `seed ${seed}, verb ${n}`)
    }
  })
