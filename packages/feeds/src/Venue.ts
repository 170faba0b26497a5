/**
 * A venue as data and a few pure functions: where to connect, how to subscribe,
 * what a frame is, and how its books stay continuous. It opens no socket itself.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Duration from "effect/Duration"
import type * as Result from "effect/Result"
import type * as Session from "kharbranth/Session"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { Heartbeat } from "kharbranth/Heartbeat"
import type * as RateLimit from "kharbranth/RateLimit"
import type * as Subscriptions from "kharbranth/Subscriptions"
import type * as Target from "kharbranth/Target"
import type { Continuity } from "./Book.ts"
import type { BookUpdate, FeedEvent, Trade } from "./FeedEvent.ts"
import type { Sequence } from "./Sequencer.ts"
import type { Issue } from "./internal/kit/check.ts"
import type { Topic } from "./Topic.ts"

export type {
  /**
   * What is wrong with an option, where it is, and what would be right.
   *
   * @category models
   * @since 0.1.0
   */
  Issue
} from "./internal/kit/check.ts"

/**
 * The numbers of one line of a venue, as its documentation or measurements give
 * them. Override what has changed since the table's date.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** What a connection may send. */
  readonly send: ReadonlyArray<RateLimit.Options>
  /** How many dials an address may make. */
  readonly dial: { readonly limit: number; readonly window: Duration.Input }
  /** How many topics one subscribe frame may ask for, and how long it may be. */
  readonly batch: { readonly items: number; readonly bytes: number | undefined }
  /** What one connection may carry. */
  readonly perConnection: { readonly topics: number | undefined; readonly characters: number | undefined }
  readonly maxMessageSize: number
  /** The venue ends a connection of this age. */
  readonly maxAge: Duration.Input | undefined
  /** A subscribed topic that stays silent for this long was not really subscribed. */
  readonly firstData: Duration.Input
  /** What an address may spend on HTTP requests in a window, and what a snapshot of a book costs of it. */
  readonly rest: { readonly limit: number; readonly window: Duration.Input; readonly snapshot: number }
}

/**
 * How a number is known. `documented`: the venue states it. `measured`: the venue
 * says nothing, and somebody tried it. `assumed`: a cautious guess, where a venue
 * states no limit or states several.
 *
 * @category models
 * @since 0.1.0
 */
export type Evidence = "documented" | "measured" | "assumed"

/**
 * A venue's numbers with their date and sources, and how each is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Table {
  readonly dated: string
  readonly sources: ReadonlyArray<string>
  readonly limits: Limits
  readonly evidence: Readonly<Record<keyof Limits, Evidence>>
}

/**
 * One kind of connection to a venue. Topics of two lines cannot share a socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  /** Where to connect; `undefined` where `address` finds out. */
  readonly target: Target.Input | undefined
  /** The HTTP request that gives the address of each dial. Default: none. */
  readonly address?: AddressRequest | undefined
  readonly heartbeat: Heartbeat
  readonly limits: Limits
}

/**
 * An HTTP request that is made before each dial, and what its answer says.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressRequest {
  readonly method: "GET" | "POST"
  readonly url: string
  /** Reads the answer's body: where to connect, and until when (in Unix milliseconds) that holds. */
  readonly decode: (body: string, arrivalTime: number) => Result.Result<Address, string>
}

/**
 * Where to connect, and until when that holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  readonly url: string
  readonly expiresAt: number | undefined
}

/**
 * What an adapter remembers of one session. Make a new one for each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wire {
  /** The last number of a connection-wide sequence. */
  sequence: Sequence | undefined
  /** Topics by the ids that the session gave them, and back. */
  readonly keys: Map<string, string>
  readonly ids: Map<string, string>
}

