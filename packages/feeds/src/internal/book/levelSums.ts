/**
 * CRC32 of a book's best levels, put together from the sums of single levels. A
 * level keeps its sum until it changes, so an update costs the text of what it
 * changed and a few steps for each level that did not.
 *
 * All sums here are the register of the algorithm: that of a text that follows
 * another is the first one, moved on by as many bytes as the second text has, and
 * that of the second text alone.
 */

import { afterByte, afterText, start, sumOf as sumOfRegister } from "../kit/crc32.ts"

const colon = 58
const minus = 45

/** A level with the sum of its text, as price, colon and size. */
export interface Summed {
  readonly price: string
  readonly size: string
  sum: number
  /** How long that text is; 0 where the sum is not known. */
  summed: number
}

/** By a number of bytes, how a register moves on: four tables, one for each of its own bytes. */
const moves: Array<Uint32Array | undefined> = []

const moveBy = (bytes: number): Uint32Array => {
  const known = moves[bytes]
  if (known !== undefined) return known
  const move = Uint32Array.from({ length: 1024 }, (_, index) => {
    let register = (index & 0xff) << (8 * (index >>> 8))
    for (let count = 0; count < bytes; count++) register = afterByte(register, 0)
    return register >>> 0
  })
  moves[bytes] = move
  return move
}

/** The register after the text of a level. */
const afterLevel = (register: number, { price, size }: Summed, isNegative: boolean): number => {
  const before = afterByte(afterText(register, price), colon)
  return afterText(isNegative ? afterByte(before, minus) : before, size)
}

const sumUp = (level: Summed, isNegative: boolean): void => {
  const { price, size } = level
  level.sum = afterLevel(0, level, isNegative)
  level.summed = price.length + 1 + (isNegative ? 1 : 0) + size.length
}

/** No venue's decimals are so long: beyond, the text itself is summed, and no table is kept for it. */
const longest = 128

const after = (register: number, level: Summed, isNegative: boolean): number => {
  if (level.summed === 0) sumUp(level, isNegative)
  const { sum, summed } = level
  if (summed > longest) return afterLevel(register, level, isNegative)
  const move = moveBy(summed)
  return (
    (move[register & 0xff] ?? 0) ^
    (move[256 + ((register >>> 8) & 0xff)] ?? 0) ^
    (move[512 + ((register >>> 16) & 0xff)] ?? 0) ^
    (move[768 + (register >>> 24)] ?? 0) ^
    sum
  )
}

/** The levels of one side, best first. */
export interface Side {
  readonly length: number
  readonly level: (index: number) => Summed | undefined
}

/** The sum of the best levels, bids and asks in turn, joined by colons; with `negative`, sizes of asks have a minus. */
export const sumOf = (bids: Side, asks: Side, levels: number, negative: boolean): number => {
  let register = start
  for (let index = 0; index < levels; index++) {
    const bid = bids.level(index)
    const ask = asks.level(index)
    if (bid !== undefined) register = after(index === 0 ? register : afterByte(register, colon), bid, false)
    if (ask !== undefined) {
      const isFirst = index === 0 && bid === undefined
      register = after(isFirst ? register : afterByte(register, colon), ask, negative)
    }
  }
  return sumOfRegister(register)
}
