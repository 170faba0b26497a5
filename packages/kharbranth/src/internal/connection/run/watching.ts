/** The seam for what sees a connection from inside. It costs nothing where nobody looks. */
import * as Context from "effect/Context"
import type { Observation } from "../../../ConnectionObserver.ts"
import type { Command, Input, State } from "../../lifecycle/model.ts"

/** What a watcher is called for, beside the events that it listens to. Neither function throws. */
export interface Watcher {
  /** A step of the lifecycle, before its commands are performed. */
  readonly stepped?: (input: Input, commands: ReadonlyArray<Command>, state: State, now: number) => void
  /** The connection and its scope are over; its figures are final. */
  readonly ended?: () => void
}

/** What connections are made with: opaque to the public, a function within. */
export const ConnectionObserver: Context.Reference<Observation | undefined> = Context.Reference<
  Observation | undefined
>("kharbranth/ConnectionObserver", { defaultValue: () => undefined })

/** What the observation is within: how it begins to watch a connection. Does not throw. */
export const beginBy = (observation: Observation): ((self: unknown) => Watcher) =>
  observation as unknown as (self: unknown) => Watcher
