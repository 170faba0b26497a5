/**
 * CRC32 of the top of a book, in the spellings that venues use. The digits are
 * those of the wire: a number that was parsed and printed again gives another sum.
 *
 * @since 0.1.0
 */
import * as Crc from "./internal/kit/crc32.ts"

/**
 * The levels of one side, best first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Side {
  readonly length: number
  readonly price: (index: number) => string
  readonly size: (index: number) => string
}

/**
 * How a venue sums a book: how many levels, and how it spells them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly levels: number
  readonly line: (bids: Side, asks: Side) => string
  /**
   * The line is prices and sizes, bids and asks in turn, all joined by colons: a
   * book then sums again only what has changed. `"negative"`: sizes of asks have a
   * minus. Default: the line is something else.
   */
  readonly pairs?: "plain" | "negative" | undefined
}

/**
 * CRC32 of ASCII text, as an unsigned number.
 *
 * @example
 * ```ts
 * import * as Checksum from "@kharbranth/feeds/Checksum"
 * import { strictEqual } from "node:assert"
 *
 * strictEqual(Checksum.crc32("123456789"), 0xcbf43926)
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const crc32 = (text: string): number => Crc.sumOf(Crc.afterText(Crc.start, text))

const bare = (decimal: string): string => decimal.replace(".", "").replace(/^0+/, "")

const stripped = (side: Side): string => {
  let line = ""
  for (let at = 0; at < Math.min(10, side.length); at++) line += bare(side.price(at)) + bare(side.size(at))
  return line
}

const colons = (bids: Side, asks: Side, size: (text: string, ask: boolean) => string): string => {
  const parts: Array<string> = []
  for (let at = 0; at < 25; at++) {
    if (at < bids.length) parts.push(bids.price(at), size(bids.size(at), false))
    if (at < asks.length) parts.push(asks.price(at), size(asks.size(at), true))
  }
  return parts.join(":")
}

/**
 * Kraken: ten asks, then ten bids, without points and leading zeros.
 *
 * @category rules
 * @since 0.1.0
 */
export const kraken: Rule = { levels: 10, line: (bids, asks) => stripped(asks) + stripped(bids) }

/**
 * Bids and asks in turn, 25 of each, joined by colons: Bitget, and OKX before June 2026.
 *
 * @category rules
 * @since 0.1.0
 */
export const interleaved: Rule = {
  levels: 25,
  line: (bids, asks) => colons(bids, asks, (text) => text),
  pairs: "plain"
}

/**
 * Bitfinex: as {@link interleaved}, with the sizes of asks negative.
 *
 * @category rules
 * @since 0.1.0
 */
export const bitfinex: Rule = {
  levels: 25,
  line: (bids, asks) => colons(bids, asks, (text, ask) => (ask ? `-${text}` : text)),
  pairs: "negative"
}
