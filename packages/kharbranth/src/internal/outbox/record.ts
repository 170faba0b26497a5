/**
 * What is known of what a writer wrote, and what keeps messages until more is
 * known: the forms that writers, admission and confirmations share.
 */
import type { Delivery } from "../../Delivery.ts"
import type * as Policy from "../../Outbox.ts"
import type { Entry } from "./entry.ts"
import type { Queue, Room } from "./queue.ts"

/** How many messages of a writer are unconfirmed, and the range of their numbers. */
export interface Report {
  readonly count: number
  readonly from: number
  readonly to: number
}

/** What is known of one writer. */
export interface WriterRecord {
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
export const reportOf = ({ shown, written }: WriterRecord): Report =>
  written === shown ? nothing : { count: written - shown, from: shown + 1, to: written }

/** Everything up to number `seq` arrived. */
export const show = (record: WriterRecord, seq: number): void => {
  record.shown = Math.max(record.shown, Math.min(seq, record.written))
}

/** Keeps what was written until it is known what became of it. */
export interface Confirmations {
  readonly isEmpty: boolean
  /** What is unconfirmed, also of what waits for an ack of its own. */
  report(record: WriterRecord): Report
  /** An entry was written as number `seq` of this record. */
  write(entry: Entry, record: WriterRecord, seq: number): void
  /** An ack for this entry counts from now on. */
  know(entry: Entry): void
  /** The entry is settled: no ack can reach it any more. */
  forget(entry: Entry): void
  acknowledge<In, Out>(acks: Policy.Acks<In, Out>, message: In): void
  /** Everything before number `seq` arrived. */
  ponged(record: WriterRecord, seq: number): void
  /** The writer is over. Gives what it had not confirmed: settled, or waiting to be written again. */
  release(record: WriterRecord, clean: boolean, now: number): ReadonlyArray<Entry>
  /** Everything unconfirmed, taken out. */
  emptyAll(): ReadonlyArray<Entry>
}

/** What confirmations use of the outbox's admission. */
export interface Confirming {
  readonly room: Room
  readonly queue: Queue
  readonly options: { readonly maxReplays: number }
  /** The final outcome of an entry that is in no list any more. */
  settle(entry: Entry, delivery: Delivery): void
}

/** Makes confirmations for what first asks for them. */
export interface ConfirmationSource {
  readonly make: (admission: Confirming) => Confirmations
  /** By which id a message will be acknowledged. */
  readonly idOf: <In, Out>(acks: Policy.Acks<In, Out> | undefined, message: Out) => string | undefined
}
