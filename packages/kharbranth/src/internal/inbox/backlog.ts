/**
 * The messages and markers that wait for a reader, in order, and how the
 * oldest go. Every message that goes leaves a `Lagged` in its place.
 */
import { decode, type DecodeReader } from "../codec/decode.ts"
import * as Segments from "../codec/segments.ts"
import { appended } from "../kit/list.ts"
import * as Items from "./item.ts"
import type { Decoded, Raw } from "../codec/segments.ts"
import type { Item } from "./item.ts"

// Markers weigh nothing in bytes. A connection that nobody reads and that
// reconnects for months must not keep each one.
const maxMarkers = 256

/** Replaced for the first item. */
const none: Array<never> = []

export class Backlog<In> {
  /** The bytes of everything here, and of what the inbox has not yet put here. */
  bytes = 0
  private readonly reader: DecodeReader
  items: Array<Item<In>> = none
  private markers = 0
  private raws = 0

  constructor(reader: DecodeReader) {
    this.reader = reader
  }

  get isEmpty(): boolean {
    return this.items.length === 0
  }

  endsWith(item: Item<In> | undefined): boolean {
    return this.items[this.items.length - 1] === item
  }

  get messages(): number {
    if (this.items.length === 0) return 0
    return this.items.reduce((count, item) => count + Items.countOf(item), 0)
  }

  /** Puts raw frames at the end; the segment may still grow. */
  addRaw(raw: Raw<In>): void {
    this.add(raw)
    this.raws += 1
  }

  private add(item: Item<In>): void {
    this.items = appended(this.items, item)
  }

  addMarker(marker: Items.Marker): void {
    if (marker._tag === "Lagged") {
      if (marker.atMost) this.add(marker)
      else this.lag(this.items.length, marker.dropped)
      return
    }
    this.add(marker)
    this.markers += 1
    if (this.markers > maxMarkers) this.forgetOldestMarker()
  }

  addDecoded(segment: Decoded<In>): void {
    if (segment.messages.length === 0) return
    const last = this.items[this.items.length - 1]
    if (last?._tag === "Decoded" && last.epoch === segment.epoch) {
      Segments.append(last, segment.messages, segment.sizes)
    } else {
      this.add(segment)
    }
  }

  /** Puts an upper bound at the head: the last reader may not have used its whole batch. */
  addAtMost(dropped: number): void {
    this.items = [Segments.lagged(dropped, true), ...this.items]
  }

  /** Takes everything. What the inbox has not yet put here is none of it. */
  drain(): ReadonlyArray<Item<In>> {
    const { items } = this
    this.items = none
    this.markers = 0
    this.raws = 0
    return items
  }

  /** Takes the first message, and the markers in front of it. */
  shift(): { readonly message: In } | undefined {
    while (this.items.length > 0) {
      const first = this.items[0]!
      if (first._tag === "Raw") {
        this.decodeAt(0)
        continue
      }
      if (first._tag === "Decoded") return this.shiftFrom(first)
      this.remove(0)
    }
    return undefined
  }

  private shiftFrom(segment: Decoded<In>): { readonly message: In } {
    const message = segment.messages[segment.head]!
    this.bytes -= Segments.dropHead(segment).bytes
    this.removeIfEmpty(0)
    return { message }
  }

  /** Decodes what waits raw: frames that came later are about to be. */
  decodeAll(): void {
    for (let at = 0; this.raws > 0 && at < this.items.length; at++) {
      if (this.items[at]!._tag === "Raw") at += this.decodeAt(at) - 1
    }
  }

  /** Drops from the head until at most `target` bytes wait; the last message stays. */
  dropOldest(target: number): number {
    let dropped = 0
    let at = 0
    while (this.bytes > target && at < this.items.length) {
      const item = this.items[at]!
      if (item._tag === "Raw") this.decodeAt(at)
      else if (item._tag !== "Decoded") at += 1
      else if (this.isLastMessage(at, item)) return dropped
      else {
        const { bytes, missing } = Segments.dropHead(item)
        this.bytes -= bytes
        dropped += 1
        this.removeIfEmpty(at)
        at += this.lag(at, missing)
      }
    }
    return dropped
  }

  private isLastMessage(at: number, segment: Decoded<In>): boolean {
    return Items.countOf(segment) === 1 && !this.items.some((item, index) => index > at && Items.holdsMessages(item))
  }

  /** Decodes one raw segment in its place. Gives how many items it became. */
  private decodeAt(at: number): number {
    const segment = this.items[at] as Raw<In>
    const before = Items.bytesOf(segment)
    const pieces = decode(segment, Segments.kept, this.reader).filter(
      (piece) => Items.countOf(piece) > 0 || piece._tag === "Lagged"
    )
    this.items.splice(at, 1, ...pieces)
    this.raws -= 1
    this.bytes += pieces.reduce((bytes, piece) => bytes + Items.bytesOf(piece), 0) - before
    return pieces.length
  }

  /** Marks messages missing in front of the item at `at`. Gives how many items that added. */
  lag(at: number, missing: number): number {
    const marker = this.laggedAt(at - 1) ?? this.laggedAt(at)
    if (marker === undefined) {
      if (this.items.length === 0) this.add(Segments.lagged(missing, false))
      else this.items.splice(at, 0, Segments.lagged(missing, false))
      return 1
    }
    marker.dropped += missing
    return 0
  }

  private laggedAt(at: number): Segments.Lagged | undefined {
    const item = this.items[at]
    return item?._tag === "Lagged" && !item.atMost ? item : undefined
  }

  removeIfEmpty(at: number): boolean {
    const empty = Items.countOf(this.items[at]!) === 0
    if (empty) this.remove(at)
    return empty
  }

  private remove(at: number): void {
    const item = this.items[at]!
    if (item._tag === "SessionOpened" || item._tag === "Gap") this.markers -= 1
    this.items.splice(at, 1)
  }

  private forgetOldestMarker(): void {
    const at = this.items.findIndex((item) => item._tag === "SessionOpened" || item._tag === "Gap")
    this.remove(at)
    const after = this.laggedAt(at)
    const before = this.laggedAt(at - 1)
    if (after === undefined || before === undefined) return
    before.dropped += after.dropped
    this.items.splice(at, 1)
  }
}
