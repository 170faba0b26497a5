/**
 * One message in the outbox, the lists it can be in, and how those who wait
 * for it hear of its fate. An entry is in one list at a time.
 */
import type * as Delivery from "../../Delivery.ts"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type SendError, SendExpired } from "../../ConnectionError.ts"
import type { Frame } from "../../Message.ts"
import type * as Outbox from "../../Outbox.ts"
import { failed } from "../../Delivery.ts"

/** What becomes of an untracked message. */
export type WriteResult = { readonly _tag: "Written" } | Delivery.Dropped | Delivery.Failed

export type Settle = (outcome: WriteResult) => void

/** What can happen to a message on its way, the last of them being final. */
export type Fate = { readonly _tag: "Accepted" } | { readonly _tag: "Written" } | Delivery.Delivery

export const accepted: Fate = { _tag: "Accepted" }
export const written: WriteResult = { _tag: "Written" }

/** The result of a send that nobody tracks. */
export const resultOf = (outcome: WriteResult): Effect.Effect<void, SendError> =>
  outcome._tag === "Failed" ? Effect.fail(outcome.error) : Effect.void

export interface Entry {
  readonly frame: Frame
  readonly size: number
  readonly lane: Outbox.Lane
  readonly key: string | undefined
  readonly whenDown: Outbox.WhenDown
  readonly replay: boolean
  /** Kept until confirmed: tracked, or to be replayed. */
  readonly retained: boolean
  readonly id: string | undefined
  readonly since: number
  readonly deadline: number
  readonly tell: (fate: Fate) => void
  written: boolean
  replays: number
  /** Its number among its last writer's messages. */
  seq: number
  /** Its place among all writes of the outbox. */
  order: number
  list: Entries | undefined
  previous: Entry | undefined
  next: Entry | undefined
}

/** A doubly linked list: whatever waits can be withdrawn or replaced where it is. */
export class Entries {
  head: Entry | undefined = undefined
  tail: Entry | undefined = undefined

  push(entry: Entry): void {
    this.insert(entry, undefined)
  }

  /** Puts an entry before another one, or at the end. */
  insert(entry: Entry, before: Entry | undefined): void {
    const previous = before === undefined ? this.tail : before.previous
    entry.list = this
    entry.previous = previous
    entry.next = before
    if (previous === undefined) this.head = entry
    else previous.next = entry
    if (before === undefined) this.tail = entry
    else before.previous = entry
  }

  remove(entry: Entry): void {
    const { next, previous } = entry
    if (previous === undefined) this.head = next
    else previous.next = next
    if (next === undefined) this.tail = previous
    else next.previous = previous
    entry.list = undefined
    entry.previous = undefined
    entry.next = undefined
  }

  toArray(): Array<Entry> {
    const all: Array<Entry> = []
    for (let entry = this.head; entry !== undefined; entry = entry.next) all.push(entry)
    return all
  }
}

export const expiry = (connection: string, ttl: number): SendError =>
  new SendExpired({ connection, ttl: Duration.millis(ttl) })

/** Hears for the sender of an untracked message, whose business ends with the first write. */
export const sender =
  (connection: string, ttl: number, settle: Settle) =>
  (fate: Fate): void => {
    if (fate._tag === "Expired") settle(failed(expiry(connection, ttl)))
    else if (fate._tag === "Written" || fate._tag === "Dropped" || fate._tag === "Failed") settle(fate)
  }
