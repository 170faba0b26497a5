/**
 * One reader of a topic, whatever it does with what comes: the messages of all
 * sessions, and a `Gap` where some of them may be missing.
 */
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Gap } from "../../Subscriptions.ts"

export interface TopicReader<in In> {
  /** Whether it does anything with messages. */
  readonly reads: boolean
  /** From now on messages are missing, if this reader had all of them. */
  interrupted(from: number | undefined, reason: Gap["reason"]): void
  /** From now on every message comes. */
  resumed(epoch: number, now: number): void
  push(epoch: number, message: In): void
  end(error: ConnectionError | undefined): void
}

/** Whether a reader has all messages, and the gap that it is owed if not. */
export class Continuity {
  /** A gap whose end is not known yet. */
  private owed: Pick<Gap, "from" | "reason"> | undefined
  /** Whether it has been up to date, so that there is something to miss. */
  private live = false

  interrupted(from: number | undefined, reason: Gap["reason"]): void {
    if (this.live) this.owed ??= { from, reason }
    this.live = false
  }

  /** A message comes: there is something to miss from now on. */
  delivered(): void {
    this.live = true
  }

  /** Every message comes from now on; returns the gap before them, if there was one. */
  resumed(epoch: number, now: number): Gap | undefined {
    this.live = true
    const { owed } = this
    if (owed === undefined) return undefined
    this.owed = undefined
    return { _tag: "Gap", epoch, to: now, ...owed }
  }
}
