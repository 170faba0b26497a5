/**
 * Everything that happens to a connection and that its state leaves out: dials,
 * gates, probes, drops, rotations. Events are for logs, dashboards and tests;
 * outcomes a program depends on reach it directly. An event nobody listens for
 * costs nothing.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { ConnectionError, DialPhase as Phase } from "./ConnectionError.ts"
import type { Gate } from "./ConnectionState.ts"

/**
 * A dial begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialStarted {
  readonly _tag: "DialStarted"
  readonly epoch: number
  readonly attempt: number
  /** Which of the target's urls, from 0. */
  readonly endpoint: number
  /** A `successor` is dialed beside a session that is Ready, a `hedge` because another dial shows no sign of life. */
  readonly role: "active" | "successor" | "hedge"
}

/**
 * A dial waits until the budget lets it go.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialWaiting {
  readonly _tag: "DialWaiting"
  readonly epoch: number
  /** The key of the budget that holds it back, such as the server's origin. */
  readonly key: string
  /** What does: a limit of that key, its open breaker, or a server that said "not now". */
  readonly reason: "window" | "minGap" | "concurrent" | "breaker" | "retryAfter"
  /** How many dials go before it. */
  readonly ahead: number
  /** How long until that key lets the next dial go; unknown while it depends on the end of another dial. */
  readonly wait: Duration.Duration | undefined
}

/**
 * The budget let a dial go that had waited.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialPermitted {
  readonly _tag: "DialPermitted"
  readonly epoch: number
}

/**
 * A phase of a dial is over: the next one begins, or the dial has ended in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialPhase {
  readonly _tag: "DialPhase"
  readonly epoch: number
  readonly phase: Phase
  readonly took: Duration.Duration
}

/**
 * A session passed a gate.
 *
 * @category models
 * @since 0.1.0
 */
export interface GatePassed {
  readonly _tag: "GatePassed"
  readonly epoch: number
  readonly gate: Exclude<Gate, "Dialing">
}

/**
 * A session is over.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionEnded {
  readonly _tag: "SessionEnded"
  readonly epoch: number
  readonly error: ConnectionError
  /**
   * Messages handed to this session's socket whose arrival nothing has shown:
   * how many, and the range of their write numbers.
   */
  readonly unconfirmed: { readonly count: number; readonly from: number; readonly to: number }
  /** How long its socket was open; zero for a dial that failed. */
  readonly lived: Duration.Duration
  /** How long nothing had arrived, at most `lived`. */
  readonly quietFor: Duration.Duration
  /** Who ended it: the peer closed or refused it, we did, or the network lost it. */
  readonly by: "peer" | "us" | "network"
}

/**
 * The reconnect policy decided what an error means.
 *
 * @category models
 * @since 0.1.0
 */
export interface Classified {
  readonly _tag: "Classified"
  readonly error: ConnectionError
  /** As `Reconnect.Decision` names them. */
  readonly decision: "Retry" | "RetryAfter" | "Refresh" | "Stop"
  /** The default rule, a `classify` of yours that differs from it, or the one refresh that was used up. */
  readonly by: "default" | "user" | "refreshed already"
}

/**
 * The reconnect policy chose a delay.
 *
 * @category models
 * @since 0.1.0
 */
export interface RetryScheduled {
  readonly _tag: "RetryScheduled"
  readonly attempt: number
  readonly delay: Duration.Duration
  readonly cause: ConnectionError
}

/**
 * The connection gave up.
 *
 * @category models
 * @since 0.1.0
 */
export interface GaveUp {
  readonly _tag: "GaveUp"
  readonly error: ConnectionError
}

/**
 * A heartbeat's probe was written.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProbeSent {
  readonly _tag: "ProbeSent"
  readonly epoch: number
  readonly id: number
}

/**
 * A probe went unanswered for its whole timeout.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProbeMissed {
  readonly _tag: "ProbeMissed"
  readonly epoch: number
  readonly missed: number
  /** Which one: the `id` of its `ProbeSent`. */
  readonly id: number
}

/**
 * A probe was answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface PulseSeen {
  readonly _tag: "PulseSeen"
  readonly epoch: number
  readonly rtt: Duration.Duration
  /** Which one: the `id` of its `ProbeSent`. */
  readonly id: number
}

