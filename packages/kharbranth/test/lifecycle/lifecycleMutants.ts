/**
 * The reducer with one rule broken at a time. Each is a bug somebody could
 * write; the walks must catch every one of them.
 */
import { reduce } from "../../src/internal/lifecycle/reduce.ts"
import type { Command, Input, Phase, State } from "../../src/internal/lifecycle/reduce.ts"
import type { Reduce } from "./lifecycleWalk.ts"

/** Changes what is reduced or what comes of it. */
const rewrite =
  (
    change: (
      before: State,
      input: Input,
      after: State,
      commands: ReadonlyArray<Command>
    ) => readonly [State, ReadonlyArray<Command>]
  ): Reduce =>
  (state, input, now) => {
    const [after, commands] = reduce(state, input, now)
    return change(state, input, after, commands)
  }

const without = (tag: Command["_tag"]): Reduce =>
  rewrite((_, __, after, commands) => [after, commands.filter(({ _tag }) => _tag !== tag)])

const mapCommand = (f: (command: Command) => Command): Reduce =>
  rewrite((_, __, after, commands) => [after, commands.map(f)])

const mapState = (f: (after: State, before: State, input: Input) => State): Reduce =>
  rewrite((before, input, after, commands) => [f(after, before, input), commands])

const patchPhase = (state: State, f: (phase: Phase) => Phase): State => ({ ...state, phase: f(state.phase) })

