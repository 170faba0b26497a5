/**
 * The little of the WebSocket wire format that the bench's server needs, by
 * hand, so that serving costs as little as it can.
 */
import { createHash } from "node:crypto"

/** Where the certificates are that server and clients trust. */
export const certificates = new URL("../../../node/test/certificates/", import.meta.url)

const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/** The answer to an upgrade request. */
export const acceptance = (head: string): string => {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? ""
  const accept = createHash("sha1")
    .update(key + magic)
    .digest("base64")
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
}

/** The header of an unmasked, final frame. */
export const header = (opcode: number, size: number): Buffer => {
  if (size < 126) return Buffer.from([0x80 | opcode, size])
  if (size < 65_536) return Buffer.from([0x80 | opcode, 126, size >> 8, size & 0xff])
  const bytes = Buffer.alloc(10)
  bytes[0] = 0x80 | opcode
  bytes[1] = 127
  bytes.writeUIntBE(size, 4, 6)
  return bytes
}

/** An unmasked, final frame. */
export const frame = (opcode: number, payload: Buffer): Buffer =>
  Buffer.concat([header(opcode, payload.length), payload])

/** How many bytes a masked frame with this payload takes. */
export const maskedLength = (size: number): number => size + (size < 126 ? 6 : size < 65_536 ? 8 : 14)

interface Head {
  readonly opcode: number
  readonly mask: number
  readonly end: number
}

const headAt = (bytes: Buffer, at: number): Head | undefined => {
  if (bytes.length < at + 2) return undefined
  const short = bytes[at + 1]! & 0x7f
  const mask = at + (short < 126 ? 2 : short === 126 ? 4 : 10)
  if (bytes.length < mask + 4) return undefined
  const size = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6)
  const end = mask + 4 + size
  return bytes.length < end ? undefined : { opcode: bytes[at]! & 0x0f, mask, end }
}

const unmask = (bytes: Buffer, { end, mask }: Head): Buffer => {
  const payload = Buffer.from(bytes.subarray(mask + 4, end))
  for (let i = 0; i < payload.length; i++) payload[i]! ^= bytes[mask + (i & 3)]!
  return payload
}

/** Cuts what a client sends into frames. */
export const frameReader = (onFrame: (opcode: number, payload: Buffer) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (let head = headAt(bytes, at); head !== undefined; head = headAt(bytes, at)) {
      onFrame(head.opcode, unmask(bytes, head))
      at = head.end
    }
    rest = bytes.subarray(at)
  }
}
