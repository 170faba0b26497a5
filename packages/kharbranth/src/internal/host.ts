/** What a session, and its opening, see of the connection they belong to. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Codec } from "../Codec.ts"
import type * as Connection from "../Connection.ts"
import type { ConnectionError } from "../ConnectionError.ts"
import type { ConnectionEvent, DropReason } from "../ConnectionEvent.ts"
import type { Heartbeat } from "../Heartbeat.ts"
import type { Meter } from "../RateLimit.ts"
import type { Recipe } from "../Target.ts"
import type { Transport } from "../Transport.ts"
import type { Fork } from "./alarm.ts"
import type { Figures } from "./figures.ts"
import type { Inbox } from "./inbox.ts"
import type { Outbox } from "./outbox.ts"
import type { Hooks as OutboxHooks } from "./outboxWriter.ts"
import type { Session } from "./session.ts"

export interface Limits {
  readonly dialTimeout: Duration.Duration
  readonly openTimeout: Duration.Duration
  readonly closeTimeout: Duration.Duration
}

/** A program that runs before a session is Ready. */
export type Opener<In, Out> = (session: Connection.Session<In, Out>) => Effect.Effect<unknown, unknown, Scope.Scope>

export interface Host<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly transport: Transport["Service"]
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly outboxHooks: OutboxHooks
  readonly figures: Figures
  readonly fork: Fork
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Unix milliseconds. */
  readonly wall: () => number
  readonly recipe: () => Recipe
  readonly heartbeat: () => Heartbeat
  readonly limits: () => Limits
  /** A new session's meter. */
  readonly meter: () => Meter | undefined
  readonly maxMessageSize: number
  readonly writeMark: number
  readonly openBuffer: number
  readonly onOpen: Opener<In, Out> | undefined
  /** The openings of the taps there are. */
  readonly openers: () => ReadonlyArray<Opener<In, Out>>
  readonly permit: ((dial: Connection.Permit) => Effect.Effect<void, ConnectionError, Scope.Scope>) | undefined
  readonly hooks: Connection.Hooks | undefined
  readonly hook: (name: string, run: (hooks: Connection.Hooks) => Effect.Effect<unknown, unknown> | undefined) => void
  readonly emit: (event: () => ConnectionEvent) => void
  readonly dropped: (reason: DropReason, count: number) => void
  /** Waits, bounded, until the sockets of earlier sessions are gone. */
  readonly settled: (session: Session<In, Out>) => Effect.Effect<void>
  readonly opened: (session: Session<In, Out>) => void
  readonly ready: (session: Session<In, Out>, resumed: unknown) => void
  readonly ended: (session: Session<In, Out>, error: ConnectionError) => void
  /** An overlap is cut short: the session may deliver. */
  readonly release: (session: Session<In, Out>) => void
  readonly dataLost: (session: Session<In, Out>) => void
  /** The session writes nothing more of the outbox. */
  readonly cut: (session: Session<In, Out>) => void
  /** The connection gives up. */
  readonly fail: (error: ConnectionError) => void
}
