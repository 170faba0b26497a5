/**
 * Proves when a working session is replaced and what its reader sees: at an age,
 * before a target expires, on the server's own notice, when it is asked for; with a key nothing comes
 * twice and nothing is lost, for as long as the overlap has an effect and no
 * longer; without one possible duplicates are counted. An overlap that is cut
 * short, by whichever side, leaves exactly one `Gap`; a whole one leaves none.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type * as Session from "kharbranth/Session"
import type { ConnectionError } from "kharbranth/ConnectionError"
import * as Heartbeat from "kharbranth/Heartbeat"
import type { Gap } from "kharbranth/Inbox"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { closed, settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

const rig = (
  rotate: Connection.Rotate<string>,
  target: { readonly url: string; readonly expiresAt?: Effect.Effect<number> } = { url },
  onOpen: (session: Session.Session<string, string>) => Effect.Effect<unknown, ConnectionError> = () => Effect.void,
  platform: "node" | "browser" = "node"
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1, platform })
    const server = yield* network.serve(url, () => Effect.void)
    const connection = yield* network.provide(
      Connection.make("feed", {
        target,
        codec: Codec.text,
        heartbeat: Heartbeat.none,
        reconnect: Reconnect.prompt,
        rotate,
        onOpen,
        openBuffer: 1000
      })
    )
    const seen: Array<string> = []
    const gaps: Array<Gap> = []
    yield* Effect.forkScoped(
      Stream.runForEach(connection.entries, (entry) =>
        Effect.sync(() => {
          if (entry._tag === "Message") seen.push(entry.message)
          else if (entry._tag === "SessionOpened") seen.push(`opened:${entry.epoch}:${entry.possibleDuplicates}`)
          else seen.push(entry._tag)
          if (entry._tag === "Gap") gaps.push(entry)
        })
      )
    )
    yield* settle
    return {
      connection,
      network,
      server,
      seen,
      gaps,
      dials: Effect.map(Connection.metrics(connection), ({ dials }) => dials)
    }
  })

const key = (message: string) => {
  if (message === "no key") throw new Error("it has none")
  return message
}

describe("rotation", () => {
  it.effect("happens at an age, less up to a tenth", () =>
    Effect.gen(function* () {
      const { dials, seen } = yield* rig({ maxAge: "1 hour" })
      yield* TestClock.adjust("53 minutes")
      assert.strictEqual(yield* dials, 1)
      yield* TestClock.adjust("8 minutes")
      assert.strictEqual(yield* dials, 2)
      assert.deepStrictEqual(seen, ["opened:1:0", "opened:2:0"])
    })
  )

  it.effect("happens before the target expires", () =>
    Effect.gen(function* () {
      const expiresAt = Effect.map(Clock.currentTimeMillis, (now) => now + 600_000)
      const { dials } = yield* rig({ before: "1 minute", mode: "breakFirst" }, { url, expiresAt })
      yield* TestClock.adjust("8 minutes")
      assert.strictEqual(yield* dials, 1)
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual(yield* dials, 2)
    })
  )

  it.effect("happens when the server says that it will close, and is tried again when its successor failed", () =>
    Effect.gen(function* () {
      const { connection, dials, network, server } = yield* rig({ notice: (message) => message === "bye" })
      const peer = yield* server.accepted
      yield* TestClock.adjust("20 seconds")
      const refuse = Fault.refuse()
      yield* network.inject(refuse)
      yield* peer.send(["news", "bye"])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* dials, 2)
      yield* network.lift(refuse)
      yield* connection.restart({ mode: "makeFirst" })
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
    })
  )

  it.effect("happens when it is asked for, in the mode of the option", () =>
    Effect.gen(function* () {
      for (const mode of [undefined, "breakFirst"] as const) {
        const { connection, dials, network, seen } = yield* rig(mode === undefined ? {} : { mode })
        const asked: Array<unknown> = []
        yield* Stream.runForEach(connection.events, (event) =>
          Effect.sync(() => event._tag === "RestartRequested" && asked.push([event.mode, event.by, event.reason]))
        ).pipe(Effect.forkScoped({ startImmediately: true }))
        yield* connection.rotate()
        yield* TestClock.adjust("1 second")
        yield* connection.rotate({ reason: "deploy" })
        yield* settle
        assert.strictEqual(yield* dials, 3)
        const used = mode ?? "makeFirst"
        assert.deepStrictEqual(asked, [
          [used, "user", "asked for"],
          [used, "user", "deploy"]
        ])
        assert.strictEqual(seen.includes("Gap"), used === "breakFirst")
        yield* connection.close
        assert.strictEqual((yield* Effect.flip(connection.rotate()))._tag, "NotConnected")
        assert.strictEqual(yield* network.open, 0)
      }
    })
  )

  it.effect("a session that still closes beside the next dial: what it brings counts as a possible duplicate", () =>
    Effect.gen(function* () {
      for (const dedupe of [undefined, key]) {
        const rotate = dedupe === undefined ? {} : { dedupe }
        const { connection, network, seen, server } = yield* rig(rotate, { url }, ({ epoch }) =>
          epoch === 2 ? Effect.sleep("1 second") : Effect.void
        )
        const first = yield* server.accepted
        yield* network.inject(Fault.ignoreClose())
        yield* Effect.forkScoped(connection.pause)
        yield* settle
        yield* first.send("before the dial")
        yield* Effect.forkScoped(connection.resume)
        yield* settle
        const second = yield* server.accepted
        for (const text of ["one", "two"]) {
          yield* first.send(text)
          yield* second.send(text)
        }
        yield* TestClock.adjust("2 seconds")
        yield* second.send("three")
        yield* settle
        assert.deepStrictEqual(seen, [
          "opened:1:0",
          "before the dial",
          "one",
          "two",
          "Gap",
          ...(dedupe === undefined ? ["opened:2:2", "one", "two"] : ["opened:2:0"]),
          "three"
        ])
        yield* closed(connection)
      }
    })
  )

  it.effect("with a key: nothing twice, nothing lost, and a key that comes again later is news", () =>
    Effect.gen(function* () {
      const { connection, seen, server } = yield* rig({ dedupe: key, overlap: "1 second" })
      const old = yield* server.accepted
      yield* old.send(["a", "b"])
      yield* settle
      yield* connection.restart({ mode: "makeFirst" })
      const next = yield* server.accepted
      yield* old.send(["c", "no key", "d"])
      yield* next.send(["c", "no key", "d", "e"])
      yield* settle
      yield* TestClock.adjust("2 seconds")
      yield* next.send(["f"])
      yield* settle
      yield* next.send(["c"])
      yield* settle
      const second = ["opened:2:0", "no key", "e", "f", "c"]
      assert.deepStrictEqual(seen, ["opened:1:0", "a", "b", "c", "no key", "d", ...second])
    })
  )

  it.effect("without a key: what the old session brought since the dial may come twice, and is counted", () =>
    Effect.gen(function* () {
      const { connection, seen, server } = yield* rig({ overlap: "1 second" })
      const old = yield* server.accepted
      yield* old.send(["before", "the dial"])
      yield* settle
      yield* connection.restart({ mode: "makeFirst" })
      const next = yield* server.accepted
      yield* old.send(["a", "b"])
      yield* next.send(["own", "a"])
      yield* settle
      yield* TestClock.adjust("2 seconds")
      // One that is late is among them, too.
      yield* next.send(["b", "c"])
      yield* settle
      const first = ["opened:1:0", "before", "the dial", "a", "b"]
      assert.deepStrictEqual(seen, [...first, "opened:2:2", "own", "a", "b", "c"])
    })
  )

  it.effect("without a key: what a successor that stands in for a lost session repeats is counted", () =>
    Effect.gen(function* () {
      const { connection, seen, server } = yield* rig({}, { url }, ({ epoch, receive }) =>
        epoch === 1 ? Effect.void : receive((message) => message === "go on")
      )
      const old = yield* server.accepted
      yield* Effect.forkScoped(Effect.ignore(connection.restart({ mode: "makeFirst" })))
      yield* settle
      const next = yield* server.accepted
      yield* old.send(["a", "b"])
      yield* next.send(["a", "b", "c"])
      yield* settle
      yield* old.reset
      yield* next.send("go on")
      yield* settle
      assert.deepStrictEqual(seen, ["opened:1:0", "a", "b", "Gap", "opened:2:2", "a", "b", "c"])
    })
  )

  it.effect("with a key: a successor that stands in for a lost session repeats nothing", () =>
    Effect.gen(function* () {
      const { connection, seen, server } = yield* rig({ dedupe: key }, { url }, ({ epoch, receive }) =>
        epoch === 1 ? Effect.void : receive((message) => message === "go on")
      )
      const old = yield* server.accepted
      yield* Effect.forkScoped(Effect.ignore(connection.restart({ mode: "makeFirst" })))
      yield* settle
      const next = yield* server.accepted
      yield* old.send("a")
      yield* settle
      // "b" waits already when the old session brings it, too.
      yield* next.send(["a", "b", "c"])
      yield* settle
      yield* old.send("b")
      yield* settle
      yield* old.reset
      yield* next.send("go on")
      yield* settle
      assert.deepStrictEqual(seen, ["opened:1:0", "a", "b", "Gap", "opened:2:0", "c"])
    })
  )

  it.effect(
    "a successor that dies within the overlap leaves a Gap for either, and the old one is not brought back",
    () =>
      Effect.gen(function* () {
        const { connection, seen, server } = yield* rig({ overlap: "10 seconds", dedupe: key })
        yield* server.accepted
        yield* connection.restart({ mode: "makeFirst" })
        const next = yield* server.accepted
        yield* next.send("held back")
        yield* settle
        yield* next.reset
        yield* TestClock.adjust("20 seconds")
        yield* connection.awaitReady
        yield* settle
        assert.deepStrictEqual(seen, ["opened:1:0", "Gap", "opened:2:0", "held back", "Gap", "opened:3:0"])
      })
  )
})

/** A rotation whose overlap has just begun, with a message on either session. */
const inOverlap = Effect.gen(function* () {
  const line = yield* rig({ overlap: "1 second" }, { url }, ({ epoch }) => Effect.succeed(`replayed to ${epoch}`))
  const { connection, server } = line
  const old = yield* server.accepted
  yield* connection.restart({ mode: "makeFirst" })
  const next = yield* server.accepted
  yield* TestClock.adjust("100 millis")
  yield* old.send("old")
  yield* next.send("new")
  yield* settle
  yield* TestClock.adjust("100 millis")
  assert.deepStrictEqual(line.seen, ["opened:1:0", "old"])
  return { ...line, old, next }
})

