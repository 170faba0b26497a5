/**
 * Drives a heartbeat on one session: sends probes when the keepalive says so,
 * and sees their answers. Keepalive is a cadence that nothing suppresses; what
 * follows from missing answers is the detector's business.
 */
import type { Heartbeat } from "../../Heartbeat.ts"
import { type Cadence, cadenceOf } from "./cadence.ts"
import { Detector, pingDeadline, type Purpose, shortDeadline } from "./detector.ts"
import type { Received } from "../model/frame.ts"
import type { WireProbe } from "../model/wireProbe.ts"
import type { MonitoredSession, Traffic } from "./monitored.ts"
import type { Timer } from "../kit/timers.ts"
import { type Hearing, type Kind, kindOf } from "./probes.ts"

/** How late a timer, or how far apart the clocks, before we think that time stood still. */
const suspicious = 2000

/** When we mean to look next, and what the clocks showed when we decided that. */
interface Plan {
  readonly time: number
  readonly mono: number
  readonly wall: number
}

export class Pulse implements Hearing {
  readonly session: MonitoredSession
  private readonly heartbeat: Heartbeat
  private readonly kind: Kind
  private readonly detector: Detector
  private readonly timer: Timer
  private readonly cadence: Cadence | undefined
  private nextProbe = Infinity
  private beats = 0
  private nextId = 1
  private plan: Plan | undefined
  /** The timer has rung, and is set once everything has been looked at. */
  private looking = false
  private over = false

  constructor(heartbeat: Heartbeat, session: MonitoredSession, link: Traffic) {
    this.session = session
    this.heartbeat = heartbeat
    this.kind = kindOf(heartbeat.probe)
    this.detector = new Detector(heartbeat, session, link)
    this.timer = session.owner.timer((now) => this.due(now))
    this.cadence = cadenceOf(heartbeat.cadence, session)
  }

  start(): void {
    this.advance(this.session.owner.mono())
    this.rearm()
  }

  stop(): void {
    this.over = true
    this.timer.clear()
    this.detector.stop()
  }

  /** Whether a frame belongs to the heartbeat; it then does not reach the stream. */
  intercept(frame: Received): boolean {
    return this.kind.hear?.(frame, this) ?? false
  }

  /** Whether `intercept` can ever say yes. */
  get intercepts(): boolean {
    return this.kind.hear !== undefined
  }

  pong(payload: Uint8Array): void {
    const { pings } = this.session
    const matches = pings && kindOf(pings).matchesPong
    if (matches !== undefined) this.answered(matches, payload)
  }

  /** Whether this answers a probe that waits. */
  answered<A>(match: (answer: A, id: number) => boolean, answer: A): boolean {
    return this.detector.answered(match, answer, this.nextId)
  }

  /** One probe whose answer is awaited; `undefined` when none came. */
  ping(answer: (rtt: number | undefined) => void): void {
    const { timeout } = this.detector
    const deadline = timeout === Infinity ? pingDeadline : timeout
    if (!this.probe({ deadline, answer })) answer(undefined)
  }

  /**
   * Whether all that the peer had sent when it heard this has come, as far as it can be known: its answer comes behind
   * it. Gives `false` when nobody can be asked; at the session's end nothing is told.
   */
  ask(tell: (complete: boolean) => void): boolean {
    const { detector } = this
    const answer = (rtt: number | undefined) => {
      if (!this.over) tell(rtt !== undefined)
    }
    return this.probe({ deadline: Math.min(shortDeadline, detector.timeout), answer })
  }

  /** Time may have stood still, or the network changed: one probe decides. */
  suspect(reason: string, deadline = shortDeadline): boolean {
    if (this.over || this.make === undefined) return false
    // One probe is enough for everybody who doubts.
    if (this.detector.isUrgent(this.session.owner.mono())) return true
    this.session.owner.reports.emit(() => ({ _tag: "Suspected", epoch: this.session.epoch, reason }))
    this.detector.forgive()
    return this.probe({ deadline: Math.min(deadline, this.detector.timeout), urgent: true })
  }

  /** Rechecks deadlines where timers are throttled. */
  recheck(now: number): void {
    if (now > this.timer.time) this.due(now)
  }

  /** Makes a probe; `undefined` where nobody can be asked. */
  private get make(): ((id: number, session: MonitoredSession) => WireProbe | undefined) | undefined {
    const { pings } = this.session
    return this.kind.make ?? (pings && kindOf(pings).make)
  }

  private due(now: number): void {
    if (this.over) return
    this.looking = true
    this.checkClocks(now)
    this.detector.judge(now)
    if (!this.over && now >= this.nextProbe) this.keepalive(now)
    this.looking = false
    this.rearm()
  }

  private checkClocks(now: number): void {
    const { plan } = this
    if (plan === undefined) return
    this.plan = { ...plan, time: Infinity }
    const drift = Math.abs(this.session.owner.wall() - plan.wall - (now - plan.mono))
    if (now - plan.time > suspicious) this.suspect("timers fired late")
    else if (drift > suspicious) this.suspect("wall clock and monotonic clock moved apart")
  }

  private keepalive(now: number): void {
    this.nextProbe = Infinity
    const skipped = this.beats++ % this.session.pace > 0
    if ((this.detector.wasQuiet() || !this.heartbeat.onlyWhenIdle) && !skipped) {
      this.probe({ deadline: this.detector.timeout })
    }
    this.advance(now)
  }

  private advance(now: number): void {
    this.cadence?.next(now, (time) => {
      if (this.over) return
      this.nextProbe = time
      this.rearm()
    })
  }

  private probe(purpose: Purpose): boolean {
    const { make } = this
    if (this.over || make === undefined) return false
    const id = this.nextId++
    const probe = make(id, this.session)
    if (probe === undefined) return false
    this.session.write(probe, (seq) => {
      if (this.over) return
      this.detector.sent(id, seq, purpose)
      this.session.owner.reports.emit(() => ({ _tag: "ProbeSent", epoch: this.session.epoch, id }))
      this.rearm()
    })
    return true
  }

  private rearm(): void {
    if (this.over || this.looking) return
    const time = Math.min(this.nextProbe, this.detector.nextLook)
    // A timer that rings early only finds nothing to do.
    if (this.timer.time <= time) return
    this.plan = { time, mono: this.session.owner.mono(), wall: this.session.owner.wall() }
    this.timer.set(time)
  }
}
