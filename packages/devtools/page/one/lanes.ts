/** The sessions of a recording, from its events: how each was dialed, lived and ended. */
import type { Entry, Recording } from "kharbranth/Recorder"
import { errorText } from "../words/events.ts"

export interface Phase {
  readonly name: string
  readonly took: number
}

export interface Lane {
  readonly epoch: number
  readonly role: "active" | "successor" | "hedge"
  /** Milliseconds of the recording. */
  readonly dialedAt: number | undefined
  readonly phases: ReadonlyArray<Phase>
  readonly readyAt: number | undefined
  readonly endedAt: number | undefined
  /** What ended it. */
  readonly end: { readonly text: string; readonly by: "peer" | "us" | "network"; readonly seq: number } | undefined
}

const empty = (epoch: number): Lane => ({
  epoch,
  role: "active",
  dialedAt: undefined,
  phases: [],
  readyAt: undefined,
  endedAt: undefined,
  end: undefined
})

const step = (lane: Lane, { at, event, seq }: Entry): Lane => {
  switch (event._tag) {
    case "DialStarted":
      return { ...lane, role: event.role, dialedAt: at, phases: [] }
    case "DialPhase":
      return { ...lane, phases: [...lane.phases, { name: event.phase, took: event.took }] }
    case "GatePassed":
      return event.gate === "Open" ? lane : { ...lane, readyAt: lane.readyAt ?? at }
    case "SessionEnded": {
      // An evicted or folded dial still shows how long its session lived.
      const readyAt = lane.readyAt ?? (event.lived > 0 ? at - event.lived : undefined)
      return { ...lane, readyAt, endedAt: at, end: { text: errorText(event.error), by: event.by, seq } }
    }
    default:
      return lane
  }
}

/** The sessions, the newest first. Each has an entry of its own in the recording. */
export const lanesOf = ({ entries, metrics, state, takenAt }: Recording): ReadonlyArray<Lane> => {
  const lanes = new Map<number, Lane>()
  for (const entry of entries) {
    const epoch = "epoch" in entry.event ? entry.event.epoch : undefined
    if (epoch === undefined) continue
    lanes.set(epoch, step(lanes.get(epoch) ?? empty(epoch), entry))
  }
  // The dial of a session that is Stable is folded: its state says since when it is Ready.
  if (state._tag === "Connected") {
    const lane = lanes.get(state.epoch) ?? empty(state.epoch)
    lanes.set(state.epoch, { ...lane, readyAt: lane.readyAt ?? Math.max(0, takenAt - metrics.uptime) })
  }
  return [...lanes.values()]
    .filter(({ dialedAt, end, readyAt }) => dialedAt !== undefined || readyAt !== undefined || end !== undefined)
    .toSorted((a, b) => b.epoch - a.epoch)
}

/** Milliseconds of the recording that the lanes' axis spans. */
export const spanOf = (lanes: ReadonlyArray<Lane>, takenAt: number): { readonly from: number; readonly to: number } => {
  const begins = lanes.flatMap(({ dialedAt, readyAt }) => [dialedAt ?? readyAt ?? takenAt])
  const from = Math.min(takenAt, ...begins)
  return { from, to: Math.max(takenAt, from + 1) }
}
