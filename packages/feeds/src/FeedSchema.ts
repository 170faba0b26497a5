/**
 * Schemas of what a feed delivers, to store it, to send it on, or to check what
 * somebody else sent. A feed itself does not decode through them: its adapters
 * read the venues' frames by hand, because this path is hot.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as FeedEvent from "./FeedEvent.ts"

const delivered = {
  venueTime: Schema.UndefinedOr(Schema.Number),
  arrivalTime: Schema.Number,
  deliveryTime: Schema.Number
}

/**
 * A trade.
 *
 * @example
 * ```ts
 * import * as FeedSchema from "@kharbranth/feeds/FeedSchema"
 * import * as Schema from "effect/Schema"
 * import { deepStrictEqual } from "node:assert"
 *
 * const trade = {
 *   _tag: "Trade", symbol: "BTC/USD", id: "1", side: "buy", price: 9, priceText: "9.0", size: 1, sizeText: "1",
 *   backfilled: false, venueTime: undefined, arrivalTime: 5, deliveryTime: 6
 * } as const
 * const text = Schema.encodeSync(FeedSchema.Text)(trade)
 * deepStrictEqual(Schema.decodeSync(FeedSchema.Text)(text), trade)
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const Trade: Schema.Codec<FeedEvent.Trade> = Schema.Struct({
  _tag: Schema.tag("Trade"),
  symbol: Schema.String,
  id: Schema.UndefinedOr(Schema.String),
  side: Schema.Literals(["buy", "sell"]),
  price: Schema.Number,
  priceText: Schema.String,
  size: Schema.Number,
  sizeText: Schema.String,
  backfilled: Schema.Boolean,
  ...delivered
})

const Quote = Schema.UndefinedOr(
  Schema.Struct({
    price: Schema.Number,
    priceText: Schema.String,
    size: Schema.UndefinedOr(Schema.Number),
    sizeText: Schema.UndefinedOr(Schema.String)
  })
)

/**
 * A ticker.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Ticker: Schema.Codec<FeedEvent.Ticker> = Schema.Struct({
  _tag: Schema.tag("Ticker"),
  symbol: Schema.String,
  bid: Quote,
  ask: Quote,
  last: Quote,
  ...delivered
})

const Sequence = Schema.Union([Schema.Number, Schema.BigInt])

const Changes = Schema.Struct({
  values: Schema.Array(Schema.Number),
  prices: Schema.Array(Schema.String),
  sizes: Schema.Array(Schema.String),
  sequences: Schema.optional(Schema.UndefinedOr(Schema.Array(Sequence)))
})

/**
 * A whole book, or changes to it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BookUpdate: Schema.Codec<FeedEvent.BookUpdate> = Schema.Struct({
  _tag: Schema.tag("BookUpdate"),
  symbol: Schema.String,
  kind: Schema.Literals(["snapshot", "delta"]),
  bids: Changes,
  asks: Changes,
  first: Schema.UndefinedOr(Sequence),
  last: Schema.UndefinedOr(Sequence),
  previous: Schema.UndefinedOr(Sequence),
  checksum: Schema.UndefinedOr(Schema.Number),
  ...delivered
})

const Reason = Schema.Literals([
  "sequence",
  "checksum",
  "crossed",
  "malformed",
  "overflow",
  "coverage",
  "disconnected",
  "connection",
  "resubscribed",
  "silent",
  "rejected",
  "quarantined",
  "maintenance",
  "asked"
])

/**
 * What stands between events: `Gap`, `Stale`, `Resynced` and `Lagged`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Marker: Schema.Codec<FeedEvent.Marker> = Schema.Union([
  Schema.Struct({
    _tag: Schema.tag("Gap"),
    reason: Reason,
    from: Schema.UndefinedOr(Schema.Number),
    to: Schema.Number
  }),
  Schema.Struct({
    _tag: Schema.tag("Stale"),
    reason: Reason,
    since: Schema.Number,
    detail: Schema.UndefinedOr(Schema.String)
  }),
  Schema.Struct({ _tag: Schema.tag("Resynced"), at: Schema.Number, after: Schema.Number }),
  Schema.Struct({ _tag: Schema.tag("Lagged"), dropped: Schema.Number })
])

/**
 * Everything that a feed's `entries` give.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Entry: Schema.Codec<FeedEvent.FeedEvent | FeedEvent.Marker> = Schema.Union([
  Trade,
  Ticker,
  BookUpdate,
  Marker
])

/**
 * The same as JSON text, for files and sockets of your own.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Text: Schema.Codec<FeedEvent.FeedEvent | FeedEvent.Marker, string> = Schema.fromJsonString(
  Schema.toCodecJson(Entry)
)
