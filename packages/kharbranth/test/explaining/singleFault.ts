// Histories with one fault: a connection that is well, then one thing that goes
// wrong, and whom an explanation may blame for that. Where two causes look the
// same from the client's end, either is right; where nothing is seen to go wrong,
// nobody is to blame.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import type { Recording } from "kharbranth/Recorder"
import type { Fault } from "kharbranth/testing/Fault"
import * as Faults from "kharbranth/testing/Fault"
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import type * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Why from "kharbranth/Why"
import { recorded } from "../recording/recordingRig.ts"

type Blames = ReadonlyArray<Why.Blame>

const codes = (code: number): Blames => [code === 1008 ? "credentials" : "server"]
const statuses = (status: number): Blames => [
  status === 401 || status === 403 ? "credentials" : status === 404 ? "configuration" : "server"
]
const kinds: Readonly<Record<string, Blames>> = {
  dns: ["this machine"],
  refused: ["server"],
  reset: ["server"],
  unreachable: ["network"]
}

/** Whom to blame for what it brings about, if it brings about anything. */
export const blamesOf = (fault: Fault): Blames => {
  switch (fault._tag) {
    case "Refuse":
      return kinds[fault.kind] ?? []
    case "Reject":
      return statuses(fault.status)
    case "AcceptThenClose":
    case "Close":
      return codes(fault.code)
    case "Hang":
    case "TlsFailure":
    case "AcceptThenReset":
      return ["server"]
    case "Latency":
    case "Loss":
    case "Bandwidth":
    case "Stall":
    case "Partition":
    case "HalfOpen":
    case "Reset":
    case "CutMidWrite":
      return ["network"]
    // A server that does not read, or does not answer, looks like a path that lost one direction.
    case "MutePongs":
    case "SlowReader":
      return ["network", "server"]
    case "Flood":
      return ["your reader"]
    case "Suspend":
    case "WallClock":
      return ["this machine"]
    // They show when we close, and then only in how long that takes.
    case "IgnoreClose":
    case "HoldOpen":
    case "LateEnd":
      return []
  }
}

/** These show at the next dial only. */
const atDial: ReadonlySet<string> = new Set([
  "Refuse",
  "Hang",
  "Reject",
  "TlsFailure",
  "AcceptThenClose",
  "AcceptThenReset"
])

export interface Verdict {
  readonly seed: number
  readonly fault: Fault
  readonly explanation: Why.Explanation
  readonly recording: Recording
  readonly isRight: boolean
}

const script: TestNetwork.Script = (peer) =>
  Effect.repeat(
    Effect.sync(() => peer.sendUnsafe(["tick"])),
    Schedule.spaced("1 second")
  )

/** What went wrong, as the client has seen it: an end that it did not ask for, or a reader that stands still. */
const isTroubled = ({ entries, state }: Recording): boolean =>
  state._tag === "Failed" ||
  entries.some(({ event }) => event._tag === "InboxPaused" || (event._tag === "SessionEnded" && event.by !== "us")) ||
  entries.some(({ event }) => event._tag === "SendersWaiting" && event.for === "writeMark")

const settling = 20_000
const lasting = 25_000

export const runOne = async (seed: number): Promise<Verdict> => {
  const kind = FaultSchedule.kinds[seed % FaultSchedule.kinds.length]!
  const [incident] = FaultSchedule.make({ seed, within: "30 seconds", incidents: 1, kinds: [kind] })
  const { fault } = incident!
  const stands = fault._tag === "Flood" && seed % 2 === 0
  const recording = await recorded(
    {
      script,
      network: { seed },
      options: {
        heartbeat: Heartbeat.ping({ every: "5 seconds", timeout: "3 seconds" }),
        reconnect: Reconnect.prompt,
        inbox: { highWaterMark: 4096, maxStall: "1 minute" }
      }
    },
    ({ connection, network, recording }) =>
      Effect.gen(function* () {
        const reading = yield* Effect.forkScoped(Effect.exit(Stream.runDrain(connection.stream)))
        yield* Effect.forkScoped(Effect.ignore(Effect.repeat(connection.send("tock"), Schedule.spaced("2 seconds"))))
        yield* Effect.sleep(settling + (seed % 7) * 777)
        if (stands) reading.interruptUnsafe()
        yield* network.inject(stands ? Faults.flood({ frames: 500, size: 1000 }) : fault)
        if (atDial.has(fault._tag)) yield* network.inject(Faults.reset())
        yield* Effect.sleep(lasting)
        const taken = yield* recording
        yield* network.heal
        return taken
      })
  )
  const explanation = Why.explain(recording)
  const blames: ReadonlyArray<Why.Blame | undefined> = isTroubled(recording) ? blamesOf(fault) : [undefined]
  return { seed, fault, explanation, recording, isRight: blames.includes(explanation.blame) }
}

/** The share of histories whose blame is right, and those that are wrong, in words. */
export const judge = async (seeds: ReadonlyArray<number>) => {
  const wrong: Array<string> = []
  for (const seed of seeds) {
    const { explanation, fault, isRight } = await runOne(seed)
    if (!isRight) wrong.push(`seed ${seed}: ${JSON.stringify(fault)}\n${Why.print(explanation)}`)
  }
  return { share: 1 - wrong.length / seeds.length, wrong }
}
