/**
 * Proves that readers on the bus see every message once, in order, by the newest
 * owner only, and a marker wherever something is missing, at the end too: in random
 * histories of a broker that loses, doubles and reorders. Bugs that are planted into
 * the rules are found. Bounds hold, and bad input is refused.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Inbox from "kharbranth/Inbox"
import * as FleetBus from "../../src/FleetBus.ts"
import { read } from "../../src/internal/bus/packet.ts"
import { Publishing } from "../../src/internal/bus/publishing.ts"
import { Reader } from "../../src/internal/bus/reader.ts"
import { Marker } from "../../src/internal/entries/marker.ts"
import { Publication } from "../../src/internal/entries/publication.ts"
import { check, gone, history, Ticker } from "./histories.ts"

const seeds = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

const lease = { bucket: "b", epoch: 1, holder: "h1" }

const owned = <A>(messages: ReadonlyArray<A>, over: Partial<FleetBus.Source<A>> = {}): FleetBus.Source<A> => ({
  kind: "ticker",
  name: "a",
  lease,
  entries: Stream.fromIterable(messages.map((message) => Inbox.message(1, message))),
  ...over
})

const bare = (entries: ReadonlyArray<Inbox.Entry<unknown>>) =>
  entries.map((entry) => (entry._tag === "Message" ? entry.message : entry._tag))

/** Reads into a list, from now on. */
const reading = (bus: FleetBus.Service, seen: Array<Inbox.Entry<unknown>>, options?: FleetBus.SubscribeOptions) =>
  Effect.forkScoped(
    Stream.runForEach(bus.subscribe(Ticker, "a", options), (entry) => Effect.sync(() => void seen.push(entry))),
    { startImmediately: true }
  )

describe("random histories", () => {
  it("of a broker without faults: nothing is missing, and no marker stands within an opening or where one was handed over", async () => {
    for (const seed of seeds(20)) {
      const made = await history(seed, 0)
      const { handed, isWhole, log, published } = made
      assert.isUndefined(check(made), `seed ${seed}`)
      if (!isWhole) continue
      const owners = published.length - 1 - handed.size
      assert.isAtMost(log.filter(({ _tag }) => _tag === "Gap").length, owners, `seed ${seed}`)
      assert.isFalse(
        log.some(({ _tag }) => _tag === "Lagged"),
        `seed ${seed}`
      )
      const first = log.filter(Inbox.isMessage).filter(({ message }) => (message as { order: number }).order === 0)
      // One that was followed may say more, as long as the reader has nothing of those after it.
      assert.isAtLeast(first.length, published[0]!, `seed ${seed}`)
    }
  })

  it("of a bad one: no double, no owner that was followed, and every hole has its marker", async () => {
    for (const seed of seeds(150)) {
      assert.isUndefined(check(await history(seed, 0.3)), `seed ${seed}`)
    }
  })

  function ended(this: { place(): object }) {
    return { ...this.place(), sequence: 0 }
  }
  const proto = (owner: { readonly prototype: object }) => owner.prototype as Record<string, unknown>
  const bugs: ReadonlyArray<
    readonly [string, Record<string, unknown>, string, (this: never, ...args: never) => unknown]
  > = [
    ["an older lease is believed", proto(Marker), "isStale", () => false],
    ["missing numbers are not marked", proto(Marker), "missing", () => []],
    ["an interruption is not marked", proto(Marker), "interrupted", () => []],
    ["an owner that ends says that it gave nothing", proto(Publishing), "ended", ended],
    ["what was lost before an owner's end is not counted", proto(Marker), "lost", () => []],
    ["nobody looks how far the owner is", proto(Marker), "reached", () => []],
    ["what was lost on its way is not owed", proto(Publishing), "lost", () => {}],
    [
      "what is left out gets no number",
      proto(Publishing),
      "owes",
      function (this: { next: number }) {
        this.next = 0
        return Effect.void
      }
    ],
    [
      "a reader that is too slow forgets interruptions",
      proto(Reader),
      "shed",
      function (this: { waiting: Array<unknown>; bytes: number }) {
        this.waiting = this.waiting.slice(-1)
        this.bytes = 0
      }
    ],
    [
      "numbers that came before are not known",
      proto(Marker),
      "follow",
      function (this: { last: unknown }, place: object) {
        this.last = { ...place, next: 0, isMarked: true, at: 0 }
      }
    ]
  ]
  for (const [name, target, key, bug] of bugs) {
    it(`show it when ${name}`, async () => {
      const right = target[key]
      target[key] = bug
      try {
        let found: string | undefined
        for (let seed = 1; seed <= 200 && found === undefined; seed++) found = check(await history(seed, 0.3))
        assert.isDefined(found)
      } finally {
        target[key] = right
      }
    })
  }
})