/**
 * What a frame is, from its keys alone.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind =
  | {
      readonly _tag: "Data"
      /** The topics that the frame has data of, as the wire names them; usually one. */
      readonly keys: ReadonlyArray<string>
      /** The connection lost frames before this one: every topic of the session has a gap. */
      readonly gap: boolean
    }
  | { readonly _tag: "Answer"; readonly match: Subscriptions.Match; readonly gap: boolean }
  | { readonly _tag: "Beat"; readonly gap: boolean }
  | { readonly _tag: "Notice"; readonly want: "rotate" | "pause" | "resume" | "none"; readonly gap: boolean }
  | { readonly _tag: "Error"; readonly reason: string; readonly gap: boolean }
  | { readonly _tag: "Unknown"; readonly gap: boolean }

/**
 * A frame that could not be read as what its topic carries.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodeFailure {
  readonly _tag: "DecodeFailure"
  readonly venue: string
  readonly topic: Topic
  readonly message: string
}

/**
 * An HTTP request for a snapshot of a book.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly url: string
  /** Reads the answer's body. */
  readonly decode: (body: string, arrivalTime: number) => Result.Result<BookUpdate, DecodeFailure>
}

/**
 * An HTTP request for the latest trades of a symbol, to fill a gap.
 *
 * @category models
 * @since 0.1.0
 */
export interface TradesRequest {
  readonly url: string
  /** What it costs of `Limits.rest`. */
  readonly weight: number
  /** Reads the answer's body, oldest trade first. */
  readonly decode: (body: string, arrivalTime: number) => Result.Result<ReadonlyArray<Trade>, DecodeFailure>
}

/**
 * What a failure of a connection asks for.
 *
 * @category models
 * @since 0.1.0
 */
export type Blame = "retry" | "backoff" | "refreshTarget" | "quarantine" | "fatal"

/**
 * A venue. Every function is total and does no I/O; `open` is a program for the
 * connection to run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Venue {
  readonly id: string
  readonly dated: string
  readonly sources: ReadonlyArray<string>
  /** How each number of the table is known. */
  readonly evidence: Table["evidence"]
  readonly lines: Readonly<Record<string, Line>>
  readonly channels: ReadonlyArray<Topic["channel"]>
  /** The line that carries a topic: a key of `lines`. */
  readonly line: (topic: Topic) => string
  /** The topic's name on the wire. */
  readonly key: (topic: Topic) => string
  /** The memory of a new session. */
  readonly wire: () => Wire
  /** What a session must say and hear before it can subscribe. */
  readonly open: ((session: Session.Session<string, string>) => Effect.Effect<void, ConnectionError>) | undefined
  readonly subscribe: (topics: ReadonlyArray<Topic>, id: number, wire: Wire) => ReadonlyArray<string>
  readonly unsubscribe: (topics: ReadonlyArray<Topic>, id: number, wire: Wire) => ReadonlyArray<string>
  readonly classify: (raw: string, wire: Wire) => Kind
  /**
   * How frames of data begin, if all that `classify` says of one follows from its
   * beginning: it starts with `start`, and the rest of its beginning goes up to the
   * next `end`. A feed then asks `classify` once for each beginning and remembers
   * the answer. Default: it asks for every frame.
   */
  readonly beginning?: { readonly start: string; readonly end: string } | undefined
  readonly decode: (
    raw: string,
    topic: Topic,
    arrivalTime: number
  ) => Result.Result<ReadonlyArray<FeedEvent>, DecodeFailure>
  readonly continuity: Continuity
  readonly snapshot: ((topic: Topic) => Snapshot) | undefined
  /** Asks for the trades after one that is known. Default: the venue has no such request, or this adapter does not know it. */
  readonly trades?: ((topic: Topic, after: Trade) => TradesRequest) | undefined
  /** What is wrong with the options that the venue was made with: a feed refuses it. Default: nothing. */
  readonly issues?: ReadonlyArray<Issue> | undefined
  readonly blame: (close: { readonly code: number | undefined; readonly reason: string }) => Blame
}

/**
 * Options that every venue takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Replaces parts of the table. Default: the table as it is dated. */
  readonly limits?: Partial<Limits> | undefined
  /** Replaces the address, for tests and alternative hosts. Default: the venue's public address. */
  readonly target?: Target.Input | undefined
}
