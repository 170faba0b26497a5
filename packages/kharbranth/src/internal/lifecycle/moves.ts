/**
 * The moves that the lifecycle's table is made of: dial, lose a session, give
 * up, restart, pause, close. Each takes a state and gives the next one with its
 * commands.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import { ConnectionClosed, type ConnectionError, RetriesExhausted } from "../../ConnectionError.ts"
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Decision } from "../../Reconnect.ts"
import type { Command, InputAt, Opening, Outage, Transition, Phase, State, StateAt } from "./model.ts"

export const none: ReadonlyArray<Command> = []

export const emit = (event: ConnectionEvent): Command => ({ _tag: "Emit", event })

export const after = (commands: ReadonlyArray<Command>, [state, more]: Transition): Transition => [
  state,
  [...commands, ...more]
]

/** Earlier dials no longer count: a new schedule, and one more refresh. */
export const renewed = (outage: Outage): Outage => ({ ...outage, attempt: 0, refreshUsed: false, fresh: true })

/** What a user's restart and a resume start from. */
export const startOver = (state: State): State => ({ ...state, outage: renewed(state.outage), removed: [] })

// ---- dialing ----

export const dial = (state: State): Transition => {
  const epoch = state.epoch + 1
  const attempt = state.outage.attempt + 1
  return [
    {
      ...state,
      phase: dialingFor(state, { epoch, gate: "Dialing", endpoint: state.endpoint }),
      epoch,
      outage: { ...state.outage, attempt, refresh: false }
    },
    dialing(state, { epoch, attempt, role: "active", refresh: state.outage.refresh, cause: state.outage.cause })
  ]
}

/** An attempt begins with this session; it may be hedged. */
export const dialingFor = ({ config }: State, opening: Opening): Extract<Phase, { readonly _tag: "Dialing" }> => ({
  _tag: "Dialing",
  ...opening,
  hedge: undefined,
  hedgesLeft: config.hedging.most
})

/**
 * The latest dial of an attempt has shown no sign of life: one more, at the next
 * url if there is another, in the place of an earlier hedge. The first dial goes
 * on beside it, for a server may only be slow; where the platform dials one
 * socket after the other, the hedge takes its place.
 */
export const hedge = (state: StateAt<"Dialing">): Transition => {
  const { config, phase } = state
  const { beside } = config.hedging
  const latest = phase.hedge ?? phase
  const epoch = state.epoch + 1
  const endpoint =
    latest.endpoint === undefined ? state.endpoint : nextEndpoint(config.endpoints, latest.endpoint, state.removed)
  const opening: Opening = { epoch, gate: "Dialing", endpoint }
  const hedged = beside ? { ...phase, hedge: opening } : { ...phase, ...opening }
  const { attempt, cause } = state.outage
  return after(end(beside ? phase.hedge?.epoch : phase.epoch, "drop"), [
    {
      ...state,
      epoch,
      endpoint: beside ? state.endpoint : endpoint,
      phase: { ...hedged, hedgesLeft: phase.hedgesLeft - 1 }
    },
    dialing({ endpoint }, { epoch, attempt, role: "hedge", refresh: false, cause })
  ])
}

/** A rotation interrupts nothing, so it is no part of an outage. */
export const dialSuccessor = (state: StateAt<"Live">): Transition => {
  const epoch = state.epoch + 1
  return [
    {
      ...state,
      epoch,
      phase: {
        ...state.phase,
        retiring: undefined,
        successor: { epoch, gate: "Dialing", endpoint: state.endpoint }
      }
    },
    dialing(state, { epoch, attempt: 1, role: "successor", refresh: false, cause: undefined })
  ]
}

const dialing = (
  { endpoint }: Pick<State, "endpoint">,
  { attempt, cause, epoch, refresh, role }: Omit<Extract<Command, { readonly _tag: "Dial" }>, "_tag" | "endpoint">
): ReadonlyArray<Command> => [
  emit({ _tag: "DialStarted", epoch, attempt, endpoint, role }),
  { _tag: "Dial", endpoint, epoch, attempt, role, refresh, cause }
]

// ---- losing a session ----

export interface Loss {
  readonly error: ConnectionError
  readonly decision: Decision
  readonly by?: "default" | "user" | undefined
  /** Where the session was dialed, if the target still has that url. */
  readonly endpoint: number | undefined
  readonly wasStable: boolean
}

/** What is left of the outage once the session is gone, before any decision. */
export const outageAfter = (outage: Outage, { error, wasStable }: Pick<Loss, "error" | "wasStable">): Outage => ({
  ...(wasStable ? renewed(outage) : outage),
  cause: error
})

/** The active session, or the dial of one, is over, and nothing stands in for it. */
export const lose = (state: State, loss: Loss, now: number): Transition => {
  const { by = "default", decision, endpoint: at, error } = loss
  const old = outageAfter(state.outage, loss)
  const refreshes = decision._tag === "Refresh" && !old.refreshUsed
  // Also when the connection gives up here: a restart must not dial with what was refused.
  const outage = refreshes ? { ...old, refreshUsed: true, refresh: true } : old
  const isSpent = decision._tag === "Refresh" && !refreshes
  const classified = emit({
    _tag: "Classified",
    error,
    decision: isSpent ? "Stop" : decision._tag,
    by: isSpent ? "refreshed already" : by
  })
  if (!state.config.retryFirst && !state.everReady) return after([classified], giveUp({ ...state, outage }, error))
  const stops = isSpent || decision._tag === "Stop"
  const removed = stops && at !== undefined ? [...state.removed, at] : state.removed
  if (removed.length >= state.config.endpoints) return after([classified], giveUp({ ...state, outage, removed }, error))
  if (outage.attempt >= (state.config.maxAttempts ?? Infinity)) {
    return after([classified], giveUp({ ...state, outage, removed }, exhausted(state, error)))
  }
  // Of a new target nothing has been tried yet.
  const stays = at === undefined || (loss.wasStable && !stops)
  const atLeast = decision._tag === "RetryAfter" ? Duration.toMillis(decision.delay) : 0
  return [
    {
      ...state,
      phase: { _tag: "Deciding", cause: error, atLeast, at: now },
      endpoint: stays ? state.endpoint : nextEndpoint(state.config.endpoints, at, removed),
      removed,
      outage: { ...outage, fresh: false }
    },
    [classified, { _tag: "Step", error, fresh: outage.fresh }]
  ]
}

