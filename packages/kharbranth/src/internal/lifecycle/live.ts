/**
 * The lifecycle's handlers for a live session, the one phase in which several
 * sessions exist: the active one, a successor on its way, and one that retires.
 * Never more than two of the three: a rotation drops what still retires.
 */
import * as Duration from "effect/Duration"
import { retry } from "../../Reconnect.ts"
import {
  after,
  closedByUs,
  dial,
  dialingFor,
  dialSuccessor,
  emit,
  end,
  leave,
  lose,
  none,
  outageAfter,
  renewed,
  requested,
  restartNow
} from "./moves.ts"
import type { Command, InputAt, Transition, StateAt } from "./model.ts"

type Live = StateAt<"Live">

export const opened = (state: Live, { epoch }: InputAt<"Opened">): Transition => {
  const { phase } = state
  if (phase.successor?.epoch !== epoch || phase.successor.gate === "Open") return [state, none]
  return [
    { ...state, phase: { ...phase, successor: { ...phase.successor, gate: "Open" } } },
    [emit({ _tag: "GatePassed", epoch, gate: "Open" })]
  ]
}

export const ready = (state: Live, { epoch }: InputAt<"Ready">, now: number): Transition => {
  const { epoch: from, successor } = state.phase
  if (successor?.epoch !== epoch) return [state, none]
  const { endpoint } = successor
  return [
    {
      ...state,
      phase: { _tag: "Live", epoch, gate: "Ready", endpoint, since: now, successor: undefined, retiring: from }
    },
    [
      emit({ _tag: "GatePassed", epoch, gate: "Ready" }),
      { _tag: "Promote", epoch, from },
      emit({ _tag: "Rotated", from, to: epoch }),
      { _tag: "ArmStable", epoch },
      { _tag: "ArmRotation", after: undefined }
    ]
  ]
}

export const stable = (state: Live, { epoch }: InputAt<"Stable">): Transition => {
  const { phase } = state
  if (phase.epoch !== epoch || phase.gate === "Stable") return [state, none]
  return [
    {
      ...state,
      phase: { ...phase, gate: "Stable" },
      outage: { ...renewed(state.outage), refresh: false, cause: undefined },
      mayskip: true
    },
    [emit({ _tag: "GatePassed", epoch, gate: "Stable" })]
  ]
}

export const ended = (state: Live, input: InputAt<"Ended">, now: number): Transition => {
  const { phase } = state
  const { epoch, error } = input
  if (epoch === phase.epoch) return activeEnded(state, input, now)
  if (epoch === phase.successor?.epoch) {
    return [{ ...state, phase: { ...phase, successor: undefined } }, [emit({ _tag: "SuccessorFailed", epoch, error })]]
  }
  return [epoch === phase.retiring ? { ...state, phase: { ...phase, retiring: undefined } } : state, none]
}

const activeEnded = (state: Live, { by, decision, error }: InputAt<"Ended">, now: number): Transition => {
  const { endpoint, gate, retiring, successor } = state.phase
  const loss = { error, decision, by, endpoint, wasStable: gate === "Stable" }
  if (successor === undefined) {
    // What it delivered now would come after the gap it does not belong to.
    return after(end(retiring, "drop"), lose(state, loss, now))
  }
  const outage = outageAfter(state.outage, loss)
  return [{ ...state, phase: dialingFor(state, successor), outage: { ...outage, attempt: outage.attempt + 1 } }, none]
}

export const restart = (state: Live, input: InputAt<"Restart">, now: number): Transition =>
  input.mode === "makeFirst" ? rotate(state, input) : replace(state, input, now)

/** In ms: when a rotation that was refused, or whose successor may yet fail, is tried again. */
const rotateAgain = 30_000

/** In ms: a planned rotation needs no Stable session, for a token may live for less; but one that was Ready for so long. */
const plannedAtEarliest = 1000

export const rotationDue = (state: Live, input: InputAt<"RotationDue">, now: number): Transition => {
  const { isPlanned, mode, reason } = input
  const { epoch, since, successor } = state.phase
  const mayskip = state.mayskip || (isPlanned && now - since >= plannedAtEarliest)
  const [next, commands] = restart({ ...state, mayskip }, { _tag: "Restart", mode, by: "auto", reason }, now)
  if (next.phase._tag !== "Live") return [next, commands]
  const again: Command = { _tag: "ArmRotation", after: rotateAgain }
  if (commands.length > 0) return [next, [...commands, again]]
  const delay = Duration.millis(rotateAgain)
  const deferred = successor === undefined ? [emit({ _tag: "RotationDeferred", epoch, reason, delay })] : none
  return [state, [...deferred, again]]
}

/** The successor goes; the next doubt may dial one again. */
export const withdraw = (state: Live, { epoch }: InputAt<"Withdraw">): Transition => {
  const { phase } = state
  if (phase.successor?.epoch !== epoch) return [state, none]
  return [
    { ...state, phase: { ...phase, successor: undefined }, mayskip: true },
    [...end(epoch, "drop"), emit({ _tag: "SuccessorFailed", epoch, error: closedByUs(state.config.connection, epoch) })]
  ]
}

const rotate = (state: Live, input: InputAt<"Restart">): Transition => {
  const byUser = input.by === "user"
  if (state.phase.successor !== undefined || !(byUser || state.mayskip)) return [state, none]
  return after(
    [requested(input), ...end(state.phase.retiring, "drop")],
    dialSuccessor(byUser ? { ...state, removed: [] } : { ...state, mayskip: false })
  )
}

const replace = (state: Live, input: InputAt<"Restart">, now: number): Transition => {
  if (input.by === "user") return restartNow(state, input)
  const ends = [requested(input), ...leave(state.phase, "drop")]
  if (state.mayskip) {
    return after(ends, dial({ ...state, outage: renewed(state.outage), mayskip: false }))
  }
  const { endpoint, epoch, gate } = state.phase
  const error = closedByUs(state.config.connection, epoch)
  const loss = { error, decision: retry, endpoint, wasStable: gate === "Stable" }
  return after(ends, lose(state, loss, now))
}
