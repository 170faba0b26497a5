/**
 * The lifecycle's handlers for a live session, the one phase in which several
 * sessions exist: the active one, a successor on its way, and one that retires.
 * Never more than two of the three: a rotation drops what still retires.
 */
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "../../ConnectionError.ts"
import { retry } from "../../Reconnect.ts"
import {
  after,
  anew,
  dial,
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
import type { InputAt, Outcome, StateAt } from "./model.ts"

type Live = StateAt<"Live">

export const opened = (state: Live, { epoch }: InputAt<"Opened">): Outcome => {
  const { phase } = state
  if (phase.successor?.epoch !== epoch || phase.successor.gate === "Open") return [state, none]
  return [
    { ...state, phase: { ...phase, successor: { epoch, gate: "Open" } } },
    [emit({ _tag: "GatePassed", epoch, gate: "Open" })]
  ]
}

export const ready = (state: Live, { epoch }: InputAt<"Ready">, now: number): Outcome => {
  const from = state.phase.epoch
  if (state.phase.successor?.epoch !== epoch) return [state, none]
  return [
    {
      ...state,
      phase: { _tag: "Live", epoch, gate: "Ready", since: now, successor: undefined, retiring: from }
    },
    [
      emit({ _tag: "GatePassed", epoch, gate: "Ready" }),
      { _tag: "Promote", epoch, from },
      emit({ _tag: "Rotated", from, to: epoch })
    ]
  ]
}

export const stable = (state: Live, { epoch }: InputAt<"Stable">): Outcome => {
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

export const ended = (state: Live, input: InputAt<"Ended">, now: number): Outcome => {
  const { phase } = state
  const { epoch, error } = input
  if (epoch === phase.epoch) return activeEnded(state, input, now)
  if (epoch === phase.successor?.epoch) {
    return [{ ...state, phase: { ...phase, successor: undefined } }, [emit({ _tag: "SuccessorFailed", epoch, error })]]
  }
  return [epoch === phase.retiring ? { ...state, phase: { ...phase, retiring: undefined } } : state, none]
}

const activeEnded = (state: Live, { decision, error }: InputAt<"Ended">, now: number): Outcome => {
  const { gate, retiring, successor } = state.phase
  const loss = { error, decision, wasStable: gate === "Stable" }
  if (successor === undefined) {
    // What it delivered now would come after the gap it does not belong to.
    return after(end(retiring, "drop"), lose(state, loss, now))
  }
  const outage = outageAfter(state.outage, loss)
  return [
    { ...state, phase: { _tag: "Dialing", ...successor }, outage: { ...outage, attempt: outage.attempt + 1 } },
    none
  ]
}

export const restart = (state: Live, input: InputAt<"Restart">, now: number): Outcome =>
  input.mode === "makeFirst" ? rotate(state, input) : replace(state, input, now)

/** The successor goes; the next doubt may dial one again. */
export const withdraw = (state: Live, { epoch }: InputAt<"Withdraw">): Outcome => {
  const { phase } = state
  if (phase.successor?.epoch !== epoch) return [state, none]
  return [
    { ...state, phase: { ...phase, successor: undefined }, mayskip: true },
    [...end(epoch, "drop"), emit({ _tag: "SuccessorFailed", epoch, error: closedByUs(state, epoch) })]
  ]
}

const rotate = (state: Live, input: InputAt<"Restart">): Outcome => {
  const byUser = input.by === "user"
  if (state.phase.successor !== undefined || !(byUser || state.mayskip)) return [state, none]
  return after(
    [requested(input), ...end(state.phase.retiring, "drop")],
    dialSuccessor(byUser ? { ...state, removed: [] } : { ...state, mayskip: false })
  )
}

const replace = (state: Live, input: InputAt<"Restart">, now: number): Outcome => {
  if (input.by === "user") return restartNow(state, input)
  const ends = [requested(input), ...leave(state.phase, "drop")]
  if (state.mayskip) {
    return after(ends, dial({ ...anew(state), removed: state.removed, mayskip: false }))
  }
  const loss = {
    error: closedByUs(state, state.phase.epoch),
    decision: retry,
    wasStable: state.phase.gate === "Stable"
  }
  return after(ends, lose(state, loss, now))
}

const closedByUs = (state: Live, epoch: number) =>
  new ConnectionError.ConnectionClosed({
    connection: state.config.connection,
    epoch,
    code: 1000,
    reason: Redacted.make(""),
    sentCode: 1000,
    initiator: "client"
  })
