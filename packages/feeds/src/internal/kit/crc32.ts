/** CRC32 byte by byte: the register of the algorithm after a byte, and after a text of ASCII. */

/** The register after a byte, by its lower eight bits. */
const table = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

export const afterByte = (register: number, code: number): number => table[(register ^ code) & 0xff]! ^ (register >>> 8)

export const afterText = (register: number, text: string): number => {
  for (let at = 0; at < text.length; at++) register = afterByte(register, text.charCodeAt(at))
  return register
}

/** The register that a byte leads to this one from: no two entries of the table have the same upper byte. */
export const before = (register: number, code: number): number => {
  const index = table.findIndex((entry) => entry >>> 24 === register >>> 24)
  return ((register ^ table[index]!) << 8) | (index ^ code)
}

/** What the register begins with. */
export const start = -1

/** The sum that a register stands for. */
export const sumOf = (register: number): number => ~register >>> 0
