/**
 * A JSON text as a table of its values, in the order of the text: what kind each
 * is, and where it begins and ends. Nothing is copied out until somebody reads
 * it, and a number keeps its digits. One table serves all frames, so a document
 * is read before the next one is parsed.
 *
 * The text is read as bytes, one for each character: a frame is a part of what
 * came with others, and the engine looks up such a part again for each character.
 */

import { exactDigits, tens } from "./decimal.ts"

/** Thrown by the readers of a frame and caught by the decoder: it never leaves the package. */
export class Malformed {
  readonly expected: string
  constructor(expected: string) {
    this.expected = expected
  }
}

export const fail = (expected: string): never => {
  throw new Malformed(expected)
}

/** What a value is. Lists and objects, which hold other values, come last. */
export const kindNull = 0
export const kindBoolean = 1
export const kindText = 2
/** Text with escapes in it. */
export const kindEscaped = 3
export const kindNumber = 4
export const kindList = 5
export const kindObject = 6

/** Deeper nesting than any venue's. */
const maxDepth = 32
/** What stands for a character beyond ASCII: only text has them, and no name or word that is looked for. */
const beyond = 0xff
/** Room for the bytes of usual frames. */
const usualBytes = 1 << 16
/** A table with more places than this, 17 MB, is given up after its frame. Smaller ones are kept: making them costs more than the frame. */
const maxKept = 1 << 20

/** The table. Values stand in the order of the text; a name stands before its value. */
export const table = {
  text: "",
  /** The characters of the text, and a zero behind them. */
  bytes: new Uint8Array(usualBytes),
  kinds: new Uint8Array(1024),
  /** Where a value's text begins. */
  starts: new Int32Array(1024),
  /** Where a value's text ends; of a list or an object, the place after its last value. */
  ends: new Int32Array(1024),
  /** What a decimal is worth, be it a number or text; NaN where the text must be asked. */
  values: new Float64Array(1024)
}

const resize = (size: number, copy: boolean): void => {
  const { ends, kinds, starts, values } = table
  table.kinds = new Uint8Array(size)
  table.starts = new Int32Array(size)
  table.ends = new Int32Array(size)
  table.values = new Float64Array(size)
  if (!copy) return
  table.kinds.set(kinds)
  table.starts.set(starts)
  table.ends.set(ends)
  table.values.set(values)
}

const encoder = new TextEncoder()

/** A zero ends the text. An escape may step over it: then what is read does not end where the text does, and is refused. */
const load = (raw: string): Uint8Array => {
  const { length } = raw
  const isRoomy = table.bytes.length > maxKept && length < usualBytes
  if (isRoomy || table.bytes.length < length + 1) table.bytes = new Uint8Array(Math.max(usualBytes, length + 1))
  const { bytes } = table
  const { read, written } = encoder.encodeInto(raw, bytes)
  // A character beyond ASCII takes more than a byte.
  if (read !== length || written !== length) {
    for (let at = 0; at < length; at++) {
      const code = raw.charCodeAt(at)
      bytes[at] = code < 128 ? code : beyond
    }
  }
  bytes[length] = 0
  table.text = raw
  return bytes
}

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9

const skipSpace = (bytes: Uint8Array, at: number): number => {
  while (isSpace(bytes[at]!)) at++
  return at
}

const isNumberPart = (code: number): boolean =>
  (code >= 48 && code <= 57) || code === 46 || code === 45 || code === 43 || code === 101 || code === 69

const words = ["true", "false", "null"]

const wordAt = (bytes: Uint8Array, at: number): string =>
  words.find((word) => holds(bytes, at, word)) ?? fail("a value")

/** Whether these characters of ASCII stand here. */
const holds = (bytes: Uint8Array, start: number, text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (bytes[start + at] !== text.charCodeAt(at)) return false
  return true
}

/** The lists and objects that are open. */
const within = new Int32Array(maxDepth)

/**
 * Parses a frame. What it holds is read by the functions below, until the next
 * frame. One long function, because each frame of a venue goes through it once
 * and every call counts.
 */
