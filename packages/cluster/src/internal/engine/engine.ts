/**
 * What a fleet needs of the engine below it: which bucket a name is in, which
 * buckets this process should own, and a way to ask the process that owns a name.
 * Who may really use a bucket is the lease's affair.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { WireFrame } from "../kit/wireFrame.ts"

/** A question to the owner of a name. It travels, so all of it is JSON. */
export type Question =
  | {
      readonly _tag: "Send"
      readonly id: string
      readonly name: string
      /** The lease that the sender knows: another owner must not send it again. */
      readonly epoch: number
      readonly frame: WireFrame
      readonly options: WireOptions
    }
  | {
      readonly _tag: "Command"
      readonly id: string
      readonly names: ReadonlyArray<string>
      readonly command: WireCommand
    }
  | {
      readonly _tag: "Snapshot"
      readonly id: string
      readonly names: ReadonlyArray<string>
    }

export interface WireOptions {
  readonly whenDown?: "hold" | "fail" | "drop" | undefined
  readonly ttlMillis?: number | undefined
  readonly key?: string | undefined
  readonly lane?: "control" | "data" | undefined
}

export type WireCommand =
  | {
      readonly _tag: "Restart"
      readonly mode?: "breakFirst" | "makeFirst" | undefined
      readonly reason?: string | undefined
    }
  | { readonly _tag: "Rotate"; readonly reason?: string | undefined }
  | { readonly _tag: "Probe"; readonly reason?: string | undefined; readonly deadlineMillis?: number | undefined }
  | { readonly _tag: "Drain"; readonly deadlineMillis?: number | undefined }
  | { readonly _tag: "Send"; readonly frame: WireFrame; readonly options: WireOptions }

/** What became of one name. */
export type Answer =
  | { readonly name: string; readonly _tag: "Done" }
  /** JSON, as it was asked for. */
  | { readonly name: string; readonly _tag: "Shown"; readonly value: unknown }
  | { readonly name: string; readonly _tag: "Failed"; readonly tag: string; readonly message: string }
  /** This process does not own it, or not under that lease. */
  | { readonly name: string; readonly _tag: "Elsewhere" }

export type Ask = (question: Question) => Effect.Effect<ReadonlyArray<Answer>>

export interface Engine {
  readonly bucketOf: (name: string) => string
  readonly owned: () => ReadonlySet<string>
  /** Asks the owner of a name; `undefined` when there is no answer. It may still have done what was asked. */
  readonly ask: (name: string, question: Question) => Effect.Effect<ReadonlyArray<Answer> | undefined>
  /**
   * What the owner of a name shows of it, as JSON, until it has no more to show. It may go on in silence at another
   * owner, or begin again at the same one.
   */
  readonly watch: (name: string) => Stream.Stream<unknown>
  /** Answers what others ask, and shows what they watch, as long as the scope. */
  readonly serve: (
    answer: Ask,
    show: (name: string) => Stream.Stream<unknown>
  ) => Effect.Effect<void, never, Scope.Scope>
}

const bucket = "all"
const all: ReadonlySet<string> = new Set([bucket])

/** One process that owns everything: nobody else can be asked. */
export const alone: Engine = {
  bucketOf: () => bucket,
  owned: () => all,
  ask: () => Effect.undefined,
  watch: () => Stream.empty,
  serve: () => Effect.void
}
