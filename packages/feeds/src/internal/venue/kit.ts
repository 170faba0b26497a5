/**
 * What adapters share: the kinds of frames, looking for a key in raw text, a
 * decoder that cannot throw, and what most venues do alike.
 */
import * as Result from "effect/Result"
import type { Match } from "kharbranth/Subscriptions"
import type { Continuity } from "../../Book.ts"
import * as Checksum from "../../Checksum.ts"
import * as Sequencer from "../../Sequencer.ts"
import type { BookUpdate, FeedEvent, Quote, Stamps, Ticker, Trade } from "../../FeedEvent.ts"
import type { Topic } from "../../Topic.ts"
import type {
  Address,
  Blame,
  DecodeFailure,
  Evidence,
  Kind,
  Limits,
  Line,
  Options,
  Snapshot,
  Table,
  TradesRequest,
  Venue,
  Wire
} from "../../Venue.ts"
import { worth } from "../json/decimal.ts"
import * as Document from "../json/document.ts"
import * as Item from "../json/item.ts"
import { type Choices, issuesOf } from "./options.ts"

export const wire = (): Wire => ({ sequence: undefined, keys: new Map(), ids: new Map() })

export const data = (keys: string | ReadonlyArray<string>, gap = false): Kind => ({
  _tag: "Data",
  keys: typeof keys === "string" ? [keys] : keys,
  gap
})
export const answer = (match: Match): Kind => ({ _tag: "Answer", match, gap: false })
export const error = (reason: string): Kind => ({ _tag: "Error", reason, gap: false })
export const notice = (want: "rotate" | "pause" | "resume" | "none"): Kind => ({ _tag: "Notice", want, gap: false })
export const beat: Kind = { _tag: "Beat", gap: false }
export const unknown: Kind = { _tag: "Unknown", gap: false }

/** How far into a frame its keys are looked for: data may be megabytes. */
const head = 512

const marks = new Map<string, string>()

/** What follows the opening quote of a name. Made once: every frame is searched for it. */
const markOf = (name: string): string => {
  const known = marks.get(name)
  if (known !== undefined) return known
  const mark = `${name}":`
  marks.set(name, mark)
  return mark
}

/**
 * Where the value of a name begins, from a place on, or -1. The search leaves the
 * opening quote out, because a frame is full of quotes and the engine would stop
 * at each.
 */
const placeOf = (text: string, mark: string, from: number): number => {
  for (let at = text.indexOf(mark, from); at >= 0; at = text.indexOf(mark, at + 1)) {
    if (text.charCodeAt(at - 1) === 34) return at + mark.length
  }
  return -1
}

/**
 * The value of the first `"name":` in a frame: text without its quotes, or a bare
 * number or word. Looks at both ends of a long frame, since venues differ.
 */
export const valueOf = (raw: string, name: string): string | undefined => {
  if (raw.length <= 2 * head) return valueIn(raw, name)
  return valueIn(raw.slice(0, head), name) ?? valueIn(raw.slice(-head), name)
}

/** Every value of a name that stands in the frame, each once. Looks at all of it, without parsing. */
export const valuesOf = (raw: string, name: string): ReadonlyArray<string> => {
  const mark = markOf(name)
  const found: Array<string> = []
  for (let at = placeOf(raw, mark, 0); at >= 0; at = placeOf(raw, mark, at)) {
    const start = at + 1
    const end = raw.indexOf('"', start)
    if (raw.charCodeAt(at) !== 34 || end < 0) continue
    // Entries of one product stand side by side.
    const last = found[found.length - 1]
    if (last !== undefined && last.length === end - start && raw.startsWith(last, start)) continue
    const value = raw.slice(start, end)
    if (!found.includes(value)) found.push(value)
  }
  return found
}

/** Whether a bare value ends here: at a comma, a bracket or white space. */
const isEnd = (code: number): boolean => code === 44 || code === 125 || code === 93 || code <= 32

export const valueIn = (text: string, name: string): string | undefined => {
  let start = placeOf(text, markOf(name), 0)
  if (start < 0) return undefined
  while (text.charCodeAt(start) === 32) start++
  if (text.charCodeAt(start) === 34) {
    const end = text.indexOf('"', start + 1)
    return end < 0 ? undefined : text.slice(start + 1, end)
  }
  let end = start
  while (end < text.length && !isEnd(text.charCodeAt(end))) end++
  return end === start || end === text.length || end - start > 64 ? undefined : text.slice(start, end)
}

