/**
 * Proves by single stories what the simulation shows at random: a name moves when
 * its owner dies, with one gap that says since when; a paused owner comes back too
 * late; an outage of the store shorter than the lease costs no socket, a longer one
 * costs all; a process that leaves hands over at once; and a store that loses
 * commits has two owners no longer than until the next renewal.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import type * as Inbox from "kharbranth/Inbox"
import * as Fault from "kharbranth/testing/Fault"
import * as VirtualTime from "kharbranth/testing/VirtualTime"
import type { Lease } from "../../src/Lease.ts"
import * as FleetKind from "../../src/FleetKind.ts"
import * as TestFleet from "../../src/testing/TestFleet.ts"

interface Seen {
  readonly epoch: number
  readonly entry: unknown
}

const feed = (seen: Array<Seen>, handover: "breakFirst" | "makeFirst", dedupe?: (message: string) => string) =>
  FleetKind.make("feed", {
    params: Schema.Struct({}),
    codec: Codec.text,
    handover,
    dedupe,
    open: () => ({ target: "wss://feed.example/a" }),
    consume: ({ cursor, entries, lease: { epoch }, saveCursor }) => {
      if (cursor !== undefined) seen.push({ epoch, entry: { _tag: `from ${JSON.stringify(cursor)}` } })
      return Stream.runForEach(entries, (entry) =>
        Effect.sync(() => {
          seen.push({ epoch, entry })
          if (entry._tag === "Message") saveCursor(entry.message)
        })
      )
    }
  })

type Kind = ReturnType<typeof feed>

const story =
  (
    tell: (parts: {
      readonly fleet: TestFleet.TestFleet
      readonly seen: ReadonlyArray<Seen>
      readonly server: {
        readonly open: Effect.Effect<number>
        readonly dials: Effect.Effect<number>
        readonly say: (text: string) => Effect.Effect<void>
        readonly heard: ReadonlyArray<unknown>
      }
      readonly kind: Kind
      readonly owner: Effect.Effect<{ readonly runner: TestFleet.TestRunner; readonly lease: Lease }, unknown>
    }) => Effect.Effect<void, unknown, Scope.Scope>,
    handover: "breakFirst" | "makeFirst" = "breakFirst",
    dedupe?: (message: string) => string
  ) =>
  async () => {
    const seen: Array<Seen> = []
    const kind = feed(seen, handover, dedupe)
    const heard: Array<unknown> = []
    const program = Effect.gen(function* () {
      const fleet = yield* TestFleet.make({ kinds: [kind], runners: 3, lease: { ttl: "10 seconds" } })
      const server = yield* fleet.network.serve("wss://feed.example/", (peer) =>
        peer.listen({ frame: (frame) => void heard.push(frame) })
      )
      const [first] = yield* fleet.runners
      yield* first!.fleet.ensure(kind, "a", {})
      yield* server.accepted
      const owner = Effect.gen(function* () {
        for (const runner of yield* fleet.runners) {
          const lease = yield* runner.process.provide(runner.fleet.owner("a"))
          if (lease?.holder === runner.fleet.holder) return { runner, lease }
        }
        return yield* Effect.fail("nobody owns it")
      })
      const say = (text: string) =>
        Effect.flatMap(server.connections, (peers) =>
          Effect.sync(() => peers.forEach((peer) => peer.sendUnsafe([text])))
        )
      yield* tell({
        fleet,
        seen,
        owner,
        kind,
        server: {
          heard,
          say,
          open: Effect.map(server.connections, (peers) => peers.length),
          dials: Effect.map(server.dials, (dials) => dials.length)
        }
      })
    })
    const exit = await VirtualTime.run(Effect.scoped(program))
    if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  }

const tags = (seen: ReadonlyArray<Seen>) =>
  seen.map(({ entry }) => {
    const { _tag, message } = entry as { readonly _tag: string; readonly message?: string }
    return message ?? _tag
  })

const gapOf = (seen: ReadonlyArray<Seen>) =>
  seen
    .map(
      ({ entry }) =>
        entry as {
          readonly _tag: string
          readonly from?: number
          readonly to: number
          readonly cause: { readonly _tag: string }
        }
    )
    .find(({ _tag }) => _tag === "Gap")

describe("TestFleet", () => {
  it(
    "a name moves when its owner dies, with one gap since its last sign of life",
    story(({ fleet, owner, seen, server }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("5 seconds")
        yield* server.say("one")
        yield* Effect.sleep("1 second")
        const before = yield* owner
        yield* before.runner.kill
        yield* Effect.sleep(10)
        assert.strictEqual(yield* server.open, 0)
        yield* Effect.sleep("20 seconds")
        const after = yield* owner
        assert.notStrictEqual(after.lease.holder, before.lease.holder)
        assert.isAbove(after.lease.epoch, before.lease.epoch)
        yield* server.say("two")
        yield* Effect.sleep(10)
        assert.deepStrictEqual(tags(seen), ["SessionOpened", "one", "Gap", "SessionOpened", "two"])
        const gap = gapOf(seen)
        assert.strictEqual(gap?.cause._tag, "OwnerLost")
        // Renewed every 2.5 seconds: no older than that when it died, and never after that.
        assert.isAtMost(gap?.from ?? Infinity, 10_000)
        assert.isAtLeast((gap?.to ?? 0) - (gap?.from ?? 0), 10_000)
        assert.lengthOf(yield* fleet.runners, 2)
      })
    )
  )

  it(
    "a paused owner that comes back is cut, and delivers nothing that waited",
    story(({ owner, seen, server }) =>
      Effect.gen(function* () {
        const { runner } = yield* owner
        yield* runner.pause()
        yield* Effect.sleep("20 seconds")
        // Nobody can close the old one while its process stands still.
        assert.strictEqual(yield* server.open, 2)
        yield* server.say("now")
        yield* runner.resume
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* server.open, 1)
        const messages = seen.filter(({ entry }) => (entry as { readonly _tag: string })._tag === "Message")
        assert.deepStrictEqual(
          messages.map(({ epoch }) => epoch),
          [2]
        )
      })
    )
  )

  it(
    "an outage of the store that is shorter than the lease costs no socket",
    story(({ fleet, server }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("5 seconds")
        const runners = yield* fleet.runners
        yield* Effect.forEach(runners, ({ cutStore }) => cutStore)
        yield* Effect.sleep("5 seconds")
        yield* Effect.forEach(runners, ({ healStore }) => healStore)
        yield* Effect.sleep("20 seconds")
        assert.strictEqual(yield* server.dials, 1)
        assert.strictEqual(yield* server.open, 1)
      })
    )
  )

  it(
    "a longer one costs every socket, and all come back",
    story(({ fleet, server }) =>
      Effect.gen(function* () {
        const runners = yield* fleet.runners
        yield* Effect.forEach(runners, ({ cutStore }) => cutStore)
        yield* Effect.sleep("12 seconds")
        assert.strictEqual(yield* server.open, 0)
        yield* Effect.forEach(runners, ({ healStore }) => healStore)
        yield* Effect.sleep("20 seconds")
        assert.strictEqual(yield* server.open, 1)
      })
    )
  )

  it(
    "a process that leaves hands over without waiting for the lease to end",
    story(({ owner, seen, server }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("1 second")
        const { runner } = yield* owner
        yield* runner.leave
        yield* Effect.sleep("3 seconds")
        assert.strictEqual(yield* server.open, 1)
        yield* server.say("on")
        yield* Effect.sleep(10)
        assert.deepStrictEqual(tags(seen), ["SessionOpened", "Gap", "SessionOpened", "on"])
      })
    )
  )

  it(
    "a fleet to which nothing happens asks as much of its store with many names as with one",
    story(({ fleet, kind }) =>
      Effect.gen(function* () {
        const quiet = Effect.gen(function* () {
          yield* Effect.sleep("5 seconds")
          const before = yield* fleet.statements
          yield* Effect.sleep("60 seconds")
          return (yield* fleet.statements) - before
        })
        const withOne = yield* quiet
        const [first] = yield* fleet.runners
        const more = Array.from({ length: 200 }, (_, n): [string, {}] => [`more-${n}`, {}])
        const before = yield* fleet.statements
        yield* first!.fleet.reconcile(kind, new Map([["a", {}], ...more]))
        assert.isAbove(yield* fleet.statements, before)
        assert.approximately(yield* quiet, withOne, withOne / 50)
        // Three processes look for changed wishes each second, and renew their leases.
        assert.isAbove(withOne, 3 * 60)
        assert.isBelow(withOne, 3 * 60 * 3)
      })
    )
  )

  it(
    "a makeFirst move opens the new socket first, and its consumer goes on where the old one stopped",
    story(
      ({ owner, seen, server }) =>
        Effect.gen(function* () {
          yield* Effect.sleep("1 second")
          const { lease, runner } = yield* owner
          const counts: Array<number> = []
          let n = 0
          yield* Effect.forkScoped(
            Effect.forever(
              Effect.gen(function* () {
                counts.push(yield* server.open)
                yield* server.say(`${++n}`)
                yield* Effect.sleep(100)
              })
            )
          )
          yield* Effect.sleep("1 second")
          yield* runner.leave
          yield* Effect.sleep("2 seconds")
          // Never without a socket, and two for a moment.
          assert.sameMembers([...new Set(counts)], [1, 2])
          assert.strictEqual(counts.at(-1), 1)
          assert.isBelow(counts.filter((open) => open === 2).length, 20)
          assert.notInclude(tags(seen), "Gap")
          const messages = tags(seen).filter((tag) => /^\d+$/.test(tag))
          assert.deepStrictEqual(
            messages,
            Array.from({ length: messages.length }, (_, index) => `${index + 1}`)
          )
          const second = seen.filter(({ epoch }) => epoch > lease.epoch)
          const last =
            messages[
              messages.length - second.filter(({ entry }) => /^\d+$/.test(tags([{ epoch: 0, entry }])[0]!)).length - 1
            ]
          assert.deepStrictEqual(tags(second).slice(0, 2), [`from "${last}"`, "SessionOpened"])
          assert.deepInclude(second[1]?.entry, { rotated: true, possibleDuplicates: 0 })
        }),
      "makeFirst",
      (message) => message
    )
  )

  it(
    "without a dedupe key, a makeFirst move says how many messages may come twice",
    story(
      ({ owner, seen, server }) =>
        Effect.gen(function* () {
          yield* Effect.sleep("1 second")
          const { lease, runner } = yield* owner
          let n = 0
          yield* Effect.forkScoped(
            Effect.forever(
              Effect.andThen(
                Effect.suspend(() => server.say(`${++n}`)),
                Effect.sleep(50)
              )
            )
          )
          yield* Effect.sleep("1 second")
          yield* runner.leave
          yield* Effect.sleep("2 seconds")
          const ofOld = new Set(tags(seen.filter(({ epoch }) => epoch === lease.epoch)))
          const second = seen.filter(({ epoch }) => epoch > lease.epoch)
          const twice = tags(second).filter((tag) => ofOld.has(tag) && /^\d+$/.test(tag)).length
          const opened = second
            .map(({ entry }) => entry as Inbox.SessionOpened)
            .find(({ _tag }) => _tag === "SessionOpened")
          assert.isTrue(opened?.rotated)
          assert.isAtLeast(opened?.possibleDuplicates ?? 0, twice)
          assert.isAbove(twice, 0)
        }),
      "makeFirst"
    )
  )

  it(
    "the old owner of a makeFirst name goes on no longer than it may, if the new one is never Ready",
    story(
      ({ fleet, owner, seen, server }) =>
        Effect.gen(function* () {
          yield* Effect.sleep("1 second")
          const { lease, runner } = yield* owner
          for (const other of yield* fleet.runners)
            if (other.name !== runner.name) yield* fleet.network.inject(Fault.partition({ process: other.name }))
          const left = yield* Effect.forkChild(runner.leave)
          yield* Effect.sleep("20 seconds")
          assert.isAbove(
            (yield* fleet.store.leases.all).reduce((most, one) => Math.max(most, one.epoch), 0),
            lease.epoch
          )
          yield* server.say("still")
          yield* Effect.sleep("12 seconds")
          yield* Fiber.join(left)
          assert.strictEqual(yield* server.open, 0)
          assert.include(tags(seen), "still")
          yield* fleet.network.heal
          yield* Effect.sleep("1 minute")
          yield* server.say("again")
          yield* Effect.sleep(10)
          assert.deepStrictEqual(tags(seen).slice(-3), ["Gap", "SessionOpened", "again"])
        }),
      "makeFirst"
    )
  )

  it(
    "what waits in the outbox goes to the next owner, whose socket gets it first",
    story(({ fleet, kind, owner, server }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("1 second")
        const { runner } = yield* owner
        const events: Array<string> = []
        for (const { fleet: one, process } of yield* fleet.runners)
          yield* Effect.forkScoped(
            process.provide(Stream.runForEach(one.events, (event) => Effect.sync(() => void events.push(event._tag))))
          )
        const other = (yield* fleet.runners).find(({ name }) => name !== runner.name)!
        // Nobody answers any more: what is sent from now on waits.
        yield* fleet.network.inject(Fault.partition({ process: runner.name }))
        yield* Effect.sleep("1 minute")
        const sent = yield* Effect.forkChild(
          other.process.provide(
            Effect.all(
              [
                other.fleet.send(kind, "a", "waits", { ttl: "1 minute" }),
                other.fleet.send(kind, "a", "is late", { ttl: "100 millis" })
              ],
              { concurrency: "unbounded" }
            )
          )
        )
        yield* Effect.sleep("1 second")
        yield* runner.leave
        yield* Effect.sleep("3 seconds")
        assert.deepStrictEqual(server.heard, ["waits"])
        assert.sameMembers(
          events.filter((tag) => tag.startsWith("Outbox")),
          ["OutboxParked", "OutboxTaken"]
        )
        const [first, late] = yield* Fiber.join(sent)
        // The old owner cannot know what becomes of it.
        assert.deepStrictEqual(first, { _tag: "Unknown" })
        assert.deepInclude(late, { _tag: "Refused", tag: "SendExpired" })
      })
    )
  )

  it(
    "a store that lost commits has two owners only until the next renewal",
    story(({ fleet, owner, server }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("5 seconds")
        const { runner } = yield* owner
        yield* runner.leave
        yield* Effect.sleep("1500 millis")
        // The release and the new claim are lost: the store believes the lease of the one that left.
        yield* fleet.loseCommits("3 seconds")
        yield* Effect.sleep("2600 millis")
        assert.isAtMost(yield* server.open, 1)
        yield* Effect.sleep("20 seconds")
        assert.strictEqual(yield* server.open, 1)
      })
    )
  )

  it(
    "a process that joins takes its share",
    story(({ fleet, server }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("5 seconds")
        const late = yield* fleet.join("late")
        yield* Effect.sleep("20 seconds")
        const all = yield* fleet.store.leases.all
        assert.lengthOf(all, 12)
        assert.isAtLeast(all.filter(({ holder }) => holder === late.fleet.holder).length, 3)
        assert.strictEqual(yield* server.open, 1)
      })
    )
  )
})
