/**
 * An exchange that sends as fast as its clients read. A client subscribes in its
 * venue's dialect; once somebody dials `/start` with the same `run`, its sockets
 * get the frames of their topics, all mixed, again and again. Numbers and ids go
 * on from pass to pass, and a book's changes end where they began, so that each
 * pass follows the one before it.
 */
import type { Socket } from "node:net"
import { type Dialect, dialects, type Named } from "./dialects.ts"
import { frame, frameReader } from "./wire.ts"

const textOpcode = 1
const framesAtOnce = 1_000
/** Frames of each topic in a pass. */
const perTopic = 64
/** A frame has the numbers of at most so many trades. */
const tradesAtMost = 3
const levels = 60
const digits = 12
const base = 200_000_000_000

const textFrame = (text: string): Buffer => frame(textOpcode, Buffer.from(text))

/** A generator of numbers in [0, 1) that gives the same ones in every run. */
const random = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const seedOf = (text: string): number =>
  Array.from(text).reduce((sum, one) => Math.imul(sum ^ one.charCodeAt(0), 16777619), 7)

type Step = ReadonlyArray<{
  readonly side: "bids" | "asks"
  readonly level: number
  readonly from: number
  readonly to: number
}>

/** The book of one symbol: sizes by their distance from a middle that stays. */
class Book {
  private readonly sizes = { bids: [] as Array<number>, asks: [] as Array<number> }
  private readonly next: () => number
  private readonly middle: number

  constructor(symbol: string) {
    this.next = random(seedOf(symbol))
    this.middle = 1_000 + Math.floor(this.next() * 100_000)
    for (let level = 0; level < levels; level++) {
      this.sizes.bids[level] = this.size()
      this.sizes.asks[level] = this.size()
    }
  }

  private size(): number {
    return 1 + Math.floor(Math.exp(this.next() * 11))
  }

  price(side: "bids" | "asks", level: number): string {
    return ((this.middle + (side === "bids" ? -1 - level : 1 + level)) / 10).toFixed(2)
  }

  amount(size: number): string {
    return size === 0 ? "0" : (size / 1_000).toFixed(3)
  }

  side(side: "bids" | "asks", level: Dialect["level"]): string {
    return this.sizes[side].map((size, at) => level(this.price(side, at), this.amount(size))).join(",")
  }

  /** Most changes are near the best level; one in three removes it. */
  step(): Step {
    const count = 1 + Math.floor(-Math.log(1 - this.next()) * 4)
    const found = new Map<string, Step[number]>()
    for (let n = 0; n < Math.min(count, 25); n++) {
      const side = this.next() < 0.5 ? "bids" : "asks"
      const level = Math.min(levels - 1, Math.floor(-Math.log(1 - this.next()) * 12))
      if (found.has(side + level)) continue
      const from = this.sizes[side][level] ?? 0
      const to = from > 0 && this.next() < 0.35 ? 0 : this.size()
      this.sizes[side][level] = to
      found.set(side + level, { side, level, from, to })
    }
    return [...found.values()]
  }

  trade(number: number): { number: number; price: string; size: string; side: "buy" | "sell" } {
    const side = this.next() < 0.5 ? "buy" : "sell"
    const price = this.price(side === "buy" ? "asks" : "bids", Math.floor(this.next() * 3))
    return { number, price, size: this.amount(this.size()), side }
  }
}

/** The frames of a topic in one pass, in order. */
const history = (dialect: Dialect, { channel, symbol }: Named): ReadonlyArray<string> => {
  const book = new Book(symbol)
  const indexes = Array.from({ length: perTopic }, (_, index) => index)
  if (channel === "trades") {
    return indexes.map((index) => {
      const count = index % 4 === 0 ? tradesAtMost : 1
      const trades = Array.from({ length: count }, (_, each) => book.trade(index * tradesAtMost + each))
      return dialect.trades(symbol, trades)
    })
  }
  if (channel === "ticker") {
    return indexes.map((index) => {
      const level = index % 3
      const [bid, ask] = [book.price("bids", level), book.price("asks", level)]
      return dialect.ticker(symbol, { bid, bidSize: book.amount(index + 1), ask, askSize: book.amount(2 * index + 1) })
    })
  }
  const forth = Array.from({ length: perTopic / 2 }, () => book.step())
  const back = forth.toReversed().map((step) => step.map(({ from, to, ...rest }) => ({ ...rest, from: to, to: from })))
  return [...forth, ...back].map((step, index) => {
    const side = (wanted: "bids" | "asks") =>
      step
        .filter(({ side }) => side === wanted)
        .map(({ level, to }) => dialect.level(book.price(wanted, level), book.amount(to)))
        .join(",")
    return dialect.change(symbol, side("bids"), side("asks"), index)
  })
}

const snapshotOf = (dialect: Dialect, { symbol }: Named): string | undefined => {
  const book = new Book(symbol)
  return dialect
    .snapshot(symbol, book.side("bids", dialect.level), book.side("asks", dialect.level))
    ?.replaceAll("<-1>", String(base - 1))
}

