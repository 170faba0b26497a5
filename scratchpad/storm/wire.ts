/**
 * What the demo's client and its feed server say to each other: over the
 * WebSocket, and between the two processes.
 */

/** Five venues of ten feeds; each venue is a port of its own, so that one can go down alone. */
export const venues = ["alder", "birch", "cedar", "dogwood", "elm"] as const
export const symbols = ["BTC", "ETH", "SOL", "XRP", "ADA", "DOT", "LTC", "AVAX", "LINK", "ATOM"] as const
export const topics = ["trades", "quotes"] as const

export type Venue = (typeof venues)[number]

export const venueOf = (feed: string): Venue => feed.slice(0, feed.indexOf("/")) as Venue

export const feeds: ReadonlyArray<string> = venues.flatMap((venue) => symbols.map((symbol) => `${venue}/${symbol}`))

/** A topic's name across all feeds. */
export const topicOf = (feed: string, topic: string): string => `${feed}:${topic}`

export type ToServer =
  | { readonly op: "subscribe" | "unsubscribe"; readonly topics: ReadonlyArray<string>; readonly id: number }
  | { readonly op: "order"; readonly order: string }

export type FromServer =
  | { readonly topic: string; readonly seq: number; readonly price: number }
  | { readonly ack: number }
  | { readonly taken: string }

/** What the storm does to feeds, or to a whole venue. */
export type Trouble =
  | { readonly _tag: "kill" | "halfOpen" | "goBad"; readonly feeds: ReadonlyArray<string> }
  | { readonly _tag: "acceptThenClose" | "deaf"; readonly feeds: ReadonlyArray<string>; readonly millis: number }
  | { readonly _tag: "refuse"; readonly venue: Venue; readonly millis: number }

export type ToProcess =
  | { readonly _tag: "trouble"; readonly trouble: Trouble }
  /** Stop publishing, then report. */
  | { readonly _tag: "finish" }

export type FromProcess =
  | { readonly _tag: "ready"; readonly ports: Readonly<Record<Venue, number>> }
  | {
      readonly _tag: "report"
      /** The last number of each topic. */
      readonly published: Readonly<Record<string, number>>
      /** Every order that arrived. */
      readonly orders: ReadonlyArray<string>
    }
