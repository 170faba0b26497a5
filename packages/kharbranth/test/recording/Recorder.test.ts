/**
 * Proves what a recorder keeps: each event with the id of its cause, in bounds of
 * entries and bytes, what matters longest; that heartbeats are folded, that a
 * connection which gives up is handed over, and that a recording survives text.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Recorder from "kharbranth/Recorder"
import * as Fault from "kharbranth/testing/Fault"
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { firstSeed, runsOf } from "../support/histories.ts"
import { run, url } from "../support/virtual.ts"
import { chainTo, recorded } from "./recordingRig.ts"

const tagsOf = (entries: ReadonlyArray<Recorder.Entry>) =>
  entries.map(({ event }) => (event._tag === "GatePassed" ? event.gate : event._tag))

const lastOf = (recording: Recorder.Recording, tag: Recorder.Entry["event"]["_tag"]) =>
  recording.entries.findLast(({ event }) => event._tag === tag)!

const heartbeat = Heartbeat.ping({ every: "5 seconds", timeout: "2 seconds" })

describe("a recording", () => {
  it("of a quiet connection is short: its heartbeats are folded, and the phases of its dial", () =>
    recorded({ options: { heartbeat } }, ({ recording }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("10 minutes")
        const { connection, entries, evicted, folded, state } = yield* recording
        assert.deepStrictEqual(tagsOf(entries), ["DialStarted", "Open", "Ready", "Stable", "ProbeSent", "PulseSeen"])
        assert.strictEqual(evicted, 0)
        assert.closeTo(folded.probes, 118, 2)
        assert.deepStrictEqual([folded.pulses, folded.phases], [folded.probes, 4])
        assert.strictEqual(state._tag, "Connected")
        assert.deepStrictEqual(connection.hosts, ["peer.example"])
      })
    ))

  it("leads from a retry back to the probe that nobody answered", () =>
    recorded({ options: { heartbeat } }, ({ network, recording }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(20_000)
        yield* network.inject(Fault.halfOpen())
        yield* Effect.sleep(20_000)
        const taken = yield* recording
        const second = taken.entries.findLast(({ event }) => event._tag === "DialStarted" && event.epoch === 2)!
        assert.deepStrictEqual(tagsOf(chainTo(taken, second)), [
          "ProbeSent",
          "ProbeMissed",
          "SessionEnded",
          "Classified",
          "RetryScheduled",
          "DialStarted"
        ])
      })
    ))

  it("leads from the end of a session to the restart that asked for it", () =>
    recorded({}, ({ connection, recording }) =>
      Effect.gen(function* () {
        yield* connection.awaitReady
        yield* connection.restart({ reason: "a test" })
        yield* connection.awaitReady
        const taken = yield* recording
        assert.deepStrictEqual(tagsOf(chainTo(taken, lastOf(taken, "SessionEnded"))), [
          "RestartRequested",
          "SessionEnded"
        ])
      })
    ))

  it("leads from giving up to the reader that stood still", () =>
    recorded(
      {
        script: (peer) => Effect.sync(() => peer.sendUnsafe(Array.from({ length: 20 }, () => "x".repeat(10_000))))
      },
      ({ connection, recording }) =>
        Effect.gen(function* () {
          yield* connection.receive
          yield* Effect.sleep("30 seconds")
          const taken = yield* recording
          assert.deepStrictEqual(tagsOf(chainTo(taken, lastOf(taken, "GaveUp"))), [
            "InboxPaused",
            "ReaderStalled",
            "GaveUp"
          ])
        })
    ))

  it("of a long outage keeps its beginning and its end, within the bound", () =>
    recorded({ options: { reconnect: Reconnect.prompt } }, ({ network, recording }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(20_000)
        yield* network.inject(Fault.refuse())
        yield* network.inject(Fault.reset())
        yield* Effect.sleep("30 minutes")
        const { entries, evicted } = yield* recording
        assert.lengthOf(entries, 128)
        assert.isAbove(evicted, 500)
        const stable = entries.findIndex(({ event }) => event._tag === "GatePassed" && event.gate === "Stable")
        assert.strictEqual(entries[stable + 1]?.event._tag, "SessionEnded")
        assert.strictEqual(entries.at(-1)?.event._tag, "RetryScheduled")
      })
    ))

  it("keeps nothing of a life before the last Stable session while it needs the room", () =>
    recorded({ recorder: { entries: 16 } }, ({ connection, network, recording }) =>
      Effect.gen(function* () {
        for (let i = 0; i < 5; i++) {
          yield* network.inject(Fault.reset())
          yield* Effect.sleep("30 seconds")
        }
        yield* connection.awaitReady
        yield* network.inject(Fault.refuse())
        yield* network.inject(Fault.reset())
        yield* Effect.sleep(5000)
        const { entries } = yield* recording
        const stable = entries.findIndex(({ event }) => event._tag === "GatePassed" && event.gate === "Stable")
        assert.isAtLeast(stable, 0)
        assert.isAbove(entries.length - stable, 8)
        assert.isAtMost(entries.length, 16)
      })
    ))

  it("has nothing of messages: a flood of them adds no entry", () =>
    recorded(
      { script: (peer) => Effect.sync(() => peer.sendUnsafe(Array.from({ length: 10_000 }, () => "tick"))) },
      (world) =>
        Effect.gen(function* () {
          yield* Stream.runDrain(Stream.take(world.connection.stream, 10_000))
          yield* Effect.sleep("11 seconds")
          const { entries, folded, metrics } = yield* world.recording
          assert.strictEqual(metrics.messagesIn, 10_000)
          assert.isBelow(entries.length, 10)
          assert.isBelow(folded.edges, 10)
        })
    ))

  it("merges drops of one kind that follow each other", () =>
    recorded(
      {
        options: { inbox: { highWaterMark: 100, overflow: "dropOldest", maxStall: "1 second" } },
        script: (peer) =>
          Effect.forEach(Array.from({ length: 12 }), () =>
            Effect.andThen(
              Effect.sleep(500),
              Effect.sync(() => peer.sendUnsafe(["x".repeat(60)]))
            )
          )
      },
      ({ recording }) =>
        Effect.gen(function* () {
          yield* Effect.sleep("1 minute")
          const { entries, metrics } = yield* recording
          const dropped = entries.flatMap(({ event }) => (event._tag === "Dropped" ? [event.count] : []))
          assert.strictEqual(
            dropped.reduce((sum, count) => sum + count, 0),
            metrics.dropped["overflow"]
          )
        })
    ))
})

describe("a recorder", () => {
  it("counts what the others do now: after a fault, a pause, another target, a new name and a close", () =>
    run(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        const [here, there] = [url, "wss://there.example/"]
        yield* network.serve(here)
        yield* network.serve(there)
        yield* Effect.gen(function* () {
          const recorder = yield* Recorder.Recorder
          const of = Effect.map(recorder.of("a"), (recording) => {
            const { all, sameHost } = Option.getOrThrow(recording).others
            return [sameHost.connected, sameHost.connections, all.connected, all.connections]
          })
          const open = (name: string, target: string) => Connection.make(name, { target, reconnect: Reconnect.polite })
          yield* open("a", here)
          const b = yield* open("b", here)
          const c = yield* open("c", there)
          assert.deepStrictEqual(yield* of, [1, 1, 2, 2])
          yield* network.inject(Fault.refuse())
          yield* network.inject(Fault.reset())
          yield* Effect.sleep("1 second")
          assert.deepStrictEqual(yield* of, [0, 1, 0, 2])
          yield* network.heal
          yield* Effect.sleep("3 minutes")
          assert.deepStrictEqual(yield* of, [1, 1, 2, 2])
          yield* b.pause
          yield* Effect.sleep("1 second")
          assert.deepStrictEqual(yield* of, [0, 0, 1, 1])
          yield* Connection.update(c, (policies) => ({ ...policies, target: here }))
          yield* Effect.sleep("3 minutes")
          assert.deepStrictEqual(yield* of, [1, 1, 1, 1])
          const scope = yield* Scope.make()
          yield* Scope.provide(open("d", here), scope)
          assert.deepStrictEqual(yield* of, [2, 2, 2, 2])
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(yield* of, [1, 1, 1, 1])
        }).pipe(Effect.provide(Recorder.layer()), network.provide)
      })
    ))

  const many = (count: number, bytes: number, story: (recorder: Recorder.Recorder["Service"]) => Effect.Effect<void>) =>
    run(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        yield* Effect.gen(function* () {
          const recorder = yield* Recorder.Recorder
          yield* Effect.scoped(
            Effect.gen(function* () {
              for (let n = 0; n < count; n++) yield* Connection.make(`c${n}`, { target: url, startup: "background" })
              yield* story(recorder)
            })
          )
          assert.lengthOf(yield* recorder.names, Math.min(count, 64))
        }).pipe(Effect.provide(Recorder.layer({ bytes })), network.provide)
      })
    )

  it("keeps all connections together within its bytes", () =>
    many(30, 120_000, (recorder) =>
      Effect.gen(function* () {
        yield* Effect.sleep("3 minutes")
        const recordings = Result.getOrThrow(Recorder.fromText(yield* Stream.mkString(recorder.dump())))
        assert.lengthOf(recordings, 30)
        const kept = recordings.flatMap(({ entries }) => entries)
        assert.isBelow(JSON.stringify(kept).length, 120_000)
        for (const { entries, evicted } of recordings) {
          assert.isAtLeast(entries.length, 6)
          assert.isAbove(evicted, 0)
        }
      })
    ))

  it("keeps the last connections that were closed", () => many(70, 1_000_000, () => Effect.void))

  it("hands over the recording of a connection that gave up, and hears the program fail", async () => {
    const seen: Array<Recorder.Recording> = []
    const onFailed = (recording: Recorder.Recording) => {
      seen.push(recording)
      return Effect.fail("no disk")
    }
    await recorded({ recorder: { onFailed }, options: { reconnect: Reconnect.none } }, ({ connection, network }) =>
      Effect.gen(function* () {
        yield* connection.awaitReady
        yield* network.inject(Fault.reset())
        yield* Effect.sleep(1000)
      })
    )
    assert.lengthOf(seen, 1)
    assert.strictEqual(seen[0]!.state._tag, "Failed")
    assert.strictEqual(seen[0]!.entries.at(-1)?.event._tag, "GaveUp")
  })

  it("refuses bounds that hold nothing", () =>
    run(
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Effect.provide(Recorder.Recorder, Recorder.layer({ entries: 0 })))
        assert.isTrue(Exit.isFailure(exit))
        assert.include(String(exit), "entries")
      })
    ))

  it("writes text that reads back the same, and says which line is foreign", () =>
    recorded({ recorder: { steps: 100 } }, ({ network, recording }) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        yield* network.inject(Fault.reset())
        yield* Effect.sleep(1000)
        const taken = yield* recording
        const text = Recorder.toText(taken)
        assert.deepStrictEqual(Result.getOrThrow(Recorder.fromText(text + text)), [
          JSON.parse(JSON.stringify(taken)) as Recorder.Recording,
          JSON.parse(JSON.stringify(taken)) as Recorder.Recording
        ])
        const foreign = Recorder.fromText(`${text}{"planted":1}\n`)
        const lines = text.split("\n").length
        assert.include(Result.getOrThrow(Result.flip(foreign)).message, `line.${lines}`)
        assert.isTrue(Result.isFailure(Recorder.fromText("nonsense")))
        assert.isTrue(Option.isNone(yield* Effect.flatMap(Recorder.Recorder, (recorder) => recorder.of("nobody"))))
      })
    ))

  const causes = async (seed: number) => {
    const incidents = FaultSchedule.make({ seed, within: "3 minutes", incidents: 8 })
    const taken = await recorded({ network: { seed }, options: { heartbeat } }, ({ network, recording }) =>
      Effect.gen(function* () {
        yield* network.play(incidents)
        return yield* recording
      })
    )
    const known = new Map(taken.entries.map((entry) => [entry.seq, entry]))
    let before = 0
    for (const { because, seq } of taken.entries) {
      assert.isAbove(seq, before, `seed ${seed}`)
      before = seq
      if (because !== undefined) assert.isBelow(because, seq, `seed ${seed}`)
    }
    for (const { because, event, seq } of taken.entries) {
      const cause = known.get(because ?? 0)?.event._tag
      const told = `seed ${seed}, entry ${seq}`
      // Whatever a step of the lifecycle decided has a cause that is on record, or was evicted.
      if (event._tag === "Classified" && because !== undefined && cause !== undefined) {
        assert.include(["SessionEnded", "RestartRequested"], cause, told)
      }
      if (event._tag === "RetryScheduled") assert.include([undefined, "Classified"], cause, told)
      if (event._tag === "ProbeMissed") assert.include([undefined, "ProbeSent"], cause, told)
      if (event._tag === "RetryScheduled" || event._tag === "ProbeMissed") assert.isDefined(because, told)
    }
  }

  it("gives causes that came before, in any history", async () => {
    for (let seed = firstSeed; seed < firstSeed + runsOf(10); seed++) await causes(seed)
  })
})
