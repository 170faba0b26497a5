/** The payload of protocol pings: a `k` and the probe's number, in ASCII. */

const letter = 0x6b
const zero = 0x30

export const make = (id: number): Uint8Array => {
  const digits = String(id)
  const payload = new Uint8Array(digits.length + 1)
  payload[0] = letter
  for (let i = 0; i < digits.length; i++) payload[i + 1] = digits.charCodeAt(i)
  return payload
}

/** The number in a payload; `NaN` if it is none of ours. */
export const idOf = (payload: Uint8Array): number => {
  if (payload.length < 2 || payload[0] !== letter) return NaN
  let id = 0
  for (let i = 1; i < payload.length; i++) {
    const digit = payload[i]! - zero
    if (digit < 0 || digit > 9) return NaN
    id = id * 10 + digit
  }
  return id
}
