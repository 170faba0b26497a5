/**
 * The options of a connection that are numbers and durations. They are checked
 * everywhere, in a page's production build too: a program may compute them.
 */
import { duration, lasting, whole } from "./kinds.ts"

export const rotate = { maxAge: duration, before: duration, overlap: duration }

export const inbox = { highWaterMark: whole(1), maxStall: duration }

export const outbox = { capacity: whole(1), maxBytes: whole(1), maxReplays: whole(0), ttl: lasting }

export const connection = {
  dialTimeout: duration,
  openTimeout: duration,
  closeTimeout: duration,
  startupTimeout: duration,
  maxMessageSize: whole(1),
  openBuffer: whole(1),
  writeMark: whole(1)
}
