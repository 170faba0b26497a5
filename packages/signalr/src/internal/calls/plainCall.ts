/** One call that waits for its one answer. It settles once, and its caller goes on after the socket's callback. */
import * as Effect from "effect/Effect"
import type { SplitArguments } from "../../HubCodec.ts"
import type { CallError, HubConnectionError } from "../../HubError.ts"
import type { Outcome } from "../../HubMessage.ts"
import { type Runnable, runInMicrotask } from "../kit/microtask.ts"
import type { Channel } from "../channel/channel.ts"
import type { PendingCall } from "../channel/pendingCalls.ts"
import type { Callee } from "./callee.ts"
import type { ChannelSource } from "./readyChannel.ts"

type Settled = Effect.Effect<unknown, CallError>

export type Resume = (next: Settled) => void

export interface Attempt {
  readonly source: ChannelSource
  readonly callee: Callee
  readonly args: SplitArguments
  /** How often it may be sent again. */
  readonly replays: number
}

/** What the caller gets for each way in which a call settles. */
export interface CallResults {
  readonly done: (attempt: Attempt, outcome: Outcome) => Settled
  readonly lost: (attempt: Attempt, cause: HubConnectionError) => Settled
  /** The server sent an item, as if this were a stream. */
  readonly unexpected: (attempt: Attempt) => Settled
}

export class PlainCall implements PendingCall, Runnable {
  private stop: ((tell: boolean) => void) | undefined = undefined
  private next: Settled | undefined = undefined
  readonly id: string
  private readonly channel: Channel
  private readonly attempt: Attempt
  private readonly results: CallResults
  private readonly resume: Resume

  constructor(channel: Channel, id: string, attempt: Attempt, results: CallResults, resume: Resume) {
    this.channel = channel
    this.id = id
    this.attempt = attempt
    this.results = results
    this.resume = resume
    channel.pending.add(this)
  }

  /** Ends the call's uploads together with the call. */
  stopWith(stop: (tell: boolean) => void): void {
    this.stop = stop
  }

  /** Takes the call off the list; `false` when it has settled already. */
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
    this.settle(this.results.unexpected(this.attempt))
  }

  done(outcome: Outcome): void {
    this.settle(this.results.done(this.attempt, outcome))
  }

  lost(cause: HubConnectionError): void {
    this.settle(this.results.lost(this.attempt, cause))
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