describe("the marker", () => {
  const seen = (holder: string, epoch: number, opening: number, sequence: number) => ({
    lease: { bucket: "b", holder, epoch },
    opening,
    sequence,
    entry: Inbox.message(1, `${holder}${sequence}`)
  })

  it("follows one of two holders of the same epoch, and never goes back", () => {
    const marker = new Marker("a", () => 0)
    const all = [seen("x", 1, 0, 0), seen("y", 1, 0, 0), seen("x", 1, 0, 1), seen("y", 1, 0, 1)]
    assert.deepStrictEqual(bare(all.flatMap((one) => marker.mark(one))), ["x0", "Gap", "y0", "y1"])
  })

  it("needs no gap where an opening follows on all that the owner before gave, and counts what of that did not come", () => {
    const follows = { lease: seen("x", 1, 4, 0).lease, opening: 4, sequence: 3 }
    const next = (over = {}) => ({ ...seen("y", 2, 0, 0), follows, ...over })
    const after = (...all: ReadonlyArray<Parameters<Marker["mark"]>[0]>) => {
      const marker = new Marker("a", () => 0)
      return all.flatMap((one) => marker.mark(one)).map((one) => ("dropped" in one ? one.dropped : bare([one])[0]))
    }
    const [x0, x1, x2] = [0, 1, 2].map((sequence) => seen("x", 1, 4, sequence)) as [never, never, never]
    assert.deepStrictEqual(after(x0, x1, x2, next()), ["x0", "x1", "x2", "y0"])
    assert.deepStrictEqual(after(x0, x1, next()), ["x0", "x1", 1, "y0"])
    assert.deepStrictEqual(after(x0, x1, next(seen("y", 2, 0, 2))), ["x0", "x1", 3, "y2"])
    // It has nothing of that owner, or an earlier opening only.
    assert.deepStrictEqual(after(seen("w", 1, 4, 2), next()), ["w2", "Gap", "y0"])
    assert.deepStrictEqual(after(seen("x", 1, 3, 2), next()), ["x2", "Gap", "y0"])
    // What is owed shows how far it is.
    const marker = new Marker("a", () => 0)
    marker.mark(x2)
    assert.deepStrictEqual(bare(marker.reached({ ...next(), sequence: 0 }, follows)), [])
    assert.deepStrictEqual(bare(marker.mark(seen("y", 2, 0, 0))), ["y0"])
  })

  it("leaves out an opening that another one of the same lease has followed", () => {
    const marker = new Marker("a", () => 0)
    const all = [seen("x", 1, 1, 0), seen("x", 1, 2, 0), seen("x", 1, 1, 1)]
    assert.deepStrictEqual(bare(all.flatMap((one) => marker.mark(one))), ["x0", "Gap", "x0"])
  })
})