/** Only asked while at least one endpoint is left. */
const nextEndpoint = (endpoints: number, from: number, removed: ReadonlyArray<number>): number => {
  let next = from
  do next = (next + 1) % endpoints
  while (removed.includes(next))
  return next
}

/** No dial may follow, or none is planned. */
export const exhausted = ({ config: { connection }, outage }: State, last: ConnectionError): RetriesExhausted =>
  new RetriesExhausted({ connection, attempts: outage.attempt, last })

export const giveUp = (state: State, error: ConnectionError): Transition => [
  { ...state, phase: { _tag: "Failed", error, recoverable: error._tag !== "InvalidOptions" } },
  [emit({ _tag: "GaveUp", error }), { _tag: "Halt", error }]
]

// ---- leaving a phase ----

type EndSession = Extract<Command, { readonly _tag: "EndSession" }>

export const end = (epoch: number | undefined, how: EndSession["how"]): ReadonlyArray<EndSession> =>
  epoch === undefined ? [] : [{ _tag: "EndSession", epoch, how }]

const endAll = (phase: StateAt<"Dialing" | "Live">["phase"], retiring: EndSession["how"]): ReadonlyArray<EndSession> =>
  phase._tag === "Dialing"
    ? [...end(phase.epoch, "drop"), ...end(phase.hedge?.epoch, "drop")]
    : [...end(phase.epoch, "graceful"), ...end(phase.successor?.epoch, "drop"), ...end(phase.retiring, retiring)]

/** Ends whatever is under way in a phase, so that another can begin. */
export const leave = (phase: Phase, retiring: EndSession["how"]): ReadonlyArray<Command> => {
  switch (phase._tag) {
    case "Dialing":
    case "Live":
      return endAll(phase, retiring)
    case "Waiting":
      return [{ _tag: "CancelWait" }]
    case "Failed":
      return [{ _tag: "Revive" }]
    default:
      return none
  }
}

type Running = StateAt<"Idle" | "Dialing" | "Live" | "Deciding" | "Waiting">

export const pause = (state: Running, { by }: InputAt<"Pause">): Transition => [
  { ...state, phase: { _tag: "Idle", reason: "Paused", by } },
  leave(state.phase, "graceful")
]

export const fail = (state: Running, input: InputAt<"Fail">): Transition =>
  after(leave(state.phase, "graceful"), giveUp(state, input.error))

/** No session is left to wait for. */
export const closed = (state: State): Transition => [
  { ...state, phase: { _tag: "Closed" } },
  [{ _tag: "Halt", error: undefined }]
]

export const closeSessions = (state: StateAt<"Dialing" | "Live">): Transition => {
  const ends = endAll(state.phase, "graceful")
  return [{ ...state, phase: { _tag: "Closing", waiting: ends.map(({ epoch }) => epoch) } }, ends]
}

// ---- restarting ----

type Restart = InputAt<"Restart">

export const requested = ({ by, mode, reason }: Restart): Command =>
  emit({ _tag: "RestartRequested", mode, by, reason })

/** A user's restart: whatever there is goes, and the dial starts now. */
export const restartNow = (state: State, input: Restart): Transition =>
  after([requested(input), ...leave(state.phase, "drop")], dial(startOver(state)))

export const restartByUser = (state: State, input: Restart): Transition =>
  input.by === "user" ? restartNow(state, input) : [state, none]

/** Between sessions: an automatic restart ends the wait only when it may skip the backoff. */
export const restartPending = (state: StateAt<"Deciding" | "Waiting">, input: Restart): Transition => {
  if (input.by === "user") return restartNow(state, input)
  if (!state.mayskip) return [state, none]
  return after([requested(input), ...leave(state.phase, "drop")], dial({ ...state, mayskip: false }))
}

// ---- a change of policies ----

/** The sessions of a replaced target say nothing about the urls of the new one. */
const forgetEndpoints = (phase: Phase): Phase => {
  switch (phase._tag) {
    case "Dialing":
      return { ...phase, endpoint: undefined, hedge: phase.hedge && { ...phase.hedge, endpoint: undefined } }
    case "Live":
      return {
        ...phase,
        endpoint: undefined,
        successor: phase.successor && { ...phase.successor, endpoint: undefined }
      }
    default:
      return phase
  }
}

export const reconfigured = (
  state: State,
  { endpoints, hedging, isNewTarget, maxAttempts, retryFirst }: InputAt<"Reconfigured">
): Transition => {
  const next = { ...state, config: { ...state.config, endpoints, retryFirst, maxAttempts, hedging } }
  const startsOver = isNewTarget || endpoints !== state.config.endpoints
  return [startsOver ? { ...next, phase: forgetEndpoints(state.phase), endpoint: 0, removed: [] } : next, none]
}

// ---- what a session of ours ends with ----

export const closedByUs = (connection: string, epoch: number, code = 1000): ConnectionError =>
  new ConnectionClosed({
    connection,
    epoch,
    code,
    reason: Redacted.make(""),
    sentCode: code,
    initiator: "client"
  })
