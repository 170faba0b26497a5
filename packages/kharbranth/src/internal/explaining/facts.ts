/**
 * What a recording says about the present: how the last sessions and dials ended,
 * what is being waited for, and which entries led there.
 */
import type { Entry, PlainError, Recording } from "../../Recorder.ts"

type Event = Entry["event"]
type Tag = Event["_tag"]

/** An entry of one kind. */
export type EntryOf<T extends Tag> = Entry & { readonly event: Extract<Event, { readonly _tag: T }> }

/** A session or a dial that ended against our will. */
export interface Loss {
  readonly entry: EntryOf<"SessionEnded">
  readonly error: PlainError
  /** Which dial of its outage it was, where that is on record. */
  readonly attempt: number | undefined
  /** Whether its socket was ever open. */
  readonly opened: boolean
  readonly ready: boolean
  /** Whether any of its probes was answered. */
  readonly answered: boolean
  /** The policy's decision, where one was made. */
  readonly decision: EntryOf<"Classified">["event"] | undefined
}

export interface Facts {
  readonly recording: Recording
  readonly losses: ReadonlyArray<Loss>
  /** Those since a session was last Ready: the one that lost it, and the dials that failed after it. */
  readonly outage: ReadonlyArray<Loss>
  /** When a session was last Ready. */
  readonly readyAt: number | undefined
  readonly paused: EntryOf<"InboxPaused"> | undefined
  readonly senders: EntryOf<"SendersWaiting"> | undefined
  readonly budget: EntryOf<"DialWaiting"> | undefined
  readonly retry: EntryOf<"RetryScheduled"> | undefined
  readonly dial: EntryOf<"DialStarted"> | undefined
  /** Signs that this machine stood still or changed its clock. */
  readonly suspicions: ReadonlyArray<EntryOf<"Suspected">>
  readonly bySeq: ReadonlyMap<number, Entry>
}

export const is =
  <T extends Tag>(tag: T) =>
  (entry: Entry): entry is EntryOf<T> =>
    entry.event._tag === tag

/** Whether its reason is one of this machine's clocks. */
export const isClock = ({ event }: EntryOf<"Suspected">): boolean => /timers|clock/.test(event.reason)

/** The last entry of one kind, unless one of these kinds came after it. */
const open = <T extends Tag>(
  entries: ReadonlyArray<Entry>,
  tag: T,
  closers: ReadonlyArray<Tag>
): EntryOf<T> | undefined => {
  const found = entries.findLast((entry) => entry.event._tag === tag || closers.includes(entry.event._tag))
  return found !== undefined && is(tag)(found) ? found : undefined
}

const lossesOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<Loss> => {
  const dials = new Map(entries.filter(is("DialStarted")).map(({ event }) => [event.epoch, event]))
  const gates = entries.filter(is("GatePassed"))
  const answered = new Set(entries.filter(is("PulseSeen")).map(({ epoch }) => epoch))
  const decisions = new Map(entries.filter(is("Classified")).map((entry) => [entry.because, entry.event]))
  const passed = (epoch: number, gate: "Open" | "Ready") =>
    gates.some(({ event }) => event.epoch === epoch && event.gate === gate)
  return entries.filter(is("SessionEnded")).flatMap((entry): ReadonlyArray<Loss> => {
    const { by, epoch, error, lived } = entry.event
    if (by === "us" && error.tag === "ConnectionClosed") return []
    const dial = dials.get(epoch)
    return [
      {
        entry,
        error,
        attempt: dial?.attempt,
        opened: lived > 0 || passed(epoch, "Open"),
        ready: passed(epoch, "Ready"),
        answered: answered.has(epoch),
        decision: decisions.get(entry.seq)
      }
    ]
  })
}

export const factsOf = (recording: Recording): Facts => {
  const { entries } = recording
  const losses = lossesOf(entries)
  const lastReady = entries.findLast((entry) => is("GatePassed")(entry) && entry.event.gate === "Ready")
  const since = lastReady?.seq ?? 0
  return {
    recording,
    losses,
    outage: losses.filter(({ entry }) => entry.seq > since),
    readyAt: lastReady?.at,
    paused: open(entries, "InboxPaused", ["InboxResumed", "SessionEnded"]),
    senders: open(entries, "SendersWaiting", ["SendersFree"]),
    budget: open(entries, "DialWaiting", ["DialPermitted", "SessionEnded", "DialStarted"]),
    retry: open(entries, "RetryScheduled", ["DialStarted"]),
    dial: entries.findLast(is("DialStarted")),
    suspicions: entries.filter(is("Suspected")).filter(isClock),
    bySeq: new Map(entries.map((entry) => [entry.seq, entry]))
  }
}

/** The entries from the first cause of an entry to itself. */
export const chainOf = ({ bySeq }: Facts, last: Entry | undefined): ReadonlyArray<Entry> => {
  const chain: Array<Entry> = []
  for (let entry = last; entry !== undefined; entry = bySeq.get(entry.because ?? 0)) chain.unshift(entry)
  return chain
}
