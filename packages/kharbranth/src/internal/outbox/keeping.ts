/**
 * What an outbox knows of its writers, and what it asks of whoever keeps
 * messages after they were written. Most programs ask for no such thing, so the
 * one that does brings the keeper along: `track`, or `replay`.
 */
import type * as Policy from "../../Outbox.ts"
import type { Books } from "./admission.ts"
import type { Entry } from "./entry.ts"

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
  /** What was reported when the writer was over. */
  report: Report | undefined
}

/** All is confirmed. */
export const nothing: Report = { count: 0, from: 0, to: 0 }

/** What is unconfirmed: everything beyond what was shown. */
export const reportOf = ({ shown, written }: Account): Report =>
  written === shown ? nothing : { count: written - shown, from: shown + 1, to: written }

/** Everything up to number `seq` arrived. */
export const show = (account: Account, seq: number): void => {
  account.shown = Math.max(account.shown, Math.min(seq, account.written))
}

/** Keeps what was written until it is known what became of it. */
export interface Keeper {
  readonly isEmpty: boolean
  /** What is unconfirmed, also of what waits for an ack of its own. */
  report(account: Account): Report
  /** An entry was written as number `seq` of this account. */
  write(entry: Entry, account: Account, seq: number): void
  /** An ack for this entry counts from now on. */
  know(entry: Entry): void
  /** The entry is settled: no ack can reach it any more. */
  forget(entry: Entry): void
  acknowledge<In, Out>(acks: Policy.Acks<In, Out>, messages: ReadonlyArray<In>): void
  /** Everything before number `seq` arrived. */
  ponged(account: Account, seq: number): void
  /** The writer is over. Gives what it had not confirmed: settled, or waiting to be written again. */
  release(account: Account, clean: boolean, now: number): ReadonlyArray<Entry>
  /** Everything unconfirmed, taken out. */
  emptyAll(): ReadonlyArray<Entry>
}

/** How a keeper comes to be. */
export interface Keep {
  readonly make: (books: Books) => Keeper
  /** By which id a message will be acknowledged. */
  readonly idOf: <In, Out>(acks: Policy.Acks<In, Out> | undefined, message: Out) => string | undefined
}
