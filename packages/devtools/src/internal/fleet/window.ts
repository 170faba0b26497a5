/**
 * The rows that a viewer sees: which connections its filter lets through, in its
 * order. The order holds for a second; those that change are put in their new
 * place at once, so that a change shows without sorting everybody.
 */
import { type Column, maxRows, type View } from "../wire/wire.ts"
import { type Member, stateOf } from "./member.ts"

type Key = string | number | undefined

const keys: Readonly<Record<Column, (member: Member) => Key>> = {
  name: ({ name }) => name,
  state: ({ code }) => code,
  blame: ({ reason }) => reason?.blame,
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

  /** Sorts everybody. */
  refresh(members: Iterable<Member>): void {
    // What is in order already is sorted fast.
    const before = this.order
    const present = new Set(members)
    const kept = before.filter((member) => present.delete(member) && this.accepts(member))
    const rest = [...present].filter(this.accepts)
    this.order = [...kept, ...rest].sort(this.compare)
  }

  /** Puts those that changed in their place, and forgets those that are gone. Whether what is shown may differ. */
  change(dirty: ReadonlySet<Member>, gone: ReadonlySet<number>): boolean {
    if (dirty.size === 0 && gone.size === 0) return false
    const before = this.order
    const first = this.shown
    const kept = before.filter((member) => !dirty.has(member) && !gone.has(member.id))
    this.order = merge(this.compare, kept, [...dirty].filter(this.accepts).sort(this.compare))
    const now = this.shown
    return (
      this.order.length !== before.length || now.some((member, index) => member !== first[index] || dirty.has(member))
    )
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
