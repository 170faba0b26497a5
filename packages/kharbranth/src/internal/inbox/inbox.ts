/**
 * The inbound hot path: the one place where frames wait for their reader. This
 * is the reader's side: one at a time, whole batches, and the end after the
 * last message. The way in is `inboxIntake.ts`.
 */
import type { ConnectionError } from "../../ConnectionError.ts"
import type * as Public from "../../Inbox.ts"
import { Intake } from "./intake.ts"
import { entriesOf, messagesOf } from "./read.ts"
import type * as Items from "./item.ts"

export type { Hooks, Options } from "./intake.ts"
export type { Lane } from "../codec/segments.ts"
export type { Source } from "../transport/backpressure.ts"
export type { Tap } from "./taps.ts"

const none: ReadonlyArray<never> = []

export class Inbox<In> extends Intake<In> {
  private waiter: (() => void) | undefined
  private reading = false
  /** How many messages of the reader's last batch may be unused. */
  private unused = 0
  private end: { readonly error: ConnectionError | undefined } | undefined

  get ending(): { readonly error: ConnectionError | undefined } | undefined {
    return this.end
  }

  /** Becomes the reader, unless there is one. */
  acquire(): boolean {
    if (this.reading) return false
    this.reading = true
    this.everRead = true
    return true
  }

  release(): void {
    this.reading = false
    this.waiter = undefined
    if (this.unused === 0) return
    this.backlog.addAtMost(this.unused)
    this.hooks.dropped("unread", this.unused)
    this.unused = 0
  }

  /** Every message that waits, without the markers. */
  take(): ReadonlyArray<In> | undefined {
    const items = this.takeItems()
    const messages = items.length === 0 ? none : messagesOf(items, this.options)
    this.unused = Math.max(0, messages.length - 1)
    return messages.length === 0 ? undefined : messages
  }

  /** Every message that waits, and the markers. */
  takeEntries(): ReadonlyArray<Public.Entry<In>> | undefined {
    const entries = entriesOf(this.takeItems(), this.options)
    this.unused = entries.reduce(
      (count, entry, index) => (index > 0 && entry._tag === "Message" ? count + 1 : count),
      0
    )
    return entries.length === 0 ? undefined : entries
  }

  /** The first message that waits. */
  takeOne(): { readonly message: In } | undefined {
    this.unused = 0
    this.settle()
    if (this.settling) return undefined
    this.open = undefined
    const first = this.backlog.shift()
    if (first !== undefined) this.pausing?.moved()
    this.relax()
    return first
  }

  /** Calls `wake` once, deferred, when there is something to take or the end has come. */
  await(wake: () => void): () => void {
    this.unused = 0
    this.waiter = wake
    if (this.isReady) this.schedule()
    return () => {
      if (this.waiter === wake) this.waiter = undefined
    }
  }

  /** What waits stays readable; then the reader sees `ending`. Nothing is let in any more. */
  finish(error: ConnectionError | undefined): void {
    this.end = { error }
    this.refuse("closed")
    this.schedule()
  }

  revive(): void {
    this.end = undefined
    this.refusal = undefined
  }

  /** Drops everything unread. Gives how many messages that was. */
  discard(): number {
    const count = this.messages
    this.arriving = []
    this.open = undefined
    this.backlog.drain()
    this.backlog.bytes = 0
    if (count > 0) this.hooks.dropped("unread", count)
    this.relax()
    return count
  }

  protected wake(): void {
    const waiter = this.waiter
    if (waiter === undefined || !this.isReady) return
    this.waiter = undefined
    waiter()
  }

  private get isReady(): boolean {
    return !this.backlog.isEmpty || this.arriving.length > 0 || this.end !== undefined
  }

  private takeItems(): ReadonlyArray<Items.Item<In>> {
    this.settle()
    if (this.settling) return none
    this.open = undefined
    if (this.backlog.isEmpty) return none
    const items = this.backlog.drain()
    this.backlog.bytes = 0
    this.pausing?.moved()
    this.relax()
    return items
  }
}