const swapped = (line: Effect.Success<ReturnType<typeof rig>>) =>
  Effect.gen(function* () {
    const old = yield* line.server.accepted
    const swap = yield* Effect.forkScoped(line.connection.restart({ mode: "makeFirst" }))
    yield* settle
    const next = yield* line.server.accepted
    return { old, next, swap }
  })

describe("an overlap lasts until the old session has shown that all has come", () => {
  it.effect("one that only seems alive ends with a Gap, soon after its time", () =>
    Effect.gen(function* () {
      const line = yield* rig({}, { url })
      const { gaps, network, seen } = line
      const first = yield* line.server.accepted
      yield* network.inject(Fault.halfOpen({ direction: "toClient" }))
      yield* first.send("lost")
      yield* Effect.forkScoped(line.connection.restart({ mode: "makeFirst" }))
      yield* settle
      yield* (yield* line.server.accepted).send("new")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["opened:1:0"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["opened:1:0", "Gap", "opened:2:0", "new"])
      assert.strictEqual(gaps[0]!.cause._tag, "ConnectionDropped")
      yield* closed(line.connection)
    })
  )

  it.effect("one that lags brings what it has, and leaves none", () =>
    Effect.gen(function* () {
      const line = yield* rig({}, { url }, ({ epoch, receive }) =>
        epoch === 1 ? Effect.void : receive((message) => message === "go on")
      )
      const { next, old } = yield* swapped(line)
      const slow = Fault.latency({ latency: 700 })
      yield* line.network.inject(slow)
      yield* old.send("slow")
      yield* line.network.lift(slow)
      yield* next.send(["go on", "new"])
      yield* settle
      yield* TestClock.adjust("600 millis")
      assert.deepStrictEqual(line.seen, ["opened:1:0"])
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(line.seen, ["opened:1:0", "slow", "opened:2:1", "new"])
    })
  )

  it.effect("a peer that talks and never answers pings ends with a Gap: more may be on its way", () =>
    Effect.gen(function* () {
      const line = yield* rig({}, { url })
      yield* line.network.inject(Fault.mutePongs())
      yield* Effect.forkScoped(Effect.exit(Connection.ping(line.connection)))
      yield* TestClock.adjust("11 seconds")
      const { next, old } = yield* swapped(line)
      yield* old.send("a")
      yield* next.send("b")
      yield* TestClock.adjust("1900 millis")
      assert.deepStrictEqual(line.seen, ["opened:1:0", "a"])
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(line.seen, ["opened:1:0", "a", "Gap", "opened:2:1", "b"])
    })
  )

  it.effect("where nobody can be asked, time alone decides", () =>
    Effect.gen(function* () {
      const line = yield* rig({}, { url }, undefined, "browser")
      const { next, old } = yield* swapped(line)
      yield* line.network.inject(Fault.halfOpen({ direction: "toServer" }))
      yield* old.send("a")
      yield* next.send("b")
      yield* TestClock.adjust("260 millis")
      assert.deepStrictEqual(line.seen, ["opened:1:0", "a", "opened:2:1", "b"])
      yield* closed(line.connection)
    })
  )
})