/**
 * Something suggests that time stood still (timers late, clocks apart) or that
 * the network changed; one probe with a short deadline follows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suspected {
  readonly _tag: "Suspected"
  readonly epoch: number
  readonly reason: string
}

/**
 * No application data came for as long as the data clock allows.
 *
 * @category models
 * @since 0.1.0
 */
export interface DataSilent {
  readonly _tag: "DataSilent"
  readonly epoch: number
  readonly after: Duration.Duration
}

/**
 * The inbox is full: its socket is held back until your reader has caught up.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboxPaused {
  readonly _tag: "InboxPaused"
  readonly epoch: number
  readonly bytes: number
}

/**
 * The inbox has room again, or nothing is left to hold back.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboxResumed {
  readonly _tag: "InboxResumed"
  readonly epoch: number
}

/**
 * Messages wait to be written, and senders with them: for a session, for unsent
 * bytes to leave (`writeMark`), for the rate limit, or for room in the outbox.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendersWaiting {
  readonly _tag: "SendersWaiting"
  readonly for: "session" | "writeMark" | "rateLimit" | "capacity"
}

/**
 * No message waits to be written any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendersFree {
  readonly _tag: "SendersFree"
}

/**
 * The inbox has been full, and its reader has taken nothing, for `maxStall`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReaderStalled {
  readonly _tag: "ReaderStalled"
  readonly epoch: number
  readonly bytes: number
}

/**
 * Messages were dropped.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dropped {
  readonly _tag: "Dropped"
  readonly where: "inbox" | "outbox"
  readonly reason: DropReason
  readonly count: number
}

/**
 * Why a message was dropped.
 *
 * @category models
 * @since 0.1.0
 */
export type DropReason =
  | "overflow"
  | "superseded"
  | "expired"
  | "down"
  | "undecodable"
  | "unread"
  | "closed"
  | "exported"

/**
 * A restart was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestartRequested {
  readonly _tag: "RestartRequested"
  readonly mode: "breakFirst" | "makeFirst"
  readonly by: "user" | "auto"
  readonly reason: string
}

/**
 * A rotation is due, and waits: the session has not been Stable since the last
 * automatic restart, so the server may be one that ends every session at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface RotationDeferred {
  readonly _tag: "RotationDeferred"
  readonly epoch: number
  /** Why the session is to be replaced. */
  readonly reason: string
  /** How long until the rotation is tried again, Stable or not. */
  readonly delay: Duration.Duration
}

/**
 * A successor took over from a session that was still alive.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rotated {
  readonly _tag: "Rotated"
  readonly from: number
  readonly to: number
}

/**
 * A successor failed; the active session is untouched.
 *
 * @category models
 * @since 0.1.0
 */
export interface SuccessorFailed {
  readonly _tag: "SuccessorFailed"
  readonly epoch: number
  readonly error: ConnectionError
}

/**
 * A control frame arrived.
 *
 * @category models
 * @since 0.1.0
 */
export interface ControlReceived {
  readonly _tag: "ControlReceived"
  readonly epoch: number
  readonly frame: "Ping" | "Pong" | "Close"
}

/**
 * A user's hook failed; the session goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface HookFailed {
  readonly _tag: "HookFailed"
  readonly epoch: number
  readonly hook: string
}

/**
 * A user's hook did not run: too many waited. The message itself is not
 * concerned.
 *
 * @category models
 * @since 0.1.0
 */
export interface HookSkipped {
  readonly _tag: "HookSkipped"
  readonly epoch: number
  readonly hook: string
  /** How many hooks of this connection have been skipped so far. */
  readonly skipped: number
}

/**
 * Everything that can happen to a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionEvent =
  | DialStarted
  | DialWaiting
  | DialPermitted
  | DialPhase
  | GatePassed
  | SessionEnded
  | Classified
  | RetryScheduled
  | GaveUp
  | ProbeSent
  | ProbeMissed
  | PulseSeen
  | Suspected
  | DataSilent
  | InboxPaused
  | InboxResumed
  | SendersWaiting
  | SendersFree
  | ReaderStalled
  | Dropped
  | RestartRequested
  | RotationDeferred
  | Rotated
  | SuccessorFailed
  | ControlReceived
  | HookFailed
  | HookSkipped
