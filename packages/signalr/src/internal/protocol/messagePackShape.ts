/**
 * Walks MessagePack bytes without building anything and reports whether they
 * hold exactly one complete value. A header may claim four thousand million
 * elements in five bytes; checking claims against the bytes that are there
 * keeps the memory of a later decode in proportion to the message.
 */

// How far a value of each leading byte reaches: bytes of its length field, and bytes that follow it besides.
type Shape =
  | { readonly _tag: "Bytes"; readonly lengthSize: number; readonly fixed: number }
  | { readonly _tag: "Items"; readonly lengthSize: number; readonly fixed: number; readonly perEntry: 1 | 2 }

const bytes = (fixed: number, lengthSize = 0): Shape => ({ _tag: "Bytes", lengthSize, fixed })
const items = (perEntry: 1 | 2, lengthSize: number, fixed = 0): Shape => ({
  _tag: "Items",
  lengthSize,
  fixed,
  perEntry
})

// 0xc0 … 0xdf, in order; 0xc1 is never used.
const marked: ReadonlyArray<Shape | undefined> = [
  bytes(0),
  undefined,
  bytes(0),
  bytes(0), // nil, -, false, true
  bytes(0, 1),
  bytes(0, 2),
  bytes(0, 4), // bin
  bytes(1, 1),
  bytes(1, 2),
  bytes(1, 4), // ext
  bytes(4),
  bytes(8), // float
  bytes(1),
  bytes(2),
  bytes(4),
  bytes(8), // uint
  bytes(1),
  bytes(2),
  bytes(4),
  bytes(8), // int
  bytes(2),
  bytes(3),
  bytes(5),
  bytes(9),
  bytes(17), // fixext
  bytes(0, 1),
  bytes(0, 2),
  bytes(0, 4), // str
  items(1, 2),
  items(1, 4), // array
  items(2, 2),
  items(2, 4) // map
]

const scalar = bytes(0)

const shapeOf = (head: number): Shape | undefined => {
  if (head < 0x80 || head >= 0xe0) return scalar
  if (head < 0x90) return items(2, 0, head & 0x0f)
  if (head < 0xa0) return items(1, 0, head & 0x0f)
  if (head < 0xc0) return bytes(head & 0x1f)
  return marked[head - 0xc0]
}

const readSize = (input: Uint8Array, at: number, size: number): number => {
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + (input[at + i] ?? 0)
  return value
}

/** Whether `input` is exactly one complete MessagePack value. */
export const isOneValue = (input: Uint8Array): boolean => {
  let at = 0
  let missing = 1
  while (missing > 0) {
    // Each missing value needs a byte at least.
    if (missing > input.length - at) return false
    const shape = shapeOf(input[at]!)
    if (shape === undefined) return false
    const claimed = shape.fixed + readSize(input, at + 1, shape.lengthSize)
    at += 1 + shape.lengthSize
    missing--
    if (shape._tag === "Items") missing += claimed * shape.perEntry
    else at += claimed
    if (at > input.length) return false
  }
  return at === input.length
}
