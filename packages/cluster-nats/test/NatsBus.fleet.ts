/**
 * Proves that the bus keeps its rules on a real NATS server: entries arrive as they
 * are, a restart of the server leaves a marker at every reader and no double, a
 * server that is stuck holds nobody up, and bad set-up says what is wrong.
 * Where this machine has no `nats-server`, one test says so by name, and loudly.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as FleetBus from "@kharbranth/cluster/FleetBus"
import * as FleetKind from "@kharbranth/cluster/FleetKind"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Inbox from "kharbranth/Inbox"
import * as NatsBus from "../src/NatsBus.ts"
import * as Nats from "./support/natsServer.ts"

const Ticker = FleetKind.make("ticker", {
  params: Schema.Struct({}),
  codec: Codec.json,
  open: (_, { name }) => ({ target: `wss://feed.example/${name}` })
})

// A wildcard, a separator and a space are no part of a name on the wire.
const name = "btc.usd *>"

const slow = 60_000

/** A bus of its own connection: another process, as far as the server can see. */
const connected = (url: string, options: NatsBus.Options = {}) =>
  Effect.map(Layer.build(NatsBus.layer({ ...options, connect: { servers: url, reconnectTimeWait: 100 } })), (context) =>
    FleetBus.FleetBus.pipe(Effect.provideContext(context))
  ).pipe(Effect.flatten)

/** Waits until it holds; fails after twenty seconds. */
const until = (holds: () => boolean, what: string): Effect.Effect<void> => {
  const look: Effect.Effect<void> = Effect.suspend(() =>
    holds() ? Effect.void : Effect.andThen(Effect.sleep("10 millis"), look)
  )
  return Effect.orDie(
    Effect.timeoutOrElse(look, { duration: "20 seconds", orElse: () => Effect.die(`never: ${what}`) })
  )
}

const publishing = (bus: FleetBus.Service, epoch: number) =>
  Effect.gen(function* () {
    const out = yield* Queue.unbounded<Inbox.Entry<unknown>>()
    const lease = { bucket: "b", epoch, holder: `h${epoch}` }
    const through = { count: 0 }
    yield* Effect.forkScoped(
      Stream.runForEach(
        bus.published({ name, kind: "ticker", lease, entries: Stream.rechunk(Stream.fromQueue(out), 1) }),
        () => Effect.sync(() => void through.count++)
      )
    )
    return { say: (message: unknown) => Queue.offer(out, Inbox.message(1, message)), through }
  })

const reading = (bus: FleetBus.Service) =>
  Effect.gen(function* () {
    const log: Array<Inbox.Entry<unknown>> = []
    yield* Effect.forkScoped(
      Stream.runForEach(bus.subscribe(Ticker, name), (entry) => Effect.sync(() => void log.push(entry)))
    )
    return log
  })

const messages = (log: ReadonlyArray<Inbox.Entry<unknown>>) =>
  log.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))

/** Says numbers from 0 until the reader has one of them, so that it listens; returns what comes next. */
const heard = (say: (message: unknown) => Effect.Effect<unknown>, log: ReadonlyArray<unknown>) =>
  Effect.gen(function* () {
    let n = 0
    while (log.length === 0) {
      yield* say(n++)
      yield* Effect.sleep("20 millis")
    }
    return n
  })

/** Numbers grow, and a marker stands wherever one is missing. */
const assertNoSilentHole = (log: ReadonlyArray<Inbox.Entry<unknown>>) => {
  let last: number | undefined
  let isMarked = false
  for (const entry of log) {
    if (entry._tag !== "Message") {
      isMarked ||= entry._tag === "Gap" || entry._tag === "Lagged"
      continue
    }
    const n = entry.message as number
    if (last !== undefined) {
      assert.isAbove(n, last, "a double")
      assert.isTrue(n === last + 1 || isMarked, `a silent hole between ${last} and ${n}`)
    }
    last = n
    isMarked = false
  }
}

