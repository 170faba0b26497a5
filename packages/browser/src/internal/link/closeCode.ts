/**
 * Close codes and reasons that a page may send. The WebSocket API throws for
 * every code but 1000 and 3000–4999, and for a reason over 123 bytes. So other
 * codes are mapped into the private range: 1001 becomes 4001, 1009 becomes 4009,
 * 1011 becomes 4011, and a code that has no place there becomes 4000.
 */
import { clipText } from "./textSize.ts"

export const closeCode = (code: number): number => {
  if (code === 1000 || (Number.isInteger(code) && code >= 3000 && code <= 4999)) return code
  return code > 1000 && code < 1016 ? 3000 + code : 4000
}

/** Close reasons longer than the protocol's 123 bytes are cut at a character. */
export const closeReason = (reason: string): string => clipText(reason, 123)
