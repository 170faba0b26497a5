/**
 * CRC32 of a book's best levels, put together from the sums of single levels. A
 * level keeps its sum until it changes, so an update costs the text of what it
 * changed and a few steps for each level that did not.
 *
 * All sums here are the register of the algorithm: that of a text that follows
 * another is the first one, moved on by as many bytes as the second text has, and
 * that of the second text alone. A level's text is a colon, its price, a colon and
 * its size.
 */

import { afterByte, afterText, before, start, sumOf as sumOfRegister } from "../kit/crc32.ts"
import type { LevelTexts } from "./levelTexts.ts"

const colon = 58
const minus = 45

/** No level comes before the first one, and no colon: the register at which a colon leads to the usual start. */
const first = before(start, colon)

/** No venue's decimals are so long: beyond, the text itself is summed, and no table is kept for it. */
const longest = 128

/** How a register moves on by a number of bytes: four tables, one for each of its own bytes. */
const moveBy = (bytes: number): Int32Array =>
  Int32Array.from({ length: 1024 }, (_, index) => {
    let register = (index & 0xff) << (8 * (index >>> 8))
    for (let count = 0; count < bytes; count++) register = afterByte(register, 0)
    return register
  })

const moves: Array<Int32Array | undefined> = Array.from({ length: longest + 1 }, () => undefined)

/** The register after the text of a level. */
const afterLevel = (register: number, { prices, sizes }: LevelTexts, place: number, isNegative: boolean): number => {
  const price = afterByte(afterText(afterByte(register, colon), prices[place]!), colon)
  return afterText(isNegative ? afterByte(price, minus) : price, sizes[place]!)
}

/** Keeps the sum of a level, if its text is not too long. */
const sumUp = (texts: LevelTexts, place: number, isNegative: boolean): void => {
  const length = texts.prices[place]!.length + texts.sizes[place]!.length + (isNegative ? 3 : 2)
  if (length > longest) return
  moves[length] ??= moveBy(length)
  texts.sums[place] = afterLevel(0, texts, place, isNegative)
  texts.summed[place] = length
}

const after = (register: number, texts: LevelTexts, place: number, isNegative: boolean): number => {
  if (texts.summed[place] === 0) sumUp(texts, place, isNegative)
  const move = moves[texts.summed[place]!]
  if (move === undefined) return afterLevel(register, texts, place, isNegative)
  return (
    move[register & 0xff]! ^
    move[256 + ((register >>> 8) & 0xff)]! ^
    move[512 + ((register >>> 16) & 0xff)]! ^
    move[768 + (register >>> 24)]! ^
    texts.sums[place]!
  )
}

/** The levels of one side. */
export interface Side {
  readonly length: number
  readonly texts: LevelTexts
  /** Where the texts of a level stand, or -1; index 0 is the best. */
  readonly placeOf: (index: number) => number
}

/** The sum of the best levels, bids and asks in turn, joined by colons; with `negative`, sizes of asks have a minus. */
export const sumOf = (bids: Side, asks: Side, levels: number, negative: boolean): number => {
  if (bids.length + asks.length === 0) return sumOfRegister(start)
  let register = first
  for (let index = 0; index < levels; index++) {
    const bid = bids.placeOf(index)
    if (bid >= 0) register = after(register, bids.texts, bid, false)
    const ask = asks.placeOf(index)
    if (ask >= 0) register = after(register, asks.texts, ask, negative)
  }
  return sumOfRegister(register)
}
