/**
 * What was written and is kept until it is confirmed: by writer in the order
 * of writing, and by the id under which the application acknowledges it.
 */
import type * as Policy from "../../Outbox.ts"
import * as Delivery from "../../Delivery.ts"
import { attempt, total } from "../kit/guard.ts"
import type { Books } from "./admission.ts"
import { Entries, type Entry } from "./entry.ts"
import { type Account, type Keep, type Keeper, nothing, type Report } from "./keeping.ts"

/** The answer of a function of the user's that throws. */
const noId = (): undefined => undefined

export class Ledger implements Keeper {
  private readonly books: Books
  private readonly lists = new Map<Account, Entries>()
  private readonly accounts = new Map<Entries | undefined, Account>()
  private readonly byId = new Map<string, Array<Entry>>()
  private size = 0
  private order = 0

  constructor(books: Books) {
    this.books = books
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  report(account: Account): Report {
    const { shown, written } = account
    const waiting = this.unconfirmed(account).filter((entry) => entry.seq <= shown)
    const count = written - shown + waiting.length
    if (count === 0) return nothing
    const from = waiting.reduce((least, entry) => Math.min(least, entry.seq), shown + 1)
    const to = waiting.reduce((most, entry) => Math.max(most, entry.seq), written > shown ? written : 0)
    return { count, from, to }
  }

  write(entry: Entry, account: Account, seq: number): void {
    entry.seq = seq
    entry.order = ++this.order
    // One that is written again is known by its id already.
    if (!entry.written) this.know(entry)
    this.listOf(account).push(entry)
    this.books.room.take(entry)
    this.size++
  }

  know(entry: Entry): void {
    if (entry.id === undefined || !entry.retained) return
    const known = this.byId.get(entry.id)
    if (known === undefined) this.byId.set(entry.id, [entry])
    else known.push(entry)
  }

  forget(entry: Entry): void {
    const known = entry.id === undefined ? undefined : this.byId.get(entry.id)
    const at = known === undefined ? -1 : known.indexOf(entry)
    if (known === undefined || at < 0) return
    known.splice(at, 1)
    if (known.length === 0 && entry.id !== undefined) this.byId.delete(entry.id)
  }

  acknowledge<In, Out>(acks: Policy.Acks<In, Out>, messages: ReadonlyArray<In>): void {
    const match = total((message: In) => acks.match(message), noId)
    for (const message of messages) {
      const ids = match(message)
      if (typeof ids === "string") this.acknowledged(ids)
      else if (ids !== undefined) for (const id of ids) this.acknowledged(id)
    }
  }

  // True of one message, the first of the written ones with this id.
  private acknowledged(id: string): void {
    const entry = this.byId.get(id)?.[0]
    if (entry === undefined) return
    const account = this.accounts.get(entry.list)
    // It shows that everything before it arrived too; of a replayed message it may be the first copy's.
    if (account !== undefined && entry.replays === 0) account.shown = Math.max(account.shown, entry.seq)
    if (!this.remove(entry)) this.books.queue.remove(entry)
    this.books.settle(entry, Delivery.confirmed("ack"))
  }

  ponged(account: Account, seq: number): void {
    const confirmed = this.unconfirmed(account).filter((entry) => entry.seq < seq && entry.id === undefined)
    for (const entry of confirmed) {
      this.remove(entry)
      this.books.settle(entry, Delivery.confirmed("pong"))
    }
  }

  release(account: Account, clean: boolean, now: number): ReadonlyArray<Entry> {
    const entries = this.empty(account)
    if (clean) for (const entry of entries) this.books.settle(entry, Delivery.confirmed("close"))
    else this.takeBack(entries, now)
    return entries
  }

  /** What a dead writer wrote: to be written again, or unknown. */
  takeBack(entries: ReadonlyArray<Entry>, now: number): void {
    const { options } = this.books
    const again: Array<Entry> = []
    for (const entry of entries) {
      if (entry.replay && entry.replays < options.maxReplays && entry.deadline > now) {
        entry.replays++
        again.push(entry)
      } else this.books.settle(entry, Delivery.unknown)
    }
    this.putBack(again)
  }

  /** In the order in which they were written: each goes before those written later. */
  putBack(entries: ReadonlyArray<Entry>): void {
    const { queue } = this.books
    const places: Record<Policy.Lane, Entry | undefined> = {
      control: queue.lanes.control.replays.head,
      data: queue.lanes.data.replays.head
    }
    for (const entry of entries) {
      let before = places[entry.lane]
      while (before !== undefined && before.order < entry.order) before = before.next
      places[entry.lane] = before
      queue.insert(entry, before)
    }
  }

  emptyAll(): ReadonlyArray<Entry> {
    return [...this.lists.keys()].flatMap((account) => this.empty(account))
  }

  /** Takes an entry out of its writer's account; false when it waits to be written again. */
  private remove(entry: Entry): boolean {
    const { list } = entry
    if (list === undefined || !this.accounts.has(list)) return false
    list.remove(entry)
    this.books.room.give(entry)
    this.size--
    return true
  }

  private unconfirmed(account: Account): ReadonlyArray<Entry> {
    return this.lists.get(account)?.toArray() ?? []
  }

  private empty(account: Account): ReadonlyArray<Entry> {
    const entries = this.unconfirmed(account)
    for (const entry of entries) this.remove(entry)
    this.accounts.delete(this.lists.get(account))
    this.lists.delete(account)
    return entries
  }

  private listOf(account: Account): Entries {
    const known = this.lists.get(account)
    if (known !== undefined) return known
    const list = new Entries()
    this.lists.set(account, list)
    this.accounts.set(list, account)
    return list
  }
}

export const keep: Keep = {
  make: (books) => new Ledger(books),
  idOf: (acks, message) => (acks === undefined ? undefined : attempt(() => acks.id(message), noId))
}