/** The frames of all topics of a socket, with the places of the numbers in them. */
interface Pass {
  readonly bytes: Buffer
  readonly places: ReadonlyArray<number>
  readonly numbers: ReadonlyArray<number>
  readonly strides: ReadonlyArray<number>
  /** Where each frame ends. */
  readonly ends: ReadonlyArray<number>
}

const passOf = (dialect: Dialect, topics: ReadonlyArray<Named>): Pass => {
  const places: Array<number> = []
  const numbers: Array<number> = []
  const strides: Array<number> = []
  const parts: Array<Buffer> = []
  const ends: Array<number> = []
  let length = 0
  const add = (text: string, stride: number): void => {
    const written = textFrame(text.replace(/<(-?\d+)>/g, (_, number) => String(base + Number(number))))
    let at = length + written.length
    // From the end, since the header's length depends on the text.
    let left = text.length
    for (const match of [...text.matchAll(/<(-?\d+)>/g)].toReversed()) {
      at -= left - (match.index + match[0].length) + digits
      left = match.index
      places.push(at)
      numbers.push(base + Number(match[1]))
      strides.push(stride)
    }
    parts.push(written)
    length += written.length
    ends.push(length)
  }
  const next = random(1)
  const histories = topics.map((topic) => history(dialect, topic))
  for (let index = 0; index < perTopic; index++) {
    const order = topics.map((_, topic) => [next(), topic] as const).toSorted(([a], [b]) => a - b)
    for (const [, topic] of order) {
      const { channel } = topics[topic]!
      add(histories[topic]![index]!, channel === "trades" ? perTopic * tradesAtMost : perTopic)
    }
  }
  return { bytes: Buffer.concat(parts), places, numbers, strides, ends }
}

/** A pass as bytes of its own, with the numbers that are due. */
const numbered = ({ bytes, numbers, places, strides }: Pass, pass: number): Buffer => {
  const copy = Buffer.from(bytes)
  for (let index = 0; index < places.length; index++) {
    const place = places[index]!
    let number = numbers[index]! + pass * strides[index]!
    for (let at = place + digits - 1; at >= place; at--) {
      copy[at] = 48 + (number % 10)
      number = Math.floor(number / 10)
    }
  }
  return copy
}

const passes = new Map<string, Pass>()

const passFor = (venue: string, topics: ReadonlyArray<Named>): Pass => {
  const key = [venue, ...topics.map(({ channel, symbol }) => channel + symbol)].join(" ")
  const pass = passes.get(key) ?? passOf(dialects[venue]!, topics)
  passes.set(key, pass)
  return pass
}

/** Writes passes for as long as the socket takes them; with a `rate` (frames a second) no faster than that. */
const pour = (socket: Socket, pass: Pass, rate = Infinity): void => {
  const { ends } = pass
  const started = performance.now()
  let count = 0
  let bytes = numbered(pass, count)
  let sent = 0
  let next = 0
  const more = (): void => {
    while (!socket.destroyed && socket.writable) {
      const due = Math.floor(((performance.now() - started) * rate) / 1_000) - sent
      if (due <= 0) return void setTimeout(more, 1)
      // Whole frames, since answers are written in between.
      const from = next === 0 ? 0 : ends[next - 1]!
      const until = Math.min(next + due, next + framesAtOnce, ends.length)
      const isTaken = socket.write(bytes.subarray(from, ends[until - 1]))
      sent += until - next
      next = until
      if (next === ends.length) {
        next = 0
        bytes = numbered(pass, ++count)
      }
      if (!isTaken) return void socket.once("drain", more)
    }
  }
  more()
}

interface Subscriber {
  readonly socket: Socket
  readonly venue: string
  readonly topics: Array<Named>
}

const runs = new Map<string, Array<Subscriber>>()

export const market = (socket: Socket, query: URLSearchParams): void => {
  const venue = query.get("venue") ?? "bybit"
  const dialect = dialects[venue]!
  const subscriber: Subscriber = { socket, venue, topics: [] }
  const run = query.get("run") ?? ""
  runs.set(run, [...(runs.get(run) ?? []), subscriber])
  socket.on(
    "data",
    frameReader((opcode, payload) => {
      if (opcode === 9) return void socket.write(frame(10, payload))
      if (opcode === 8) return void socket.end(frame(8, payload))
      const heard = dialect.hear(payload.toString())
      if (heard === undefined) return
      if (heard._tag === "Ping") return void socket.write(textFrame(heard.answer))
      const snapshots = heard.topics.flatMap((topic) =>
        topic.channel === "book" ? (snapshotOf(dialect, topic) ?? []) : []
      )
      subscriber.topics.push(...heard.topics)
      socket.write(Buffer.concat([...heard.answers, ...snapshots].map(textFrame)))
    })
  )
}

export const start = (socket: Socket, query: URLSearchParams): void => {
  const rate = query.get("rate")
  for (const { socket, topics, venue } of runs.get(query.get("run") ?? "") ?? []) {
    if (topics.length > 0) pour(socket, passFor(venue, topics), rate === null ? undefined : Number(rate))
  }
  runs.delete(query.get("run") ?? "")
  socket.end(frame(8, Buffer.from([3, 232])))
}
