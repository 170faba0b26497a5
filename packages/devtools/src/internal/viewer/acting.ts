/** Does what a viewer asks for, and says how it went. */
import * as Effect from "effect/Effect"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { Control } from "kharbranth/ConnectionObserver"
import type { Faults, Where } from "../faults/faults.ts"
import type { Fleet } from "../fleet/fleet.ts"
import type { CommandName, Outcome } from "../wire/wire.ts"
import type { Action } from "./viewer.ts"

type Answer = Omit<Outcome, "t" | "ask">

export interface ActingOptions {
  readonly fleet: Fleet
  readonly commands: boolean
  readonly faults: Faults | undefined
}

const no = (text: string): Effect.Effect<Answer> => Effect.succeed({ ok: false, text })

/** How long a command may take before its viewer is told that it goes on. */
const patience = "30 seconds"

const reason = "asked for in the dashboard"

const doing: Readonly<
  Record<
    CommandName,
    { readonly done: string; readonly run: (control: Control) => Effect.Effect<void, ConnectionError> }
  >
> = {
  restart: { done: "restarted: a new session is Ready", run: (control) => control.restart({ reason }) },
  rotate: { done: "rotated: a new session is Ready", run: (control) => control.rotate({ reason }) },
  probe: { done: "probed: its answer, or its silence, follows", run: (control) => control.probe({ reason }) },
  close: { done: "closed", run: (control) => control.close }
}

const command = ({ commands, fleet }: ActingOptions, name: CommandName, id: number): Effect.Effect<Answer> => {
  if (!commands) return no("this dashboard only shows: commands need `Devtools.layer({ commands: true })`")
  const observed = fleet.of(id)
  if (observed === undefined) return no("there is no such connection any more")
  const { done, run } = doing[name]
  return run(observed.control).pipe(
    Effect.match({
      onFailure: (error) => ({ ok: false, text: error.message }),
      onSuccess: () => ({ ok: true, text: done })
    }),
    Effect.timeoutOrElse({ duration: patience, orElse: () => no(`not done after ${patience}; it goes on by itself`) })
  )
}

const breaking = (
  { faults, fleet }: ActingOptions,
  { fault, where }: Extract<Action, { readonly t: "break" }>
): Effect.Effect<Answer> => {
  if (faults === undefined) return no("faults need `Devtools.layer({ faults: true })`")
  if (!faults.isUsable) return no("faults need a transport that can break: wrap yours in `Devtools.faulty`")
  const whom: Where | undefined = "origin" in where ? where : nameOf(fleet, where.id)
  if (whom === undefined) return no("there is no such connection any more")
  return Effect.sync(() => ({ ok: true, text: faults.cause(fault, whom) }))
}

const nameOf = (fleet: Fleet, id: number): Where | undefined => {
  const observed = fleet.of(id)
  return observed === undefined ? undefined : { connection: observed.name }
}

/** What became of an action, in words. It does not fail. */
export const act = (options: ActingOptions, action: Action): Effect.Effect<Answer> =>
  (action.t === "do" ? command(options, action.command, action.id) : breaking(options, action)).pipe(
    Effect.catchCause((cause) =>
      Effect.andThen(Effect.logWarning("a command of the dashboard failed", cause), no("it failed: see the log"))
    )
  )
