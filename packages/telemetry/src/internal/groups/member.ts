/**
 * One connection of a group: times its dials, sessions and outages from its
 * events, each in the turn in which it happens, and hands its counters over.
 */
import * as Duration from "effect/Duration"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { ConnectionEvent, DialStarted } from "kharbranth/ConnectionEvent"
import type { Listener, Observed } from "kharbranth/ConnectionObserver"
import { type Instrument, instruments } from "../../Instruments.ts"
import { droppedOf, type Group, nothingYet } from "./group.ts"
import type { Attributes } from "./series.ts"

/** What a member uses of the fleet that it belongs to. */
export interface MemberFleet {
  /** Monotonic seconds. */
  now(): number
  /** The group that a connection belongs to, by the server that it is known to dial. */
  groupOf(connection: Observed, origin: string | undefined): Group
  /** A connection has left the group, perhaps its last one. */
  emptied(group: Group): void
  left(member: Member): void
  /** A session begins; returns what hears of its end. */
  sessionBegan(connection: Observed, epoch: number): ((ended: SessionEnd) => void) | undefined
}

/** The end of a session. */
export interface SessionEnd {
  readonly connection: string
  readonly epoch: number
  /** For how many seconds it was Ready. */
  readonly lived: number
  readonly unconfirmed: number
  readonly error: ConnectionError
}

interface Session {
  readonly epoch: number
  readonly kind: "first" | "reconnect" | "rotation" | "hedge"
  readonly dialedAt: number
  readonly ended: ((end: SessionEnd) => void) | undefined
  openedAt: number | undefined
  readyAt: number | undefined
}

/** How the end of a session is told apart by its error. A session that we closed ended without one. */
export const errorTypeOf = (error: ConnectionError): Attributes =>
  error._tag === "ConnectionClosed" && error.initiator === "client" ? none : { "error.type": error._tag }

const none: Attributes = {}

export class Member implements Listener {
  readonly connection: Observed
  group: Group
  private readonly fleet: MemberFleet
  private origin: string | undefined
  private counted = nothingYet
  private wasReady = false
  private sessions: Array<Session> = []
  private outage: { readonly since: number; readonly cause: Attributes } | undefined

  constructor(connection: Observed, fleet: MemberFleet) {
    this.connection = connection
    this.fleet = fleet
    this.origin = connection.origin
    this.group = fleet.groupOf(connection, this.origin)
    this.group.members++
  }

  // --- what happens ------------------------------------------------------------

  event(event: ConnectionEvent): void {
    switch (event._tag) {
      case "DialStarted":
        return this.dialed(event.epoch, event.role)
      case "DialPhase":
        return this.count(
          instruments.dialTime,
          { "kharbranth.phase": event.phase },
          Duration.toMillis(event.took) / 1_000
        )
      case "GatePassed":
        if (event.gate === "Open") return this.opened(event.epoch)
        return event.gate === "Ready" ? this.ready(event.epoch) : undefined
      case "SessionEnded":
        return this.lost(event.epoch, event.error, event.unconfirmed.count)
      case "PulseSeen":
        return this.observe(instruments.rtt, Duration.toMillis(event.rtt) / 1_000)
      case "ProbeMissed":
        return this.count(instruments.probesMissed)
      case "ReaderStalled":
        return this.count(instruments.readerStalls)
      case "Dropped":
        return this.count(instruments.dropped, droppedOf(event.where, event.reason), event.count)
      default:
        return undefined
    }
  }

  ended(): void {
    this.leaveGroup()
    this.fleet.left(this)
  }

  private dialed(epoch: number, role: DialStarted["role"]): void {
    const opening = this.wasReady ? "reconnect" : "first"
    const kind = role === "active" ? opening : role === "hedge" ? role : "rotation"
    const ended = this.fleet.sessionBegan(this.connection, epoch)
    this.sessions.push({
      epoch,
      kind,
      dialedAt: this.fleet.now(),
      ended,
      openedAt: undefined,
      readyAt: undefined
    })
  }

  private opened(epoch: number): void {
    this.settle()
    const session = this.sessionOf(epoch)
    if (session === undefined) return
    session.openedAt = this.fleet.now()
    this.phase("connect", session.openedAt - session.dialedAt)
  }

  private ready(epoch: number): void {
    const session = this.sessionOf(epoch)
    if (session === undefined) return
    const now = this.fleet.now()
    session.readyAt = now
    this.wasReady = true
    this.count(instruments.dials, { "kharbranth.dial.kind": session.kind })
    this.phase("open", now - (session.openedAt ?? now))
    this.phase("ready", now - session.dialedAt)
    if (this.outage === undefined) return
    this.observe(instruments.outageDuration, now - this.outage.since, this.outage.cause)
    this.outage = undefined
  }

  private lost(epoch: number, error: ConnectionError, unconfirmed: number): void {
    this.settle()
    const session = this.sessionOf(epoch)
    if (session === undefined) return
    this.sessions = this.sessions.filter((other) => other !== session)
    const now = this.fleet.now()
    const { readyAt } = session
    const lived = now - (readyAt ?? now)
    session.ended?.({ connection: this.connection.name, epoch, lived, unconfirmed, error })
    if (readyAt === undefined) {
      return this.count(instruments.dials, { "kharbranth.dial.kind": session.kind, "error.type": error._tag })
    }
    this.observe(instruments.sessionDuration, lived, errorTypeOf(error))
    const isCovered = this.sessions.some((other) => other.readyAt !== undefined)
    if (isCovered || !this.isWanted) return
    this.outage ??= { since: now, cause: errorTypeOf(error) }
    // The gap is counted when the next session is Ready: its series begins at zero.
    this.count(instruments.gaps, { "error.type": error._tag }, 0)
  }

  /** Whether somebody wants it to be connected: a pause is no outage. */
  private get isWanted(): boolean {
    const { _tag } = this.connection.state
    return _tag !== "Disconnected" && _tag !== "Closing"
  }

  private sessionOf(epoch: number): Session | undefined {
    return this.sessions.find((session) => session.epoch === epoch)
  }

  // --- where it is counted -----------------------------------------------------

  private phase(phase: string, seconds: number): void {
    this.observe(instruments.dialDuration, seconds, { "kharbranth.phase": phase })
  }

  private observe(instrument: Instrument, value: number, attributes?: Attributes): void {
    this.group.series.observe(instrument, value, attributes)
  }

  private count(instrument: Instrument, attributes?: Attributes, by = 1): void {
    this.group.series.cell(instrument, attributes).value += by
  }

  /** Once it has dialed, it is known which server it belongs to. */
  private settle(): void {
    const { origin } = this.connection
    if (origin === this.origin) return
    this.leaveGroup()
    this.origin = origin
    this.group = this.fleet.groupOf(this.connection, origin)
    this.group.members++
  }

  private leaveGroup(): void {
    this.handOver()
    this.group.members--
    this.fleet.emptied(this.group)
  }

  // --- at a scrape -------------------------------------------------------------

  /** Counts in its group what it has counted since it was last asked. */
  handOver() {
    const { figures } = this.connection
    this.group.count(figures, this.counted)
    this.counted = figures
    return figures
  }

  /** Adds what it holds to its group, at a time in Unix milliseconds. */
  read(wall: number): void {
    const figures = this.handOver()
    const { state } = this.connection
    const heard = state._tag === "Connected" ? Math.max(figures.lastMessageAt ?? 0, state.since) : wall
    this.group.add(state._tag, figures, Math.max(0, wall - heard) / 1_000)
  }
}
