/** What waits in an outbox as plain data, to be handed over to another one. */
import type * as Policy from "../../Outbox.ts"
import * as Delivery from "../../Delivery.ts"
import type { Outbox } from "./outbox.ts"
import { sizeOf } from "../model/frame.ts"
import type { Entry } from "./entry.ts"
import { confirmationList } from "./confirmations.ts"
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

// The sender of an imported message is elsewhere: where a send would fail, the message is dropped and counted.
const entryOfItem = (item: Policy.Item, now: number): Entry => {
  const replay = item.replay === "ifUnknown"
  const whenDown = item.whenDown === "fail" ? "drop" : item.whenDown
  const parts = { ...item, ttl: item.ttl ?? Infinity, replay, retained: replay, whenDown, tell: nobody }
  return entryOf(parts, sizeOf(item.frame), now)
}

/** Takes out everything that waits. What a live session wrote stays, to be confirmed there. */
export const exportItems = <In, Out>(outbox: Outbox<In, Out>): ReadonlyArray<Policy.Item> => {
  const { admission, options } = outbox
  const now = options.owner.mono()
  const entries = admission.queue.all()
  const items = entries.map((entry) => itemOf(entry, now))
  for (const entry of entries) admission.end(entry, Delivery.dropped("exported"), "exported")
  outbox.conclude()
  return items
}

/** Takes in what another outbox exported, by the rules of overflow; what has no room is lost. */
export const importItems = <In, Out>(outbox: Outbox<In, Out>, items: ReadonlyArray<Policy.Item>): void => {
  const now = outbox.options.owner.mono()
  for (const item of items) receive(outbox, entryOfItem(item, now))
  outbox.schedule()
  outbox.conclude()
}

const receive = <In, Out>(outbox: Outbox<In, Out>, entry: Entry): void => {
  const { admission, closed } = outbox
  if (closed) return admission.lose("closed")
  if (entry.retained) admission.confirmWith(confirmationList)
  if (admission.accept(entry) !== undefined) admission.lose("overflow")
  if (entry.list === undefined) return
  if (entry.written) admission.confirmations?.know(entry)
  outbox.arm(entry.deadline)
}
