/**
 * Reads a client's frames off a byte stream: masked, unfragmented and
 * uncompressed, which is all that the transport sends by default.
 */
const headerOf = (bytes: Buffer) => {
  if (bytes.length < 2) return undefined
  const short = bytes[1]! & 127
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0
  const start = 2 + extra + 4
  if (bytes.length < start) return undefined
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  return { opcode: bytes[0]! & 15, mask: bytes.subarray(start - 4, start), start, end: start + length }
}

const unmask = (payload: Buffer, mask: Buffer): Buffer => {
  const plain = Buffer.from(payload)
  for (let i = 0; i < plain.length; i++) plain[i]! ^= mask[i & 3]!
  return plain
}

export const frameReader = (onFrame: (opcode: number, payload: Buffer) => void): ((chunk: Buffer) => void) => {
  let pending: Array<Buffer> = []
  let size = 0
  let wanted = 2
  return (chunk) => {
    pending.push(chunk)
    size += chunk.length
    if (size < wanted) return
    let bytes = Buffer.concat(pending)
    let header = headerOf(bytes)
    while (header !== undefined && bytes.length >= header.end) {
      onFrame(header.opcode, unmask(bytes.subarray(header.start, header.end), header.mask))
      bytes = bytes.subarray(header.end)
      header = headerOf(bytes)
    }
    pending = [bytes]
    size = bytes.length
    wanted = header?.end ?? 2
  }
}
