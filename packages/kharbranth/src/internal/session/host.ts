/** What a session, and its opening, see of the connection they belong to. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Codec } from "../../Codec.ts"
import type * as Public from "../../Session.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Heartbeat } from "../../Heartbeat.ts"
import type { Meter } from "../../RateLimit.ts"
import type { Recipe } from "../../Target.ts"
import type { Transport } from "../../Transport.ts"
import type { Ward } from "../platform/reaction.ts"
import type { Ask } from "./dial.ts"
import type { Figures } from "./counters.ts"
import type { Inbox } from "../inbox/inbox.ts"
import type { Outbox } from "../outbox/outbox.ts"
import type { Hooks as OutboxHooks } from "../outbox/writer.ts"
import type { Session } from "./session.ts"
import type { Timer } from "../kit/timers.ts"

export interface Policies {
  readonly heartbeat: Heartbeat
  readonly dialTimeout: Duration.Duration
  readonly openTimeout: Duration.Duration
  readonly closeTimeout: Duration.Duration
}

/** A program that runs before a session is Ready. */
export type Opener<In, Out> = (session: Public.Session<In, Out>) => Effect.Effect<unknown, unknown, Scope.Scope>

export type HookName = keyof Public.Hooks

export type HookInput<Name extends HookName> = Parameters<NonNullable<Public.Hooks[Name]>>

export interface Host<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly transport: Transport["Service"]
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly outboxHooks: OutboxHooks
  readonly figures: Figures
  readonly policies: Policies
  readonly target: Recipe
  /** How it acts on what happens around it. */
  readonly attention: Ward["attention"]
  readonly maxMessageSize: number
  readonly writeMark: number
  readonly openBuffer: number
  readonly onOpen: Opener<In, Out> | undefined
  readonly permit: ((dial: Public.Permit) => Effect.Effect<void, ConnectionError, Scope.Scope>) | undefined
  /** The same by callback. */
  readonly ask: Ask | undefined
  readonly hooks: Public.Hooks | undefined
  /** Somebody traces: spans are worth making. */
  readonly traced: boolean
  fork(effect: Effect.Effect<void>): Fiber.Fiber<void>
  timer(fire: (now: number) => void): Timer
  /** Monotonic milliseconds. */
  now(): number
  /** Unix milliseconds. */
  wall(): number
  /** A new session's meter. */
  meter(): Meter | undefined
  /** The openings of the taps there are. */
  openers(): ReadonlyArray<Opener<In, Out>>
  hook<Name extends HookName>(name: Name, ...given: HookInput<Name>): void
  emit(event: () => ConnectionEvent): void
  /** Waits, bounded, until the sockets of earlier sessions are gone, if there are any. */
  settled(session: Session<In, Out>): Effect.Effect<void> | undefined
  opened(session: Session<In, Out>): void
  ready(session: Session<In, Out>, resumed: unknown): void
  ended(session: Session<In, Out>, error: ConnectionError): void
  /** An overlap is cut short: the session may deliver. */
  release(session: Session<In, Out>): void
  dataLost(session: Session<In, Out>): void
  /** The session writes nothing more of the outbox. */
  cut(session: Session<In, Out>): void
}
