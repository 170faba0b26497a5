/**
 * What was written and is kept until it is confirmed: by writer in the order
 * of writing, and by the id under which the application acknowledges it.
 */
import type { Entries, Entry } from "./outboxEntry.ts"
import type { Room } from "./outboxQueue.ts"

/** How many messages of a writer are unconfirmed, and the range of their numbers. */
export interface Report {
  readonly count: number
  readonly from: number
  readonly to: number
}

/** The books of one writer. */
export interface Account {
  /** How many messages it wrote: the last one's number. */
  readonly written: number
  /** The last number whose arrival something has shown. */
  shown: number
  readonly unconfirmed: Entries
  /** What was reported when the writer was over. */
  report: Report | undefined
}

/** All is confirmed. */
export const nothing: Report = { count: 0, from: 0, to: 0 }

/** What is unconfirmed: everything beyond what was shown, and before that what waits for an ack of its own. */
export const reportOf = ({ shown, unconfirmed, written }: Account): Report => {
  const waiting = unconfirmed.toArray().filter((entry) => entry.seq <= shown)
  const count = written - shown + waiting.length
  if (count === 0) return nothing
  const from = waiting.reduce((least, entry) => Math.min(least, entry.seq), shown + 1)
  const to = waiting.reduce((most, entry) => Math.max(most, entry.seq), written > shown ? written : 0)
  return { count, from, to }
}

/** Everything up to number `seq` arrived. */
export const show = (account: Account, seq: number): void => {
  account.shown = Math.max(account.shown, Math.min(seq, account.written))
}

export class Ledger {
  private readonly room: Room
  private readonly accounts = new Map<Entries | undefined, Account>()
  private readonly byId = new Map<string, Array<Entry>>()
  private size = 0
  private order = 0

  constructor(room: Room) {
    this.room = room
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  /** An entry was written as number `seq` of this account. */
  write(entry: Entry, account: Account, seq: number): void {
    entry.seq = seq
    entry.order = ++this.order
    // One that is written again is known by its id already.
    if (!entry.written) this.know(entry)
    entry.written = true
    if (!entry.retained) return
    this.accounts.set(account.unconfirmed, account)
    account.unconfirmed.push(entry)
    this.room.take(entry)
    this.size++
  }

  /** An ack for this entry counts from now on. */
  know(entry: Entry): void {
    if (entry.id === undefined || !entry.retained) return
    const known = this.byId.get(entry.id)
    if (known === undefined) this.byId.set(entry.id, [entry])
    else known.push(entry)
  }

  /** The entry is settled: no ack can reach it any more. */
  forget(entry: Entry): void {
    const known = entry.id === undefined ? undefined : this.byId.get(entry.id)
    const at = known === undefined ? -1 : known.indexOf(entry)
    if (known === undefined || at < 0) return
    known.splice(at, 1)
    if (known.length === 0 && entry.id !== undefined) this.byId.delete(entry.id)
  }

  /** The first of the written messages with this id. */
  find(id: string): Entry | undefined {
    return this.byId.get(id)?.[0]
  }

  /** Takes an entry out of its writer's account; false when it waits to be written again. */
  remove(entry: Entry): boolean {
    const account = this.accounts.get(entry.list)
    if (account === undefined) return false
    account.unconfirmed.remove(entry)
    this.room.give(entry)
    this.size--
    return true
  }

  /** An ack shows that everything before it arrived too; of a replayed message it may be the first copy's. */
  acknowledged(entry: Entry): void {
    const account = this.accounts.get(entry.list)
    if (account !== undefined && entry.replays === 0) account.shown = Math.max(account.shown, entry.seq)
  }

  /** Everything before number `seq` arrived. Gives what this confirms, taken out. */
  ponged(account: Account, seq: number): ReadonlyArray<Entry> {
    show(account, seq - 1)
    const confirmed = account.unconfirmed.toArray().filter((entry) => entry.seq < seq && entry.id === undefined)
    for (const entry of confirmed) this.remove(entry)
    return confirmed
  }

  /** Everything unconfirmed of one account, taken out, in the order of writing. */
  empty(account: Account): ReadonlyArray<Entry> {
    const entries = account.unconfirmed.toArray()
    for (const entry of entries) this.remove(entry)
    this.accounts.delete(account.unconfirmed)
    return entries
  }

  /** Everything unconfirmed, taken out. */
  emptyAll(): ReadonlyArray<Entry> {
    return [...this.accounts.values()].flatMap((account) => this.empty(account))
  }
}
