/**
 * Decimal text as venues write it: what is a decimal, and how two of them
 * compare exactly. Numbers lose digits; text does not.
 */

const maxLength = 64

/** Whether the text is a JSON number: digits, one point, an exponent, a sign. */
export const isDecimal = (text: string): boolean => {
  const length = text.length
  if (length === 0 || length > maxLength) return false
  let digits = 0
  let point = false
  for (let at = text.charCodeAt(0) === 45 ? 1 : 0; at < length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) digits++
    else if (code === 46 && !point) point = true
    else return digits > 0 && (code === 101 || code === 69) && isExponent(text, at + 1)
  }
  return digits > 0
}

const isExponent = (text: string, from: number): boolean => {
  const sign = text.charCodeAt(from)
  const start = sign === 43 || sign === 45 ? from + 1 : from
  if (start >= text.length || text.length - start > 3) return false
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 48 || code > 57) return false
  }
  return true
}

/** A double holds this many digits exactly, and these powers of ten: a division of one by the other rounds once. */
export const exactDigits = 15
export const tens = Float64Array.from({ length: 23 }, (_, power) => 10 ** power)

/** What a decimal is worth. Short ones, which nearly all are, take a fraction of the time of `Number`. */
export const worth = (text: string): number => {
  const { length } = text
  if (length > exactDigits) return Number(text)
  let whole = 0
  let point = -1
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) whole = whole * 10 + code - 48
    else if (code === 46 && point < 0) point = at
    else return Number(text)
  }
  if (length === 0 || (point >= 0 && length === 1)) return Number(text)
  return point < 0 ? whole : whole / tens[length - point - 1]!
}

interface Parts {
  readonly negative: boolean
  readonly digits: string
  /** The power of ten of the first digit. */
  readonly magnitude: number
}

const partsOf = (text: string): Parts => {
  const negative = text.startsWith("-")
  const [mantissa = "", exponent = "0"] = text
    .slice(negative ? 1 : 0)
    .toLowerCase()
    .split("e")
  const [whole = "", fraction = ""] = mantissa.split(".")
  const all = whole + fraction
  const digits = all.replace(/^0+/, "")
  const magnitude = whole.length - (all.length - digits.length) + Number(exponent)
  const significant = digits.replace(/0+$/, "")
  return { negative: negative && significant !== "", digits: significant, magnitude }
}

/** Compares two decimals by all their digits: negative, zero or positive. */
export const compare = (left: string, right: string): number => {
  const a = partsOf(left)
  const b = partsOf(right)
  if (a.negative !== b.negative) return a.negative ? -1 : 1
  return a.negative ? -compareSizes(a, b) : compareSizes(a, b)
}

const compareSizes = (a: Parts, b: Parts): number => {
  if (a.digits === "" || b.digits === "") return a.digits.length - b.digits.length
  if (a.magnitude !== b.magnitude) return a.magnitude - b.magnitude
  return a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0
}
