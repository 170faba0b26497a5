/**
 * Proves when a working session is replaced and what its reader sees: at an age,
 * before a target expires, on the server's own notice, when it is asked for; with a key nothing comes
 * twice and nothing is lost, for as long as the overlap has an effect and no
 * longer; without one possible duplicates are counted.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "./support/topicServer.ts"

const url = "wss://feed.example/ws"

const rig = (
  rotate: Connection.Rotate<string>,
  target: { readonly url: string; readonly expiresAt?: Effect.Effect<number> } = { url }
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const server = yield* network.serve(url, () => Effect.void)
    const connection = yield* network.provide(
      Connection.make("feed", {
        target,
        codec: Codec.text,
        heartbeat: Heartbeat.none,
        reconnect: Reconnect.prompt,
        rotate
      })
    )
    const seen: Array<string> = []
    yield* Effect.forkScoped(
      Stream.runForEach(connection.entries, (entry) =>
        Effect.sync(() => {
          if (entry._tag === "Message") seen.push(entry.message)
          else if (entry._tag === "SessionOpened") seen.push(`opened:${entry.epoch}:${entry.possibleDuplicates}`)
          else seen.push(entry._tag)
        })
      )
    )
    yield* settle
    return { connection, network, server, seen, dials: Effect.map(connection.metrics, ({ dials }) => dials) }
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
        yield* connection.rotate("deploy")
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

  it.effect("without a key: what waited for the overlap may come twice, and is counted", () =>
    Effect.gen(function* () {
      const { connection, seen, server } = yield* rig({ overlap: "1 second" })
      const old = yield* server.accepted
      yield* connection.restart({ mode: "makeFirst" })
      const next = yield* server.accepted
      yield* old.send("a")
      yield* next.send(["a", "b"])
      yield* settle
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(seen, ["opened:1:0", "a", "opened:2:2", "a", "b"])
    })
  )

  it.effect("a successor that dies within the overlap leaves a Gap, and the old one is not brought back", () =>
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
      assert.deepStrictEqual(seen, ["opened:1:0", "opened:2:0", "held back", "Gap", "opened:3:0"])
    })
  )
})
