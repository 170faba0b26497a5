/** One call that waits for its one answer. Settles once, and its caller goes on after the socket's callback. */
import * as Effect from "effect/Effect"
import type { SplitArguments } from "../../HubCodec.ts"
import type { CallError, HubConnectionError } from "../../HubError.ts"
import type { Outcome } from "../../HubMessage.ts"
import { type Runnable, runInMicrotask } from "../kit/microtask.ts"
import type { Acquire, Callee } from "./types.ts"
import type { Channel } from "../channel/channel.ts"
import type { Pending } from "../channel/types.ts"

type Settled = Effect.Effect<unknown, CallError>

export type Resume = (next: Settled) => void

export interface Attempt {
  readonly acquire: Acquire
  readonly callee: Callee
  readonly args: SplitArguments
  /** How often it may be sent again. */
  readonly replays: number
}

/** What each way to settle means to the caller. */
export interface Verdicts {
  readonly done: (attempt: Attempt, outcome: Outcome) => Settled
  readonly lost: (attempt: Attempt, cause: HubConnectionError) => Settled
  /** The server sent an item, as if this were a stream. */
  readonly unexpected: (attempt: Attempt) => Settled
}

export class PlainCall implements Pending, Runnable {
  /** Ends its uploads. */
  stop: ((tell: boolean) => void) | undefined = undefined
  private next: Settled | undefined = undefined
  readonly id: string
  private readonly channel: Channel
  private readonly attempt: Attempt
  private readonly verdicts: Verdicts
  private readonly resume: Resume

  constructor(channel: Channel, id: string, attempt: Attempt, verdicts: Verdicts, resume: Resume) {
    this.channel = channel
    this.id = id
    this.attempt = attempt
    this.verdicts = verdicts
    this.resume = resume
    channel.pending.add(this)
  }

  /** Takes it back; whether it was still open. */
  leave(tell: boolean): boolean {
    if (!this.channel.pending.remove(this)) return false
    this.stop?.(tell)
    return true
  }

  /** The caller gave up. */
  get cancel(): Effect.Effect<void> {
    return Effect.sync(() => void this.leave(true))
  }

  item(): void {
    this.settle(this.verdicts.unexpected(this.attempt))
  }

  done(outcome: Outcome): void {
    this.settle(this.verdicts.done(this.attempt, outcome))
  }

  lost(cause: HubConnectionError): void {
    this.settle(this.verdicts.lost(this.attempt, cause))
  }

  run(): void {
    if (this.next !== undefined) this.resume(this.next)
  }

  private settle(next: Settled): void {
    if (!this.leave(false)) return
    this.next = next
    runInMicrotask(this)
  }
}
