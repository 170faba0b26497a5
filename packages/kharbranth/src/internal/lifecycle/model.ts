/**
 * What the lifecycle reducer speaks of: its state, the inputs it takes and the
 * commands it gives. Plain data; the only time in it is what was passed in.
 *
 * An epoch is alive from its `Dial` until its `EndSession` or its `Ended`,
 * whichever comes first. What arrives for a dead epoch is stale and ignored, and
 * no command names one.
 */
import type { ConnectionError } from "../../ConnectionError.ts"
import type { ConnectionEvent, DialStarted } from "../../ConnectionEvent.ts"
import type { Decision } from "../../Reconnect.ts"

export interface Config {
  readonly connection: string
  /** How many urls the target has, at least 1. */
  readonly endpoints: number
  /** Whether to dial again although no session was ever Ready. */
  readonly retryFirst: boolean
  /** How many dials one outage may see; `undefined`: as many as the schedule allows. A recording has no `Infinity`. */
  readonly maxAttempts: number | undefined
  readonly hedging: Hedging
}

/** What becomes of a dial that shows no sign of life. */
export interface Hedging {
  /** How many more dials one attempt may see. */
  readonly most: number
  /** They are dialed beside the first dial, where the platform can; else instead of it. */
  readonly beside: boolean
}

/** What the dials since the last Stable session have in common. */
export interface Outage {
  /** Dials so far in this outage. */
  readonly attempt: number
  readonly refreshUsed: boolean
  /** The next dial resolves the target with `refresh: true`. */
  readonly refresh: boolean
  /** The next `Step` starts a new schedule. */
  readonly fresh: boolean
  readonly cause: ConnectionError | undefined
}

/** A session on its way to Ready. */
export interface Opening {
  readonly epoch: number
  readonly gate: "Dialing" | "Open"
  /** Which of the target's urls it was dialed at; `undefined` once that target has been replaced. */
  readonly endpoint: number | undefined
}

/** Who paused a connection: a user, or what happens around the process, such as a page that froze. */
export type PausedBy = "user" | "surroundings"

export type Phase =
  | { readonly _tag: "Idle"; readonly reason: "NotStarted" }
  | { readonly _tag: "Idle"; readonly reason: "Paused"; readonly by: PausedBy }
  | ({
      readonly _tag: "Dialing"
      /** A second dial beside the first; the first of the two to open is kept. None once one is Open. */
      readonly hedge: Opening | undefined
      /** How many more hedges the attempt may see. */
      readonly hedgesLeft: number
    } & Opening)
  | {
      readonly _tag: "Live"
      readonly epoch: number
      readonly gate: "Ready" | "Stable"
      /** As in `Opening`. */
      readonly endpoint: number | undefined
      /** When it became Ready, ms. */
      readonly since: number
      readonly successor: Opening | undefined
      /** The session that a successor replaced, while it delivers what is left. */
      readonly retiring: number | undefined
    }
  | {
      readonly _tag: "Deciding"
      readonly cause: ConnectionError
      /** A floor from `RetryAfter`, ms; the schedule's own step is added, or a fleet told the same would come back as one. */
      readonly atLeast: number
      readonly at: number
    }
  | {
      readonly _tag: "Waiting"
      readonly cause: ConnectionError
      readonly until: number
      /** The server said when to come back, which outweighs a wake-up. */
      readonly told: boolean
    }
  /** `waiting`: the epochs whose end is awaited. */
  | { readonly _tag: "Closing"; readonly waiting: ReadonlyArray<number> }
  | { readonly _tag: "Closed" }
  | { readonly _tag: "Failed"; readonly error: ConnectionError; readonly recoverable: boolean }

export type PhaseTag = Phase["_tag"]

export interface State {
  readonly config: Config
  readonly phase: Phase
  /** The last one dialed; 0 before the first dial. */
  readonly epoch: number
  /** Which of the target's urls is dialed next. Never a removed one while dialing goes on. */
  readonly endpoint: number
  /** The urls that refused for good; a user's restart, a resume and a new target restore them. */
  readonly removed: ReadonlyArray<number>
  readonly outage: Outage
  readonly everReady: boolean
  /** An automatic restart may skip the backoff: the connection was Stable since the last one that did. */
  readonly mayskip: boolean
}

/** A state in one phase. */
export type StateAt<P extends PhaseTag> = State & { readonly phase: Extract<Phase, { readonly _tag: P }> }

