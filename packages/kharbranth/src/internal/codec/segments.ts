/**
 * Stretches of what arrived in one session: raw frames, or messages decoded
 * already.
 */
import type * as Codec from "../../Codec.ts"
import type { Frame } from "../../Message.ts"

/** The way in of one session. */
export interface Lane<In> {
  readonly epoch: number
  readonly decoder: Codec.Decoder<In>
  /** A bad frame was its end: nothing more comes out of it. */
  broken: boolean
}

/** Frames of one lane, in order, with their sizes beside them. */
export interface Raw<In> {
  readonly _tag: "Raw"
  readonly lane: Lane<In>
  readonly frames: Array<Frame>
  readonly sizes: Array<number>
}

/** Decoded messages of one session. Those before `head` are gone. */
export interface Decoded<In> {
  readonly _tag: "Decoded"
  readonly epoch: number
  readonly messages: Array<In>
  readonly sizes: Array<number>
  head: number
  /** How many messages are missing in front of the one at an index: what conflation replaced. */
  readonly lost: Map<number, number>
}

export interface Lagged {
  readonly _tag: "Lagged"
  dropped: number
  readonly atMost: boolean
}

/** A segment of one frame: a push to an empty array makes room for many, and often one is all that comes. */
export const raw = <In>(lane: Lane<In>, frame: Frame, size: number): Raw<In> => ({
  _tag: "Raw",
  lane,
  frames: [frame],
  sizes: [size]
})

export const decoded = <In>(epoch: number): Decoded<In> => ({
  _tag: "Decoded",
  epoch,
  messages: [],
  sizes: [],
  head: 0,
  lost: new Map()
})

export const lagged = (dropped: number, atMost: boolean): Lagged => ({ _tag: "Lagged", dropped, atMost })

export const sum = (sizes: ReadonlyArray<number>, from = 0): number => {
  let total = 0
  for (let index = from; index < sizes.length; index++) total += sizes[index]!
  return total
}

/**
 * Adds messages that `sizes` bytes of frames became. Where a codec makes more or
 * fewer messages than there were frames, each message has an equal share.
 */
export const append = <In>(self: Decoded<In>, messages: ReadonlyArray<In>, sizes: ReadonlyArray<number>): void => {
  const shares = messages.length === sizes.length ? sizes : split(sum(sizes), messages.length)
  for (let index = 0; index < messages.length; index++) {
    self.messages.push(messages[index]!)
    self.sizes.push(shares[index]!)
  }
}

/** Decoded messages that nothing will be added to or dropped from. */
export interface Taken<In> {
  readonly _tag: "Decoded"
  readonly epoch: number
  readonly messages: ReadonlyArray<In>
  readonly head: number
  readonly lost: ReadonlyMap<number, number>
}

const none: ReadonlyMap<number, number> = new Map()

export const taken = <In>(raw: Raw<In>, messages: ReadonlyArray<In>): Taken<In> => ({
  _tag: "Decoded",
  epoch: raw.lane.epoch,
  messages,
  head: 0,
  lost: none
})

export const kept = <In>(raw: Raw<In>, messages: ReadonlyArray<In>): Decoded<In> => {
  const segment = decoded<In>(raw.lane.epoch)
  append(segment, messages, raw.sizes)
  return segment
}

/** Whole shares of a total, the remainder on the first. */
export const split = (total: number, count: number): ReadonlyArray<number> => {
  const share = Math.floor(total / count)
  return Array.from({ length: count }, (_, index) => (index === 0 ? total - share * (count - 1) : share))
}

/** Drops the first message. Gives its size and how many messages are now missing there. */
export const dropHead = <In>(self: Decoded<In>): { readonly bytes: number; readonly missing: number } => {
  const bytes = self.sizes[self.head]!
  const missing = 1 + (self.lost.get(self.head) ?? 0)
  self.lost.delete(self.head)
  self.head += 1
  if (self.head * 2 > self.messages.length) compact(self)
  return { bytes, missing }
}

// A segment that grows at one end and is dropped at the other would keep all it ever held.
const compact = <In>(self: Decoded<In>): void => {
  const lost = [...self.lost]
  self.lost.clear()
  for (const [index, missing] of lost) self.lost.set(index - self.head, missing)
  self.messages.splice(0, self.head)
  self.sizes.splice(0, self.head)
  self.head = 0
}
