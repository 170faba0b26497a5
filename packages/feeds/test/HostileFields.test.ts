/**
 * Proves for every venue that a frame with anything in any of its fields, cut at
 * any byte, or with strange names in it, is a typed failure or events whose
 * numbers are numbers; never an exception. The frames are those of the simulators.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Book from "../src/Book.ts"
import type { FeedEvent } from "../src/FeedEvent.ts"
import { isDecimal } from "../src/internal/json/decimal.ts"
import * as Simulator from "../src/simulator/Simulator.ts"
import * as Topic from "../src/Topic.ts"
import type { Venue } from "../src/Venue.ts"
import * as Venues from "../src/Venues.ts"
import { lines } from "./simulator/lines.ts"

interface Sample {
  readonly raw: string
  readonly topic: Topic.Topic
}

/** The first frame of data of each topic of one symbol, and the first two of its book. */
const samples = (id: Simulator.VenueId, venue: Venue): ReadonlyArray<Sample> => {
  const simulator = Simulator.make(id, { market: { assets: 1, levels: 6, updates: 5, trades: 5 } })
  const line = lines[id]
  const [symbol = ""] = simulator.symbols
  const found: Array<Sample> = []
  for (const topic of [Topic.book(symbol), Topic.ticker(symbol), Topic.trades(symbol)]) {
    const url = topic.channel === "trades" && line.trades !== undefined ? line.trades : line.url(simulator)
    const answer = simulator.connect({ url }, simulator.now)
    assert.strictEqual(answer._tag, "Accepted")
    const connection = answer._tag === "Accepted" ? answer.connection : 0
    const wire = venue.wire()
    if (line.first !== undefined) simulator.receive(connection, line.first, simulator.now)
    for (const frame of venue.subscribe([topic], 1, wire)) simulator.receive(connection, frame, simulator.now)
    simulator.tick(simulator.now + 12_000)
    const texts = simulator.take().flatMap((output) => (output._tag === "Text" ? [output.text] : []))
    const data = texts.filter((raw) => {
      const kind = venue.classify(raw, wire)
      return kind._tag === "Data" && kind.keys.includes(venue.key(topic))
    })
    assert.isNotEmpty(data, `${id} sent nothing of ${topic.channel}`)
    found.push(...data.slice(0, topic.channel === "book" ? 2 : 1).map((raw) => ({ raw, topic })))
  }
  return found
}

const deep = `${"[".repeat(200)}${"]".repeat(200)}`

/** What a field may hold instead of what belongs there, as it stands on the wire. */
const strange: ReadonlyArray<string> = [
  ...["null", "true", "[]", "{}", "[[]]", "[null]", "[[1]]", `{"__proto__":1}`, deep],
  ...["0", "-1", "1e999", "-1e999", "1e-400", "9007199254740993", "123456789012345678901234567890", "0.1.2", "1e"],
  ...[
    `""`,
    `"NaN"`,
    `"Infinity"`,
    `"-"`,
    `"0x10"`,
    `"1e999"`,
    `"-0"`,
    `"__proto__"`,
    `"\\u0000"`,
    `"\\ud800"`,
    `"\\q"`
  ],
  `"${"9".repeat(400)}"`,
  `"${"x".repeat(10_000)}"`
]

type Path = ReadonlyArray<string | number>

/** Every place of a JSON value. */
const places = (value: unknown, path: Path = []): ReadonlyArray<Path> =>
  typeof value !== "object" || value === null
    ? [path]
    : [
        path,
        ...Object.entries(value).flatMap(([key, part]) =>
          places(part, [...path, Array.isArray(value) ? Number(key) : key])
        )
      ]

const marker = "\uE000"

/** The frame with room for something else at a place. */
const hole = (raw: string, path: Path): ((text: string) => string) => {
  const whole = { frame: JSON.parse(raw) as unknown }
  let at = whole as unknown as Record<string | number, unknown>
  let last: string | number = "frame"
  for (const key of path) {
    at = at[last] as Record<string | number, unknown>
    last = key
  }
  at[last] = marker
  const [before = "", after = ""] = JSON.stringify(whole.frame).split(`"${marker}"`)
  return (text) => before + text + after
}

