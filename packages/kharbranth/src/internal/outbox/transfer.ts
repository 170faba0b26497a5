/** What waits in an outbox as plain data, to be handed over to another one. */
import type * as Policy from "../../Outbox.ts"
import * as Delivery from "../../Delivery.ts"
import type { Outbox } from "./outbox.ts"
import { type Entry, sizeOf } from "./entry.ts"
import { keep } from "./confirmations.ts"
import { entryOf, nobody } from "./options.ts"

const itemOf = (entry: Entry, now: number): Policy.Item => ({
  frame: entry.frame,
  lane: entry.lane,
  key: entry.key,
  whenDown: entry.whenDown,
  replay: entry.replay ? "ifUnknown" : "never",
  ttl: entry.deadline === Infinity ? undefined : Math.max(0, entry.deadline - now),
  written: entry.written,
  id: entry.id
})

// The sender of an imported message is elsewhere.
const entryOfItem = (item: Policy.Item, now: number): Entry => {
  const replay = item.replay === "ifUnknown"
  const parts = { ...item, ttl: item.ttl ?? Infinity, replay, retained: replay, tell: nobody }
  return entryOf(parts, sizeOf(item.frame), now)
}

/** Takes out everything that waits. What a live session wrote stays, to be confirmed there. */
export const exportItems = <In, Out>(outbox: Outbox<In, Out>): ReadonlyArray<Policy.Item> => {
  const { books, options } = outbox
  const now = options.hooks.now()
  const entries = books.queue.all()
  const items = entries.map((entry) => itemOf(entry, now))
  for (const entry of entries) books.end(entry, Delivery.dropped("exported"), "exported")
  outbox.conclude()
  return items
}

/** Takes in what another outbox exported, by the rules of overflow; what has no room is lost. */
export const importItems = <In, Out>(outbox: Outbox<In, Out>, items: ReadonlyArray<Policy.Item>): void => {
  const now = outbox.options.hooks.now()
  for (const item of items) receive(outbox, entryOfItem(item, now))
  outbox.schedule()
  outbox.conclude()
}

const receive = <In, Out>(outbox: Outbox<In, Out>, entry: Entry): void => {
  const { books, closed } = outbox
  if (closed) return books.lose("closed")
  if (entry.retained) books.keepWith(keep)
  if (books.accept(entry) !== undefined) books.lose("overflow")
  if (entry.list === undefined) return
  if (entry.written) books.keeper?.know(entry)
  outbox.arm(entry.deadline)
}
