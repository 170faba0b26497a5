/**
 * Random streams of frames, most of them right and some wrong in every way that
 * the protocol knows, cut into random pieces.
 */
import { frame, type Shape } from "../hostile/frames.ts"
import { type Random, randomOf } from "../support/random.ts"

export interface Stream {
  readonly pieces: ReadonlyArray<Buffer>
  readonly maxMessageSize: number
}

const texts = [
  "",
  "a",
  "plain ASCII",
  "déjà vu",
  "漢字",
  "😀",
  "mixed: a é 漢 😀 z",
  "\u0000\u007f\u0080",
  "\ufeffmark"
]

const wrongTexts = [
  [0xff],
  [0xc3],
  [0x80],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0x61, 0xe6, 0xbc]
].map((bytes) => Buffer.from(bytes))

const sizes = [0, 1, 2, 3, 20, 124, 125, 126, 127, 128, 300, 1_000, 4_095, 4_096, 4_097, 65_535, 65_536, 70_000]
const codes = [999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 2999, 3000, 4999, 5000, 65_535]

const bytesOf = (random: Random, size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + size) & 0xff
  if (size > 0) bytes[random.between(0, size - 1)] = random.between(0, 255)
  return bytes
}

const sizeOf = (random: Random): number => (random.chance(0.9) ? random.between(0, 40) : random.pick(sizes))

const textOf = (random: Random): Buffer => {
  if (random.chance(0.01)) return random.pick(wrongTexts)
  if (random.chance(0.4)) return Buffer.from(random.pick(texts))
  return Buffer.alloc(sizeOf(random), "text ")
}

const closeOf = (random: Random): Shape => {
  if (random.chance(0.2)) return { opcode: 8, payload: Buffer.alloc(random.between(0, 1)) }
  const reason = random.chance(0.1) ? random.pick(wrongTexts) : Buffer.from(random.pick(texts))
  const code = Buffer.alloc(2)
  code.writeUInt16BE(random.chance(0.6) ? 1000 : random.pick(codes))
  return { opcode: 8, payload: Buffer.concat([code, reason]) }
}

const controlOf = (random: Random): Shape => ({
  opcode: random.pick([9, 10]),
  payload: bytesOf(random, random.chance(0.98) ? random.between(0, 20) : random.pick(sizes))
})

/** A message in fragments, with pings between them. The text may be cut within a character. */
const fragmentsOf = (random: Random): ReadonlyArray<Shape> => {
  const isText = random.chance(0.6)
  const message = isText ? textOf(random) : bytesOf(random, sizeOf(random))
  const shapes: Array<Shape> = []
  let at = 0
  while (at < message.length || shapes.length === 0 || random.chance(0.1)) {
    const to = Math.min(message.length, at + random.between(0, Math.max(1, message.length >> 1)))
    shapes.push({ opcode: shapes.length === 0 ? (isText ? 1 : 2) : 0, fin: false, payload: message.subarray(at, to) })
    at = to
  }
  shapes.push({ opcode: 0, payload: Buffer.alloc(0) })
  return shapes.flatMap((shape) => (random.chance(0.2) ? [controlOf(random), shape] : [shape]))
}

/** A frame that is wrong, or only unusual. */
const oddOf = (random: Random): Shape => {
  const payload = bytesOf(random, sizeOf(random))
  return random.pick<() => Shape>([
    () => ({ opcode: random.between(0, 15), payload }),
    () => ({ opcode: random.between(0, 15), fin: false, payload }),
    () => ({ opcode: random.pick([1, 2, 9]), rsv: random.between(1, 7), payload }),
    () => ({ opcode: random.pick([1, 2, 8, 9]), masked: true, payload }),
    () => ({ opcode: random.pick([0, 1, 2]), claim: 2n ** BigInt(random.between(16, 63)), payload }),
    () => ({ opcode: random.pick([1, 2]), claim: BigInt(random.between(0, 70_000)), payload })
  ])()
}

/** The length written in more bytes than it needs, which is no offence. */
const widely = (shape: Shape): Buffer => {
  const payload = shape.payload ?? Buffer.alloc(0)
  const head = Buffer.alloc(10)
  head[0] = 0x80 | shape.opcode
  head[1] = 127
  head.writeBigUInt64BE(BigInt(payload.length), 2)
  return Buffer.concat([head, payload])
}

const next = (random: Random): ReadonlyArray<Buffer> => {
  const draw = random.next()
  if (draw < 0.55) {
    const many = random.chance(0.2) ? random.between(2, 60) : 1
    return Array.from({ length: many }, () => frame({ opcode: 1, payload: textOf(random) }))
  }
  if (draw < 0.65) return [frame({ opcode: 2, payload: bytesOf(random, sizeOf(random)) })]
  if (draw < 0.75) return [frame(controlOf(random))]
  if (draw < 0.9) return fragmentsOf(random).map(frame)
  if (draw < 0.94) return [widely({ opcode: random.pick([1, 2, 9]), payload: textOf(random) })]
  if (draw < 0.97) return [frame(closeOf(random))]
  return [frame(oddOf(random))]
}

const cut = (random: Random, bytes: Buffer): ReadonlyArray<Buffer> => {
  const most = random.pick([1, 3, 17, 200, 5_000, 65_536])
  const pieces: Array<Buffer> = []
  // many pieces of a large stream would only take time
  for (let at = 0; at < bytes.length;) {
    const to = Math.min(bytes.length, at + random.between(1, bytes.length > 20_000 ? 65_536 : most))
    pieces.push(bytes.subarray(at, to))
    at = to
  }
  return pieces
}

export const streamOf = (seed: number): Stream => {
  const random = randomOf(seed)
  const count = random.between(1, 25)
  const bytes = Buffer.concat(Array.from({ length: count }, () => next(random)).flat())
  const maxMessageSize = random.chance(0.8) ? 1_048_576 : random.pick([10, 125, 1_000, 65_535])
  return { pieces: cut(random, bytes), maxMessageSize }
}
