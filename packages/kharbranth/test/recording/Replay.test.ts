/**
 * Proves that a recording can be run again: the recorded inputs give the recorded
 * states, for random histories of the lifecycle and of a whole connection under
 * faults, from text too; and that a state which is not theirs is found.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Recorder from "kharbranth/Recorder"
import * as Replay from "kharbranth/Replay"
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import { reduce } from "../../src/internal/lifecycle/reduce.ts"
import { Steps } from "../../src/internal/recording/steps.ts"
import { type Reduce, walk } from "../lifecycle/lifecycleWalk.ts"
import { firstSeed, runsOf } from "../support/histories.ts"
import { recorded } from "./recordingRig.ts"

const seedsOf = (many: number) => Array.from({ length: runsOf(many) }, (_, index) => firstSeed + index)

const one = (recordings: ReadonlyArray<Recorder.Recording>): Recorder.Recording => recordings[0]!

/** As it comes from a file. */
const reread = (recording: Recorder.Recording): Recorder.Recording =>
  one(Result.getOrThrow(Recorder.fromText(Recorder.toText(recording))))

const empty = recorded({}, ({ recording }) => recording)

/** A random history of the lifecycle alone, as a recorder keeps its last steps. */
const historyOf = async (seed: number, most: number): Promise<Recorder.Recording> => {
  const steps = new Steps(most)
  const recording: Reduce = (state, input, now) => {
    const outcome = reduce(state, input, now)
    steps.add(input, outcome[0], now)
    return outcome
  }
  walk(recording, seed % 3 === 0 ? "anything" : "well-behaved", seed, 60)
  return { ...(await empty), steps: steps.taken() }
}

describe("a replay", () => {
  it("gives the recorded states of random histories of the lifecycle", async () => {
    let states = 0
    for (const seed of seedsOf(1000)) {
      const recording = await historyOf(seed, seed % 2 === 0 ? 1000 : 20)
      for (const kept of [recording, reread(recording)]) {
        const replayed = Result.getOrThrow(Replay.run(kept))
        assert.isUndefined(replayed.differs, `seed ${seed}: ${JSON.stringify(replayed.differs)}`)
        states += replayed.states.length
      }
    }
    assert.isAbove(states, 10_000)
  })

  it("gives those of connections under faults", async () => {
    for (const seed of seedsOf(12)) {
      const recording = await recorded({ network: { seed }, recorder: { steps: 1000 } }, ({ network, recording }) =>
        Effect.gen(function* () {
          yield* network.play(FaultSchedule.make({ seed, within: "3 minutes", incidents: 8 }))
          return yield* recording
        })
      )
      const replayed = Result.getOrThrow(Replay.run(reread(recording)))
      assert.isUndefined(replayed.differs, `seed ${seed}`)
      assert.deepStrictEqual(replayed.states.at(-1), JSON.parse(JSON.stringify(recording.state)), `seed ${seed}`)
    }
  })

  it("finds a step whose state is not the recorded one", async () => {
    const recording = await historyOf(4, 1000)
    const taken = [...recording.steps!.taken]
    taken[7] = { ...taken[7]!, state: { _tag: "Closing" } }
    const replayed = Result.getOrThrow(Replay.run({ ...recording, steps: { ...recording.steps!, taken } }))
    assert.strictEqual(replayed.differs?.step, 7)
  })

  it("needs steps, and says how to get them", async () => {
    const failure = Result.getOrThrow(Result.flip(Replay.run(await empty)))
    assert.include(failure.message, "option `steps`")
  })
})
