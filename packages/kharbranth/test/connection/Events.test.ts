/**
 * Proves that a connection's events answer why: what a dial waits for and how
 * long each of its phases took, who decided what an error means, who ended a
 * session and how long it had been quiet, and when messages wait in or out.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import * as DialBudget from "kharbranth/DialBudget"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as RateLimit from "kharbranth/RateLimit"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import type * as Target from "kharbranth/Target"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { run, url } from "../support/virtual.ts"

type Tag = ConnectionEvent["_tag"]
type At<T extends Tag> = Extract<ConnectionEvent, { readonly _tag: T }>
type Options = Partial<Connection.Options<typeof Codec.text, Target.Input<never>, never>>

/** What a connection has reported so far. */
class Heard {
  readonly all: Array<ConnectionEvent> = []

  of<T extends Tag>(tag: T): ReadonlyArray<At<T>> {
    return this.all.filter((event): event is At<T> => event._tag === tag)
  }

  phases(epoch: number): ReadonlyArray<readonly [string, number]> {
    return this.of("DialPhase").flatMap((event) =>
      event.epoch === epoch ? [[event.phase, Duration.toMillis(event.took)] as const] : []
    )
  }
}

interface World {
  readonly network: TestNetwork.TestNetwork
  readonly connection: Connection.Connection<string, string>
  readonly heard: Heard
}

interface Setting {
  readonly options?: Options
  readonly network?: TestNetwork.Options
  readonly script?: TestNetwork.Script
  readonly faults?: ReadonlyArray<Fault.Fault>
}

/** A connection that is about to dial, and everything it reports from its first dial on. */
const inWorld = <A, E>(setting: Setting, story: (world: World) => Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  run(
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 10, ...setting.network })
      yield* network.serve(url, setting.script)
      for (const fault of setting.faults ?? []) yield* network.inject(fault)
      return yield* Effect.gen(function* () {
        const connection = yield* Connection.make("peer", {
          target: url,
          codec: Codec.text,
          startup: "lazy",
          ...(setting.options as object)
        })
        const heard = new Heard()
        yield* Effect.forkScoped(
          Stream.runForEach(connection.events, (event) => Effect.sync(() => heard.all.push(event))),
          { startImmediately: true }
        )
        yield* Effect.forkScoped(Effect.ignore(connection.awaitReady), { startImmediately: true })
        return yield* story({ network, connection, heard })
      }).pipe(network.provide)
    })
  )

const slowly: Effect.Effect<string> = Effect.as(Effect.sleep(300), url)

describe("the phases of a dial", () => {
  it("are reported in order, each with the time it took", () =>
    inWorld({ options: { target: { url: slowly }, onOpen: () => Effect.sleep(70) } }, ({ heard }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        assert.deepStrictEqual(heard.phases(1), [
          ["target", 300],
          ["tcp", 30],
          ["http", 10],
          ["open", 70]
        ])
      })
    ))

  it("are one where the platform shows no more", () =>
    inWorld({ network: { platform: "browser" } }, ({ heard }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        assert.deepStrictEqual(heard.phases(1), [
          ["target", 0],
          ["connect", 40],
          ["open", 0]
        ])
      })
    ))

  for (const [fault, phase] of [
    [Fault.hang(), "http"],
    [Fault.partition(), "tcp"]
  ] as const) {
    it(`end with the deadline, which names the one under way: ${phase}`, () =>
      inWorld({ faults: [fault] }, ({ heard }) =>
        Effect.gen(function* () {
          yield* Effect.sleep("11 seconds")
          const { error } = heard.of("SessionEnded")[0]!
          assert.strictEqual(error._tag === "DialTimeout" && error.phase, phase)
          assert.include(error.message, `(in phase ${phase})`)
          assert.deepStrictEqual(heard.phases(1).at(-1)?.[0], phase)
        })
      ))
  }

  it("are named by a dial that failed", () =>
    inWorld({ faults: [Fault.refuse({ kind: "dns" })] }, ({ heard }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        const { error } = heard.of("SessionEnded")[0]!
        assert.strictEqual(error._tag === "DialFailed" && error.phase, "dns")
        assert.deepStrictEqual(heard.phases(1).at(-1), ["dns", 20])
      })
    ))
})

