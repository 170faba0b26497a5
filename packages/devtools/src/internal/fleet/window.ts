/**
 * The rows that a viewer sees: which connections its filter lets through, in its
 * order. Those that change are put in their new place, the others are not compared:
 * whose state changed at once, whose figures changed once a second.
 */
import type { Batch } from "./sampling.ts"
import { type Column, maxRows, type View } from "../wire/wire.ts"
import { type Member, stateOf } from "./member.ts"

type Key = string | number | undefined

const keys: Readonly<Record<Column, (member: Member) => Key>> = {
  name: ({ name }) => name,
  state: ({ code }) => code,
  blame: ({ blame }) => blame,
  epoch: ({ epoch }) => epoch,
  // Who has been in its state for long began early.
  age: ({ since }) => -since,
  inRate: ({ inRate }) => inRate,
  outRate: ({ outRate }) => outRate,
  rtt: ({ rtt }) => rtt,
  inbox: ({ inbox }) => inbox.bytes,
  outbox: ({ outbox }) => outbox.messages,
  gaps: ({ gaps }) => gaps,
  next: ({ nextAt }) => nextAt
}

type Compare = (a: Member, b: Member) => number

/** Those without a key come last in both directions, and equal ones in the order of their numbers. */
const compareBy = ({ descending, sort }: View): Compare => {
  const keyOf = keys[sort]
  const sign = descending ? -1 : 1
  return (one, other) => {
    const a = keyOf(one)
    const b = keyOf(other)
    if (a === b) return one.id - other.id
    if (a === undefined) return 1
    if (b === undefined) return -1
    return a < b ? -sign : sign
  }
}

const filterBy = ({ states, text }: View): ((member: Member) => boolean) => {
  const part = text.toLowerCase()
  return (member) =>
    (states.length === 0 || states.includes(stateOf(member))) && (part === "" || member.words.includes(part))
}

const fewAtOnce = 128

/** Numbers the passes of all windows. */
let marks = 0

/** Joins two lists that are in order. */
const merge = (compare: Compare, a: ReadonlyArray<Member>, b: ReadonlyArray<Member>): Array<Member> => {
  const merged: Array<Member> = []
  let i = 0
  for (const next of b) {
    for (let one = a[i]; one !== undefined && compare(one, next) <= 0; one = a[++i]) merged.push(one)
    merged.push(next)
  }
  for (; i < a.length; i++) merged.push(a[i]!)
  return merged
}

/** The list without some of its members. */
const without = (order: ReadonlyArray<Member>, some: ReadonlyArray<Member>): Array<Member> => {
  const mark = ++marks
  for (const member of some) member.mark = mark
  return order.filter((member) => member.mark !== mark)
}

/** The same for few: the others are not looked at, because to read ten thousand takes long. */
const withoutFew = (order: ReadonlyArray<Member>, few: ReadonlyArray<Member>): Array<Member> => {
  const kept = order.slice()
  for (const member of few) {
    const index = kept.indexOf(member)
    if (index >= 0) kept.splice(index, 1)
  }
  return kept
}

/** As `merge` for few: the others are moved, not compared. */
const insert = (compare: Compare, order: Array<Member>, few: ReadonlyArray<Member>): Array<Member> => {
  for (const member of few) {
    let [low, high] = [0, order.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(order[middle]!, member) <= 0) low = middle + 1
      else high = middle
    }
    order.splice(low, 0, member)
  }
  return order
}

export class Window {
  private view: View
  private compare: Compare
  private accepts: (member: Member) => boolean
  private order: ReadonlyArray<Member> = []

  constructor(view: View) {
    this.view = view
    this.compare = compareBy(view)
    this.accepts = filterBy(view)
  }

  show(view: View): void {
    this.view = view
    this.compare = compareBy(view)
    this.accepts = filterBy(view)
  }

  /** Sorts everybody. What was in order already is sorted fast. */
  refresh(members: ReadonlyMap<number, Member>): void {
    const mark = ++marks
    const order: Array<Member> = []
    for (const member of members.values()) member.mark = mark
    for (const member of this.order) if (member.mark === mark && this.accepts(member)) order.push(member)
    for (const member of order) member.mark = 0
    for (const member of members.values()) if (member.mark === mark && this.accepts(member)) order.push(member)
    this.order = order.toSorted(this.compare)
  }

  /** Puts those that changed in their place, and forgets those that are gone. Whether what is shown may differ. */
  change({ gone, moved, pulsed }: Batch): boolean {
    const placed = this.view.sort === "rtt" ? [...new Set([...moved, ...pulsed])] : [...moved]
    const changed = [...placed, ...gone]
    if (changed.length === 0) return false
    const before = this.order.length
    const first = this.shown
    const accepted = placed.filter(this.accepts).toSorted(this.compare)
    this.order =
      changed.length > fewAtOnce
        ? merge(this.compare, without(this.order, changed), accepted)
        : insert(this.compare, withoutFew(this.order, changed), accepted)
    const now = this.shown
    return this.order.length !== before || now.some((member, index) => member !== first[index] || moved.has(member))
  }

  get total(): number {
    return this.order.length
  }

  get from(): number {
    return this.view.from
  }

  /** The members whose rows are seen. */
  get shown(): ReadonlyArray<Member> {
    const { from, to } = this.view
    return this.order.slice(from, Math.min(to, from + maxRows))
  }
}
