/**
 * A list or an object of a parsed frame, and readers of what stands in it. Each
 * reader gives what it found or throws `Malformed`, which the decoder turns into
 * a typed failure; no other code sees the throw. An item is good until the next
 * frame is parsed.
 */
import type { Changes, Quote } from "../../FeedEvent.ts"
import type { Sequence } from "../../Sequencer.ts"
import { isDecimal } from "./decimal.ts"
import * as Document from "./document.ts"
import { isoMillis } from "./isoTime.ts"

const { fail, kindBoolean, kindEscaped, kindList, kindNull, kindNumber, kindObject, kindText } = Document

/** The name of an object's value, or the index of a list's. */
export type Key = string | number

const shown = (key: Key): string => (typeof key === "string" ? `"${key}"` : `at ${key}`)

/** Whether the value is there and of this kind. */
const isA = (kind: number, node: number): boolean => node >= 0 && Document.kindOf(node) === kind

const isText = (node: number): boolean => isA(kindText, node) || isA(kindEscaped, node)

const unescaped = (raw: string): string => {
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return fail("text with known escapes")
  }
}

const textOf = (node: number, key: Key): string => {
  if (!isText(node)) return fail(`text ${shown(key)}`)
  const raw = Document.rawOf(node)
  return Document.kindOf(node) === kindEscaped ? unescaped(raw) : raw
}

/** The wire's text of a value that may be a number; empty for every other. */
const scalarOf = (node: number): string => (isA(kindText, node) || isA(kindNumber, node) ? Document.rawOf(node) : "")

/** Decimal text that a number can hold, whether the venue quoted it or not. */
const decimalOf = (node: number, key: Key): string => {
  if (node >= 0 && !Number.isNaN(Document.valueOf(node))) return Document.rawOf(node)
  const text = scalarOf(node)
  return isDecimal(text) && Number.isFinite(Number(text)) ? text : fail(`a decimal ${shown(key)}`)
}