const isNumber = (value: number | undefined): boolean => value === undefined || Number.isFinite(value)

/** What holds of every event, whatever the frame was. */
const sound = (event: FeedEvent): boolean => {
  if (!isNumber(event.venueTime)) return false
  switch (event._tag) {
    case "Trade":
      return isNumber(event.price) && isNumber(event.size) && isDecimal(event.priceText) && isDecimal(event.sizeText)
    case "Ticker":
      return [event.bid, event.ask, event.last].every(
        (quote) => quote === undefined || (isNumber(quote.price) && isNumber(quote.size) && isDecimal(quote.priceText))
      )
    case "BookUpdate":
      return [event.bids, event.asks].every(
        ({ prices, sizes, values }) =>
          prices.length === values.length &&
          sizes.length === values.length &&
          values.every(Number.isFinite) &&
          prices.every(isDecimal) &&
          sizes.every((size) => isDecimal(size) && !size.startsWith("-"))
      )
  }
}

/** A value as JSON, bigints included. */
const shown = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part))

/** Sorts, decodes and applies a frame: nothing throws, and what comes of it is sound. Gives whether it was read. Plain conditions: an assertion for each of so many frames takes longer than they do. */
const take = (venue: Venue, raw: string, topic: Topic.Topic, where: string): boolean => {
  if (typeof venue.classify(raw, venue.wire())._tag !== "string") assert.fail(where)
  const found = venue.decode(raw, topic, 0)
  if (Result.isFailure(found)) {
    if (!found.failure.message.includes(venue.id)) assert.fail(`${where}: ${found.failure.message} names no venue`)
    return false
  }
  const book = Book.make(venue.continuity)
  for (const event of found.success) {
    if (!sound(event)) assert.fail(`${where}: ${shown(event)}`)
    if (event._tag !== "BookUpdate") continue
    Book.apply(book, event)
    for (const { ask, bid } of Option.toArray(Book.bbo(book)))
      if (bid !== undefined && ask !== undefined && bid.price >= ask.price) assert.fail(`${where}: crossed`)
  }
  return true
}

describe("hostile fields", () => {
  for (const [id, venue] of Object.entries(Venues.all())) {
    const frames = samples(id as Simulator.VenueId, venue)

    it(`${id}: anything in any field`, () => {
      let refused = 0
      for (const { raw, topic } of frames) {
        assert.isTrue(take(venue, raw, topic, raw), raw)
        for (const path of places(JSON.parse(raw))) {
          const withText = hole(raw, path)
          for (const text of strange) {
            const where = `${topic.channel} ${path.join(".")} = ${text.slice(0, 40)}`
            if (!take(venue, withText(text), topic, where)) refused++
          }
        }
      }
      assert.isAbove(refused, 100)
    })

    it(`${id}: cut at every byte`, () => {
      for (const { raw, topic } of frames) {
        for (let end = 0; end < raw.length; end++) {
          if (take(venue, raw.slice(0, end), topic, `cut at ${end}`)) assert.fail(`${raw.slice(0, end)} was read`)
        }
      }
    })

    it(`${id}: a name twice, names of prototypes, and white space change nothing`, () => {
      for (const { raw, topic } of frames) {
        const spaced = JSON.stringify(JSON.parse(raw), undefined, "\t ")
        const same = (text: string) => {
          const [a, b] = [venue.decode(raw, topic, 0), venue.decode(text, topic, 0)]
          return shown(a) === shown(b)
        }
        // Printing numbers again may change their digits; only frames that quote them are the same.
        if (JSON.stringify(JSON.parse(raw)) === raw) assert.isTrue(same(spaced), spaced)
        if (!raw.startsWith("{")) continue
        assert.isTrue(same(`${raw.slice(0, -1)},"__proto__":{"data":1},"constructor":[],"toString":null}`))
      }
    })
  }
})