export const mutants: Readonly<Record<string, Reduce>> = {
  "a dead session's end ends the active one": (state, input, now) =>
    reduce(
      state,
      input._tag === "Ended" && state.phase._tag === "Live" ? { ...input, epoch: state.phase.epoch } : input,
      now
    ),
  "a stale Ready makes the dial Ready": (state, input, now) =>
    reduce(
      state,
      input._tag === "Ready" && state.phase._tag === "Dialing" ? { ...input, epoch: state.phase.epoch } : input,
      now
    ),
  "the floor of RetryAfter is forgotten": mapState((after) =>
    patchPhase(after, (phase) => (phase._tag === "Deciding" ? { ...phase, atLeast: 0 } : phase))
  ),
  "the delay of RetryAfter replaces the schedule's": mapCommand((command) =>
    command._tag === "Wait" && command.delay > 700 ? { ...command, delay: 700 } : command
  ),
  "a wait is not cancelled": without("CancelWait"),
  "a failure halts nobody": without("Halt"),
  "Closed halts again when it is closed again": rewrite((before, input, after, commands) =>
    before.phase._tag === "Closed" && input._tag === "Close"
      ? [after, [{ _tag: "Halt", error: undefined }]]
      : [after, commands]
  ),
  "a restart after Failed does not revive": without("Revive"),
  "restart works while closing": (state, input, now) =>
    reduce(
      state.phase._tag === "Closing" && input._tag === "Restart"
        ? { ...state, phase: { _tag: "Idle", reason: "NotStarted" } }
        : state,
      input,
      now
    ),
  "closing awaits a session that never was": mapState((after, before) =>
    patchPhase(after, (phase) =>
      phase._tag === "Closing" && before.phase._tag === "Live"
        ? { ...phase, waiting: [...phase.waiting, after.epoch + 1] }
        : phase
    )
  ),
  "closing forgets all sessions but one": mapState((after, before) =>
    patchPhase(after, (phase) =>
      phase._tag === "Closing" && before.phase._tag === "Live"
        ? { ...phase, waiting: phase.waiting.slice(0, 1) }
        : phase
    )
  ),
  "a session is ended twice": rewrite((_, __, after, commands) => [
    after,
    commands.flatMap((command): ReadonlyArray<Command> =>
      command._tag === "EndSession" ? [command, command] : [command]
    )
  ]),
  "a restart leaves the old session open": without("EndSession"),
  "a rotation leaves the retiring session open": rewrite((before, _, after, commands) => {
    const retiring = before.phase._tag === "Live" ? before.phase.retiring : undefined
    return [after, commands.filter((command) => command._tag !== "EndSession" || command.epoch !== retiring)]
  }),
  "attempts are never reset": mapState((after, before) => ({
    ...after,
    outage: { ...after.outage, attempt: Math.max(after.outage.attempt, before.outage.attempt) }
  })),
  "every Step starts a new schedule": mapCommand((command) =>
    command._tag === "Step" ? { ...command, fresh: true } : command
  ),
  "refresh is asked for again and again": mapState((after) => ({
    ...after,
    outage: { ...after.outage, refreshUsed: false }
  })),
  "refresh is never asked for": mapCommand((command) =>
    command._tag === "Dial" ? { ...command, refresh: false } : command
  ),
  "a removed endpoint comes back": mapState((after) => ({ ...after, removed: [] })),
  "a user's restart restores no endpoint": mapState((after, before) => {
    const removed = [...new Set([...before.removed, ...after.removed])]
    // With none left the search for the next one would not end.
    return removed.length < after.config.endpoints ? { ...after, removed } : after
  }),
  "a failed endpoint is dialed again": mapState((after, before, input) =>
    input._tag === "Ended" && after.removed.length === 0 ? { ...after, endpoint: before.endpoint } : after
  ),
  "an automatic restart always skips the backoff": (state, input, now) =>
    reduce(input._tag === "Restart" ? { ...state, mayskip: true } : state, input, now),
  "an automatic restart never skips the backoff": (state, input, now) =>
    reduce(input._tag === "Restart" ? { ...state, mayskip: false } : state, input, now),
  "two successors at once": (state, input, now) =>
    reduce(
      input._tag === "Restart" && state.phase._tag === "Live"
        ? patchPhase(state, () => ({ ...state.phase, successor: undefined }) as Phase)
        : state,
      input,
      now
    ),
  "a withdrawn successor goes on": rewrite((_, input, after, commands) =>
    input._tag === "Withdraw" ? [after, commands.filter(({ _tag }) => _tag !== "EndSession")] : [after, commands]
  ),
  "a withdrawn successor costs the next automatic restart": mapState((after, before, input) =>
    input._tag === "Withdraw" ? { ...after, mayskip: before.mayskip } : after
  ),
  "both dials of an attempt go on when one is open": rewrite((_, input, after, commands) =>
    input._tag === "Opened" ? [after, commands.filter(({ _tag }) => _tag !== "EndSession")] : [after, commands]
  ),
  "a hedge goes on when the first dial has failed": rewrite((before, input, after, commands) =>
    input._tag === "Ended" && before.phase._tag === "Dialing"
      ? [after, commands.filter(({ _tag }) => _tag !== "EndSession")]
      : [after, commands]
  ),
  "a hedge that fails ends the attempt": (state, input, now) =>
    reduce(
      state,
      input._tag === "Ended" && state.phase._tag === "Dialing" && input.epoch === state.phase.hedge?.epoch
        ? { ...input, epoch: state.phase.epoch }
        : input,
      now
    ),
  "a hedge that fails is followed by the next": mapState((after, before, input) =>
    input._tag === "Ended" && before.phase._tag === "Dialing" && after.phase._tag === "Dialing"
      ? patchPhase(after, () => ({ ...after.phase, hedgesLeft: 1 }) as Phase)
      : after
  ),
  "an attempt is hedged without end": mapState((after, _, input) =>
    input._tag === "Hung" && after.phase._tag === "Dialing"
      ? patchPhase(after, () => ({ ...after.phase, hedgesLeft: 1 }) as Phase)
      : after
  ),
  "a hedge is hedged by the silence of the first dial": (state, input, now) =>
    reduce(
      patchPhase(state, (phase) => (phase._tag === "Dialing" ? { ...phase, hedgesLeft: phase.hedgesLeft + 1 } : phase)),
      input._tag === "Hung" && state.phase._tag === "Dialing" && input.epoch === state.phase.epoch
        ? { ...input, epoch: state.phase.hedge?.epoch ?? input.epoch }
        : input,
      now
    ),
  "a hedge always takes the place of the first dial": (state, input, now) => {
    const { hedging } = state.config
    const instead = { ...state, config: { ...state.config, hedging: { ...hedging, beside: false } } }
    const [after, commands] = reduce(input._tag === "Hung" ? instead : state, input, now)
    return [input._tag === "Hung" ? { ...after, config: state.config } : after, commands]
  },
  "a hedge tries the same url again": mapCommand((command) =>
    command._tag === "Dial" && command.role === "hedge" ? { ...command, endpoint: 0 } : command
  ),
  "a hedge counts as an attempt": mapCommand((command) =>
    command._tag === "Dial" && command.role === "hedge" ? { ...command, attempt: command.attempt + 1 } : command
  ),
  "unusable options are recoverable": mapState((after) =>
    patchPhase(after, (phase) => (phase._tag === "Failed" ? { ...phase, recoverable: true } : phase))
  ),
  "an interruption is not announced": without("Interrupt"),
  "a session becomes Ready and nothing begins": without("Begin"),
  "what began begins again with each gate": rewrite((_, input, after, commands) =>
    input._tag === "Stable" && commands.length > 0
      ? [after, [{ _tag: "Begin", epoch: input.epoch }, ...commands]]
      : [after, commands]
  ),
  "nothing becomes Stable": without("ArmStable"),
  "a rotation that was refused is forgotten": mapCommand((command) =>
    command._tag === "ArmRotation" && command.after !== undefined ? { _tag: "CancelWait" } : command
  ),
  "a new target keeps what the old one's endpoints did": mapState((after, before, input) =>
    input._tag === "Reconfigured" ? { ...after, endpoint: before.endpoint, removed: before.removed } : after
  ),
  "a session of an old target strikes off an endpoint of the new one": (state, input, now) =>
    reduce(
      input._tag === "Ended" && state.phase._tag === "Live"
        ? patchPhase(state, (phase) => (phase._tag === "Live" ? { ...phase, endpoint: phase.endpoint ?? 0 } : phase))
        : state,
      input,
      now
    ),
  "policies that keep the target forget its refusals": (state, input, now) =>
    reduce(state, input._tag === "Reconfigured" ? { ...input, isNewTarget: true } : input, now),
  "a wake-up ends a wait that the server asked for": (state, input, now) =>
    reduce(
      input._tag === "Woke"
        ? patchPhase(state, (phase) => (phase._tag === "Waiting" ? { ...phase, told: false } : phase))
        : state,
      input,
      now
    ),
  "a wake-up leaves the wait": (state, input, now) => (input._tag === "Woke" ? [state, []] : reduce(state, input, now)),
  "the surroundings resume what a user paused": (state, input, now) =>
    reduce(state, input._tag === "Resume" ? { ...input, by: "user" } : input, now),
  "a user's pause over one of the surroundings is not remembered": mapState((after, before, input) =>
    input._tag === "Pause" && before.phase._tag === "Idle" && before.phase.reason === "Paused"
      ? { ...after, phase: before.phase }
      : after
  )
}