describe("the bus", () => {
  it.effect("carries text, bytes, JSON and markers as they are", () =>
    Effect.gen(function* () {
      const bus = yield* FleetBus.make(yield* FleetBus.makeMemory)
      const log: Array<Inbox.Entry<unknown>> = []
      yield* reading(bus, log)
      const entries = [
        Inbox.sessionOpened({ epoch: 3, rotated: false, possibleDuplicates: 0 }),
        Inbox.message(3, "text"),
        Inbox.message(3, new Uint8Array([1, 2, 255])),
        Inbox.message(3, { deep: [null, 1.5, "ä"] }),
        Inbox.lagged(4)
      ]
      yield* Stream.runDrain(bus.published(owned<unknown>([], { entries: Stream.fromIterable(entries) })))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, entries)
    })
  )

  it.effect("makes several packets of what is too large for one, and marks an entry that is too large for any", () =>
    Effect.gen(function* () {
      const memory = yield* FleetBus.makeMemory
      const sizes: Array<number> = []
      const broker: FleetBus.Broker = {
        ...memory,
        mostBytes: () => 400,
        publish: (subject, packet) => {
          sizes.push(packet.byteLength)
          return memory.publish(subject, packet)
        }
      }
      const bus = yield* FleetBus.make(broker)
      const log: Array<Inbox.Entry<unknown>> = []
      yield* reading(bus, log)
      const messages = "abcdefgh".split("").map((letter) => letter.repeat(90))
      yield* Effect.forkScoped(
        Stream.runDrain(
          bus.published(
            owned<string>([], {
              entries: Stream.concat(
                Stream.fromIterable([...messages, "x".repeat(500)].map((message) => Inbox.message(1, message))),
                Stream.never
              )
            })
          )
        )
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(bare(log), [...messages, "Lagged"])
      assert.isAbove(sizes.length, 4)
      assert.isAtMost(Math.max(...sizes), 400)
    })
  )

  it.effect("does not let a name wait for a broker that is stuck, and goes on when it is well", () =>
    Effect.gen(function* () {
      const memory = yield* FleetBus.makeMemory
      let isStuck = true
      const broker: FleetBus.Broker = {
        ...memory,
        publish: (subject, packet) => (isStuck ? Effect.never : memory.publish(subject, packet))
      }
      const bus = yield* FleetBus.make(broker, { patience: "1 second" })
      const log: Array<Inbox.Entry<unknown>> = []
      yield* reading(bus, log)
      const through: Array<string> = []
      const more = yield* Deferred.make<void>()
      const entries = Stream.fromIterable(["a", "b", "c"].map((text) => Inbox.message(1, text))).pipe(
        Stream.rechunk(1),
        Stream.concat(Stream.fromEffect(Effect.as(Deferred.await(more), Inbox.message(1, "d"))))
      )
      const fiber = yield* Effect.forkScoped(
        Stream.runForEach(bus.published(owned<string>([], { entries })), ({ _tag, ...entry }) =>
          Effect.sync(() => void through.push("message" in entry ? entry.message : _tag))
        )
      )
      yield* TestClock.adjust("1 second")
      // The first waited a second, the others not at all.
      yield* TestClock.adjust("1 milli")
      assert.deepStrictEqual(through, ["a", "b", "c"])
      isStuck = false
      yield* TestClock.adjust("3 seconds")
      yield* Deferred.succeed(more, undefined)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      // It joined before the first: nothing of it was ever seen, so the beat is the beginning.
      assert.deepStrictEqual(bare(log), ["d"])
    })
  )

  it.effect("keeps no more for a slow reader than it may, and counts the rest", () =>
    Effect.sync(() => {
      const reader = new Reader("a", 2_000, () => 0)
      const packets: Array<Uint8Array> = []
      const publishing = new Publishing(
        {
          broker: {
            mostBytes: () => 10_000,
            publish: (_, packet) => Effect.sync(() => void packets.push(packet)),
            subscribe: () => Effect.void,
            restored: () => Effect.void
          },
          patience: 1_000,
          owing: () => Effect.void
        },
        { name: "a", subject: "s", lease, opening: 0 }
      )
      for (let n = 0; n < 100; n++) Effect.runSync(publishing.publish([Inbox.message(1, n)]))
      reader.push({ _tag: "Packet", packet: packets[0]! })
      assert.deepStrictEqual(bare(Effect.runSync(reader.pull)), [0])
      for (const packet of packets.slice(1)) reader.push({ _tag: "Packet", packet })
      const size = packets[50]!.byteLength + 256
      const kept = Math.floor(2_000 / size)
      const [lagged, ...rest] = Effect.runSync(reader.pull)
      assert.deepInclude(lagged, { _tag: "Lagged", dropped: 99 - kept })
      assert.strictEqual(rest.length, kept)
    })
  )

  it.effect("marks packets that are not the bus's, and fails a reader when its broker is closed", () =>
    Effect.gen(function* () {
      const memory = yield* FleetBus.makeMemory
      let listener: ((news: FleetBus.News) => void) | undefined
      const bus = yield* FleetBus.make({
        ...memory,
        subscribe: (_, own) => Effect.sync(() => void (listener = own))
      })
      const log: Array<Inbox.Entry<unknown>> = []
      const fiber = yield* Effect.forkScoped(
        Effect.flip(Stream.runForEach(bus.subscribe(Ticker, "a"), (entry) => Effect.sync(() => void log.push(entry)))),
        { startImmediately: true }
      )
      for (const text of ["not json", "{}", '{"v":2}']) {
        assert.isUndefined(read("a", new TextEncoder().encode(text)))
        listener!({ _tag: "Packet", packet: new TextEncoder().encode(text) })
      }
      listener!({ _tag: "Closed", error: gone })
      const error = yield* Fiber.join(fiber)
      assert.deepStrictEqual(bare(log), ["Gap", "Gap", "Gap"])
      assert.include((log[0] as Inbox.Gap).cause.message, 'Connection "a"')
      assert.strictEqual(error, gone)
    })
  )

  it.effect("carries a name from owner to owner without a marker, over one that had nothing to say", () =>
    Effect.gen(function* () {
      const bus = yield* FleetBus.make(yield* FleetBus.makeMemory)
      const log: Array<Inbox.Entry<unknown>> = []
      yield* reading(bus, log)
      let follows: ReturnType<Publication["endedAt"]>
      for (const [epoch, messages] of [["a", "b"], [], ["c"]].entries()) {
        const publication = new Publication(follows)
        yield* Stream.runDrain(bus.published(owned(messages, { publication, lease: { ...lease, epoch } })))
        follows = publication.endedAt()
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(bare(log), ["a", "b", "c"])
      // A consumer that begins again follows on nothing.
      const publication = new Publication(follows)
      for (const message of ["d", "e"]) {
        yield* Stream.runDrain(bus.published(owned([message], { publication, lease: { ...lease, epoch: 3 } })))
      }
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(bare(log), ["a", "b", "c", "d", "Gap", "e"])
    })
  )

  it.effect("does not say that all was published while some of it may still come", () =>
    Effect.gen(function* () {
      const bus = yield* FleetBus.make(yield* FleetBus.makeMemory)
      const publication = new Publication(undefined)
      const entries = Stream.concat(Stream.fromIterable([Inbox.message(1, "a")]), Stream.never)
      const fiber = yield* Effect.forkScoped(
        Stream.runDrain(bus.published(owned<string>([], { entries, publication })))
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.isUndefined(publication.endedAt())
    })
  )

  it.effect("refuses what it cannot use, with the place", () =>
    Effect.gen(function* () {
      const broker = yield* FleetBus.makeMemory
      const patience = yield* Effect.flip(FleetBus.make(broker, { patience: 0 }))
      assert.deepInclude(patience, { _tag: "InvalidFleet", path: ["patience"] })
      const bus = yield* FleetBus.make(broker)
      const room = yield* Effect.flip(Stream.runDrain(bus.subscribe(Ticker, "a", { highWaterMark: 0 })))
      assert.deepInclude(room, { _tag: "InvalidFleet", path: ["highWaterMark"] })
      const long = yield* Effect.flip(Stream.runDrain(bus.subscribe(Ticker, "a".repeat(2_000))))
      assert.deepInclude(long, { _tag: "BusFailed", operation: "subject" })
    })
  )

  it.effect("fails a reader with the place of what cannot travel, after what came before", () =>
    Effect.gen(function* () {
      const bus = yield* FleetBus.make(yield* FleetBus.makeMemory)
      const log: Array<unknown> = []
      const fiber = yield* Effect.forkScoped(
        Effect.flip(Stream.runForEach(bus.subscribe(Ticker, "a"), (entry) => Effect.sync(() => void log.push(entry)))),
        { startImmediately: true }
      )
      yield* Stream.runDrain(bus.published(owned<unknown>(["fine", { at: new Date(0) }, "late"])))
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { _tag: "CannotTravel", path: "message.at" })
      assert.deepStrictEqual(log, [Inbox.message(1, "fine")])
    })
  )
})
