/**
 * The ways of making what waits in an inbox fewer, apart from letting the oldest
 * go. Each comes with the option that asks for it.
 */
import type { KeyedShed, Shed, Shedding } from "../../Inbox.ts"
import type { Backlog } from "./backlog.ts"
import type { Decoded } from "../codec/segments.ts"
import type { Item } from "./item.ts"
import { total } from "../kit/guard.ts"
import * as Items from "./item.ts"

type Key<In> = (message: In) => unknown

/** Drops until at most `target` bytes wait; returns how many messages went. */
type Drop = <In>(backlog: Backlog<In>, target: number, key: Key<In>) => number

const noKey = (): undefined => undefined

/** Drops as the policy says until at most `target` bytes wait; returns how many messages went. */
export const shed = <In>(policy: Shedding<In>, backlog: Backlog<In>, target: number): number =>
  (policy.shed as unknown as Drop)(backlog, target, "key" in policy ? policy.key : noKey)

/** Drops from the end until at most `target` bytes wait; the first message stays. */
const newest = <In>(backlog: Backlog<In>, target: number): number => {
  const { items } = backlog
  let dropped = 0
  let at = items.length - 1
  while (backlog.bytes > target && at >= 0) {
    const item = items[at]!
    if (item._tag !== "Decoded") at -= 1
    else if (isFirstMessage(items, at, item)) return dropped
    else {
      const { bytes, missing } = dropTail(item)
      backlog.bytes -= bytes
      dropped += 1
      const removed = backlog.removeIfEmpty(at)
      backlog.lag(removed ? at : at + 1, missing)
      if (removed) at = Math.min(at, items.length - 1)
    }
  }
  return dropped
}

const isFirstMessage = <In>(items: ReadonlyArray<Item<In>>, at: number, segment: Decoded<In>): boolean =>
  Items.countOf(segment) === 1 && !items.some((item, index) => index < at && Items.holdsMessages(item))

/** Leaves the newest of each key, session by session; keys do not reach over markers. Then the oldest go. */
const byKey = <In>(backlog: Backlog<In>, target: number, key: Key<In>): number => {
  let dropped = 0
  for (const item of backlog.items) {
    if (item._tag !== "Decoded") continue
    const gone = conflateOne(item, key)
    backlog.bytes -= gone.bytes
    dropped += gone.dropped
  }
  return dropped + backlog.dropOldest(target)
}

/** Drops the last message. Gives its size and how many messages are now missing there. */
const dropTail = <In>(self: Decoded<In>): { readonly bytes: number; readonly missing: number } => {
  const index = self.messages.length - 1
  const missing = 1 + (self.lost.get(index) ?? 0)
  const bytes = self.sizes[index]!
  self.lost.delete(index)
  self.messages.pop()
  self.sizes.pop()
  return { bytes, missing }
}

/**
 * Leaves of each key the newest message, in the place of the oldest. Gives the
 * bytes and messages that went.
 */
const conflateOne = <In>(self: Decoded<In>, key: Key<In>): { readonly bytes: number; readonly dropped: number } => {
  const places = new Map<unknown, number>()
  const keyOf = total(key, noKey)
  let end = self.head
  let bytes = 0
  for (let index = self.head; index < self.messages.length; index++) {
    const message = self.messages[index]!
    const size = self.sizes[index]!
    const its = keyOf(message)
    const place = its === undefined ? undefined : places.get(its)
    if (place === undefined) {
      if (its !== undefined) places.set(its, end)
      moveLost(self.lost, index, end)
      self.messages[end] = message
      self.sizes[end] = size
      end += 1
    } else {
      bytes += self.sizes[place]!
      self.messages[place] = message
      self.sizes[place] = size
      const missing = 1 + (self.lost.get(index) ?? 0)
      self.lost.delete(index)
      self.lost.set(place, missing + (self.lost.get(place) ?? 0))
    }
  }
  const dropped = self.messages.length - end
  self.messages.length = end
  self.sizes.length = end
  return { bytes, dropped }
}

const moveLost = (lost: Map<number, number>, from: number, to: number): void => {
  const missing = lost.get(from)
  if (missing === undefined || from === to) return
  lost.delete(from)
  lost.set(to, missing)
}

// To the public a way of shedding is opaque; only this room makes them.
export const dropNewest = newest as unknown as Shed
export const conflate = /* @__PURE__ */ Object.assign(byKey, { keyed: true }) as unknown as KeyedShed
