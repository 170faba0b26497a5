/**
 * Raw WebSocket frames, well-formed or not, for servers that misbehave on
 * purpose. Nothing here checks anything.
 */
export interface Shape {
  readonly opcode: number
  readonly payload?: Uint8Array
  readonly fin?: boolean
  readonly rsv?: number
  readonly masked?: boolean
  /** Claims this length instead of the payload's. */
  readonly claim?: bigint
}

const lengthBytes = (length: bigint): Buffer => {
  if (length < 126n) return Buffer.from([Number(length)])
  if (length < 65_536n) return Buffer.from([126, Number(length >> 8n), Number(length & 255n)])
  const bytes = Buffer.alloc(9)
  bytes[0] = 127
  bytes.writeBigUInt64BE(length, 1)
  return bytes
}

export const frame = (shape: Shape): Buffer => {
  const payload = shape.payload ?? Buffer.alloc(0)
  const first = ((shape.fin ?? true) ? 0x80 : 0) | ((shape.rsv ?? 0) << 4) | shape.opcode
  const length = lengthBytes(shape.claim ?? BigInt(payload.length))
  if (shape.masked !== true) return Buffer.concat([Buffer.from([first]), length, payload])
  length[0]! |= 0x80
  return Buffer.concat([Buffer.from([first]), length, Buffer.alloc(4), payload])
}

export const close = (code: number, reason = ""): Buffer => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(code)
  payload.write(reason, 2)
  return frame({ opcode: 8, payload })
}
