/**
 * What a simulated venue remembers: each broken rule with the frame that broke
 * it, each fault that it injected, what it sent to whom, and the right book at
 * every number. All of it is plain data.
 *
 * @since 0.1.0
 */
import type { VenueFault } from "./VenueFault.ts"

/**
 * A rule that the client broke.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly at: number
  /** Undefined where no connection was open yet. */
  readonly connection: number | undefined
  /** A short name, such as `"messages per second"`. */
  readonly rule: string
  /** What was allowed and what happened. */
  readonly detail: string
  /** What the client had sent; only the beginning of a long frame. */
  readonly frame: string | undefined
}

/**
 * A fault that the venue injected.
 *
 * @category models
 * @since 0.1.0
 */
export interface Injected {
  readonly at: number
  readonly connection: number | undefined
  readonly topic: string | undefined
  readonly fault: VenueFault
  /** The step of the book that it spoiled, if it was one. */
  readonly revision: number | undefined
}

/**
 * Numbers from `first` to `last`, both included.
 *
 * @category models
 * @since 0.1.0
 */
export interface Range {
  readonly first: number
  readonly last: number
}

/**
 * What one subscription was sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivery {
  readonly connection: number
  /** The topic as the wire names it. */
  readonly topic: string
  readonly channel: "trades" | "book" | "ticker"
  readonly symbol: string
  readonly since: number
  /** When it was unsubscribed, or the connection ended. */
  readonly until: number | undefined
  readonly frames: number
  /** The steps of the book that were sent. */
  readonly revisions: ReadonlyArray<Range>
  /** The trades that were sent, by the numbers that count them. */
  readonly trades: ReadonlyArray<Range>
}

/**
 * A price and a size, as the venue writes them.
 *
 * @category models
 * @since 0.1.0
 */
export type Level = readonly [price: string, size: string]

/**
 * The right book at one number.
 *
 * @category models
 * @since 0.1.0
 */
export interface TrueBook {
  /** Counts the steps of this symbol's book: 1, 2, 3… */
  readonly revision: number
  /** The venue's number after this step. */
  readonly sequence: bigint
  readonly at: number
  /** Best first. */
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

/**
 * What happened so far. The lists have a bound: `violations` and `injected` keep
 * the first 10,000, `deliveries` the last 100,000. `counts` and `broken` count all.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  readonly venue: string
  readonly violations: ReadonlyArray<Violation>
  /** How often each rule was broken. */
  readonly broken: Readonly<Record<string, number>>
  readonly injected: ReadonlyArray<Injected>
  readonly deliveries: ReadonlyArray<Delivery>
  readonly counts: {
    readonly dials: number
    readonly refused: number
    readonly bans: number
    readonly received: number
    readonly sent: number
    readonly bytes: number
    readonly requests: number
    readonly injected: number
  }
}
