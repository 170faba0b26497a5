/**
 * How one connection reacts to its surroundings. A wake is a doubt: one probe,
 * and after a while without a sign of life a successor, which the first sign of
 * life withdraws. A program carries this only where something reports its
 * surroundings.
 */
import * as Duration from "effect/Duration"
import * as ConnectionError from "../../ConnectionError.ts"
import type { Signal } from "../../Surroundings.ts"
import type { Link } from "../../Transport.ts"
import type { Timer } from "../kit/timers.ts"
import type { Input, Phase } from "../lifecycle/model.ts"

/** What a reaction sees of a session. */
interface DoubtedSession {
  readonly epoch: number
  readonly link: Link | undefined
  readonly liveness:
    | {
        /** Our own reader keeps the socket paused, so silence proves nothing. */
        readonly held: boolean
        suspect(reason: string): boolean
        rtt(answer: () => void): void
        listen(heard: () => void): void
      }
    | undefined
  dead(error: ConnectionError.ConnectionError): void
}

/** What a reaction sees of its connection. */
export interface ReactingConnection {
  readonly connection: string
  readonly phase: Phase
  /** The session that messages flow through. */
  readonly active: DoubtedSession | undefined
  /** `breakFirst`: the server bears one session at a time. */
  readonly rotationMode: "breakFirst" | "makeFirst"
  reaction: Reaction | undefined
  /** Monotonic milliseconds. */
  mono(): number
  timer(fire: () => void): Timer
  dispatch(input: Input): void
  /** Fires every timer whose time has passed. */
  recheck(): void
}

/** What a connection sees of its reaction. */
export interface Reaction {
  /** Only every so many beats of a keepalive send a probe. */
  readonly pace: number
  /** Timers are not to be relied on: they are checked with every message, in and out. */
  readonly slowTimers: boolean
  /** A successor is about to take over. */
  successorReady(): void
  ready(session: DoubtedSession): void
}

export interface Rules {
  /** All in milliseconds. */
  readonly patience: number
  readonly closeAfter: number | undefined
  readonly pace: number
}

interface Doubt {
  readonly session: DoubtedSession
  readonly since: number
  /** What had been received when it was asked. */
  readonly received: number
  /** The successor dialed for it. */
  successor: number | undefined
}

export class SurroundingsReaction implements Reaction {
  pace = 1
  slowTimers = false
  private readonly connection: ReactingConnection
  private readonly rules: Rules
  private readonly patience: Timer
  private readonly hidden: Timer
  private doubt: Doubt | undefined

  constructor(connection: ReactingConnection, rules: Rules) {
    this.connection = connection
    this.rules = rules
    this.patience = connection.timer(() => this.silent())
    this.hidden = connection.timer(() => this.pause())
    connection.reaction = this
  }

  take(signal: Signal): void {
    switch (signal._tag) {
      case "Woke":
        return this.woke(signal.reason)
      case "Offline":
        return this.connection.active?.liveness?.rtt(nothing)
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
    this.connection.reaction = undefined
  }

  /** A session that is Ready takes part in what holds now. */
  ready(session: DoubtedSession): void {
    if (this.slowTimers) session.liveness?.listen(() => this.heard(session))
  }

  /** A successor is about to take over: a session that is still silent counts as dead, and a `Gap` says so. */
  successorReady(): void {
    const { connection, doubt } = this
    if (doubt === undefined || doubt.session !== connection.active) return
    if (doubt.session.link?.received() !== doubt.received) return this.trust()
    this.doubt = undefined
    const timeout = Duration.millis(connection.mono() - doubt.since)
    const { epoch } = doubt.session
    const name = connection.connection
    doubt.session.dead(new ConnectionError.PongReceiveTimeout({ connection: name, epoch, timeout, missed: 1 }))
  }

  // ---- awake again ----

  private woke(reason: string): void {
    this.resume()
    this.askSession(reason)
    this.connection.recheck()
    this.connection.dispatch({ _tag: "Woke" })
  }

  private askSession(reason: string): void {
    const { connection } = this
    const session = connection.active
    if (session?.link === undefined || this.doubt?.session === session) return
    if (session.liveness?.suspect(reason) !== true) return
    this.doubt = { session, since: connection.mono(), received: session.link.received(), successor: undefined }
    session.liveness.listen(() => this.heard(session))
    this.patience.set(connection.mono() + this.rules.patience)
  }

  private silent(): void {
    const { connection, doubt } = this
    if (doubt === undefined || doubt.session !== connection.active) return this.trust()
    const { session } = doubt
    if (session.link?.received() !== doubt.received) return this.trust()
    // A socket that our own reader holds back cannot answer: the heartbeat's own rule decides.
    if (session.liveness?.held === true) return this.trust()
    // The probe's own deadline decides.
    if (connection.rotationMode === "breakFirst") return
    const before = successorOf(connection.phase)
    connection.dispatch({ _tag: "Restart", mode: "makeFirst", by: "auto", reason: "silent after a wake-up" })
    if (before === undefined) doubt.successor = successorOf(connection.phase)
  }

  private heard(session: DoubtedSession): void {
    if (this.doubt?.session === session) this.trust()
    if (this.slowTimers) this.connection.recheck()
  }

  private trust(): void {
    const { doubt } = this
    this.doubt = undefined
    this.patience.clear()
    if (doubt?.successor !== undefined) this.connection.dispatch({ _tag: "Withdraw", epoch: doubt.successor })
  }

  // ---- out of sight ----

  private hide(): void {
    const { connection } = this
    this.pace = this.rules.pace
    this.slowTimers = true
    if (connection.active !== undefined) this.ready(connection.active)
    this.armHidden()
  }

  private show(): void {
    const slowed = this.pace > 1
    this.pace = 1
    this.slowTimers = false
    this.resume()
    this.hidden.clear()
    // Its next heartbeat may be far off still.
    if (slowed) this.askSession("looked at again")
    this.connection.recheck()
  }

  private armHidden(): void {
    const { closeAfter } = this.rules
    if (closeAfter !== undefined) this.hidden.set(this.connection.mono() + closeAfter)
  }

  private pause(): void {
    this.connection.dispatch({ _tag: "Pause", by: "surroundings" })
  }

  private resume(): void {
    const { connection } = this
    const { phase } = connection
    const isPausedByUs = phase._tag === "Idle" && phase.reason === "Paused" && phase.by === "surroundings"
    if (!isPausedByUs) return
    if (this.slowTimers) this.armHidden()
    connection.dispatch({ _tag: "Resume", by: "surroundings" })
  }
}

const nothing = (): void => {}

const successorOf = (phase: Phase): number | undefined => (phase._tag === "Live" ? phase.successor?.epoch : undefined)
