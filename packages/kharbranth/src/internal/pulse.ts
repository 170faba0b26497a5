/**
 * Drives a heartbeat on one session: sends probes when the keepalive says so,
 * and decides that the link is dead. Two machines that do not know each other:
 * keepalive is a cadence nothing suppresses, the detector only compares how much
 * has arrived since a probe was written.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as ConnectionError from "../ConnectionError.ts"
import type { ConnectionEvent } from "../ConnectionEvent.ts"
import type { Heartbeat } from "../Heartbeat.ts"
import type { Frame } from "../Message.ts"
import type { Link } from "../Transport.ts"
import { Alarm, type Fork } from "./alarm.ts"

/** What a pulse sees of its session. */
export interface Patient {
  readonly connection: string
  readonly epoch: number
  readonly link: Link
  readonly canPing: boolean
  readonly fork: Fork
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Wall milliseconds. */
  readonly wall: () => number
  readonly write: (probe: Frame | { readonly ping: Uint8Array }, written: (seq: number) => void) => void
  /** Our own reader keeps the socket paused, so silence proves nothing. */
  readonly held: () => boolean
  /** Application messages so far. */
  readonly dataCount: () => number
  readonly answered: (seq: number, rtt: number) => void
  readonly dead: (error: ConnectionError.ConnectionError) => void
  /** The data clock ran out for the second time in a row. */
  readonly dataLost: () => void
  readonly emit: (event: () => ConnectionEvent) => void
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
  deadline: number
  /** Death at the first miss. */
  readonly urgent: boolean
  readonly answer: ((rtt: number | undefined) => void) | undefined
}

/** How late a timer, or how far apart the clocks, before we think that time stood still. */
const suspicious = 2000
/** The deadline of a probe sent on suspicion. */
const shortDeadline = 2000
const pingDeadline = 10_000

const payloadOf = (id: number): Uint8Array => new TextEncoder().encode(`k${id}`)
const idOf = (payload: Uint8Array): number => Number(new TextDecoder().decode(payload.subarray(1)))

