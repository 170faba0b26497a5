/**
 * What a venue's rules are made of, and what the engine does for them: the rules
 * read and write frames, the engine keeps connections, topics, time and limits.
 */
import type { Asset } from "../../Market.ts"
import type { Numbers, Response } from "../../Simulator.ts"
import type { Instrument, Trade } from "../market/instrument.ts"
import type { Level } from "../market/side.ts"
import type { Pushed, View } from "./view.ts"

export type Channel = "trades" | "book" | "ticker"

/** A topic that somebody asks for. */
export interface Wanted {
  /** Unique among the venue's topics. */
  readonly key: string
  readonly channel: Channel
  readonly instrument: Instrument
  /** Which of several forms of the channel: the rules' own word. */
  readonly form: string
  /** How many levels the venue shows. Default: all, and each step is one update. */
  readonly depth?: number | undefined
  readonly pushed?: Pushed | undefined
}

/** A topic that somebody subscribed to. All its subscribers see the same updates. */
export interface Topic extends Wanted {
  readonly view: View | undefined
  /** The number and the revision of the book that the last update led to. */
  sequence: number
  revision: number
  /** When that was. */
  at: number
  /** How many updates there were. */
  count: number
  /** By how much the venue's numbers are lower since it restarted. */
  shift: number
  /** The best prices and sizes that the last frame of a ticker showed. */
  quote: ReadonlyArray<number>
  readonly subscribers: Set<Connection>
}

export interface Connection {
  readonly id: number
  readonly url: URL
  readonly from: string
  readonly openedAt: number
  /** When the client sent something last, and when the venue sent data last. */
  heardAt: number
  saidAt: number
  /** The rules' memory. */
  readonly memory: Memory
  readonly topics: ReadonlyMap<string, Subscription>
  readonly open: boolean
  /** Whether it ever asked for anything that comes by itself. */
  subscribed: boolean
}

export interface Memory {
  /** The last number of a count over the whole connection. */
  count: number
  /** What was switched on. */
  flags: number
  /** Ids that the session gave, by topic, and how many it gave. */
  readonly ids: Map<string, number>
  channels: number
}

export interface Subscription {
  readonly topic: Topic
  /** The client's own word for it, where requests carry one. */
  readonly tag: string
}

/** An update of a topic's book: the numbers that it covers, and what changed. */
export interface Update {
  readonly revision: number
  readonly first: number
  readonly last: number
  readonly previous: number
  readonly at: number
  readonly bids: ReadonlyArray<Level>
  readonly asks: ReadonlyArray<Level>
}

/** Writes an update for one connection, in one frame or several; `wrong` asks for a wrong checksum. */
export type Encode = (connection: Connection, wrong: boolean) => string | ReadonlyArray<string>

export interface Rules {
  readonly id: string
  readonly hosts: ReadonlyArray<string>
  readonly numbers: Numbers
  readonly symbol: (asset: Asset) => string
  /** Numbers as the venue writes them in its books. */
  readonly price: (instrument: Instrument, ticks: number) => string
  readonly size: (instrument: Instrument, lots: number) => string
  /** The status that refuses a dial; undefined accepts it. */
  readonly dial?: (url: URL, venue: Venue) => number | undefined
  readonly opened?: (connection: Connection, venue: Venue) => void
  readonly received: (connection: Connection, text: string, venue: Venue) => void
  /** Which frames carry a checksum: updates, or frames of their own. Default: none. */
  readonly sums?: "updates" | "apart"
  readonly update: (topic: Topic, update: Update, venue: Venue) => Encode | undefined
  /** How many trades fit a frame. Default: all that came together. */
  readonly tradesPerFrame?: number
  readonly traded: (topic: Topic, trades: ReadonlyArray<Trade>, venue: Venue) => Encode | undefined
  /** When the best prices changed, or somebody traded. */
  readonly quoted: (topic: Topic, at: number, venue: Venue) => Encode | undefined
  /** How a connection ends on which the client or both were silent for too long. Default: it is cut. */
  readonly farewell?: { readonly code: number; readonly reason: string }
  /** Begins the numbers of a book again. Default: the venue never does. */
  readonly restart?: (topic: Topic, venue: Venue) => Encode
  /** Announces that the connection will end. Default: it ends without a word. */
  readonly notice?: (connection: Connection, venue: Venue) => void
  /** Announces that the venue closes for a while. Default: it closes without a word. */
  readonly maintenance?: (connection: Connection, venue: Venue) => void
  readonly request: (url: URL, method: string, venue: Venue) => Response | undefined
  readonly weight?: (url: URL) => number
}

/** Why a subscription was not made; `undefined` when it was. */
export type Refusal = "again" | "full" | "poisoned" | undefined

/** What the engine does for the rules. */
export interface Venue {
  readonly now: number
  readonly numbers: Numbers
  readonly instruments: ReadonlyArray<Instrument>
  readonly instrument: (symbol: string) => Instrument | undefined
  /** A venue's number for a number of the market, as text. */
  readonly number: (sequence: number) => string
  /** Where a client finds an address. */
  readonly address: (url: string) => string
  /** Looks random, and is the same in each run. */
  readonly chance: () => number
  readonly say: (connection: Connection, text: string) => void
  /** Unless the connection has ended before. */
  readonly after: (connection: Connection, millis: number, run: () => void) => void
  /** While the connection is open, or as long as its subscription to a topic lasts. */
  readonly every: (connection: Connection, millis: number, run: () => void, topic?: Topic) => void
  /** Runs something as often as the venue beats, if it does. */
  readonly beat: (connection: Connection, run: () => void) => void
  readonly close: (connection: Connection, code: number, reason: string) => void
  readonly cut: (connection: Connection) => void
  readonly violate: (connection: Connection | undefined, rule: string, detail: string, frame?: string) => void
  /** Takes requests for topics into the hourly count; whether they are allowed. */
  readonly operation: (connection: Connection, frame: string, weight?: number) => boolean
  readonly subscribe: (connection: Connection, wanted: Wanted, frame: string, tag?: string) => Refusal
  readonly unsubscribe: (connection: Connection, key: string) => Topic | undefined
  /** Sends the topic as it is now: a snapshot, or these trades of before. */
  readonly show: (connection: Connection, topic: Topic, encode: Encode, trades?: ReadonlyArray<Trade>) => void
  /** Sends the topic as it is now, as an update that faults may strike. */
  readonly offer: (connection: Connection, topic: Topic, encode: Encode) => void
}
