/**
 * Two JSON readers: one that keeps every number as the text on the wire, and one
 * that does so only where a number is too long for a double.
 */

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

const quoted = (text: string): string => (text.charCodeAt(0) === 34 ? text : `"${text}"`)

/** JSON in which numbers stay text. Throws as `JSON.parse` does. */
export const parseRaw = (raw: string): unknown => JSON.parse(raw.replace(token, quoted))

// A bare integer of sixteen digits or more; one inside a string costs speed only.
const long = /(?:^|[^"\d.])\d{16}/

/** JSON whose numbers beyond 2^53 stay text. Throws as `JSON.parse` does. */
export const parse = (raw: string): unknown => (long.test(raw) ? parseRaw(raw) : JSON.parse(raw))
