/**
 * A name in the manager, from the moment it is claimed until it is free again,
 * and what is said about it as plain data.
 */
import * as Deferred from "effect/Deferred"
import * as Scope from "effect/Scope"
import type * as Codec from "../../Codec.ts"
import type * as Connection from "../../Connection.ts"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { ConnectionState } from "../../ConnectionState.ts"
import type { Addressee } from "../../ManagerCommand.ts"
import type { Snapshot } from "../../ManagerEvent.ts"
import { metrics } from "../connection/use/metrics.ts"
import type { Supervisor } from "../connection/run/supervisor.ts"

export type Supervised = Supervisor<unknown, never>

export interface Entry {
  readonly name: string
  readonly tags: ReadonlyArray<string>
  readonly codec: Codec.Any
  /** What its dials are counted under, endpoint by endpoint. */
  readonly budget: ReadonlyArray<ReadonlyArray<string>>
  readonly scope: Scope.Closeable
  /** Done when it exists, Ready or not; nobody waits long for this. */
  readonly made: Deferred.Deferred<Connection.Any, ConnectionError>
  /** Done when its startup is over. */
  readonly started: Deferred.Deferred<void, ConnectionError>
  /** Done when the name is free again. */
  readonly freed: Deferred.Deferred<void>
  connection: Connection.Any | undefined
  /** What runs it. */
  supervisor: Supervised | undefined
  phase: "open" | "closing"
  lastError: ConnectionError | undefined
  /** What its last dial was counted under. */
  dialed: ReadonlyArray<string>
}

export const make = (fields: Pick<Entry, "name" | "tags" | "codec" | "budget">): Entry => ({
  ...fields,
  scope: Scope.makeUnsafe("sequential"),
  made: Deferred.makeUnsafe(),
  started: Deferred.makeUnsafe(),
  freed: Deferred.makeUnsafe(),
  connection: undefined,
  supervisor: undefined,
  phase: "open",
  lastError: undefined,
  dialed: fields.budget[0] ?? []
})

/** An entry whose connection exists. */
export type Made = Entry & { readonly connection: Connection.Any; readonly supervisor: Supervised }

export const isMade = (entry: Entry): entry is Made => entry.connection !== undefined && entry.phase === "open"

export const addresseeOf = (entry: Made): Addressee => ({
  name: entry.name,
  tags: entry.tags,
  state: entry.connection.state.getUnsafe()
})

const gateOf = (state: ConnectionState): Snapshot["gate"] => ("gate" in state ? state.gate : undefined)

const errorOf = (error: ConnectionError | undefined): Snapshot["lastError"] =>
  error === undefined ? undefined : { tag: error._tag, message: error.message }

/** Why a connection is where it is, where its state says so. */
export const causeOf = (state: ConnectionState): ConnectionError | undefined =>
  state._tag === "Reconnecting" ? state.cause : state._tag === "Failed" ? state.error : undefined

/** What a dashboard shows of it. Ten thousand are read in one pass, so it is plain reads and no effect. */
export const snapshot = (entry: Made): Snapshot => {
  const state = entry.supervisor.state.getUnsafe()
  const [keys = none, ...others] = entry.budget
  return {
    name: entry.name,
    tags: entry.tags,
    stateTag: state._tag,
    gate: gateOf(state),
    epoch: entry.supervisor.epoch,
    since: state._tag === "Connected" ? state.since : undefined,
    nextRetryAt: state._tag === "Reconnecting" ? state.nextRetryAt : undefined,
    // The watcher may be a turn behind the state.
    lastError: errorOf(causeOf(state) ?? entry.lastError),
    budget: others.length === 0 ? keys : [...new Set(entry.budget.flat())],
    metrics: metrics(entry.supervisor)
  }
}

const none: ReadonlyArray<string> = []
