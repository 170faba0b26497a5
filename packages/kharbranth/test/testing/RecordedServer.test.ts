/**
 * Proves that a recording served again tells the same story: each dial and session
 * ends alike, each session lives as long, the connection goes through the same states, and the same is to
 * blame; for each fate alone, and for random histories of faults in the network.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import type { Recording } from "kharbranth/Recorder"
import * as Fault from "kharbranth/testing/Fault"
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import * as RecordedServer from "kharbranth/testing/RecordedServer"
import * as Why from "kharbranth/Why"
import { recorded, recordedOn, type World } from "../recording/recordingRig.ts"
import { firstSeed, runsOf } from "../support/histories.ts"
import { url } from "../support/virtual.ts"

const options = {
  heartbeat: Heartbeat.ping({ every: "5 seconds", timeout: "3 seconds" }),
  reconnect: Reconnect.prompt,
  dialTimeout: "5 seconds"
}
const recorder = { entries: 4_096, steps: 4_096 }

/** How each dial and session ended, in order. */
const endsOf = ({ entries }: Recording): ReadonlyArray<string> =>
  entries.flatMap(({ event }) => {
    if (event._tag !== "SessionEnded") return []
    const { code, kind, status } = event.error.fields
    return [`${event.error.tag} ${String(status ?? kind ?? code ?? "")}`.trim()]
  })

/** The states it went through. */
const statesOf = ({ steps }: Recording): ReadonlyArray<string> => {
  const tags = steps?.taken.map(({ state }) => state._tag) ?? []
  return tags.filter((tag, index) => tag !== tags[index - 1])
}

const story = (recording: Recording) => ({
  ends: endsOf(recording),
  states: statesOf(recording),
  blame: Why.explain(recording).blame
})

/** For how long each session lived, in milliseconds. */
const livesOf = ({ entries }: Recording): ReadonlyArray<number> =>
  entries.flatMap(({ event }) => (event._tag === "SessionEnded" ? [event.lived] : []))

/** As long as latency and a probe's answer on its way may differ. */
const near = (lives: ReadonlyArray<number>, others: ReadonlyArray<number>): boolean =>
  lives.length === others.length && lives.every((lived, index) => Math.abs(lived - (others[index] ?? 0)) <= 500)

/** The same connection against the recording, for as long as the recording took. */
const again = (recording: Recording, seed: number): Promise<Recording> =>
  recordedOn(
    { network: { seed, latency: 0 }, options, recorder },
    (network) => RecordedServer.serve(network, url, recording),
    ({ recording: taken }) => Effect.andThen(Effect.sleep(recording.takenAt), taken)
  )

const tell = (seed: number, happens: (world: World) => Effect.Effect<unknown>) =>
  recorded({ network: { seed }, options, recorder }, (world) =>
    Effect.gen(function* () {
      yield* Effect.sleep("12 seconds")
      yield* happens(world)
      return yield* world.recording
    })
  )

/** A fault that shows at the next dial only, which a reset brings about. */
const atDial =
  (fault: Fault.Fault) =>
  ({ network }: World) =>
    network
      .inject(fault)
      .pipe(
        Effect.andThen(network.inject(Fault.reset())),
        Effect.andThen(Effect.sleep("8 seconds")),
        Effect.andThen(network.lift(fault)),
        Effect.andThen(Effect.sleep("20 seconds"))
      )

const once =
  (fault: Fault.Fault) =>
  ({ network }: World) =>
    Effect.andThen(network.inject(fault), Effect.sleep("20 seconds"))

describe("a recorded server", () => {
  const alone: Readonly<Record<string, (world: World) => Effect.Effect<unknown>>> = {
    "HandshakeRejected 503": atDial(Fault.reject({ status: 503, retryAfter: "2 seconds" })),
    "HandshakeRejected 404": atDial(Fault.reject({ status: 404 })),
    "DialFailed refused": atDial(Fault.refuse()),
    "DialFailed dns": atDial(Fault.refuse({ kind: "dns" })),
    "TlsError CERT_HAS_EXPIRED": atDial(Fault.tlsFailure()),
    "DialTimeout": atDial(Fault.hang()),
    "ConnectionClosed 1011": atDial(Fault.acceptThenClose()),
    "ConnectionClosed 4000": once(Fault.close({ code: 4000 })),
    "ConnectionDropped": once(Fault.reset()),
    "PongReceiveTimeout": once(Fault.halfOpen())
  }
  for (const [end, happens] of Object.entries(alone)) {
    it(`repeats ${end}`, async () => {
      const recording = await tell(1, happens)
      assert.include(endsOf(recording), end)
      const replayed = await again(recording, 1)
      assert.deepStrictEqual(story(replayed), story(recording))
      assert.isTrue(
        near(livesOf(replayed), livesOf(recording)),
        `${livesOf(replayed).join()} for ${livesOf(recording).join()}`
      )
    })
  }

  it("repeats random histories of a network's faults", async () => {
    const kinds = [
      "Refuse",
      "Hang",
      "Reject",
      "TlsFailure",
      "AcceptThenClose",
      "AcceptThenReset",
      "HalfOpen",
      "Reset",
      "Close",
      "Partition",
      "MutePongs"
    ] as const
    let ends = 0
    for (let seed = firstSeed; seed < firstSeed + runsOf(60); seed++) {
      const recording = await tell(seed, ({ network }) =>
        Effect.andThen(
          network.play(FaultSchedule.make({ seed, within: "2 minutes", incidents: 5, kinds })),
          Effect.sleep("30 seconds")
        )
      )
      const replayed = await again(recording, seed)
      assert.deepStrictEqual(story(replayed), story(recording), `seed ${seed}`)
      assert.isTrue(near(livesOf(replayed), livesOf(recording)), `seed ${seed}`)
      ends += endsOf(recording).length
    }
    assert.isAbove(ends, 100)
  })
})