export type Input =
  | { readonly _tag: "Start" }
  | { readonly _tag: "Opened"; readonly epoch: number }
  | { readonly _tag: "Ready"; readonly epoch: number }
  | { readonly _tag: "Stable"; readonly epoch: number }
  /** Sent exactly once for every epoch that was dialed. */
  | {
      readonly _tag: "Ended"
      readonly epoch: number
      readonly error: ConnectionError
      readonly decision: Decision
      /** Whose rule decided. Default: the default rule. */
      readonly by?: "default" | "user" | undefined
    }
  /** The schedule's delay, ms. */
  | { readonly _tag: "Stepped"; readonly delay: number }
  | { readonly _tag: "Exhausted" }
  | { readonly _tag: "RetryDue" }
  /** The dial of a session has shown no sign of life for as long as the policies say; it comes again and again. */
  | { readonly _tag: "Hung"; readonly epoch: number }
  /** The process or the network woke up: a wait may be pointless now. */
  | { readonly _tag: "Woke" }
  | {
      readonly _tag: "Restart"
      readonly mode: "breakFirst" | "makeFirst"
      readonly by: "user" | "auto"
      readonly reason: string
    }
  /** The session is old enough, or its target expires (both as planned), or the server announced its end. */
  | {
      readonly _tag: "RotationDue"
      readonly mode: "breakFirst" | "makeFirst"
      readonly reason: string
      readonly isPlanned: boolean
    }
  /** The doubt that asked for this successor is gone: the active session was heard. */
  | { readonly _tag: "Withdraw"; readonly epoch: number }
  /** The policies changed; with a new target every url is untried. */
  | {
      readonly _tag: "Reconfigured"
      readonly endpoints: number
      readonly retryFirst: boolean
      readonly maxAttempts: number | undefined
      readonly hedging: Hedging
      readonly isNewTarget: boolean
    }
  | { readonly _tag: "Pause"; readonly by: PausedBy }
  /** From the surroundings it undoes their own pause only. */
  | { readonly _tag: "Resume"; readonly by: PausedBy }
  | { readonly _tag: "Close" }
  /** The connection gives up by itself: the inbox overflowed, a codec failed. */
  | { readonly _tag: "Fail"; readonly error: ConnectionError }

export type InputTag = Input["_tag"]
export type InputAt<I extends InputTag> = Extract<Input, { readonly _tag: I }>

export type Command =
  | {
      readonly _tag: "Dial"
      readonly epoch: number
      readonly attempt: number
      readonly endpoint: number
      readonly refresh: boolean
      readonly cause: ConnectionError | undefined
      readonly role: DialStarted["role"]
    }
  /** At most once for an epoch; its `Ended` is never classified. A retiring one may be ending already: harmless. */
  | { readonly _tag: "EndSession"; readonly epoch: number; readonly how: "graceful" | "drop" }
  /** A session is Ready, and nothing delivers beside it: its messages flow, and senders write to it. */
  | { readonly _tag: "Begin"; readonly epoch: number }
  /**
   * Swap atomically: senders write to `epoch`. The shell delivers `from` for the
   * overlap and then ends it by itself; its `Ended` clears `retiring`.
   */
  | { readonly _tag: "Promote"; readonly epoch: number; readonly from: number }
  /**
   * The session that messages flowed through is over: a gap begins, senders
   * wait, and what was armed for the session is off. Always the first command.
   */
  | { readonly _tag: "Interrupt"; readonly epoch: number; readonly cause: ConnectionError }
  /** Answered by `Stable` once the session has lasted. */
  | { readonly _tag: "ArmStable"; readonly epoch: number }
  /** Answered by `RotationDue`: after so many ms, or when the options say. It replaces what was armed. */
  | { readonly _tag: "ArmRotation"; readonly after: number | undefined }
  /**
   * Ask the schedule; answered by `Stepped` or `Exhausted`. Leaving Deciding
   * withdraws the question: the shell must not answer it after a later `Step`.
   */
  | { readonly _tag: "Step"; readonly error: ConnectionError; readonly fresh: boolean }
  | { readonly _tag: "Wait"; readonly delay: number }
  | { readonly _tag: "CancelWait" }
  /** Streams may run again after Failed. */
  | { readonly _tag: "Revive" }
  /** Streams end, or fail with the error. */
  | { readonly _tag: "Halt"; readonly error: ConnectionError | undefined }
  | { readonly _tag: "Emit"; readonly event: ConnectionEvent }

/** What a handler gives: the next state, and what the shell does about it, in order. */
export type Transition = readonly [State, ReadonlyArray<Command>]
