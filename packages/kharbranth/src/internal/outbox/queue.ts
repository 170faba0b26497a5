/**
 * What waits in an outbox: two lanes, each with what is to be written again
 * before what never was, and the senders that wait for room. Knows the order,
 * the keys and the bounds; informs nobody.
 */
import type { Lane } from "../../Outbox.ts"
import { Entries, type Entry } from "./entry.ts"

/** The bounds of an outbox. Whatever waits or is retained has its place here. */
export class Room {
  capacity: number
  maxBytes: number
  count = 0
  bytes = 0

  constructor(capacity: number, maxBytes: number) {
    this.capacity = capacity
    this.maxBytes = maxBytes
  }

  fits(count: number, bytes: number): boolean {
    return this.count + count <= this.capacity && this.bytes + bytes <= this.maxBytes
  }

  take(entry: Entry): void {
    this.count++
    this.bytes += entry.size
  }

  give(entry: Entry): void {
    this.count--
    this.bytes -= entry.size
  }
}

export interface Waiting {
  readonly replays: Entries
  readonly fresh: Entries
  readonly keys: Map<string, Entry>
}

const lane = (): Waiting => ({ replays: new Entries(), fresh: new Entries(), keys: new Map() })

export class Queue {
  private readonly room: Room
  readonly lanes: Readonly<Record<Lane, Waiting>> = { control: lane(), data: lane() }
  private readonly suspended = new Entries()
  /** What waits and was never written: the part of the room that can be cleared. */
  private readonly fresh: Room
  private replaying = 0

  constructor(room: Room) {
    this.room = room
    this.fresh = new Room(room.capacity, room.maxBytes)
  }

  /** Nothing waits, not even for room. */
  get isEmpty(): boolean {
    return this.fresh.count === 0 && this.replaying === 0 && this.suspended.head === undefined
  }

  /** Whether what waits is only what has no room: the rest is written and unconfirmed. */
  get isBlocked(): boolean {
    return this.first() === undefined && this.suspended.head !== undefined
  }

  isSuspended(entry: Entry): boolean {
    return entry.list === this.suspended
  }

  /** Whether there is room for an entry behind those that wait for room. */
  admits(entry: Entry): boolean {
    return this.suspended.head === undefined && this.room.fits(1, entry.size)
  }

  put(entry: Entry): void {
    this.insert(entry, undefined)
    this.name(entry)
  }

  insert(entry: Entry, before: Entry | undefined): void {
    const { fresh, replays } = this.lanes[entry.lane]
    this.room.take(entry)
    if (entry.written) {
      this.replaying++
      replays.insert(entry, before)
    } else {
      this.fresh.take(entry)
      fresh.insert(entry, before)
    }
  }

  suspend(entry: Entry): void {
    this.suspended.push(entry)
    this.name(entry)
  }

  // A message that a socket has had cannot be replaced any more.
  private name(entry: Entry): void {
    if (entry.key !== undefined && !entry.written) this.lanes[entry.lane].keys.set(entry.key, entry)
  }

  remove(entry: Entry): void {
    const { fresh, keys, replays } = this.lanes[entry.lane]
    if (this.isSuspended(entry)) this.suspended.remove(entry)
    else if (entry.written) {
      this.room.give(entry)
      this.replaying--
      replays.remove(entry)
    } else {
      this.room.give(entry)
      this.fresh.give(entry)
      fresh.remove(entry)
    }
    if (entry.key !== undefined && keys.get(entry.key) === entry) keys.delete(entry.key)
  }

  /** The waiting message that a new one replaces. */
  sameKey(entry: Entry): Entry | undefined {
    return entry.key === undefined || entry.written ? undefined : this.lanes[entry.lane].keys.get(entry.key)
  }

  /** Puts a message into the place of another one, if it has room there. */
  replace(old: Entry, entry: Entry): "waits" | "suspended" | undefined {
    const before = old.next
    const wasSuspended = this.isSuspended(old)
    if (!wasSuspended && !this.room.fits(0, entry.size - old.size)) return undefined
    this.remove(old)
    if (wasSuspended) this.suspended.insert(entry, before)
    else this.insert(entry, before)
    this.name(entry)
    return wasSuspended ? "suspended" : "waits"
  }

  /** Moves the first of those that wait for room in, if it has room now. */
  admit(): Entry | undefined {
    const entry = this.suspended.head
    if (entry === undefined || !this.room.fits(1, entry.size)) return undefined
    this.remove(entry)
    this.put(entry)
    return entry
  }

  /** Whether dropping what was never written would make room. */
  couldFit(entry: Entry): boolean {
    return this.room.fits(1 - this.fresh.count, entry.size - this.fresh.bytes)
  }

  /** The message to drop first. */
  oldest(): Entry | undefined {
    return this.lanes.data.fresh.head ?? this.lanes.control.fresh.head
  }

  /** The message to write next. */
  first(): Entry | undefined {
    const { control, data } = this.lanes
    return control.replays.head ?? control.fresh.head ?? data.replays.head ?? data.fresh.head
  }

  /** Everything that waits, in order; those waiting for room last. */
  all(): Array<Entry> {
    const { control, data } = this.lanes
    return [control.replays, control.fresh, data.replays, data.fresh, this.suspended].flatMap((list) => list.toArray())
  }
}
