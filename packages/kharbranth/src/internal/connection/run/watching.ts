/**
 * The seam for what watches connections from inside, as a recorder does: it sees
 * each event in the turn in which it happens, and each step of the lifecycle.
 * No file of a connection imports a watcher: the module that provides one brings its code along.
 */
import * as Context from "effect/Context"
import type * as Connection from "../../../Connection.ts"
import type { ConnectionEvent } from "../../../ConnectionEvent.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import type * as Inbox from "../../../Inbox.ts"
import type * as Outbox from "../../../Outbox.ts"
import type { Watch } from "../../../Watch.ts"
import type { Command, Input, State } from "../../lifecycle/model.ts"
import type { Admission } from "../../outbox/admission.ts"
import type { Counters } from "../../session/counters.ts"

/** What figures are made of. */
export interface Measured {
  readonly epoch: number
  readonly active: { readonly writer: { readonly written: number; readonly bytes: number } | undefined } | undefined
  readonly inbox: { readonly messages: number; readonly bytes: number; readonly lastMessageAt: number | undefined }
  readonly outbox: {
    readonly depth: number
    readonly bytes: number
    readonly waits: boolean
    readonly admission: Admission
  }
  readonly reports: { readonly counters: Counters }
  readonly state: Watch<ConnectionState>
  /** Monotonic and Unix milliseconds. */
  mono(): number
  wall(): number
}

/** A connection, as what watches it sees it. */
export interface Watched extends Measured {
  readonly connection: string
  readonly policies: Connection.Policies
  readonly inbox: Measured["inbox"] & { readonly highMark: number }
  readonly options: {
    readonly inbox?: (Pick<Inbox.Options<never>, "maxStall"> & { readonly overflow?: unknown }) | undefined
    readonly outbox?: Pick<Outbox.Options<unknown, never>, "ttl"> | undefined
  }
}

export interface Watcher {
  happened(event: ConnectionEvent): void
  /** A step of the lifecycle, before its commands are performed. */
  stepped(input: Input, commands: ReadonlyArray<Command>, state: State, now: number): void
}

/** Begins to watch a connection. */
export type BeginToWatch = (watched: Watched) => Watcher

/** What watches the connections that are made with it, if anything does. */
export const Watching: Context.Reference<BeginToWatch | undefined> = Context.Reference<BeginToWatch | undefined>(
  "kharbranth/Watching",
  { defaultValue: () => undefined }
)
