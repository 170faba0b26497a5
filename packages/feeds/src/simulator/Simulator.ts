/**
 * A venue that enforces its documented rules, as a machine without any I/O: tell
 * it what arrives and when, and it says what it sends and when. It shares no code
 * with the adapters, so that each proves the other. `SimulatorNetwork` runs it in
 * a `TestNetwork`, `SimulatorServer` on real sockets.
 *
 * @since 0.1.0
 */
import type * as Ledger from "./Ledger.ts"
import type * as Market from "./Market.ts"
import type * as VenueFault from "./VenueFault.ts"
import { check } from "./internal/check.ts"
import { Engine } from "./internal/engine/engine.ts"
import { rulesOf } from "./internal/venues.ts"

/**
 * The day of the documents and measurements that the simulators' numbers are from.
 *
 * @category models
 * @since 0.1.0
 */
export const dated = "2026-11-28"

/**
 * The venues.
 *
 * @category models
 * @since 0.1.0
 */
export type VenueId =
  | "binance-spot"
  | "binance-usdm"
  | "bitfinex"
  | "bitget"
  | "bybit"
  | "coinbase"
  | "deribit"
  | "gate"
  | "hyperliquid"
  | "kraken"
  | "kucoin"
  | "okx"

/**
 * The numbers that a venue enforces: its documentation's, or measured ones. Times
 * are in milliseconds; a number that is not there is not enforced.
 *
 * @category models
 * @since 0.1.0
 */
export interface Numbers {
  /** Dials of one address in a rolling window, the status of the answer beyond, and how long the address is shut out. */
  readonly dials?:
    | { readonly limit: number; readonly window: number; readonly status: number; readonly ban: number }
    | undefined
  /** Frames that a connection may send in any window of this length. */
  readonly inbound?:
    | {
        readonly limit: number
        readonly window: number
        /** Whether pings and pongs count. */
        readonly control: boolean
        /** How long dials are cut after this rule was broken. */
        readonly penalty: number
        /** What is said to a frame too many. Default: the connection is closed with 1008. */
        readonly answer?: string | undefined
      }
    | undefined
  /** Requests for topics that a connection may send in any window of this length. */
  readonly operations?: { readonly limit: number; readonly window: number } | undefined
  /** The venue pings this often and waits so long for a pong. */
  readonly serverPing?: { readonly every: number; readonly deadline: number } | undefined
  /** The venue says this often that it lives, by a message of its own. */
  readonly beat?: number | undefined
  /** A client that sends nothing for so long is cut off. */
  readonly clientSilence?: number | undefined
  /** A connection on which nobody said anything for so long is cut off. */
  readonly quiet?: number | undefined
  /** A connection to which the venue had nothing to say for so long is cut off. */
  readonly pushless?: number | undefined
  /** A connection without a subscription on which the client says nothing for so long is cut off. */
  readonly idle?: number | undefined
  /** The venue ends a connection of this age. */
  readonly maxAge?: number | undefined
  /** The first subscription must come within this. */
  readonly firstSubscription?: number | undefined
  /** Longer frames are not answered. */
  readonly frameBytes?: number | undefined
  /** Topics that one frame may ask for. */
  readonly topicsPerFrame?: number | undefined
  readonly topicsPerConnection?: number | undefined
  /** Length of all topics' names on a connection. */
  readonly characters?: number | undefined
  /** Connections of one address at a time. */
  readonly connections?: number | undefined
  /** How long a token may be used for dialing. */
  readonly tokenAge?: number | undefined
  /** The weight of HTTP requests in a window, and what follows when a client goes on for so many refusals. */
  readonly requests?:
    | {
        readonly limit: number
        readonly window: number
        readonly status: number
        readonly ban?: { readonly after: number; readonly status: number; readonly millis: number } | undefined
      }
    | undefined
}

/**
 * Options of a simulator.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** What everything that looks random comes from. Default: 1. */
  readonly seed?: number | undefined
  readonly market?: Market.Options | undefined
  readonly faults?: VenueFault.Script | undefined
  /** Replaces numbers of the venue; `undefined` switches a rule off. Default: the venue's. */
  readonly numbers?: Partial<Numbers> | undefined
  /** The time at which it starts, in milliseconds since 1970. Default: 0. */
  readonly start?: number | undefined
  /** Where a client finds an address of the venue, for addresses that the venue gives out. Default: there. */
  readonly address?: ((url: string) => string) | undefined
  /** How many steps of each book are kept to look up. Default: 10000. */
  readonly history?: number | undefined
}

