/** What is called, how, and what becomes of the call when it meets an outage. */
import type { CallCodec } from "../../HubCodec.ts"
import type { HubConnectionError } from "../../HubError.ts"

/** What becomes of a call that meets an outage. */
export type PendingPolicy = "fail" | "queue" | "replay"

/** What is called, and how. */
export interface Callee {
  readonly name: string
  readonly args: ReadonlyArray<unknown>
  readonly codec: CallCodec | undefined
  readonly idempotent: boolean
  readonly policy: PendingPolicy | undefined
  /** Gives the arguments with which a lost stream goes on. */
  readonly resume?:
    | ((received: number, last: unknown, cause: HubConnectionError) => ReadonlyArray<unknown> | undefined)
    | undefined
}
