/** Updates of books as adapters give them, for tests of books that need no venue. */
import type { BookUpdate, Changes } from "../../src/FeedEvent.ts"

/** Levels from prices with their sizes. */
export const changes = (levels: ReadonlyArray<readonly [number, string]>): Changes => ({
  values: levels.map(([price]) => price),
  prices: levels.map(([price]) => String(price)),
  sizes: levels.map(([, size]) => size)
})

/** An update that changes nothing and has no number, except for what is given. */
export const update = (part: Partial<BookUpdate>): BookUpdate => ({
  _tag: "BookUpdate",
  symbol: "A",
  kind: "delta",
  bids: changes([]),
  asks: changes([]),
  first: undefined,
  last: undefined,
  previous: undefined,
  checksum: undefined,
  venueTime: undefined,
  arrivalTime: 0,
  deliveryTime: 0,
  ...part
})