if (Nats.program === undefined) {
  const loud = "NO NATS-SERVER ON THIS MACHINE: the bus is NOT tested on a real broker in this run"
  it(loud, () => console.warn(`*** ${loud}. Install it: apt-get install nats-server ***`))
} else {
  describe("the bus over NATS", () => {
    let server: Nats.NatsServer
    beforeAll(async () => {
      server = await Nats.NatsServer.create()
    }, slow)
    afterAll(() => server.remove(), slow)

    const story = (title: string, tell: () => Effect.Effect<void, unknown, Scope.Scope>) =>
      it.live(title, () => Effect.provide(Effect.scoped(tell()), Logger.layer([])), slow)

    story("carries entries as they are, from one process to several others", () =>
      Effect.gen(function* () {
        const owner = yield* connected(server.url)
        const logs = [yield* reading(yield* connected(server.url)), yield* reading(yield* connected(server.url))]
        const { say } = yield* publishing(owner, 1)
        for (const log of logs) yield* heard(say, log)
        const all = ["text", new Uint8Array([0, 255]), { deep: [null, "ä"] }]
        for (const one of all) yield* say(one)
        for (const log of logs) {
          yield* until(() => log.some((entry) => entry._tag === "Message" && typeof entry.message === "object"), "JSON")
          yield* until(() => messages(log).length >= 4, "all")
          assert.deepStrictEqual(messages(log).slice(-3), all)
        }
      })
    )

    story("marks a restart of the server at a reader, and nothing is doubled or missing in silence", () =>
      Effect.gen(function* () {
        const owner = yield* connected(server.url)
        const log = yield* reading(yield* connected(server.url))
        const { say } = yield* publishing(owner, 1)
        let n = yield* heard(say, log)
        for (const pause of [0, 700]) {
          const before = log.length
          for (let k = 0; k < 50; k++) yield* say(n++)
          yield* Effect.promise(() => server.stop())
          for (let k = 0; k < 50; k++) yield* say(n++)
          yield* Effect.sleep(pause)
          yield* Effect.promise(() => server.start())
          // Nothing more is said until the hole is marked.
          yield* until(
            () => log.slice(before).some((entry) => entry._tag === "Gap" && entry.cause._tag === "ReadError"),
            "a gap"
          )
          const after = log.length
          while (!messages(log.slice(after)).length) {
            yield* say(n++)
            yield* Effect.sleep("50 millis")
          }
        }
        assertNoSilentHole(log)
      })
    )

    story("marks what an owner could not say, before it says more", () =>
      Effect.gen(function* () {
        const other = yield* Effect.acquireRelease(
          Effect.promise(() => Nats.NatsServer.create()),
          (own) => Effect.promise(() => own.remove())
        )
        const owner = yield* connected(other.url, { patience: "300 millis", window: 2_000 })
        const log = yield* reading(yield* connected(other.url))
        const { say, through } = yield* publishing(owner, 1)
        const n = yield* heard(say, log)
        yield* until(() => through.count === n, "all to be through")
        other.pause()
        const began = Date.now()
        for (let k = n; k < n + 400; k++) yield* say(k)
        // The socket's side goes on, although the server takes nothing.
        yield* until(() => through.count === n + 400, "all to be read")
        assert.isBelow(Date.now() - began, 5_000)
        other.resume()
        yield* until(() => log.some(({ _tag }) => _tag === "Lagged" || _tag === "Gap"), "a marker")
        yield* say(n + 400)
        yield* until(() => messages(log).includes(n + 400), "the next message")
        assertNoSilentHole(log)
      })
    )

    story("leaves out what an owner says that another one has followed", () =>
      Effect.gen(function* () {
        const log = yield* reading(yield* connected(server.url))
        const old = yield* publishing(yield* connected(server.url), 1)
        const next = yield* publishing(yield* connected(server.url), 2)
        yield* heard(old.say, log)
        yield* next.say("next")
        yield* until(() => messages(log).includes("next"), "the next owner")
        yield* old.say("late")
        yield* next.say("end")
        yield* until(() => messages(log).includes("end"), "the end")
        yield* Effect.sleep("100 millis")
        assert.isFalse(messages(log).includes("late"))
        const at = log.findIndex((entry) => entry._tag === "Message" && entry.message === "next")
        assert.strictEqual(log[at - 1]?._tag, "Gap")
      })
    )

    story("says what is wrong with a set-up", () =>
      Effect.gen(function* () {
        const nobody = yield* Effect.flip(connected("nats://127.0.0.1:1"))
        assert.deepInclude(nobody, { _tag: "BusFailed", operation: "connect" })
        const prefix = yield* Effect.flip(connected(server.url, { prefix: "a b" }))
        assert.deepInclude(prefix, { _tag: "InvalidFleet", path: ["prefix"] })
        const window = yield* Effect.flip(connected(server.url, { window: 0 }))
        assert.deepInclude(window, { _tag: "InvalidFleet", path: ["window"] })
      })
    )
  })
}
