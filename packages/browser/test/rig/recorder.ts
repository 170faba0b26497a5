/**
 * A receiver that keeps what it is told, in order, and lets a test wait for a
 * moment instead of for some time. Runs in Node and in a page.
 */
import * as Effect from "effect/Effect"
import type { Frame } from "kharbranth/Message"
import type { LinkError } from "kharbranth/ConnectionError"
import type { Dial, Receiver } from "kharbranth/Transport"

export interface Record {
  readonly frames: Array<Frame>
  readonly sizes: Array<number>
  readonly ended: Array<LinkError>
  drained: number
}

export interface Recorder {
  readonly record: Record
  readonly receiver: Receiver
  /** Completes as soon as the record satisfies the predicate. */
  readonly until: (predicate: (record: Record) => boolean) => Effect.Effect<Record>
}

export const make = (): Recorder => {
  const record: Record = { frames: [], sizes: [], ended: [], drained: 0 }
  const waiters = new Set<() => void>()
  const told = () => {
    for (const waiter of [...waiters]) waiter()
  }
  return {
    record,
    receiver: {
      frame: (frame, size) => {
        record.frames.push(frame)
        record.sizes.push(size)
        told()
      },
      ping: told,
      pong: told,
      drained: () => {
        record.drained++
        told()
      },
      ended: (error) => {
        record.ended.push(error)
        told()
      }
    },
    until: (predicate) =>
      Effect.callback<Record>((resume) => {
        const look = () => {
          if (!predicate(record)) return
          waiters.delete(look)
          resume(Effect.succeed(record))
        }
        waiters.add(look)
        look()
        return Effect.sync(() => waiters.delete(look))
      })
  }
}

export const dialOf = (url: string, more: Partial<Dial> = {}): Dial => ({
  connection: "test",
  epoch: 1,
  url,
  subprotocols: [],
  headers: {},
  maxMessageSize: 1_048_576,
  writeMark: { high: 65_536, low: 16_384 },
  ...more
})