/**
 * A dial. `from` stands for the client's address. Default: all dials come from one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dial {
  readonly url: string
  readonly from?: string | undefined
}

/**
 * What a dial is answered.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly _tag: "Accepted"; readonly connection: number }
  | {
      readonly _tag: "Rejected"
      readonly status: number
      readonly retryAfter: number | undefined
      readonly body: string
    }

/**
 * What the venue does to a connection. `Cut` ends it without a closing
 * handshake; after `Deafen` nothing goes either way any more.
 *
 * @category models
 * @since 0.1.0
 */
export type Output =
  | { readonly _tag: "Text"; readonly connection: number; readonly at: number; readonly text: string }
  | { readonly _tag: "Ping"; readonly connection: number; readonly at: number; readonly payload: string }
  | {
      readonly _tag: "Close"
      readonly connection: number
      readonly at: number
      readonly code: number
      readonly reason: string
    }
  | { readonly _tag: "Cut" | "Pause" | "Resume" | "Deafen"; readonly connection: number; readonly at: number }

/**
 * An HTTP request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly method: string
  readonly url: string
  readonly from?: string | undefined
}

/**
 * The answer to an HTTP request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * A step of a book: by its revision, by one of the venue's numbers that belong to
 * it, or as the last one up to a time. No two steps of a book have one time, and
 * frames carry it. Look steps of Bybit, Coinbase, Kraken and Hyperliquid up by time:
 * they number frames, or nothing. Bitfinex has neither times nor such numbers.
 *
 * @category models
 * @since 0.1.0
 */
export type When = { readonly revision: number } | { readonly sequence: bigint | number } | { readonly time: number }

/**
 * A simulated venue. Times never go back; what is due before a time happens
 * before what is told at that time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Simulator {
  readonly venue: string
  /** The symbols, as the venue spells them. */
  readonly symbols: ReadonlyArray<string>
  /** The hosts that it answers for, with their ports where those are not the usual ones. */
  readonly hosts: ReadonlyArray<string>
  readonly numbers: Numbers
  /** The time that it was told last. */
  readonly now: number
  readonly connect: (dial: Dial, now: number) => Answer
  /** A text frame of the client. */
  readonly receive: (connection: number, text: string, now: number) => void
  /** A ping frame of the client. The driver answers it. */
  readonly pinged: (connection: number, now: number) => void
  /** A pong frame of the client. */
  readonly ponged: (connection: number, now: number) => void
  /** The client closed the connection or lost it. */
  readonly left: (connection: number, now: number) => void
  /** The driver holds so many bytes that the client does not read: the venue cuts it off. */
  readonly congested: (connection: number, bytes: number, now: number) => void
  readonly request: (request: Request, now: number) => Response
  /** Lets time pass. */
  readonly tick: (now: number) => void
  /** When something is due. */
  readonly next: number | undefined
  /** What the venue has done since this was called last, in order. */
  readonly take: () => ReadonlyArray<Output>
  /** Adds a fault to the script. Its times count from now: `at: [0]` strikes at once. */
  readonly inject: (entry: VenueFault.Entry) => void
  readonly ledger: Ledger.Ledger
  /**
   * The right book of a symbol after a step. Default: as it is now. Undefined for
   * an unknown symbol, and for a step that is too old or did not happen yet.
   */
  readonly book: (symbol: string, when?: When, depth?: number) => Ledger.TrueBook | undefined
}

/**
 * Makes a simulated venue. Throws a `RangeError` for options that cannot be meant.
 *
 * @example
 * ```ts
 * import * as Simulator from "@kharbranth/feeds/simulator/Simulator"
 * import { deepStrictEqual } from "node:assert"
 *
 * const venue = Simulator.make("binance-spot", { market: { assets: 1 } })
 * const answer = venue.connect({ url: "wss://stream.binance.com:9443/stream" }, 0)
 * if (answer._tag === "Accepted") {
 *   venue.receive(answer.connection, `{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}`, 10)
 * }
 * const [ack] = venue.take()
 * deepStrictEqual(ack, { _tag: "Text", connection: 1, at: 10, text: `{"result":null,"id":1}` })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (venue: VenueId, options: Options = {}): Simulator => {
  check(venue, options)
  return new Engine(rulesOf(venue), options)
}