type Step = (now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

export class Pulse {
  private readonly heartbeat: Heartbeat
  private readonly patient: Patient
  private readonly alarm: Alarm
  private readonly timeout: number
  private step: Step | undefined
  private nextProbe = Infinity
  private outstanding: Array<Outstanding> = []
  private nextId = 1
  private missed = 0
  /** Probes in a row that a peer which talks did not answer. */
  private ignored = 0
  private everAnswered = false
  private everLost = false
  private planned = { mono: 0, wall: 0 }
  private readonly seen: Sample
  private readonly data: Sample
  private silences = 0
  private over = false

  constructor(heartbeat: Heartbeat, patient: Patient) {
    this.heartbeat = heartbeat
    this.patient = patient
    this.timeout = heartbeat.timeout === undefined ? Infinity : Duration.toMillis(heartbeat.timeout)
    this.alarm = new Alarm(patient.fork, patient.now, () => this.due())
    const now = patient.now()
    this.seen = new Sample(heartbeat.idle, now, patient.link.received())
    this.data = new Sample(heartbeat.data?.within, now, patient.dataCount())
  }

  start(): void {
    const keepalive = this.heartbeat.keepalive
    if (keepalive !== undefined) {
      this.patient.fork(
        Effect.flatMap(Schedule.toStep(keepalive), (step) => {
          this.step = step
          return this.advance
        })
      )
    }
    this.rearm()
  }

  stop(): void {
    this.over = true
    this.alarm.clear()
    for (const probe of this.outstanding) probe.answer?.(undefined)
    this.outstanding = []
  }

  /** Whether a frame belongs to the heartbeat; it then does not reach the stream. */
  intercept(frame: Frame): boolean {
    const probe = this.heartbeat.probe
    if (probe._tag === "Frame") {
      const index = this.outstanding.findIndex(({ id }) => probe.match(frame, id))
      // An answer that would also fit a probe not sent yet carries no id.
      if (index >= 0) this.answer(index, !probe.match(frame, this.nextId))
      return index >= 0
    }
    if (probe._tag !== "Challenge" || !probe.match(frame)) return false
    const reply = probe.reply(frame)
    if (reply === undefined) this.broken("the challenge's `reply` made nothing that can be sent")
    else this.patient.write(reply, () => {})
    return true
  }

  /** Whether `intercept` can ever say yes. */
  get intercepts(): boolean {
    return this.heartbeat.probe._tag === "Frame" || this.heartbeat.probe._tag === "Challenge"
  }

  pong(payload: Uint8Array): void {
    const id = idOf(payload)
    const index = this.outstanding.findIndex((probe) => probe.id === id)
    if (index >= 0) this.answer(index, true)
  }

  /** One probe whose answer is awaited; `undefined` when none came. */
  ping(answer: (rtt: number | undefined) => void): void {
    const deadline = this.timeout === Infinity ? pingDeadline : this.timeout
    if (!this.probe({ deadline, urgent: false, answer })) answer(undefined)
  }

  /** Time may have stood still, or the network changed: one probe decides. */
  suspect(reason: string, deadline = shortDeadline): void {
    if (this.over || !this.canProbe) return
    this.patient.emit(() => ({ _tag: "Suspected", epoch: this.patient.epoch, reason }))
    // Deadlines that passed while time stood still prove nothing.
    this.outstanding = this.outstanding.filter((probe) => probe.answer !== undefined)
    this.missed = 0
    this.probe({ deadline: Math.min(deadline, this.timeout), urgent: true, answer: undefined })
  }

  /** Rechecks deadlines where timers are throttled. */
  recheck(now: number): void {
    if (now > this.alarm.time) this.due()
  }

  private get canProbe(): boolean {
    const tag = this.heartbeat.probe._tag
    return tag === "Frame" || tag === "Ping" || this.patient.canPing
  }

  private readonly advance: Effect.Effect<void> = Effect.suspend(() => {
    const step = this.step
    if (step === undefined || this.over) return Effect.void
    return step(this.patient.wall(), undefined).pipe(
      Effect.map(([, delay]) => {
        this.nextProbe = this.patient.now() + Duration.toMillis(delay)
        this.rearm()
      }),
      Pull.catchDone(() => Effect.void)
    )
  })

  private due(): void {
    if (this.over) return
    const now = this.patient.now()
    const wall = this.patient.wall()
    const drift = Math.abs(wall - this.planned.wall - (now - this.planned.mono))
    if (now - this.alarmTime > suspicious) this.suspect("timers fired late")
    else if (drift > suspicious) this.suspect("wall clock and monotonic clock moved apart")
    this.alarmTime = Infinity
    this.judge(now)
    if (!this.over) this.checkSilence(now)
    if (!this.over && now >= this.nextProbe) this.keepalive()
    if (!this.over) this.rearm()
  }

  private alarmTime = Infinity

  private keepalive(): void {
    this.nextProbe = Infinity
    const quiet = !this.heartbeat.onlyWhenIdle || !this.seen.moved(this.patient.link.received())
    this.seen.look(this.patient.now(), this.patient.link.received())
    if (quiet) this.probe({ deadline: this.timeout, urgent: false, answer: undefined })
    this.patient.fork(this.advance)
  }

  private probe(options: Pick<Outstanding, "deadline" | "urgent" | "answer">): boolean {
    const probe = this.heartbeat.probe
    if (this.over || !this.canProbe) return false
    const id = this.nextId++
    const frame = probe._tag === "Frame" ? probe.make(id) : { ping: payloadOf(id) }
    if (frame === undefined) {
      this.broken("the heartbeat's `make` made nothing that can be sent")
      return false
    }
    this.patient.write(frame, (seq) => {
      if (this.over) return
      const at = this.patient.now()
      const { link } = this.patient
      const deadline = at + options.deadline
      const sent = { id, seq, at, received: link.received(), buffered: link.buffered(), data: this.patient.dataCount() }
      this.outstanding.push({ ...sent, ...options, deadline })
      this.patient.emit(() => ({ _tag: "ProbeSent", epoch: this.patient.epoch, id }))
      this.rearm()
    })
    return true
  }

  private answer(index: number, hasId: boolean): void {
    const [probe] = this.outstanding.splice(index, 1)
    if (probe === undefined) return
    const rtt = this.patient.now() - probe.at
    this.missed = 0
    this.ignored = 0
    this.everAnswered = true
    // Answers without an id can belong to an earlier probe; once one was lost, such an answer shows nothing.
    const proves = hasId || !this.everLost
    this.patient.answered(proves ? probe.seq : 0, rtt)
    this.patient.emit(() => ({ _tag: "PulseSeen", epoch: this.patient.epoch, rtt: Duration.millis(rtt) }))
    probe.answer?.(rtt)
  }

  /** Looks at every probe whose deadline has passed. */
  private judge(now: number): void {
    const received = this.patient.link.received()
    const overdue = this.outstanding.filter((probe) => probe.deadline <= now)
    for (const probe of overdue) {
      if (probe.received === received && this.excused(probe)) {
        probe.deadline = now + Math.min(this.timeout, pingDeadline)
        continue
      }
      this.outstanding.splice(this.outstanding.indexOf(probe), 1)
      probe.answer?.(undefined)
      this.everLost = true
      if (probe.received !== received) this.passOver(probe)
      else if (this.timeout !== Infinity || probe.urgent) this.miss(probe.urgent)
      if (this.over) return
    }
  }

  // A socket we hold back cannot show its pongs; but writes that do not leave are proof enough.
  private excused(probe: Outstanding): boolean {
    const { held, link } = this.patient
    return held() && !(link.buffered() > 0 && link.buffered() >= probe.buffered)
  }

  /**
   * Something arrived, but no answer: the link is alive in one direction at
   * least. A peer that answered before and now talks past several probes does
   * not hear us; one that is in the middle of a large message may still.
   */
  private passOver(probe: Outstanding): void {
    this.missed = 0
    if (!this.everAnswered || this.patient.dataCount() - probe.data < 2) return
    this.ignored++
    if (this.timeout === Infinity || this.ignored < this.heartbeat.maxMissed + 2) return
    const { connection, epoch } = this.patient
    const timeout = Duration.millis(this.timeout)
    this.patient.dead(new ConnectionError.PongReceiveTimeout({ connection, epoch, timeout, missed: this.ignored }))
  }

  private miss(urgent: boolean): void {
    const { connection, epoch } = this.patient
    this.missed++
    const missed = this.missed
    this.patient.emit(() => ({ _tag: "ProbeMissed", epoch, missed }))
    if (!urgent && missed < this.heartbeat.maxMissed) return
    const timeout = Duration.millis(urgent ? Math.min(this.timeout, shortDeadline) : this.timeout)
    this.patient.dead(new ConnectionError.PongReceiveTimeout({ connection, epoch, timeout, missed }))
  }

  private checkSilence(now: number): void {
    const { connection, epoch, held, link } = this.patient
    const idle = this.heartbeat.idle
    if (idle !== undefined && this.seen.silent(now, link.received())) {
      if (held()) this.seen.restart(now)
      else return this.patient.dead(new ConnectionError.IdleTimeout({ connection, epoch, after: idle }))
    }
    const data = this.heartbeat.data
    if (data === undefined) return
    if (!this.data.silent(now, this.patient.dataCount())) {
      if (this.data.since === now) this.silences = 0
      return
    }
    this.data.restart(now)
    this.silences++
    this.patient.emit(() => ({ _tag: "DataSilent", epoch, after: data.within }))
    if (this.silences > 1) this.patient.dataLost()
  }

  private broken(issue: string): void {
    const { connection, epoch } = this.patient
    this.patient.dead(new ConnectionError.PingFailed({ connection, epoch, issue }))
  }

  private rearm(): void {
    if (this.over) return
    let time = Math.min(this.nextProbe, this.seen.nextLook, this.data.nextLook)
    for (const probe of this.outstanding) time = Math.min(time, probe.deadline)
    // An alarm that rings early only finds nothing to do.
    if (this.alarm.time <= time && this.alarm.time !== Infinity) return
    this.planned = { mono: this.patient.now(), wall: this.patient.wall() }
    this.alarmTime = time
    this.alarm.set(time)
  }
}

/** Notices when a counter has not moved for a while, by looking ten times in that while. */
class Sample {
  private readonly limit: number
  private value: number
  /** When it was last seen to have moved. */
  since: number
  nextLook: number

  constructor(limit: Duration.Duration | undefined, now: number, value: number) {
    this.limit = limit === undefined ? Infinity : Duration.toMillis(limit)
    this.value = value
    this.since = now
    this.nextLook = now + this.limit / 10
  }

  moved(value: number): boolean {
    return value !== this.value
  }

  look(now: number, value: number): void {
    if (!this.moved(value)) return
    this.value = value
    this.since = now
  }

  silent(now: number, value: number): boolean {
    this.look(now, value)
    this.nextLook = now + this.limit / 10
    return now - this.since >= this.limit
  }

  restart(now: number): void {
    this.since = now
  }
}