const sequenceOf = (node: number, key: Key): Sequence => {
  const value = node < 0 ? Number.NaN : Document.valueOf(node)
  if (Number.isSafeInteger(value)) return value
  const text = scalarOf(node)
  if (!/^-?\d{1,40}$/.test(text)) return fail(`a sequence number ${shown(key)}`)
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

/** Absent, `null` and empty text: venues leave a number out in all three ways. */
const isMissing = (node: number): boolean =>
  node < 0 || Document.kindOf(node) === kindNull || (isText(node) && Document.isRaw(node, ""))

interface Growing {
  readonly values: Array<number>
  readonly prices: Array<string>
  readonly sizes: Array<string>
}

/** Most frames change one side only. */
const none: Growing = { values: [], prices: [], sizes: [] }

/** Lists for so many levels. */
const room = (count: number): Growing =>
  count === 0 ? none : { values: Array<number>(count), prices: Array<string>(count), sizes: Array<string>(count) }

const put = (changes: Growing, index: number, level: number, priceAt: Key, sizeAt: Key): void => {
  const price = cellOf(level, priceAt)
  changes.prices[index] = decimalOf(price, priceAt)
  changes.sizes[index] = sizeOf(cellOf(level, sizeAt), sizeAt)
  changes.values[index] = worthOf(price)
}

export const noChanges = (): Growing => ({ values: [], prices: [], sizes: [] })

export const addChange = (changes: Growing, price: string, size: string): void => {
  if (size.charCodeAt(0) === 45) fail("a size of zero or more")
  changes.values.push(Number(price))
  changes.prices.push(price)
  changes.sizes.push(size)
}

/** A size whose sign says the side: negative is an ask, or a sell. */
export const signed = (text: string): { readonly negative: boolean; readonly size: string } => {
  const negative = text.charCodeAt(0) === 45
  return { negative, size: negative ? text.slice(1) : text }
}

export class Item {
  private readonly node: number

  constructor(node: number) {
    this.node = node
  }

  private find(key: Key): number {
    return typeof key === "string" ? Document.find(this.node, key) : Document.nth(this.node, key)
  }

  /** Whether this is a list or an object. */
  isA(kind: "list" | "object"): boolean {
    return isA(kind === "list" ? kindList : kindObject, this.node)
  }

  isEmpty(): boolean {
    return Document.endOf(this.node) === this.node + 1
  }

  isList(key: Key): boolean {
    return isA(kindList, this.find(key))
  }

  isText(key: Key): boolean {
    return isText(this.find(key))
  }

  isTrue(key: Key): boolean {
    const node = this.find(key)
    return isA(kindBoolean, node) && Document.codeAt(node) === 116
  }

  isMissing(key: Key): boolean {
    return isMissing(this.find(key))
  }

  object(key: Key): Item {
    const node = this.find(key)
    return isA(kindObject, node) ? new Item(node) : fail(`an object ${shown(key)}`)
  }

  list(key: Key): Item {
    const node = this.find(key)
    return isA(kindList, node) ? new Item(node) : fail(`a list ${shown(key)}`)
  }

  /** What stands in a list, each made into something else. */
  map<A>(key: Key, make: (item: Item) => A): ReadonlyArray<A> {
    return this.list(key).each(make)
  }

  /** What stands in this list, each made into something else. */
  each<A>(make: (item: Item) => A): ReadonlyArray<A> {
    if (!isA(kindList, this.node)) fail("a list")
    const made: Array<A> = []
    const end = Document.endOf(this.node)
    for (let at = this.node + 1; at < end; at = Document.after(at)) made.push(make(new Item(at)))
    return made
  }

  /** Whether the value is this text, as it stands on the wire. */
  is(key: Key, text: string): boolean {
    const node = this.find(key)
    return isA(kindText, node) && Document.isRaw(node, text)
  }

  text(key: Key): string {
    return textOf(this.find(key), key)
  }

  decimal(key: Key): string {
    return decimalOf(this.find(key), key)
  }

  /** A price with what it offers, where the venue gives one. */
  quote(priceAt: Key, sizeAt?: Key): Quote | undefined {
    const price = this.find(priceAt)
    if (isMissing(price)) return undefined
    const priceText = decimalOf(price, priceAt)
    const size = sizeAt === undefined ? -1 : this.find(sizeAt)
    if (sizeAt === undefined || isMissing(size))
      return { price: worthOf(price), priceText, size: undefined, sizeText: undefined }
    const sizeText = decimalOf(size, sizeAt)
    return { price: worthOf(price), priceText, size: worthOf(size), sizeText }
  }

  optionalDecimal(key: Key): string | undefined {
    const node = this.find(key)
    return isMissing(node) ? undefined : decimalOf(node, key)
  }

  sequence(key: Key): Sequence {
    return sequenceOf(this.find(key), key)
  }

  optionalSequence(key: Key): Sequence | undefined {
    const node = this.find(key)
    return node < 0 ? undefined : sequenceOf(node, key)
  }

  /** A 32-bit checksum, which some venues write with a sign. */
  checksum(key: Key): number {
    const number = Number(decimalOf(this.find(key), key))
    return Number.isSafeInteger(number) ? number >>> 0 : fail(`a whole number ${shown(key)}`)
  }

  optionalChecksum(key: Key): number | undefined {
    return this.find(key) < 0 ? undefined : this.checksum(key)
  }

  /** Milliseconds from a number or decimal text; absent stays absent. */
  millis(key: Key): number | undefined {
    const node = this.find(key)
    if (isMissing(node)) return undefined
    const value = Document.valueOf(node)
    return Number.isNaN(value) ? Number(decimalOf(node, key)) : value
  }

  /** Milliseconds from an ISO date; `undefined` where there is none. */
  isoMillis(key: Key): number | undefined {
    const node = this.find(key)
    const at = isText(node) ? isoMillis(Document.glanceAt(node)) : Number.NaN
    return Number.isNaN(at) ? undefined : at
  }

  side(key: Key): "buy" | "sell" {
    const node = this.find(key)
    if (isA(kindText, node)) {
      if (Document.isRaw(node, "buy") || Document.isRaw(node, "Buy")) return "buy"
      if (Document.isRaw(node, "sell") || Document.isRaw(node, "Sell")) return "sell"
    }
    const text = textOf(node, key).toLowerCase()
    return text === "buy" || text === "sell" ? text : fail(`a side ${shown(key)}`)
  }

  /** Levels as venues list them, each a list or an object. */
  changes(key: Key, priceAt: Key = 0, sizeAt: Key = 1): Changes {
    const list = this.find(key)
    if (!isA(kindList, list)) return fail(`levels ${shown(key)}`)
    const count = countOf(list)
    const found = room(count)
    for (let index = 0, level = list + 1; index < count; index++, level = Document.after(level)) {
      put(found, index, level, priceAt, sizeAt)
    }
    return found
  }

  /** Levels of both sides in one list of objects, where the value `bid` of the name `sideAt` marks a bid. */
  sides(
    key: Key,
    sideAt: string,
    bid: string,
    priceAt: string,
    sizeAt: string
  ): readonly [bids: Changes, asks: Changes] {
    const list = this.find(key)
    if (!isA(kindList, list)) return fail(`levels ${shown(key)}`)
    const isBid = (level: number): boolean => {
      const side = Document.find(level, sideAt)
      return isText(side) ? Document.isRaw(side, bid) : fail(`a side "${sideAt}"`)
    }
    const end = Document.endOf(list)
    let count = 0
    let bidCount = 0
    for (let level = list + 1; level < end; level = Document.after(level), count++) if (isBid(level)) bidCount++
    const [bids, asks] = [room(bidCount), room(count - bidCount)]
    let [bidsAt, asksAt] = [0, 0]
    for (let level = list + 1; level < end; level = Document.after(level)) {
      if (isBid(level)) put(bids, bidsAt++, level, priceAt, sizeAt)
      else put(asks, asksAt++, level, priceAt, sizeAt)
    }
    return [bids, asks]
  }

  /** Adds the level that this is. */
  addTo(changes: Growing, priceAt: Key, sizeAt: Key): void {
    const price = this.find(priceAt)
    changes.prices.push(decimalOf(price, priceAt))
    changes.sizes.push(sizeOf(this.find(sizeAt), sizeAt))
    changes.values.push(worthOf(price))
  }
}

const countOf = (list: number): number => {
  const end = Document.endOf(list)
  let count = 0
  for (let at = list + 1; at < end; at = Document.after(at)) count++
  return count
}

const cellOf = (level: number, key: Key): number =>
  typeof key === "string" ? Document.find(level, key) : Document.nth(level, key)

const sizeOf = (node: number, key: Key): string => {
  const size = decimalOf(node, key)
  return size.charCodeAt(0) === 45 ? fail(`a size of zero or more ${shown(key)}`) : size
}

/** What a decimal is worth, after it was read. */
const worthOf = (node: number): number => {
  const known = Document.valueOf(node)
  if (!Number.isNaN(known)) return known
  return Number(Document.glanceAt(node))
}

/** The outermost value of a parsed frame. */
export const root = (): Item => new Item(Document.root)
