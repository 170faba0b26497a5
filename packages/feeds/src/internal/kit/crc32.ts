/** CRC32 byte by byte: the register of the algorithm after a byte, and after a text of ASCII. */

/** The register after a byte, by its lower eight bits. */
const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value >>> 0
})

export const afterByte = (register: number, code: number): number =>
  (table[(register ^ code) & 0xff] ?? 0) ^ (register >>> 8)

export const afterText = (register: number, text: string): number => {
  for (let at = 0; at < text.length; at++) register = afterByte(register, text.charCodeAt(at))
  return register
}

/** What the register begins with. */
export const start = -1

/** The sum that a register stands for. */
export const sumOf = (register: number): number => ~register >>> 0
