/**
 * The exact length of a string in UTF-8, without keeping the encoded bytes.
 * Encoding into one scratch buffer is several times faster than counting code
 * units or encoding into a new array, and allocates nothing.
 */
const encoder = new TextEncoder()
let scratch: Uint8Array<ArrayBuffer> | undefined

export const textSize = (text: string): number => {
  scratch ??= new Uint8Array(65_536)
  let total = 0
  for (let rest = text; ;) {
    const { read, written } = encoder.encodeInto(rest, scratch)
    total += written
    if (read >= rest.length) return total
    rest = rest.substring(read)
  }
}

/** The longest prefix of `text` that fits into `max` bytes of UTF-8. */
export const clipText = (text: string, max: number): string => {
  const { read } = encoder.encodeInto(text, new Uint8Array(max))
  return text.substring(0, read)
}
