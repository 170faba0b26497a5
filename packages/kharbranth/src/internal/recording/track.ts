/**
 * What is kept of one connection: a bounded list of entries. What repeats is
 * folded, and what belongs to the present outage goes last.
 */
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Entry, Recording, Source } from "../../Recorder.ts"
import type { Command, Input } from "../lifecycle/model.ts"
import { Links, probesAtMost } from "./links.ts"
import { plain } from "./plain.ts"

type Tag = ConnectionEvent["_tag"]
type Folded = keyof Recording["folded"]

const sources: Readonly<Record<Tag, Source>> = {
  DialStarted: "dial",
  DialWaiting: "budget",
  DialPermitted: "budget",
  DialPhase: "dial",
  GatePassed: "session",
  SessionEnded: "session",
  Classified: "connection",
  RetryScheduled: "connection",
  GaveUp: "connection",
  ProbeSent: "probe",
  ProbeMissed: "probe",
  PulseSeen: "probe",
  Suspected: "probe",
  DataSilent: "probe",
  InboxPaused: "inbox",
  InboxResumed: "inbox",
  SendersWaiting: "outbox",
  SendersFree: "outbox",
  ReaderStalled: "inbox",
  Dropped: "inbox",
  RestartRequested: "user",
  RotationDeferred: "connection",
  Rotated: "connection",
  SuccessorFailed: "connection",
  ControlReceived: "session",
  HookFailed: "user",
  HookSkipped: "user"
}

/** Of these the last one is kept, and the others are counted. */
const lastOnly: Partial<Record<Tag, Folded>> = {
  PulseSeen: "pulses",
  InboxPaused: "edges",
  InboxResumed: "edges",
  SendersWaiting: "edges",
  SendersFree: "edges"
}

/** What the last one led to is worth keeping with it. */
const leads: Partial<Record<Tag, Tag>> = { ReaderStalled: "InboxPaused" }

/** Of no interest once the session that was dialed is Stable. */
const ofDial: ReadonlySet<Tag> = new Set(["DialPhase", "DialWaiting", "DialPermitted"])

/** How many entries of a long outage are kept from its beginning. */
const head = 16

/** Up to so many entries, a list has room for no more than it holds. */
const few = 16

const none: ReadonlyArray<Entry> = []

/** About how many bytes an entry takes besides its event, and with an event that is folded. */
const overhead = 160
const small = 240

// Written out only for what is rare.
const sizeOf = ({ event }: Entry): number =>
  lastOnly[event._tag] === undefined && event._tag !== "ProbeSent" ? overhead + 2 * JSON.stringify(event).length : small

const isStable = ({ event }: Entry): boolean => event._tag === "GatePassed" && event.gate === "Stable"

export class Track {
  entries: Array<Entry> = []
  bytes = 0
  evicted = 0
  folded: Record<Folded, number> = { probes: 0, pulses: 0, control: 0, edges: 0, phases: 0 }
  private readonly most: number
  private readonly links = new Links()
  private readonly last: Partial<Record<Tag, Entry | undefined>> = {}
  /** Probes that wait for their answer, and the last one that had it. */
  private probes: ReadonlyArray<Entry> = none
  private answered: Entry | undefined
  private seq = 0
  private epoch = 0

  constructor(most: number) {
    this.most = most
  }

  stepped(input: Input, commands: ReadonlyArray<Command>): void {
    this.links.stepped(input, commands)
  }

  add(event: ConnectionEvent, at: number): void {
    if (event._tag === "ControlReceived" && event.frame !== "Close") {
      this.folded.control++
      return
    }
    if (event._tag === "DialStarted") this.epoch = event.epoch
    const seq = ++this.seq
    const because = this.links.causeOf(event)
    this.links.recorded(event, seq)
    const entry: Entry = {
      seq,
      at,
      source: event._tag === "Dropped" ? event.where : sources[event._tag],
      epoch: "epoch" in event ? event.epoch : this.epoch,
      ...(because === undefined ? {} : { because }),
      event: plain(event)
    }
    if (!this.joins(entry)) this.keep(entry)
    this.foldProbes(entry)
    if (isStable(entry)) this.forgetDial(entry.epoch)
    while (this.entries.length > this.most) this.evict()
  }

  private keep(entry: Entry): void {
    const { _tag } = entry.event
    const cause = leads[_tag]
    if (cause !== undefined) this.last[cause] = undefined
    const fold = lastOnly[_tag]
    if (fold !== undefined) {
      const before = this.last[_tag]
      this.last[_tag] = entry
      this.fold(before, fold)
    }
    this.append(entry)
    this.bytes += sizeOf(entry)
  }

  /** A list that is pushed to, or spread, has room for seventeen more; most connections have six entries. */
  private append(entry: Entry): void {
    if (this.entries.length < few) this.entries = this.entries.concat(entry)
    else this.entries.push(entry)
  }

  /** Counts an entry instead of keeping it, if it is still kept. */
  private fold(entry: Entry | undefined, as: Folded): void {
    const index = entry === undefined ? -1 : this.entries.lastIndexOf(entry)
    if (index < 0) return
    this.folded[as]++
    this.remove(index)
  }

  /** Keeps the last probe that was answered, those that were missed, and those that wait. */
  private foldProbes(entry: Entry): void {
    const { event } = entry
    if (event._tag === "ProbeSent") {
      const [oldest, ...others] = this.probes
      this.probes = [...this.probes, entry]
      if (this.probes.length <= probesAtMost) return
      this.probes = [...others, entry]
      return this.fold(oldest, "probes")
    }
    if (event._tag !== "PulseSeen" && event._tag !== "ProbeMissed") return
    const probe = this.probes.find((one) => one.epoch === entry.epoch && one.seq === entry.because)
    const waiting = this.probes.filter((one) => one !== probe)
    this.probes = waiting.length === 0 ? none : waiting
    if (event._tag === "ProbeMissed") return
    this.fold(this.answered, "probes")
    this.answered = probe
  }

  /** Drops of one kind that follow each other are one entry. */
  private joins(entry: Entry): boolean {
    const before = this.entries.at(-1)
    const [a, b] = [before?.event, entry.event]
    if (before === undefined || a?._tag !== "Dropped" || b._tag !== "Dropped") return false
    if (a.reason !== b.reason || a.where !== b.where) return false
    this.entries[this.entries.length - 1] = { ...before, event: { ...a, count: a.count + b.count } }
    return true
  }

  private forgetDial(epoch: number): void {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i]!
      if (entry.epoch !== epoch || !ofDial.has(entry.event._tag)) continue
      this.folded.phases++
      this.remove(i)
    }
  }

  /** Lets one entry go; whether there was one. */
  evict(): boolean {
    const { entries } = this
    if (entries.length === 0) return false
    const since = entries.findLastIndex(isStable)
    // The last Stable session begins what led to the present; of a long outage the beginning tells most.
    this.remove(since > 0 ? 0 : Math.min(head, entries.length - 1))
    this.evicted++
    return true
  }

  private remove(index: number): void {
    const [gone] = this.entries.splice(index, 1)
    if (gone !== undefined) this.bytes -= sizeOf(gone)
  }
}
