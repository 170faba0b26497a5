/**
 * Whether a session lives: drives its heartbeat, answers who doubts it, and
 * takes out of its frames what belongs to the heartbeat or to a hook.
 */
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Heartbeat, Probe } from "../../Heartbeat.ts"
import type { Link } from "../../Transport.ts"
import type { MonitoredSession } from "../heartbeat/monitored.ts"
import { Pulse } from "../heartbeat/pulse.ts"
import type { Received } from "../model/frame.ts"
import type { WireProbe } from "../model/wireProbe.ts"
import type { SessionContext, SessionParts } from "./context.ts"

export class Liveness<In, Out> implements MonitoredSession {
  /** Frames are looked at before they count as data. */
  filters: boolean
  readonly owner: SessionContext<In, Out>
  private readonly session: SessionParts<In>
  private readonly pulse: Pulse
  /** Users' pings, in order: each says whether a pong is its own. */
  awaited: Array<(payload: Uint8Array) => boolean> | undefined
  /** Called for everything that arrives, while somebody doubts or timers are slow. */
  private heard: (() => void) | undefined

  constructor(owner: SessionContext<In, Out>, session: SessionParts<In>, heartbeat: Heartbeat, link: Link) {
    this.owner = owner
    this.session = session
    this.pulse = new Pulse(heartbeat, this, link)
    this.filters = this.pulse.intercepts || owner.reports.showsFrames
  }

  start(): void {
    this.pulse.start()
  }

  stop(): void {
    this.pulse.stop()
  }

  // --- what arrives ----------------------------------------------------------

  /** Whether the heartbeat keeps the frame for itself. */
  filter(frame: Received): boolean {
    this.heard?.()
    if (this.pulse.intercept(frame)) return true
    const { reports } = this.owner
    // Lazy text becomes a string for a hook alone.
    if (!reports.showsFrames) return false
    const { epoch } = this.session
    if (frame instanceof Uint8Array) reports.hook(epoch, "onBinary", frame, epoch)
    else reports.hook(epoch, "onText", String(frame), epoch)
    return false
  }

  pong(payload: Uint8Array): void {
    this.heard?.()
    this.pulse.pong(payload)
    this.awaited?.find((hears) => hears(payload))
  }

  // --- what others ask -------------------------------------------------------

  /** Whether the session could be asked. */
  suspect(reason: string, deadline?: number): boolean {
    return this.pulse.suspect(reason, deadline)
  }

  /** Calls `heard` for everything that arrives from now on. */
  listen(heard: () => void): void {
    this.heard = heard
    this.filters = true
  }

  rtt(answer: (rtt: number | undefined) => void): void {
    this.pulse.ping(answer)
  }

  /** Reports whether all that was sent until now has come; where nobody can be asked it is taken for granted. */
  ask(answer: (complete: boolean) => void): void {
    if (!this.pulse.ask(answer)) answer(true)
  }

  recheck(now: number): void {
    this.pulse.recheck(now)
  }

  // --- what the heartbeat borrows --------------------------------------------

  get epoch(): number {
    return this.session.epoch
  }

  get dataFrames(): number {
    return this.session.dataFrames
  }

  get pings(): Probe | undefined {
    const { ping } = this.owner.transport.capabilities
    return ping === false ? undefined : ping.probe
  }

  get held(): boolean {
    return this.session.isDelivering && this.owner.inbox.holding()
  }

  get pace(): number {
    return this.owner.reaction?.pace ?? 1
  }

  write(probe: WireProbe, written: (seq: number) => void): void {
    this.session.writer?.probe(probe, written)
  }

  answered(seq: number, rtt: number): void {
    const { writer } = this.session
    this.owner.reports.counters.rtt(rtt)
    this.session.heardAt = this.owner.wall()
    if (writer !== undefined) this.owner.outbox.ponged(writer, seq)
  }

  dead(error: ConnectionError): void {
    this.session.dead(error)
  }

  dataLost(): void {
    this.session.dataLost()
  }
}