/** Whether a frame ends as JSON does. One that was cut seldom does. */
export const isWhole = (raw: string): boolean => raw.endsWith("}") || raw.endsWith("]")

/** Short text of a venue's message, for errors. */
export const excerpt = (raw: string): string => (raw.length > 200 ? `${raw.slice(0, 200)}…` : raw)

/** Takes a number of a connection-wide count: a frame after it, the same again, or a gap. */
export const count = (wire: Wire, text: string): "next" | "again" | "gap" => {
  const at = Number(text)
  const last = wire.sequence
  if (last !== undefined && at === Number(last)) return "again"
  wire.sequence = at
  return last === undefined || at === Number(last) + 1 ? "next" : "gap"
}

const failure = (venue: string, topic: Topic, message: string): DecodeFailure => ({
  _tag: "DecodeFailure",
  venue,
  topic,
  message: `${venue} sent a frame for ${topic.channel} of ${topic.symbol} that is not understood: ${message}`
})

/** Parses and reads a text. What is malformed becomes a typed failure; anything else would be a mistake of ours. */
const read = <A>(
  venue: string,
  raw: string,
  topic: Topic,
  arrivalTime: number,
  of: (frame: Item.Item, topic: Topic, arrivalTime: number) => A
): Result.Result<A, DecodeFailure> => {
  try {
    Document.parse(raw)
    return Result.succeed(of(Item.root(), topic, arrivalTime))
  } catch (cause) {
    if (!(cause instanceof Document.Malformed)) throw cause
    return Result.fail(failure(venue, topic, `expected ${cause.expected}`))
  } finally {
    Document.release()
  }
}

const noTopic: Topic = { channel: "ticker", symbol: "" }

/** A reader of the answer to the request that gives an address. */
export const addressOf =
  (venue: string, of: (body: Item.Item, arrivalTime: number) => Address) =>
  (body: string, arrivalTime: number): Result.Result<Address, string> =>
    Result.mapError(
      read(venue, body, noTopic, arrivalTime, (item) => of(item, arrivalTime)),
      () => "it names no address"
    )

/** A decoder of frames. */
export const decoder =
  (
    venue: string,
    of: (frame: Item.Item, topic: Topic, arrivalTime: number) => ReadonlyArray<FeedEvent>
  ): Venue["decode"] =>
  (raw, topic, arrivalTime) =>
    read(venue, raw, topic, arrivalTime, of)

/** A request for a snapshot, with a reader of its body. */
export const snapshot =
  (
    venue: string,
    url: (symbol: string) => string,
    of: (body: Item.Item, topic: Topic, arrivalTime: number) => BookUpdate
  ) =>
  (topic: Topic): Snapshot => ({
    url: url(encodeURIComponent(topic.symbol)),
    decode: (body, arrivalTime) => read(venue, body, topic, arrivalTime, of)
  })

/** A request for the trades after one that is known, with a reader of its body. */
export const trades =
  (
    venue: string,
    weight: number,
    url: (symbol: string, after: Trade) => string,
    of: (body: Item.Item, topic: Topic, arrivalTime: number) => ReadonlyArray<Trade>
  ) =>
  (topic: Topic, after: Trade): TradesRequest => ({
    url: url(encodeURIComponent(topic.symbol), after),
    weight,
    decode: (body, arrivalTime) => read(venue, body, topic, arrivalTime, of)
  })

export const bookUpdate = (
  stamps: Stamps,
  update: Pick<BookUpdate, "symbol" | "kind" | "bids" | "asks"> & Partial<BookUpdate>
): BookUpdate => ({
  _tag: "BookUpdate",
  symbol: update.symbol,
  kind: update.kind,
  bids: update.bids,
  asks: update.asks,
  first: update.first,
  last: update.last,
  previous: update.previous,
  checksum: update.checksum,
  venueTime: stamps.venueTime,
  arrivalTime: stamps.arrivalTime,
  deliveryTime: stamps.arrivalTime
})

export const ticker = (
  stamps: Stamps,
  symbol: string,
  bid: Quote | undefined,
  ask: Quote | undefined,
  last: Quote | undefined
): Ticker => ({
  _tag: "Ticker",
  symbol,
  bid,
  ask,
  last,
  venueTime: stamps.venueTime,
  arrivalTime: stamps.arrivalTime,
  deliveryTime: stamps.arrivalTime
})

