/**
 * What a session uses of its connection, and what the parts of a session (its
 * dial, its opening, its heartbeat) use of the session.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { Codec } from "../../Codec.ts"
import type { ConnectionError, DialPhase } from "../../ConnectionError.ts"
import type { ConnectionEvent, SendersWaiting } from "../../ConnectionEvent.ts"
import type { Heartbeat } from "../../Heartbeat.ts"
import type { Reconnect } from "../../Reconnect.ts"
import type { Meter } from "../../RateLimit.ts"
import type * as Public from "../../Session.ts"
import type { Recipe, Target } from "../../Target.ts"
import type { Link, Transport } from "../../Transport.ts"
import type { Inbox } from "../inbox/inbox.ts"
import type { Timer } from "../kit/timers.ts"
import type { Command } from "../lifecycle/model.ts"
import type { Outbox } from "../outbox/outbox.ts"
import type { OutboxOwner, Writer } from "../outbox/writer.ts"
import type { Reaction } from "../platform/reaction.ts"
import type { Caller } from "../transport/fromCallback.ts"
import type { Counters } from "./counters.ts"
import type { OpenBuffer } from "./openBuffer.ts"

/**
 * A dial permit by callback, as the manager's budget gives it. The answer comes
 * later, with an error if the dial is refused. The function it returns takes
 * the outcome of the dial, or says that no permit is wanted any more; its first
 * call counts.
 */
export type Ask = (
  dial: Public.Permit,
  answer: (refusal: ConnectionError | undefined) => void
) => (exit: Exit.Exit<unknown, unknown>) => void

export interface SessionPolicies {
  readonly reconnect: Pick<Reconnect, "hedgeAfter">
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
  waiting(reason: SendersWaiting["for"] | undefined): void
  readonly counters: Counters
  /** The url of the last dial. */
  url: string | undefined
  /** The span of the last dial, where somebody traces. */
  span: Tracer.ExternalSpan | undefined
  /** A hook sees each data frame. */
  readonly showsFrames: boolean
  emit(event: () => ConnectionEvent): void
  hook<Name extends HookName>(epoch: number, name: Name, ...given: HookInput<Name>): void
}

/** What a connection's options say of its sessions. */
export interface SessionOptions<In, Out> {
  readonly maxMessageSize?: number | undefined
  readonly compression?: boolean | undefined
  readonly writeMark?: number | undefined
  readonly openBuffer?: number | undefined
  readonly onOpen?: OpenProgram<In, Out> | undefined
  readonly permit?: ((dial: Public.Permit) => Effect.Effect<void, ConnectionError, Scope.Scope>) | undefined
}

/** What a session uses of its connection. */
export interface SessionContext<In, Out> extends OutboxOwner {
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
}

type CallingSession = Caller<Target>["session"]

export type DialCommand = Extract<Command, { readonly _tag: "Dial" }>

/** What the parts of a session use of it. */
export interface SessionParts<In> extends CallingSession {
  readonly dial: DialCommand
  readonly epoch: number
  readonly scope: Scope.Scope
  readonly isOpening: boolean
  readonly isDelivering: boolean
  readonly link: Link | undefined
  readonly writer: Writer | undefined
  readonly dataFrames: number
  /** What waits until the session is released. */
  readonly early: OpenBuffer<In>
  /** What ended it. */
  readonly ending: ConnectionError | undefined
  /** Fails with whatever ends it. */
  readonly death: Effect.Effect<never, ConnectionError>
  /** What its dial waits for. */
  readonly phase: DialPhase | undefined
  /** When something of its socket's own arrived last, such as a pong; Unix milliseconds. */
  heardAt: number
  expiresAt: number | undefined
  /** How many unsent bytes make senders wait. */
  writeMark: number
  /** What its target says of its heartbeat. */
  heartbeat: Heartbeat | undefined
  /** The transport is about to dial. */
  dialing(): void
  /** The next phase of its dial begins; none follows the last. */
  dialPhase(phase?: DialPhase): void
  opened(link: Link): void
  dead(error: ConnectionError): void
  dataLost(): void
}
