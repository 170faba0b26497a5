/** One connection while somebody looks: its state as it was last read, and its figures of the last second. */
import type { Observed } from "kharbranth/ConnectionObserver"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type { Figures } from "kharbranth/ConnectionMetrics"
import type { ConnectionState } from "kharbranth/ConnectionState"
import * as Duration from "effect/Duration"
import { type StateName, states } from "../wire/wire.ts"

/** How many round-trip times a row shows. */
const rttsAtMost = 32

/** Why a connection is where it is, as a row shows it. */
export interface Reason {
  readonly blame: string | undefined
  readonly because: string
}

const sum = (counts: Readonly<Record<string, number>>): number => {
  let total = 0
  for (const key in counts) total += counts[key] ?? 0
  return total
}

/** Messages that are gone although somebody may have wanted them. */
const lost: ReadonlySet<string> = new Set(["overflow", "expired", "down", "undecodable"])

const lossesOf = ({ deliveries, dropped }: Figures): number => {
  let total = deliveries["Unknown"] ?? 0
  for (const key in dropped) if (lost.has(key)) total += dropped[key] ?? 0
  return total
}

/** Events that change nothing that a row shows, beside the round-trip time. */
const quiet: ReadonlySet<ConnectionEvent["_tag"]> = new Set(["ProbeSent", "PulseSeen", "ControlReceived", "DialPhase"])

export class Member {
  readonly id: number
  readonly observed: Observed
  readonly name: string
  /** What a text filter looks through. */
  readonly words: string
  state: ConnectionState
  /** The number of its state in `states`. */
  code: number
  /** Since when it has been in its state, in Unix milliseconds. */
  since: number
  /** Whether `since` is when it was first seen, and the state may be older. */
  isSinceGuessed: boolean
  epoch = 0
  inRate = 0
  outRate = 0
  gaps = 0
  losses = 0
  inbox: Figures["inbox"] = none
  outbox: Figures["outbox"] = { ...none, oldestAge: undefined }
  rtts: Array<number> | undefined
  reason: Reason | undefined
  /** How many events there were, heartbeats aside, and at which number its reason was found. */
  events = 0
  explainedAt = -1
  stop: () => void = nothing
  /** Whether its connection has ended: a viewer may still see it until the next batch. */
  isGone = false
  /** How often something that its row shows has changed. */
  changes = 0
  /** Its place among the cells. */
  cell = 0
  /** Its place among those that are measured in turn. */
  place = 0
  /** Whom a pass over many has seen: cheaper than a set of them. */
  mark = 0
  /** The counters when they were last read; -1 before. */
  private countedAt = -1
  private countedIn = 0
  private countedOut = 0

  constructor(id: number, observed: Observed, now: number) {
    this.id = id
    this.observed = observed
    this.name = observed.name
    this.words = [observed.name, ...observed.tags].join("\n").toLowerCase()
    this.state = observed.state
    this.code = codeOf(this.state)
    this.since = this.state._tag === "Connected" ? this.state.since : now
    this.isSinceGuessed = this.state._tag !== "Connected"
  }

  get rtt(): number | undefined {
    return this.rtts?.at(-1)
  }

  get nextAt(): number | undefined {
    return this.state._tag === "Reconnecting" ? this.state.nextRetryAt : undefined
  }

  /** Whether it has no session and wants one, or has given up. */
  get isInTrouble(): boolean {
    const { _tag } = this.state
    return _tag === "Reconnecting" || _tag === "Failed" || _tag === "Connecting"
  }

  /** Whose trouble it is, while it is in any: a session that works may still be held back by its reader. */
  get blame(): string | undefined {
    const blame = this.reason?.blame
    return this.isInTrouble || blame === "your reader" ? blame : undefined
  }

  get isExplained(): boolean {
    return this.explainedAt === this.events
  }

  /** Takes an event in; whether it may have changed what is shown, beside the round-trip time. */
  happened(event: ConnectionEvent): boolean {
    if (event._tag === "PulseSeen") this.pulsed(Duration.toMillis(event.rtt))
    if (quiet.has(event._tag)) return false
    this.events++
    this.changes++
    return true
  }

  private pulsed(rtt: number): void {
    const rtts = (this.rtts ??= [])
    rtts.push(Math.round(rtt * 100) / 100)
    if (rtts.length > rttsAtMost) rtts.shift()
    this.changes++
  }

  /** Whether its state is another one than when it was last read. */
  get isOther(): boolean {
    return this.observed.state !== this.state
  }

  /** Reads its state. */
  look(now: number): void {
    const { state } = this.observed
    const code = codeOf(state)
    if (state._tag === "Connected") {
      this.since = state.since
      this.epoch = state.epoch
    } else if (code !== this.code) this.since = now
    if (code !== this.code) {
      this.isSinceGuessed = false
      this.events++
    }
    this.state = state
    this.code = code
    this.changes++
  }

  /** Reads its figures; whether one of them is another than before. */
  measure(now: number): boolean {
    const { figures } = this.observed
    const { epoch, inbox, outbox } = figures
    const gaps = sum(figures.gaps)
    const losses = lossesOf(figures)
    const isNew =
      this.hasNewRates(figures, now) ||
      epoch !== this.epoch ||
      gaps !== this.gaps ||
      losses !== this.losses ||
      differs(inbox, this.inbox) ||
      differs(outbox, this.outbox) ||
      outbox.oldestAge !== this.outbox.oldestAge
    if (!isNew) return false
    this.epoch = epoch
    this.gaps = gaps
    this.losses = losses
    this.inbox = inbox
    this.outbox = outbox
    this.changes++
    return true
  }

  private hasNewRates({ messagesIn, messagesOut }: Figures, now: number): boolean {
    const { inRate, outRate } = this
    const seconds = this.countedAt < 0 ? 0 : (now - this.countedAt) / 1_000
    if (seconds > 0) {
      this.inRate = Math.max(0, messagesIn - this.countedIn) / seconds
      this.outRate = Math.max(0, messagesOut - this.countedOut) / seconds
    }
    this.countedAt = now
    this.countedIn = messagesIn
    this.countedOut = messagesOut
    return this.inRate !== inRate || this.outRate !== outRate
  }

  /** Takes in why it is where it is. */
  explained(reason: Reason | undefined): void {
    this.reason = reason
    this.explainedAt = this.events
    this.changes++
  }
}

const none = { messages: 0, bytes: 0 }

const differs = (a: Figures["inbox"], b: Figures["inbox"]): boolean => a.messages !== b.messages || a.bytes !== b.bytes

const nothing = (): void => {}

const codes = new Map<string, number>(states.map((state, code) => [state, code]))

const codeOf = ({ _tag }: ConnectionState): number => codes.get(_tag) ?? 0

export const stateOf = ({ state }: Member): StateName => state._tag
