/**
 * What a connection does next, as one pure function: `reduce(state, input, now)`
 * gives the next state and the commands for the shell. It is a table with a cell
 * for every phase and every input; there is no other place where the lifecycle
 * is decided, and no clock, fiber or socket in it.
 */
import * as Duration from "effect/Duration"
import type { ConnectionState } from "../../ConnectionState.ts"
import * as Live from "./live.ts"
import {
  after,
  startOver,
  closed,
  closedByUs,
  closeSessions,
  dial,
  emit,
  end,
  exhausted,
  fail,
  giveUp,
  hedge,
  leave,
  lose,
  none,
  pause,
  reconfigured,
  restartByUser,
  restartPending
} from "./moves.ts"
import type {
  Command,
  Config,
  Input,
  InputAt,
  InputTag,
  Opening,
  Transition,
  PhaseTag,
  State,
  StateAt
} from "./model.ts"

export type { Command, Config, Hedging, Input, Phase, State } from "./model.ts"

const noneRemoved: State["removed"] = []

export const initial = (config: Config): State => ({
  config,
  phase: { _tag: "Idle", reason: "NotStarted" },
  epoch: 0,
  endpoint: 0,
  removed: noneRemoved,
  outage: { attempt: 0, refreshUsed: false, refresh: false, fresh: true, cause: undefined },
  everReady: false,
  mayskip: false
})

// ---- handlers shared by cells ----

/** The input asks for what is so already, or for what this phase rules out. */
const ignore = (state: State): Transition => [state, none]

/** The input speaks of a session or a wait that is over. */
const stale = ignore

// ---- Idle ----

const idleResume = (state: StateAt<"Idle">, { by }: InputAt<"Resume">): Transition => {
  const { phase } = state
  const isTheirs = phase.reason === "Paused" && phase.by === by
  return by === "user" || isTheirs ? dial(startOver(state)) : [state, none]
}

/** The surroundings pause what runs; a user may pause anything. */
const idlePause = (state: StateAt<"Idle">, input: InputAt<"Pause">): Transition =>
  input.by === "user" ? pause(state, input) : [state, none]

const idleStart = (state: StateAt<"Idle">): Transition =>
  state.phase.reason === "NotStarted" ? dial(state) : [state, none]

// ---- Dialing ----

/** The first of an attempt's dials to open is kept; the other one is dropped. */
const dialingOpened = (state: StateAt<"Dialing">, { epoch }: InputAt<"Opened">): Transition => {
  const { phase } = state
  if (epoch === phase.hedge?.epoch) return after(end(phase.epoch, "drop"), openedFirst(state, phase.hedge))
  if (epoch !== phase.epoch || phase.gate === "Open") return [state, none]
  return after(end(phase.hedge?.epoch, "drop"), openedFirst(state, phase))
}

const openedFirst = (state: StateAt<"Dialing">, { endpoint, epoch }: Opening): Transition => [
  {
    ...state,
    endpoint: endpoint ?? state.endpoint,
    phase: { ...state.phase, epoch, endpoint, gate: "Open", hedge: undefined }
  },
  [emit({ _tag: "GatePassed", epoch, gate: "Open" })]
]

/** Nothing came of the latest dial of the attempt yet. */
const dialingHung = (state: StateAt<"Dialing">, { epoch }: InputAt<"Hung">): Transition => {
  const { phase } = state
  const latest = phase.hedge ?? phase
  return epoch === latest.epoch && latest.gate === "Dialing" && phase.hedgesLeft > 0 ? hedge(state) : [state, none]
}

const dialingReady = (state: StateAt<"Dialing">, { epoch }: InputAt<"Ready">, now: number): Transition => {
  const { endpoint, hedge } = state.phase
  if (epoch !== state.phase.epoch) return [state, none]
  return after(end(hedge?.epoch, "drop"), [
    {
      ...state,
      phase: { _tag: "Live", epoch, gate: "Ready", endpoint, since: now, successor: undefined, retiring: undefined },
      everReady: true
    },
    [
      { _tag: "Begin", epoch },
      emit({ _tag: "GatePassed", epoch, gate: "Ready" }),
      { _tag: "ArmStable", epoch },
      { _tag: "ArmRotation", after: undefined }
    ]
  ])
}

/** The first dial speaks for the attempt: a hedge that fails is the last one, and changes nothing else. */
const dialingEnded = (state: StateAt<"Dialing">, input: InputAt<"Ended">, now: number): Transition => {
  const { phase } = state
  if (input.epoch === phase.hedge?.epoch) {
    return [{ ...state, phase: { ...phase, hedge: undefined, hedgesLeft: 0 } }, none]
  }
  if (input.epoch !== phase.epoch) return [state, none]
  return after(
    end(phase.hedge?.epoch, "drop"),
    lose(state, { ...input, endpoint: phase.endpoint, wasStable: false }, now)
  )
}

// ---- Deciding and Waiting ----

const decidingStepped = (state: StateAt<"Deciding">, input: InputAt<"Stepped">, now: number): Transition => {
  const { atLeast, cause } = state.phase
  const delay = atLeast + input.delay
  return [
    { ...state, phase: { _tag: "Waiting", cause, until: now + delay, told: atLeast > 0 } },
    [
      emit({ _tag: "RetryScheduled", attempt: state.outage.attempt, delay: Duration.millis(delay), cause }),
      { _tag: "Wait", delay }
    ]
  ]
}

const decidingExhausted = (state: StateAt<"Deciding">): Transition => giveUp(state, exhausted(state, state.phase.cause))

