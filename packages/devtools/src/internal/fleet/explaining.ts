/** What the recorder knows of a connection, and what it means. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Recorder, Recording } from "kharbranth/Recorder"
import * as Why from "kharbranth/Why"
import type { Found } from "./sampling.ts"

type Entry = Recording["entries"][number]

const changes: ReadonlySet<Entry["event"]["_tag"]> = new Set(["DialStarted", "SessionEnded", "GaveUp"])

export const recordingOf = (recorder: Recorder["Service"], name: string): Recording | undefined =>
  Option.getOrUndefined(Effect.runSync(recorder.of(name)))

export const explainBy =
  (recorder: Recorder["Service"]) =>
  (name: string): Found | undefined => {
    const recording = recordingOf(recorder, name)
    if (recording === undefined) return undefined
    const { because, blame } = Why.explain(recording)
    const change = recording.entries.findLast(({ event }) => changes.has(event._tag))
    return {
      blame,
      because,
      rtt: recording.metrics.rtt?.last,
      changedAt: change === undefined ? undefined : Date.parse(recording.startedAt) + change.at
    }
  }
