/**
 * Decides that a link is dead: compares how much has arrived since a probe was
 * written, and watches for silence. Knows nothing of when probes are due.
 */
import * as Duration from "effect/Duration"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Heartbeat } from "../../Heartbeat.ts"
import { appended } from "../kit/list.ts"
import * as Check from "../model/check.ts"
import type { MonitoredSession, Traffic } from "./monitored.ts"

/** The deadline of a probe sent on suspicion. */
export const shortDeadline = 2000
/** The deadline of a probe where the heartbeat has none. */
export const pingDeadline = 10_000

/** What a probe is sent for. */
export interface Purpose {
  /** Milliseconds. */
  readonly deadline: number
  /** Death at the first miss. */
  readonly urgent?: boolean | undefined
  readonly answer?: ((rtt: number | undefined) => void) | undefined
}

interface Outstanding {
  readonly id: number
  readonly seq: number
  readonly at: number
  /** `link.received()` when it was written. */
  readonly received: number
  readonly buffered: number
  /** Application messages when it was written. */
  readonly data: number
  readonly urgent: boolean
  readonly answer: Purpose["answer"]
  deadline: number
}

/** Replaced for the first one. */
const none: Array<Outstanding> = []

export class Detector {
  readonly timeout: number
  private outstanding = none
  private readonly heartbeat: Heartbeat
  private readonly session: MonitoredSession
  private readonly link: Traffic
  private readonly idle: Silence | undefined
  private readonly data: Silence | undefined
  /** `link.received()` when `wasQuiet` was asked last. */
  private heard: number
  private missed = 0
  /** Probes in a row that a peer which talks did not answer. */
  private ignored = 0
  private everAnswered = false
  private everLost = false
  private over = false

  constructor(heartbeat: Heartbeat, session: MonitoredSession, link: Traffic) {
    this.heartbeat = heartbeat
    this.session = session
    this.link = link
    const { data, idle, timeout } = heartbeat
    this.timeout = timeout === undefined ? Infinity : Check.millis(timeout)
    this.heard = link.received()
    if (idle !== undefined) this.idle = new Silence(idle, session.owner.mono(), this.heard)
    if (data !== undefined) this.data = new Silence(data.within, session.owner.mono(), session.dataFrames)
  }

  /** When there is something to decide. */
  get nextLook(): number {
    let time = Math.min(this.idle?.nextLook ?? Infinity, this.data?.nextLook ?? Infinity)
    for (const probe of this.outstanding) time = Math.min(time, probe.deadline)
    return time
  }

  stop(): void {
    this.over = true
    const { outstanding } = this
    this.outstanding = none
    for (const probe of outstanding) probe.answer?.(undefined)
  }

  /** A probe was written. */
  sent(id: number, seq: number, { answer, deadline, urgent = false }: Purpose): void {
    const { link, session } = this
    const at = session.owner.mono()
    const probe: Outstanding = {
      id,
      seq,
      at,
      received: link.received(),
      buffered: link.buffered(),
      data: session.dataFrames,
      urgent,
      answer,
      deadline: at + deadline
    }
    this.outstanding = appended(this.outstanding, probe)
  }

  /** Whether this answers a probe that waits. One that would also fit a probe not sent yet carries no id. */
  answered<A>(match: (answer: A, id: number) => boolean, answer: A, unsent: number): boolean {
    for (const probe of this.outstanding) {
      if (!match(answer, probe.id)) continue
      // Once a probe was lost, an answer without an id could be an earlier one's.
      this.seen(probe, !this.everLost || !match(answer, unsent))
      return true
    }
    return false
  }

  private seen(probe: Outstanding, proves: boolean): void {
    this.settle(probe)
    const rtt = this.session.owner.mono() - probe.at
    this.missed = 0
    this.ignored = 0
    this.everAnswered = true
    this.session.answered(proves ? probe.seq : 0, rtt)
    const { epoch, owner } = this.session
    owner.reports.emit(() => ({ _tag: "PulseSeen", epoch, rtt: Duration.millis(rtt), id: probe.id }))
    probe.answer?.(rtt)
  }