export const trade = (
  stamps: Stamps,
  symbol: string,
  part: { readonly id: string | undefined; readonly side: Trade["side"]; readonly price: string; readonly size: string }
): Trade => ({
  _tag: "Trade",
  symbol,
  id: part.id,
  side: part.side,
  price: worth(part.price),
  priceText: part.price,
  size: worth(part.size),
  sizeText: part.size,
  backfilled: false,
  venueTime: stamps.venueTime,
  arrivalTime: stamps.arrivalTime,
  deliveryTime: stamps.arrivalTime
})

/** A field of a parsed frame that may be anything, for heartbeats. */
export const fieldOf = (message: unknown, name: string): unknown =>
  (message as Readonly<Record<string, unknown>> | null)?.[name]

/** How the books of such a venue can be proven. */
export const proofs = ["sequence", "checksum"] as const

/** Of a venue that chains its updates today and summed its books in older recordings. */
export const chained = (proof: (typeof proofs)[number] | undefined): Continuity =>
  proof === "checksum"
    ? { sequencer: Sequencer.make("none", "resubscribe"), checksum: Checksum.interleaved }
    : { sequencer: Sequencer.make("chain", "resubscribe") }

export const line = (
  table: Table,
  part: Pick<Line, "target" | "heartbeat" | "address">,
  options: Options = {}
): Line => {
  const limits: Limits = { ...table.limits, ...options.limits }
  return { target: options.target ?? part.target, address: part.address, heartbeat: part.heartbeat, limits }
}

export const blame: Venue["blame"] = ({ code, reason }): Blame =>
  code === 1008 || code === 1013 || /\b(?:403|418|429)\b|too many|rate limit/i.test(reason) ? "backoff" : "retry"

export const json = (value: unknown): string => JSON.stringify(value)

/** Topics grouped by channel, for venues that ask for one channel a frame. */
export const byChannel = (
  topics: ReadonlyArray<Topic>
): ReadonlyArray<readonly [Topic["channel"], ReadonlyArray<string>]> => {
  const groups = new Map<Topic["channel"], Array<string>>()
  for (const { channel, symbol } of topics) {
    const group = groups.get(channel)
    if (group === undefined) groups.set(channel, [symbol])
    else group.push(symbol)
  }
  return [...groups]
}

/** What all venues with one public line have in common. */
export const venue = (
  id: string,
  table: Table,
  part: Pick<Line, "target" | "heartbeat" | "address"> &
    Pick<Venue, "key" | "subscribe" | "unsubscribe" | "classify" | "decode" | "continuity"> &
    Partial<Pick<Venue, "beginning" | "open" | "snapshot" | "trades" | "blame" | "line" | "lines">> & {
      /** The adapter's own options. Default: it has none. */
      readonly choices?: Choices
    },
  options: Options
): Venue => ({
  id,
  dated: table.dated,
  sources: table.sources,
  evidence: table.evidence,
  lines: part.lines ?? { public: line(table, part, options) },
  channels: ["trades", "book", "ticker"],
  line: part.line ?? (() => "public"),
  key: part.key,
  wire,
  open: part.open,
  subscribe: part.subscribe,
  unsubscribe: part.unsubscribe,
  classify: part.classify,
  beginning: part.beginning,
  decode: part.decode,
  continuity: part.continuity,
  snapshot: part.snapshot,
  trades: part.trades,
  issues: issuesOf(options, part.choices ?? {}),
  blame: part.blame ?? blame
})

/** How the numbers of a table are known; those not named are assumed. */
export const evidence = (known: {
  readonly documented?: ReadonlyArray<keyof Limits>
  readonly measured?: ReadonlyArray<keyof Limits>
}): Table["evidence"] => {
  const of = (name: keyof Limits): Evidence =>
    known.documented?.includes(name) === true
      ? "documented"
      : known.measured?.includes(name) === true
        ? "measured"
        : "assumed"
  return {
    send: of("send"),
    dial: of("dial"),
    batch: of("batch"),
    perConnection: of("perConnection"),
    maxMessageSize: of("maxMessageSize"),
    maxAge: of("maxAge"),
    firstData: of("firstData"),
    rest: of("rest")
  }
}

export const limits = (part: Partial<Limits> & Pick<Limits, "send" | "dial" | "batch">): Limits => ({
  perConnection: { topics: undefined, characters: undefined },
  maxMessageSize: 4 * 1024 * 1024,
  maxAge: undefined,
  firstData: "30 seconds",
  rest: { limit: 5, window: "1 second", snapshot: 1 },
  ...part
})
