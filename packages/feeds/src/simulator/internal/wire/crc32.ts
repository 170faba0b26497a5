/** CRC32, bit by bit over a table that is built when the module loads. */

const table: ReadonlyArray<number> = Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  return rest >>> 0
})

/** The sum of ASCII text, unsigned. */
export const unsigned = (text: string): number => {
  let sum = -1
  for (let at = 0; at < text.length; at++) sum = (sum >>> 8) ^ (table[(sum ^ text.charCodeAt(at)) & 255] ?? 0)
  return ~sum >>> 0
}

/** The sum of ASCII text, as a signed number. */
export const signed = (text: string): number => unsigned(text) | 0