  /** Whether a probe on suspicion is under way. */
  isUrgent(now: number): boolean {
    return this.outstanding.some((probe) => probe.urgent && probe.deadline > now)
  }

  /** Deadlines that passed while time stood still prove nothing. */
  forgive(): void {
    this.outstanding = this.outstanding.filter((probe) => probe.answer !== undefined)
    this.missed = 0
  }

  /** Whether nothing came since this was asked last. */
  wasQuiet(): boolean {
    const received = this.link.received()
    const quiet = received === this.heard
    this.heard = received
    return quiet
  }

  /** Looks at every probe whose deadline has passed, and at how long it has been silent. */
  judge(now: number): void {
    const received = this.link.received()
    for (const probe of this.outstanding.filter(({ deadline }) => deadline <= now)) {
      if (probe.received === received && this.excused(probe)) {
        probe.deadline = now + Math.min(this.timeout, pingDeadline)
        continue
      }
      this.settle(probe)
      probe.answer?.(undefined)
      this.everLost = true
      if (probe.received !== received) this.passOver(probe)
      else if (this.timeout !== Infinity || probe.urgent) this.miss(probe)
      if (this.over) return
    }
    this.checkSilence(now, received)
    if (!this.over) this.checkData(now)
  }

  private settle(probe: Outstanding): void {
    this.outstanding.splice(this.outstanding.indexOf(probe), 1)
  }

  // A socket we hold back cannot show its pongs; but writes that do not leave are proof enough.
  private excused(probe: Outstanding): boolean {
    const buffered = this.link.buffered()
    return this.session.held && !(buffered > 0 && buffered >= probe.buffered)
  }

  /**
   * Something arrived, but no answer: the link is alive in one direction at
   * least. A peer that answered before and now talks past several probes does
   * not hear us; one that is in the middle of a large message may still.
   */
  private passOver(probe: Outstanding): void {
    this.missed = 0
    if (!this.everAnswered || this.session.dataFrames - probe.data < 2) return
    this.ignored++
    if (this.timeout === Infinity || this.ignored < this.heartbeat.maxMissed + 2) return
    this.die(this.timeout, this.ignored)
  }

  private miss({ id, urgent }: Outstanding): void {
    const { epoch } = this.session
    const missed = ++this.missed
    this.session.owner.reports.emit(() => ({ _tag: "ProbeMissed", epoch, missed, id }))
    if (!urgent && missed < this.heartbeat.maxMissed) return
    this.die(urgent ? Math.min(this.timeout, shortDeadline) : this.timeout, missed)
  }

  private die(timeout: number, missed: number): void {
    const { epoch, owner } = this.session
    const { connection } = owner
    this.session.dead(
      new ConnectionError.PongReceiveTimeout({ connection, epoch, timeout: Duration.millis(timeout), missed })
    )
  }

  private checkSilence(now: number, received: number): void {
    const { idle, session } = this
    if (idle?.passed(now, received) !== true || session.held) return
    const { epoch, owner } = session
    const { connection } = owner
    session.dead(new ConnectionError.IdleTimeout({ connection, epoch, after: idle.limit }))
  }

  private checkData(now: number): void {
    const { data, session } = this
    if (data?.passed(now, session.dataFrames) !== true) return
    session.owner.reports.emit(() => ({ _tag: "DataSilent", epoch: session.epoch, after: data.limit }))
    if (data.times > 1) session.dataLost()
  }
}

/** Notices that a counter has stood still for a limit. It looks ten times in that time, so it is at most a tenth late. */
export class Silence {
  readonly limit: Duration.Duration
  nextLook: number
  /** How often in a row the limit has passed. */
  times = 0
  private since: number
  private value: number

  constructor(limit: Duration.Duration, now: number, value: number) {
    this.limit = limit
    this.value = value
    this.since = now
    this.nextLook = now + Check.millis(limit) / 10
  }

  /** Whether the limit has passed. If so, the next one begins. */
  passed(now: number, value: number): boolean {
    const limit = Check.millis(this.limit)
    this.nextLook = now + limit / 10
    if (value !== this.value) {
      this.value = value
      this.since = now
      this.times = 0
    }
    if (now - this.since < limit) return false
    this.since = now
    this.times++
    return true
  }
}
