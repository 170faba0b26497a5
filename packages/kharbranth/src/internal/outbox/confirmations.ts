/**
 * Confirmations: what a writer has shown to have arrived, and the messages that
 * are kept after they were written until it is known what became of them. Most
 * programs keep none, so the list of them comes with what asks for it: `track`,
 * or `replay`.
 */
import type * as Policy from "../../Outbox.ts"
import type { Replay } from "../../Outbox.ts"
import * as Delivery from "../../Delivery.ts"
import { attempt } from "../kit/guard.ts"
import { Entries, type Entry } from "./entry.ts"
import {
  type Confirmations,
  type ConfirmationSource,
  type Confirming,
  nothing,
  type Report,
  show,
  type WriterRecord
} from "./record.ts"

/** The answer of a function of the user's that throws. */
const noId = (): undefined => undefined

export class ConfirmationList implements Confirmations {
  private readonly admission: Confirming
  private readonly lists = new Map<WriterRecord, Entries>()
  private readonly records = new Map<Entries | undefined, WriterRecord>()
  private readonly byId = new Map<string, Array<Entry>>()
  private size = 0
  private order = 0

  constructor(admission: Confirming) {
    this.admission = admission
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  report(record: WriterRecord): Report {
    const { shown, written } = record
    const waiting = this.unconfirmed(record).filter((entry) => entry.seq <= shown)
    const count = written - shown + waiting.length
    if (count === 0) return nothing
    const from = waiting.reduce((least, entry) => Math.min(least, entry.seq), shown + 1)
    const to = waiting.reduce((most, entry) => Math.max(most, entry.seq), written > shown ? written : 0)
    return { count, from, to }
  }

  write(entry: Entry, record: WriterRecord, seq: number): void {
    entry.seq = seq
    entry.order = ++this.order
    // One that is written again is known by its id already.
    if (!entry.written) this.know(entry)
    this.listOf(record).push(entry)
    this.admission.room.take(entry)
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

  acknowledge<In, Out>(acks: Policy.Acks<In, Out>, message: In): void {
    const ids = attempt(() => acks.match(message), noId)
    if (typeof ids === "string") this.acknowledged(ids)
    else if (ids !== undefined) for (const id of ids) this.acknowledged(id)
  }

  // True of one message, the first of the written ones with this id.
  private acknowledged(id: string): void {
    const entry = this.byId.get(id)?.[0]
    if (entry === undefined) return
    const record = this.records.get(entry.list)
    // It shows that everything before it arrived too; of a replayed message it may be the first copy's.
    if (record !== undefined && entry.replays === 0) show(record, entry.seq)
    if (!this.remove(entry)) this.admission.queue.remove(entry)
    this.admission.settle(entry, Delivery.confirmed("ack"))
  }

  ponged(record: WriterRecord, seq: number): void {
    const confirmed = this.unconfirmed(record).filter((entry) => entry.seq < seq && entry.id === undefined)
    for (const entry of confirmed) {
      this.remove(entry)
      this.admission.settle(entry, Delivery.confirmed("pong"))
    }
  }

  release(record: WriterRecord, clean: boolean, now: number): ReadonlyArray<Entry> {
    const entries = this.empty(record)
    if (clean) for (const entry of entries) this.admission.settle(entry, Delivery.confirmed("close"))
    else this.takeBack(entries, now)
    return entries
  }

  /** What a dead writer wrote: to be written again, or unknown. */
  takeBack(entries: ReadonlyArray<Entry>, now: number): void {
    const { options } = this.admission
    const again: Array<Entry> = []
    for (const entry of entries) {
      if (entry.replay && entry.replays < options.maxReplays && entry.deadline > now) {
        entry.replays++
        again.push(entry)
      } else this.admission.settle(entry, Delivery.unknown)
    }
    this.putBack(again)
  }

  /** In the order in which they were written: each goes before those written later. */
  putBack(entries: ReadonlyArray<Entry>): void {
    const { queue } = this.admission
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
    return [...this.lists.keys()].flatMap((record) => this.empty(record))
  }

  /** Takes an entry out of its writer's record; false when it waits to be written again. */
  private remove(entry: Entry): boolean {
    const { list } = entry
    if (list === undefined || !this.records.has(list)) return false
    list.remove(entry)
    this.admission.room.give(entry)
    this.size--
    return true
  }

  private unconfirmed(record: WriterRecord): ReadonlyArray<Entry> {
    return this.lists.get(record)?.toArray() ?? []
  }

  private empty(record: WriterRecord): ReadonlyArray<Entry> {
    const entries = this.unconfirmed(record)
    for (const entry of entries) this.remove(entry)
    this.records.delete(this.lists.get(record))
    this.lists.delete(record)
    return entries
  }

  private listOf(record: WriterRecord): Entries {
    const known = this.lists.get(record)
    if (known !== undefined) return known
    const list = new Entries()
    this.lists.set(record, list)
    this.records.set(list, record)
    return list
  }
}

export const confirmationList: ConfirmationSource = {
  make: (admission) => new ConfirmationList(admission),
  idOf: (acks, message) => (acks === undefined ? undefined : attempt(() => acks.id(message), noId))
}

// To the public a way of replaying is opaque: it carries the source of confirmations.
export const replayBy = (source: ConfirmationSource): Replay => ({ _tag: "ifUnknown", source }) as unknown as Replay
export const sourceOf = (replay: Replay): ConfirmationSource =>
  (replay as unknown as { readonly source: ConfirmationSource }).source