export const parse = (raw: string): void => {
  lastIn = -1
  if (table.kinds.length > maxKept) resize(1024, false)
  // A guess that large frames seldom exceed.
  if (raw.length >> 3 > table.kinds.length) resize(raw.length >> 3, false)
  const bytes = load(raw)
  const { length } = raw
  // Local names: the engine keeps them in registers.
  let { kinds, starts, ends, values } = table
  let room = kinds.length - 2
  let at = 0
  let node = 0
  let depth = 0
  let named = false
  for (;;) {
    if (node >= room) {
      resize(kinds.length * 2, true)
      ;({ kinds, starts, ends, values } = table)
      room = kinds.length - 2
    }
    let code = bytes[at]!
    if (code <= 32) code = bytes[(at = skipSpace(bytes, at))]!
    if (named) {
      if (code !== 34) fail("a name")
      starts[node] = ++at
      while ((code = bytes[at]!) !== 34) {
        if (code === 92) at++
        else if (!(code >= 32)) fail("text that ends")
        at++
      }
      ends[node] = at
      kinds[node++] = kindText
      code = bytes[++at]!
      if (code <= 32) code = bytes[(at = skipSpace(bytes, at))]!
      if (code !== 58) fail("a colon")
      code = bytes[++at]!
      if (code <= 32) code = bytes[(at = skipSpace(bytes, at))]!
    }
    if (code === 91 || code === 123) {
      kinds[node] = code === 91 ? kindList : kindObject
      values[node] = Number.NaN
      starts[node] = node
      if (depth === maxDepth) fail(`nesting of ${maxDepth} at most`)
      within[depth++] = node++
      named = code === 123
      const next = bytes[++at]!
      if (next > 32 ? next !== code + 2 : bytes[(at = skipSpace(bytes, at))]! !== code + 2) continue
    } else {
      const isText = code === 34
      const negative = code === 45
      if (isText || negative) at++
      const first = at
      let whole = 0
      let point = -1
      for (; ; at++) {
        code = bytes[at]!
        if (code >= 48 && code <= 57) whole = whole * 10 + code - 48
        else if (code === 46 && point < 0) point = at
        else break
      }
      const fraction = point < 0 ? 0 : at - point - 1
      const digits = at - first - (point < 0 ? 0 : 1)
      let worth = digits === 0 || digits > exactDigits ? Number.NaN : whole / (tens[fraction] ?? Number.NaN)
      starts[node] = first
      if (isText) {
        let found: number = kindText
        if (code !== 34) {
          worth = Number.NaN
          for (; code !== 34; code = bytes[++at]!) {
            if (code === 92) {
              found = kindEscaped
              at++
            } else if (!(code >= 32)) fail("text that ends")
          }
        }
        kinds[node] = found
        ends[node] = at++
      } else if (digits > 0) {
        if (negative) starts[node] = first - 1
        if (isNumberPart(code)) {
          worth = Number.NaN
          while (isNumberPart(bytes[at]!)) at++
        }
        kinds[node] = kindNumber
        ends[node] = at
        if (negative) worth = -worth
      } else {
        if (negative) fail("a number")
        const word = wordAt(bytes, first)
        kinds[node] = word === "null" ? kindNull : kindBoolean
        ends[node] = at += word.length
      }
      values[node++] = worth
    }
    // A value, or an empty list or object, has ended: what follows it?
    for (;;) {
      if (depth === 0) {
        if (skipSpace(bytes, at) !== length) fail("nothing after the value")
        return
      }
      const outer = within[depth - 1] ?? 0
      const isList = kinds[outer] === kindList
      code = bytes[at]!
      if (code <= 32) code = bytes[(at = skipSpace(bytes, at))]!
      at++
      if (code === 44) {
        named = !isList
        break
      }
      if (code !== (isList ? 93 : 125)) fail("a comma or an end")
      ends[outer] = node
      depth--
    }
  }
}

export const root = 0

export const kindOf = (node: number): number => table.kinds[node] ?? kindNull

/** The place after a value: that of the next one of its list or object, if any. */
export const after = (node: number): number => {
  const { ends, kinds } = table
  return (kinds[node] ?? 0) >= kindList ? (ends[node] ?? 0) : node + 1
}

/** The end of a list or an object: no value of it stands there. */
export const endOf = (node: number): number => table.ends[node] ?? 0

/** What a decimal is worth; NaN where its text must be asked. */
export const valueOf = (node: number): number => table.values[node] ?? Number.NaN

/** The first character of a value's text. */
export const codeAt = (node: number): number => table.bytes[table.starts[node] ?? 0] ?? 0

/** Whether the value's text is this one, of ASCII. */
export const isRaw = (node: number, expected: string): boolean => {
  const { bytes, ends, starts } = table
  const start = starts[node] ?? 0
  return (ends[node] ?? 0) - start === expected.length && holds(bytes, start, expected)
}

/** The text of a value for a moment: kept, it would keep the whole frame alive. */
export const glanceAt = (node: number): string => {
  const { ends, starts, text } = table
  return text.slice(starts[node] ?? 0, ends[node] ?? 0)
}

/** Short parts are copied by the engine; a longer one would keep the whole frame alive. */
const copied = 12

/** The text of a value, without quotes, as it stands on the wire. */
export const rawOf = (node: number): string => {
  const { ends, starts, text } = table
  const start = starts[node] ?? 0
  const end = ends[node] ?? 0
  if (end - start <= copied) return text.slice(start, end)
  let copy = ""
  for (let at = start; at < end; at += copied) copy += text.slice(at, Math.min(end, at + copied))
  return copy
}

/** In which object a name was found last, and where its next name stands: most adapters ask in the order of the wire. */
let lastIn = -1
let nextName = 0

/** The place of the value of a name, or -1. */
export const find = (node: number, name: string): number => {
  const { ends, kinds } = table
  if (kinds[node] !== kindObject) return -1
  const end = ends[node] ?? 0
  const from = node === lastIn ? nextName : node + 1
  let found = findBetween(from, end, name)
  if (found < 0 && from > node + 1) found = findBetween(node + 1, from, name)
  if (found >= 0) lastIn = node
  return found
}

const findBetween = (from: number, end: number, name: string): number => {
  const { ends, kinds } = table
  for (let key = from; key < end;) {
    const next = (kinds[key + 1] ?? 0) >= kindList ? (ends[key + 1] ?? 0) : key + 2
    if (isRaw(key, name)) {
      nextName = next
      return key + 1
    }
    key = next
  }
  return -1
}

/** The place of a list's value by its index, or -1. */
export const nth = (node: number, index: number): number => {
  const { ends, kinds } = table
  if (kinds[node] !== kindList) return -1
  const end = ends[node] ?? 0
  let at = node + 1
  for (let left = index; left > 0 && at < end; left--) at = (kinds[at] ?? 0) >= kindList ? (ends[at] ?? 0) : at + 1
  return at < end ? at : -1
}

/** Lets go of the frame, which may be megabytes. */
export const release = (): void => {
  table.text = ""
}
