/**
 * A session as what watches over it sees it: its pulse, whoever doubts it, and
 * the hooks and events that speak of its frames.
 */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Probe } from "../../Heartbeat.ts"
import type { Frame } from "../../Message.ts"
import type { Host } from "./host.ts"
import type { WireProbe } from "../model/wireProbe.ts"
import type { Writer } from "../outbox/writer.ts"
import type { MonitoredSession } from "../heartbeat/monitored.ts"
import type { Pulse } from "../heartbeat/pulse.ts"
import type { Timer } from "../kit/timers.ts"

export abstract class Watched<In, Out> implements MonitoredSession {
  readonly epoch: number
  writer: Writer | undefined
  over = false
  dataFrames = 0
  protected readonly host: Host<In, Out>
  protected pulse: Pulse | undefined
  /** Told of everything that arrives, while somebody doubts or timers are slow. */
  protected heard: (() => void) | undefined
  /** Frames are looked at before they count as data. */
  protected filtered = false
  protected live = false

  constructor(host: Host<In, Out>, epoch: number) {
    this.host = host
    this.epoch = epoch
  }

  /** The verdict that the link is dead: nothing is waited for. */
  abstract dead(error: ConnectionError): void
  abstract dataLost(): void

  // --- what the link reports -------------------------------------------------

  ping(payload: Uint8Array): void {
    this.control("Ping", payload)
  }

  pong(payload: Uint8Array): void {
    if (this.over) return
    this.heard?.()
    this.pulse?.pong(payload)
    this.control("Pong", payload)
  }

  protected filter(frame: Frame): boolean {
    this.heard?.()
    if (this.pulse?.intercept(frame) === true) return true
    const { epoch } = this
    if (typeof frame === "string") this.host.hook("onText", frame, epoch)
    else this.host.hook("onBinary", frame, epoch)
    return false
  }

  private control(frame: "Ping" | "Pong", payload: Uint8Array): void {
    if (this.over) return
    const { epoch } = this
    this.emit(() => ({ _tag: "ControlReceived", epoch, frame }))
    this.host.hook(`on${frame}`, payload, epoch)
  }

  // --- what its supervisor asks of it ----------------------------------------

  /** Whether it could be asked. */
  suspect(reason: string, deadline?: number): boolean {
    return this.pulse?.suspect(reason, deadline) ?? false
  }

  /** Tells of everything that arrives from now on. */
  listen(heard: () => void): void {
    this.heard = heard
    this.filtered = true
  }

  rtt(answer: (rtt: number | undefined) => void): void {
    if (this.pulse === undefined) answer(undefined)
    else this.pulse.ping(answer)
  }

  /** Tells whether all that was sent until now has come; where nobody can be asked it is taken for granted. */
  ask(tell: (complete: boolean) => void): void {
    if (this.pulse?.ask(tell) !== true) tell(true)
  }

  recheck(now: number): void {
    this.pulse?.recheck(now)
  }

  // --- as the pulse's patient ------------------------------------------------

  get connection(): string {
    return this.host.connection
  }

  get pings(): Probe | undefined {
    const { ping } = this.host.transport.capabilities
    return ping === false ? undefined : ping.probe
  }

  get held(): boolean {
    return this.live && this.host.inbox.holding()
  }

  get pace(): number {
    return this.host.attention?.pace ?? 1
  }

  now(): number {
    return this.host.now()
  }

  wall(): number {
    return this.host.wall()
  }

  timer(fire: (now: number) => void): Timer {
    return this.host.timer(fire)
  }

  fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    return this.host.fork(effect)
  }

  emit(event: () => ConnectionEvent): void {
    this.host.emit(event)
  }

  write(probe: WireProbe, written: (seq: number) => void): void {
    this.writer?.probe(probe, written)
  }

  answered(seq: number, rtt: number): void {
    this.host.figures.rtt(rtt)
    if (this.writer !== undefined) this.host.outbox.ponged(this.writer, seq)
  }
}
