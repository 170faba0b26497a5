/**
 * What each event follows from. The causes are ids: the numbers of sessions and
 * probes in the events, and the step of the lifecycle that reported an event or
 * ended a session. Times say nothing here.
 */
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Command, Input } from "../lifecycle/model.ts"

type Seq = number | undefined

/** A step of the lifecycle: its events follow from its input, and one from the other. */
interface Step {
  /** Those that are still to be recorded. */
  events: ReadonlyArray<ConnectionEvent>
  /** What led to it: its input's cause, or else the first of its events. */
  first: Seq
  last: Seq
}

/** The last entries of one session. */
interface Marks {
  readonly epoch: number
  dial?: Seq
  waiting?: Seq
  phase?: Seq
  gate?: Seq
  suspected?: Seq
  /** By id, those of which nothing is known yet. */
  probes?: Map<number, number> | undefined
  missed?: Seq
  ended?: Seq
  /** The step that told it to end. */
  ordered?: Step
}

/** An active session, a successor, one that retires, and the one before. */
const sessionsAtMost = 4

/** How many probes of a session may be without an answer. */
export const probesAtMost = 4

const none: ReadonlyArray<ConnectionEvent> = []

const noStep: Step = { events: none, first: undefined, last: undefined }

export class Links {
  // A list of at most so many takes less memory than a map of one.
  private sessions: ReadonlyArray<Marks> = []
  private step = noStep
  private classified: Seq
  private retry: Seq
  private paused: Seq
  private stalled: Seq
  private senders: Seq

  /** The lifecycle takes a step. */
  stepped(input: Input, commands: ReadonlyArray<Command>): void {
    const events = commands.flatMap((command) => (command._tag === "Emit" ? [command.event] : []))
    const ends = commands.flatMap((command) => (command._tag === "EndSession" ? [command.epoch] : []))
    if (events.length === 0 && ends.length === 0) return
    const cause = this.ofInput(input)
    const step: Step = { events, first: cause, last: cause }
    for (const epoch of ends) this.marksOf(epoch).ordered = step
    this.step = step
  }

  private ofInput(input: Input): Seq {
    switch (input._tag) {
      case "Opened":
      case "Ready":
      case "Stable": {
        const { dial, gate } = this.marksOf(input.epoch)
        return gate ?? dial
      }
      case "Ended":
        return this.marksOf(input.epoch).ended
      case "Stepped":
      case "Exhausted":
        return this.classified
      case "RetryDue":
      case "Woke":
        return this.retry
      case "Fail":
        return this.stalled ?? this.paused
      default:
        return undefined
    }
  }

  /** What an event follows from. */
  causeOf(event: ConnectionEvent): Seq {
    if (this.step.events.includes(event)) return this.step.last
    switch (event._tag) {
      case "DialWaiting":
      case "DialPhase":
        return this.marksOf(event.epoch).dial
      case "DialPermitted":
        return this.marksOf(event.epoch).waiting
      case "ProbeSent":
        return this.marksOf(event.epoch).suspected
      case "ProbeMissed":
      case "PulseSeen":
        return this.marksOf(event.epoch).probes?.get(event.id)
      case "SessionEnded":
        return this.causeOfEnd(event)
      case "InboxResumed":
      case "ReaderStalled":
        return this.paused
      case "SendersFree":
        return this.senders
      default:
        return undefined
    }
  }

  private causeOfEnd({ epoch, error }: Extract<ConnectionEvent, { readonly _tag: "SessionEnded" }>): Seq {
    const { dial, gate, missed, ordered, phase } = this.marksOf(epoch)
    switch (error._tag) {
      case "PongReceiveTimeout":
        return missed
      case "ConnectionClosed":
        return error.initiator === "client" ? ordered?.first : undefined
      case "OpenFailed":
        return gate
      case "DialTimeout":
      case "DialFailed":
      case "TlsError":
      case "HandshakeRejected":
        return phase ?? dial
      case "TargetFailed":
        return dial
      default:
        return undefined
    }
  }

  /** An event was recorded under this number. */
  recorded(event: ConnectionEvent, seq: number): void {
    if (this.step.events.includes(event)) {
      this.step.first ??= seq
      this.step.last = seq
      if (event === this.step.events.at(-1)) this.step.events = none
    }
    switch (event._tag) {
      case "DialStarted":
        this.retry = undefined
        return this.mark(event.epoch, "dial", seq)
      case "DialWaiting":
        return this.mark(event.epoch, "waiting", seq)
      case "DialPhase":
        return this.mark(event.epoch, "phase", seq)
      case "GatePassed":
        return this.mark(event.epoch, "gate", seq)
      case "Suspected":
        return this.mark(event.epoch, "suspected", seq)
      case "ProbeSent":
        return this.probed(event.epoch, event.id, seq)
      case "PulseSeen":
        return this.settled(event.epoch, event.id)
      case "ProbeMissed":
        this.settled(event.epoch, event.id)
        return this.mark(event.epoch, "missed", seq)
      case "SessionEnded":
        return this.mark(event.epoch, "ended", seq)
      case "Classified":
        this.classified = seq
        return
      case "RetryScheduled":
        this.retry = seq
        return
      case "InboxPaused":
        this.paused = seq
        this.stalled = undefined
        return
      case "ReaderStalled":
        this.stalled = seq
        return
      case "SendersWaiting":
        this.senders = seq
    }
  }

  private probed(epoch: number, id: number, seq: number): void {
    const marks = this.marksOf(epoch)
    const probes = (marks.probes ??= new Map())
    marks.suspected = undefined
    probes.set(id, seq)
    // Of a probe that was passed over nothing is heard any more.
    if (probes.size > probesAtMost) probes.delete(Math.min(...probes.keys()))
  }

  /** Most connections are quiet most of the time: an empty map in each would be a tenth of what is kept of them. */
  private settled(epoch: number, id: number): void {
    const marks = this.marksOf(epoch)
    marks.probes?.delete(id)
    if (marks.probes?.size === 0) marks.probes = undefined
  }

  private mark(epoch: number, name: Exclude<keyof Marks, "epoch" | "ordered" | "probes">, seq: Seq): void {
    this.marksOf(epoch)[name] = seq
  }

  private marksOf(epoch: number): Marks {
    const known = this.sessions.find((marks) => marks.epoch === epoch)
    if (known !== undefined) return known
    const marks: Marks = { epoch }
    const all = this.sessions.concat(marks)
    const oldest = Math.min(...all.map((one) => one.epoch))
    this.sessions = all.length > sessionsAtMost ? all.filter((one) => one.epoch !== oldest) : all
    return marks
  }
}
