/** What a call is made of: what is called, by which way, and what comes of it. */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { CallCodec } from "../../HubCodec.ts"
import type { CallError, HubConnectionError, StreamError } from "../../HubError.ts"
import type { Gatekeeper } from "./readyChannel.ts"
import type { PendingPolicy } from "../connection/options.ts"

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

/** Where calls go: through the gate, or to one channel whatever the gate says. */
export type Acquire = Pick<Gatekeeper, "ready" | "acquire">

export interface Calls {
  readonly invoke: (acquire: Acquire, callee: Callee) => Effect.Effect<unknown, CallError>
  readonly send: (acquire: Acquire, callee: Callee) => Effect.Effect<void, CallError>
  readonly stream: (acquire: Acquire, callee: Callee) => Stream.Stream<unknown, StreamError>
}