describe("a dial that the budget holds back", () => {
  const budgeted = (
    policy: DialBudget.Policy,
    faults: ReadonlyArray<Fault.Fault>,
    story: (heard: Heard) => void,
    later = 1
  ) =>
    run(
      Effect.gen(function* () {
        const budget = yield* DialBudget.make({ policy })
        const permit = budget.permit({ keys: ["wss://peer.example"] })
        const network = yield* TestNetwork.make({ latency: 10 })
        yield* network.serve(url)
        for (const fault of faults) yield* network.inject(fault)
        yield* Effect.gen(function* () {
          const make = (name: string) =>
            Connection.make(name, { target: url, codec: Codec.text, startup: "lazy", permit })
          const first = yield* make("first")
          const heard = new Heard()
          const second = yield* make("second")
          yield* Effect.forkScoped(
            Stream.runForEach(second.events, (event) => Effect.sync(() => heard.all.push(event))),
            { startImmediately: true }
          )
          yield* Effect.forkScoped(Effect.ignore(first.awaitReady), { startImmediately: true })
          yield* Effect.sleep(later)
          yield* Effect.forkScoped(Effect.ignore(second.awaitReady), { startImmediately: true })
          yield* Effect.sleep("5 seconds")
          story(heard)
        }).pipe(network.provide)
      })
    )

  it("says by which limit and for how long, and then that it goes", () =>
    budgeted({ minGap: "2 seconds" }, [], (heard) => {
      const [waiting] = heard.of("DialWaiting")
      assert.deepStrictEqual(waiting, {
        _tag: "DialWaiting",
        epoch: 1,
        key: "wss://peer.example",
        reason: "minGap",
        ahead: 0,
        wait: Duration.millis(1999)
      })
      assert.lengthOf(heard.of("DialPermitted"), 1)
      assert.deepStrictEqual(heard.phases(1)[0], ["permit", 1999])
    }))

  it("names the window, and the dials under way", async () => {
    await budgeted({ limits: { limit: 1, window: "3 seconds" } }, [], (heard) => {
      assert.strictEqual(heard.of("DialWaiting")[0]?.reason, "window")
    })
    await budgeted({ concurrent: 1 }, [], (heard) => {
      const [waiting] = heard.of("DialWaiting")
      assert.deepStrictEqual([waiting?.reason, waiting?.wait], ["concurrent", undefined])
    })
  })

  it("names the breaker, and the server that said when to come back", async () => {
    const refused = [Fault.refuse()]
    const waits = (reason: string) => (heard: Heard) => {
      assert.deepStrictEqual(
        heard.of("DialWaiting").map((event) => event.reason),
        [reason]
      )
      assert.lengthOf(heard.of("DialPermitted"), 0)
    }
    await budgeted({ breaker: { failures: 1, cooldown: "10 seconds" } }, refused, waits("breaker"), 100)
    await budgeted({}, [Fault.reject({ status: 429, retryAfter: "20 seconds" })], waits("retryAfter"), 100)
  })

  it("says nothing where nothing holds it back", () =>
    budgeted({}, [], (heard) => {
      assert.deepStrictEqual([heard.of("DialWaiting"), heard.of("DialPermitted")], [[], []])
    }))
})

describe("a decision", () => {
  it("is the default rule's, and says when the one refresh was used up", () =>
    inWorld({ faults: [Fault.reject({ status: 401 })] }, ({ heard }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("10 seconds")
        assert.deepStrictEqual(
          heard.of("Classified").map(({ by, decision, error }) => [error._tag, decision, by]),
          [
            ["HandshakeRejected", "Refresh", "default"],
            ["HandshakeRejected", "Stop", "refreshed already"]
          ]
        )
      })
    ))

  it("is the user's where that differs", () => {
    const reconnect = Reconnect.make({ classify: () => Reconnect.stop })
    return inWorld({ faults: [Fault.refuse()], options: { reconnect } }, ({ heard }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        const [classified] = heard.of("Classified")
        assert.deepStrictEqual([classified?.decision, classified?.by], ["Stop", "user"])
        assert.isBelow(
          heard.all.findIndex(({ _tag }) => _tag === "Classified"),
          heard.all.findIndex(({ _tag }) => _tag === "GaveUp")
        )
      })
    )
  })
})

