/** What a session lends its heartbeat: clocks, timers, a way to write, and whom to inform. */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Probe } from "../../Heartbeat.ts"
import type { WireProbe } from "../model/wireProbe.ts"
import type { Timer } from "../kit/timers.ts"

/** What a link shows of its traffic. */
export interface Traffic {
  /** A number that grows whenever anything arrives. */
  received(): number
  /** Bytes that were written and have not left. */
  buffered(): number
}

export interface MonitoredSession {
  readonly connection: string
  readonly epoch: number
  /** How to ping, where the transport can. */
  readonly pings: Probe | undefined
  /** Application messages so far. */
  readonly dataFrames: number
  /** Only every so many beats of the keepalive send a probe. */
  readonly pace: number
  /** Our own reader keeps the socket paused, so silence proves nothing. */
  readonly held: boolean
  /** Monotonic milliseconds. */
  now(): number
  /** Unix milliseconds. */
  wall(): number
  timer(fire: (now: number) => void): Timer
  fork(effect: Effect.Effect<void>): Fiber.Fiber<void>
  emit(event: () => ConnectionEvent): void
  write(probe: WireProbe, written: (seq: number) => void): void
  answered(seq: number, rtt: number): void
  dead(error: ConnectionError): void
  /** The data clock ran out for the second time in a row. */
  dataLost(): void
}
