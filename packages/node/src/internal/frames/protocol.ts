/**
 * Numbers of the protocol (RFC 6455) that reading, writing and closing share.
 */

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export const finBit = 0x80
export const maskBit = 0x80
export const maxControlPayload = 125

/** Stands for a close frame without a code. */
export const noStatus = 1005
/** Stands for a socket that went without a close frame. */
export const abnormal = 1006

/** Which codes a close frame may carry (section 7.4). */
export const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== noStatus && code !== abnormal) ||
  (code >= 3000 && code <= 4999)