describe("the end of a session", () => {
  const heartbeat = Heartbeat.none

  it("says how long it lived, and that the server closed it", () =>
    inWorld({ options: { heartbeat } }, ({ heard, network }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(60_040)
        yield* network.inject(Fault.close({ code: 1001 }))
        yield* Effect.sleep(100)
        const { by, lived, quietFor } = heard.of("SessionEnded")[0]!
        assert.deepStrictEqual([by, Duration.toMillis(lived), Duration.toMillis(quietFor)], ["peer", 60_030, 60_030])
      })
    ))

  it("says since when nothing had come: a message, or a pong", async () => {
    const script: TestNetwork.Script = (peer) =>
      Effect.andThen(
        Effect.sleep(5000),
        Effect.sync(() => peer.sendUnsafe(["hello"]))
      )
    await inWorld({ options: { heartbeat }, script }, ({ heard, network }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(20_040)
        yield* network.inject(Fault.reset())
        yield* Effect.sleep(100)
        const { by, quietFor } = heard.of("SessionEnded")[0]!
        assert.strictEqual(by, "network")
        assert.closeTo(Duration.toMillis(quietFor), 15_000, 50)
      })
    )
    const pinging = Heartbeat.ping({ every: "8 seconds", timeout: "5 seconds" })
    await inWorld({ options: { heartbeat: pinging } }, ({ heard, network }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(20_040)
        yield* network.inject(Fault.reset())
        yield* Effect.sleep(100)
        assert.closeTo(Duration.toMillis(heard.of("SessionEnded")[0]!.quietFor), 4_000, 50)
      })
    )
  })

  it("is ours when we restart, and quiet for no longer than it lived when a clock jumps", () =>
    inWorld({ options: { heartbeat } }, ({ connection, heard, network }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(5030)
        yield* network.inject(Fault.wallClock("2 hours"))
        yield* connection.restart()
        yield* Effect.sleep(100)
        const { by, lived, quietFor } = heard.of("SessionEnded")[0]!
        assert.deepStrictEqual([by, Duration.toMillis(lived), Duration.toMillis(quietFor)], ["us", 5010, 5010])
      })
    ))

  it("has no life if it was never open", () =>
    inWorld({ faults: [Fault.refuse()] }, ({ heard }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        const { by, lived } = heard.of("SessionEnded")[0]!
        assert.deepStrictEqual([by, Duration.toMillis(lived)], ["network", 0])
      })
    ))
})

describe("waiting", () => {
  const chatter: TestNetwork.Script = (peer) =>
    Effect.sync(() => peer.sendUnsafe(Array.from({ length: 10 }, () => "x".repeat(10_000))))

  it("of the socket begins when the inbox is full, and ends when it has been read", () =>
    inWorld({ script: chatter }, ({ connection, heard }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        const [paused] = heard.of("InboxPaused")
        assert.isAtLeast(paused!.bytes, 65_536)
        assert.deepStrictEqual(heard.of("InboxResumed"), [])
        yield* Stream.runDrain(Stream.take(connection.stream, 10))
        yield* Effect.sleep(100)
        assert.deepStrictEqual(heard.of("InboxResumed"), [{ _tag: "InboxResumed", epoch: 1 }])
      })
    ))

  const edges = (heard: Heard) =>
    heard.all.flatMap((event) =>
      event._tag === "SendersWaiting" ? [event.for] : event._tag === "SendersFree" ? ["free"] : []
    )

  it("of senders for a session ends when it is Ready", () =>
    inWorld({}, ({ connection, heard }) =>
      Effect.gen(function* () {
        yield* Effect.all([connection.send("a"), connection.send("b")], { concurrency: 2 })
        yield* Effect.sleep(100)
        assert.deepStrictEqual(edges(heard), ["session", "free"])
        yield* Effect.all([connection.send("c"), connection.send("d")], { concurrency: 2 })
        yield* Effect.sleep(100)
        assert.lengthOf(edges(heard), 2)
      })
    ))

  it("of senders for a server that does not read says so", () =>
    inWorld({ network: { window: 1000 } }, ({ connection, heard, network }) =>
      Effect.gen(function* () {
        yield* connection.awaitReady
        yield* network.inject(Fault.slowReader())
        yield* Effect.forEach([1, 2, 3, 4], () => connection.send("x".repeat(200_000)), { concurrency: 4 }).pipe(
          Effect.forkScoped
        )
        yield* Effect.sleep(100)
        assert.deepStrictEqual(edges(heard), ["writeMark"])
        yield* network.lift(Fault.slowReader())
        yield* Effect.sleep("20 seconds")
        assert.deepStrictEqual(edges(heard), ["writeMark", "free"])
      })
    ))

  it("of senders for the rate limit says so", () =>
    inWorld(
      { options: { rateLimit: RateLimit.make({ limit: 2, window: "1 second" }), heartbeat: Heartbeat.none } },
      ({ connection, heard }) =>
        Effect.gen(function* () {
          yield* connection.awaitReady
          yield* Effect.forEach(["a", "b", "c", "d", "e"], (text) => connection.send(text), { concurrency: 5 })
          yield* Effect.sleep(100)
          assert.deepStrictEqual(edges(heard), ["rateLimit", "free"])
        })
    ))

  it("of senders for room says so, where what has room only waits to be confirmed", () =>
    inWorld({ options: { outbox: { capacity: 1 } } }, ({ connection, heard, network }) =>
      Effect.gen(function* () {
        yield* connection.awaitReady
        yield* network.inject(Fault.mutePongs())
        yield* Effect.forkScoped(Connection.track(connection, "a"))
        yield* Effect.sleep(100)
        yield* Effect.forkScoped(Connection.track(connection, "b"))
        yield* Effect.sleep(100)
        assert.deepStrictEqual(edges(heard), ["capacity"])
      })
    ))
})