describe("an overlap that is cut short leaves one Gap, before the successor's marker", () => {
  it.effect("when the network cuts the old session", () =>
    Effect.gen(function* () {
      const { gaps, old, seen } = yield* inOverlap
      yield* old.reset
      yield* settle
      assert.deepStrictEqual(seen, ["opened:1:0", "old", "Gap", "opened:2:1", "new"])
      const [gap] = gaps
      assert.deepStrictEqual(gap, {
        _tag: "Gap",
        epoch: 2,
        from: 100,
        to: 200,
        cause: gap!.cause,
        resumed: "replayed to 2"
      })
      assert.strictEqual(gap!.cause._tag, "ConnectionDropped")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(gaps.length, 1)
    })
  )

  it.effect("when the server closes the old session: whether the successor has the rest, nobody can know", () =>
    Effect.gen(function* () {
      const { gaps, old, seen } = yield* inOverlap
      yield* old.close(4001, "logged in elsewhere")
      yield* settle
      assert.deepStrictEqual(seen, ["opened:1:0", "old", "Gap", "opened:2:1", "new"])
      assert.deepStrictEqual(
        gaps.map(({ cause }) => cause._tag),
        ["ConnectionClosed"]
      )
    })
  )

  it.effect("when the next rotation drops the old session", () =>
    Effect.gen(function* () {
      const { connection, gaps, seen } = yield* inOverlap
      yield* connection.restart({ mode: "makeFirst" })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, ["opened:1:0", "old", "Gap", "opened:2:1", "new", "opened:3:0"])
      assert.deepStrictEqual(
        gaps.map(({ cause }) => cause._tag),
        ["ConnectionDropped"]
      )
    })
  )

  it.effect("when a restart drops both: each boundary has its own", () =>
    Effect.gen(function* () {
      const { connection, seen } = yield* inOverlap
      yield* connection.restart()
      yield* settle
      assert.deepStrictEqual(seen, ["opened:1:0", "old", "Gap", "opened:2:1", "new", "Gap", "opened:3:0"])
    })
  )

  it.effect("when the successor has no room left for what waits", () =>
    Effect.gen(function* () {
      const { next, seen } = yield* inOverlap
      yield* next.send("x".repeat(2000))
      yield* settle
      assert.deepStrictEqual(seen.slice(0, 5), ["opened:1:0", "old", "Gap", "opened:2:1", "new"])
    })
  )

  it.effect("and none when it was whole, however the old session ends then", () =>
    Effect.gen(function* () {
      const { gaps, network, old, seen } = yield* inOverlap
      const ignore = Fault.ignoreClose()
      yield* network.inject(ignore)
      yield* TestClock.adjust("900 millis")
      yield* old.reset
      yield* network.lift(ignore)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, ["opened:1:0", "old", "opened:2:1", "new"])
      assert.deepStrictEqual(gaps, [])
    })
  )
})
