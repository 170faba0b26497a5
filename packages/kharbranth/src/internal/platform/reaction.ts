/**
 * How one connection acts on its surroundings. A wake is a doubt: one probe, and
 * after a while without a sign of life a successor, which the first sign of life
 * withdraws. Pulled in only where somebody tells of surroundings.
 */
import * as Duration from "effect/Duration"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Reconnect } from "../../Reconnect.ts"
import type { Link } from "../../Transport.ts"
import type { Signal } from "../../Surroundings.ts"
import type { Input, Phase } from "../lifecycle/reduce.ts"
import type { Timer } from "../kit/timers.ts"

/** What attention sees of a session. */
interface Patient {
  readonly epoch: number
  readonly over: boolean
  readonly held: boolean
  readonly link: Link | undefined
  suspect(reason: string, deadline?: number): boolean
  rtt(answer: () => void): void
  listen(heard: () => void): void
  dead(error: ConnectionError.ConnectionError): void
}

/** What attention sees of a connection. */
export interface Ward {
  readonly connection: string
  readonly phase: Phase
  readonly live: Patient | undefined
  readonly policies: { readonly reconnect: Reconnect }
  /** `breakFirst`: the server bears one session at a time. */
  readonly handover: { readonly rotation: { readonly mode: "breakFirst" | "makeFirst" } }
  attention: Attending | undefined
  now(): number
  timer(fire: () => void): Timer
  dispatch(input: Input): void
  /** Rings every timer whose time has passed. */
  recheck(): void
}

/** What a connection sees of its attention. */
export interface Attending {
  /** Of how many beats of a keepalive one is sent. */
  readonly pace: number
  /** Timers are not to be relied on: looked at with every message, in and out. */
  readonly slowTimers: boolean
  /** A successor is about to take over. */
  successorReady(): void
  ready(session: Patient): void
}

export interface Rules {
  /** All in milliseconds. */
  readonly patience: number
  readonly closeAfter: number | undefined
  readonly pace: number
}

interface Doubt {
  readonly session: Patient
  readonly since: number
  /** What had been received when it was asked. */
  readonly received: number
  /** The successor dialed for it. */
  successor: number | undefined
}

export class Attention implements Attending {
  pace = 1
  slowTimers = false
  private readonly ward: Ward
  private readonly rules: Rules
  private readonly patience: Timer
  private readonly hidden: Timer
  private doubt: Doubt | undefined
  private pausedByUs = false

  constructor(ward: Ward, rules: Rules) {
    this.ward = ward
    this.rules = rules
    this.patience = ward.timer(() => this.silent())
    this.hidden = ward.timer(() => this.pause())
    ward.attention = this
  }

  take(signal: Signal): void {
    switch (signal._tag) {
      case "Woke":
        return this.woke(signal.reason)
      case "Offline":
        return this.ward.live?.rtt(() => {})
      case "Hidden":
        return this.hide()
      case "Shown":
        return this.show()
      case "Frozen":
        return this.pause()
      case "Thawed":
        return this.resume()
    }
  }

  end(): void {
    this.patience.clear()
    this.hidden.clear()
    this.doubt = undefined
    this.ward.attention = undefined
  }

  /** A session that is Ready takes part in what holds now. */
  ready(session: Patient): void {
    if (this.slowTimers) session.listen(() => this.heard(session))
  }

  /** A successor is about to take over: a session that is still silent counts as dead, and a `Gap` says so. */
  successorReady(): void {
    const { doubt, ward } = this
    if (doubt === undefined || doubt.session !== ward.live) return
    if (doubt.session.link?.received() !== doubt.received) return this.trust()
    this.doubt = undefined
    const timeout = Duration.millis(ward.now() - doubt.since)
    const { connection } = ward
    const { epoch } = doubt.session
    doubt.session.dead(new ConnectionError.PongReceiveTimeout({ connection, epoch, timeout, missed: 1 }))
  }

  // ---- awake again ----

  private woke(reason: string): void {
    const { ward } = this
    this.resume()
    this.askSession(reason)
    ward.recheck()
    if (ward.phase._tag !== "Waiting") return
    // The server's own word about when to come back outweighs that we could come now.
    if (ward.policies.reconnect.classify(ward.phase.cause)._tag !== "RetryAfter") ward.dispatch({ _tag: "RetryDue" })
  }

  private askSession(reason: string): void {
    const { ward } = this
    const session = ward.live
    if (session?.link === undefined || this.doubt?.session === session) return
    if (!session.suspect(reason)) return
    this.doubt = { session, since: ward.now(), received: session.link.received(), successor: undefined }
    session.listen(() => this.heard(session))
    this.patience.set(ward.now() + this.rules.patience)
  }

  private silent(): void {
    const { doubt, ward } = this
    if (doubt === undefined || doubt.session !== ward.live) return this.trust()
    const { session } = doubt
    if (session.link?.received() !== doubt.received) return this.trust()
    // A socket that our own reader holds back cannot answer: the heartbeat's own rule decides.
    if (session.held) return this.trust()
    // The probe's own deadline decides.
    if (ward.handover.rotation.mode === "breakFirst") return
    const before = successorOf(ward.phase)
    ward.dispatch({ _tag: "Restart", mode: "makeFirst", by: "auto", reason: "silent after a wake-up" })
    if (before === undefined) doubt.successor = successorOf(ward.phase)
  }

  private heard(session: Patient): void {
    if (this.doubt?.session === session) this.trust()
    if (this.slowTimers) this.ward.recheck()
  }

  private trust(): void {
    const { doubt } = this
    this.doubt = undefined
    this.patience.clear()
    if (doubt?.successor !== undefined) this.ward.dispatch({ _tag: "Withdraw", epoch: doubt.successor })
  }

  // ---- out of sight ----

  private hide(): void {
    const { closeAfter, pace } = this.rules
    const { ward } = this
    this.pace = pace
    this.slowTimers = true
    if (ward.live !== undefined) this.ready(ward.live)
    if (closeAfter !== undefined) this.hidden.set(ward.now() + closeAfter)
  }

  private show(): void {
    const { ward } = this
    const slowed = this.pace > 1
    this.pace = 1
    this.slowTimers = false
    this.resume()
    this.hidden.clear()
    // Its next heartbeat may be far off still.
    if (slowed) this.askSession("looked at again")
    ward.recheck()
  }

  private pause(): void {
    const { _tag } = this.ward.phase
    if (_tag === "Idle" || _tag === "Closing" || _tag === "Closed" || _tag === "Failed") return
    this.pausedByUs = true
    this.ward.dispatch({ _tag: "Pause" })
  }

  private resume(): void {
    if (!this.pausedByUs) return
    this.pausedByUs = false
    const { phase } = this.ward
    const { closeAfter } = this.rules
    if (this.slowTimers && closeAfter !== undefined) this.hidden.set(this.ward.now() + closeAfter)
    if (phase._tag === "Idle" && phase.reason === "Paused") this.ward.dispatch({ _tag: "Resume" })
  }
}

const successorOf = (phase: Phase): number | undefined => (phase._tag === "Live" ? phase.successor?.epoch : undefined)