const waitingWoke = (state: StateAt<"Waiting">): Transition =>
  state.phase.told ? [state, none] : after(leave(state.phase, "drop"), dial(state))

const waitingClose = (state: StateAt<"Waiting">): Transition => after(leave(state.phase, "drop"), closed(state))

// ---- Closing ----

const closingEnded = (state: StateAt<"Closing">, { epoch }: InputAt<"Ended">): Transition => {
  const waiting = state.phase.waiting.filter((awaited) => awaited !== epoch)
  return waiting.length === 0 ? closed(state) : [{ ...state, phase: { _tag: "Closing", waiting } }, none]
}

// ---- the table ----

type Handler<P extends PhaseTag, I extends InputTag> = (state: StateAt<P>, input: InputAt<I>, now: number) => Transition
type Table = { readonly [P in PhaseTag]: { readonly [I in InputTag]: Handler<P, I> } }

/** Where there is no session: what one says comes too late. */
const noSession = {
  Opened: stale,
  Ready: stale,
  Stable: stale,
  Ended: stale,
  Hung: stale,
  RotationDue: stale,
  Withdraw: stale
}

/** Where no retry is decided or waited for. */
const noRetry = { Stepped: stale, Exhausted: stale, RetryDue: stale }

/** Where the connection is over. */
const over = {
  ...noSession,
  ...noRetry,
  Start: ignore,
  Woke: ignore,
  Restart: ignore,
  Reconfigured: ignore,
  Pause: ignore,
  Resume: ignore,
  Close: ignore,
  Fail: ignore
}

const table: Table = {
  Idle: {
    ...noSession,
    ...noRetry,
    Start: idleStart,
    Woke: ignore,
    Restart: restartByUser,
    Reconfigured: reconfigured,
    Pause: idlePause,
    Resume: idleResume,
    Close: closed,
    Fail: fail
  },
  Dialing: {
    ...noRetry,
    Start: ignore,
    Opened: dialingOpened,
    Ready: dialingReady,
    Stable: stale,
    Ended: dialingEnded,
    Hung: dialingHung,
    Woke: ignore,
    Restart: restartByUser,
    RotationDue: stale,
    Withdraw: stale,
    Reconfigured: reconfigured,
    Pause: pause,
    Resume: ignore,
    Close: closeSessions,
    Fail: fail
  },
  Live: {
    ...noRetry,
    Start: ignore,
    Opened: Live.opened,
    Ready: Live.ready,
    Stable: Live.stable,
    Ended: Live.ended,
    // A successor's dial: the session that it is to replace still stands, and there is time.
    Hung: ignore,
    Woke: ignore,
    Restart: Live.restart,
    RotationDue: Live.rotationDue,
    Withdraw: Live.withdraw,
    Reconfigured: reconfigured,
    Pause: pause,
    Resume: ignore,
    Close: closeSessions,
    Fail: fail
  },
  Deciding: {
    ...noSession,
    Start: ignore,
    Stepped: decidingStepped,
    Exhausted: decidingExhausted,
    RetryDue: stale,
    Woke: ignore,
    Restart: restartPending,
    Reconfigured: reconfigured,
    Pause: pause,
    Resume: ignore,
    Close: closed,
    Fail: fail
  },
  Waiting: {
    ...noSession,
    Start: ignore,
    Stepped: stale,
    Exhausted: stale,
    RetryDue: dial,
    Woke: waitingWoke,
    Restart: restartPending,
    Reconfigured: reconfigured,
    Pause: pause,
    Resume: ignore,
    Close: waitingClose,
    Fail: fail
  },
  Closing: { ...over, Ended: closingEnded },
  Closed: over,
  Failed: { ...over, Restart: restartByUser, Reconfigured: reconfigured, Close: closed }
}

export const reduce = (state: State, input: Input, now: number): Transition => {
  // The table pairs each cell with its phase and input; TypeScript does not follow that through two lookups.
  const cell = table[state.phase._tag][input._tag] as (state: State, input: Input, now: number) => Transition
  const outcome = cell(state, input, now)
  return leavesLive(state, outcome) ? after([interruption(state, input)], outcome) : outcome
}

// However a live session is left, the same things end with it.
const leavesLive = (before: State, [{ phase }]: Transition): before is StateAt<"Live"> =>
  before.phase._tag === "Live" && phase._tag !== "Live"

const interruption = ({ config, phase: { epoch } }: StateAt<"Live">, input: Input): Command => {
  const cause = input._tag === "Ended" ? input.error : closedByUs(config.connection, epoch)
  return { _tag: "Interrupt", epoch, cause }
}

// ---- what users see ----

export const publicState = (state: State): ConnectionState => {
  const { outage, phase } = state
  switch (phase._tag) {
    case "Idle":
      return { _tag: "Disconnected", reason: phase.reason }
    case "Dialing":
      return { _tag: "Connecting", attempt: outage.attempt, gate: phase.gate }
    case "Live":
      return { _tag: "Connected", since: phase.since, epoch: phase.epoch, gate: phase.gate }
    case "Deciding":
      return {
        _tag: "Reconnecting",
        attempt: outage.attempt,
        nextRetryAt: phase.at + phase.atLeast,
        cause: phase.cause
      }
    case "Waiting":
      return { _tag: "Reconnecting", attempt: outage.attempt, nextRetryAt: phase.until, cause: phase.cause }
    case "Closing":
      return { _tag: "Closing" }
    case "Closed":
      return { _tag: "Disconnected", reason: "Closed" }
    case "Failed":
      return { _tag: "Failed", error: phase.error, recoverable: phase.recoverable }
  }
}
