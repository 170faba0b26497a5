/** What a session, and what leads it to Ready, see of the connection they belong to. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Codec } from "../../Codec.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Heartbeat } from "../../Heartbeat.ts"
import type { Meter } from "../../RateLimit.ts"
import type * as Public from "../../Session.ts"
import type { Recipe } from "../../Target.ts"
import type { Transport } from "../../Transport.ts"
import type { Inbox } from "../inbox/inbox.ts"
import type { Timer } from "../kit/timers.ts"
import type { Outbox } from "../outbox/outbox.ts"
import type { OutboxOwner } from "../outbox/writer.ts"
import type { Reaction } from "../platform/reaction.ts"
import type { Counters } from "./counters.ts"
import type { Ask } from "./dial.ts"
import type { Session } from "./session.ts"

export interface SessionPolicies {
  readonly heartbeat: Heartbeat
  readonly dialTimeout: Duration.Duration
  readonly openTimeout: Duration.Duration
}

/** A program that runs before a session is Ready. */
export type OpenProgram<In, Out> = (session: Public.Session<In, Out>) => Effect.Effect<unknown, unknown, Scope.Scope>

export type HookName = keyof Public.Hooks

export type HookInput<Name extends HookName> = Parameters<NonNullable<Public.Hooks[Name]>>

/** Where a session reports what happens to it. */
export interface SessionReports {
  readonly counters: Counters
  readonly hasHooks: boolean
  emit(event: () => ConnectionEvent): void
  hook<Name extends HookName>(epoch: number, name: Name, ...given: HookInput<Name>): void
}

/** What a connection's options say of its sessions. */
export interface SessionOptions<In, Out> {
  readonly maxMessageSize?: number | undefined
  readonly writeMark?: number | undefined
  readonly openBuffer?: number | undefined
  readonly onOpen?: OpenProgram<In, Out> | undefined
  readonly permit?: ((dial: Public.Permit) => Effect.Effect<void, ConnectionError, Scope.Scope>) | undefined
}

export interface SessionOwner<In, Out> extends OutboxOwner {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly transport: Transport["Service"]
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly reports: SessionReports
  readonly policies: SessionPolicies
  readonly target: Recipe
  /** How the connection reacts to what happens around it. */
  readonly reaction: Reaction | undefined
  readonly options: SessionOptions<In, Out>
  /** The option `permit` by callback, instead of it. */
  readonly ask: Ask | undefined
  /** A tracer listens: spans are worth making. */
  readonly traced: boolean
  fork(effect: Effect.Effect<void>): Fiber.Fiber<void>
  timer(fire: (now: number) => void): Timer
  /** Unix milliseconds. */
  wall(): number
  /** A new session's meter. */
  meter(): Meter | undefined
  /** The programs of the taps there are. */
  openers(): ReadonlyArray<OpenProgram<In, Out>>
  /** Waits, bounded, until the sockets of earlier sessions are gone, if there are any. */
  settled(session: Session<In, Out>): Effect.Effect<void> | undefined
  opened(session: Session<In, Out>): void
  ready(session: Session<In, Out>): void
  ended(session: Session<In, Out>, error: ConnectionError): void
  /** An overlap is cut short: the session may deliver. */
  release(session: Session<In, Out>): void
  dataLost(session: Session<In, Out>): void
  /** The session writes nothing more of the outbox. */
  cut(session: Session<In, Out>): void
}
