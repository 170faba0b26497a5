/**
 * A reader that keeps nothing: it forwards each message and gap to its user's
 * functions at once. One that throws misses what it was called with.
 */
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Gap, Receiver } from "../../Subscriptions.ts"
import { total } from "../kit/guard.ts"
import { Continuity, type TopicReader } from "./reader.ts"

const nothing = (): void => {}

export class Forwarder<In> implements TopicReader<In> {
  readonly reads: boolean
  private readonly message: (message: In, epoch: number) => void
  private readonly gap: (gap: Gap) => void
  private readonly ended: (error: ConnectionError | undefined) => void
  private readonly continuity = new Continuity()
  private over = false

  constructor({ ended = nothing, gap = nothing, message = nothing }: Receiver<In>) {
    this.reads = message !== nothing
    this.message = message
    this.gap = total(gap, nothing)
    this.ended = total(ended, nothing)
  }

  interrupted(from: number | undefined, reason: Gap["reason"]): void {
    this.continuity.interrupted(from, reason)
  }

  resumed(epoch: number, now: number): void {
    const gap = this.continuity.resumed(epoch, now)
    if (gap !== undefined && !this.over) this.gap(gap)
  }

  push(epoch: number, message: In): void {
    this.continuity.delivered()
    if (this.over) return
    const { message: forward } = this
    // Not by a guard around the function: each message of each topic comes this way.
    try {
      forward(message, epoch)
    } catch {
      // It misses this message.
    }
  }

  end(error: ConnectionError | undefined): void {
    if (this.over) return
    this.over = true
    this.ended(error)
  }
}
