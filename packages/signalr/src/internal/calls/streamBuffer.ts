/**
 * Where the items of one stream wait for their reader. Past its bound the buffer
 * holds the socket back. A reader that then takes nothing for `maxStall` loses
 * its stream, but not the connection. The same happens at once where the
 * platform cannot hold the socket back and many times the bound wait.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { runInMicrotask } from "../kit/microtask.ts"
import type { Channel } from "../channel/channel.ts"
import { watchStall } from "../kit/stall.ts"
import * as waiting from "../kit/waiting.ts"

export interface StreamBuffer<E> {
  readonly push: (item: unknown) => void
  /** What came before is still delivered. */
  readonly end: (error: E | undefined) => void
  /** Everything that waits, or the end. */
  readonly take: Effect.Effect<readonly [unknown, ...Array<unknown>], E | Cause.Done>
  /** The reader is gone. */
  readonly close: () => void
}

export interface StreamBufferOptions<E> {
  readonly channel: Channel
  readonly limit: number
  readonly maxStall: Duration.Input
  /** The reader was too slow, with so many items waiting. */
  readonly overflow: (items: number) => E
}

// Where the socket cannot be held back, bursts are given this many times the bound.
const burst = 16

export const make = <E>(options: StreamBufferOptions<E>): StreamBuffer<E> => {
  const { channel, limit } = options
  const key = {}
  let items: Array<unknown> = []
  let ending: { readonly error: E | undefined } | undefined
  let signalled = false
  let closed = false
  let takes = 0

  const arrival = waiting.make(() => (items.length > 0 || ending !== undefined ? Effect.void : undefined))
  const wakeReader = {
    run: () => {
      signalled = false
      arrival.wake()
    }
  }

  // The reader goes on after the socket's callback, and once for all items of a turn.
  const signal = () => {
    if (signalled) return
    signalled = true
    runInMicrotask(wakeReader)
  }

  const end = (error: E | undefined) => {
    if (ending !== undefined || closed) return
    ending = { error }
    channel.release(key)
    signal()
  }

  const hold = () => {
    if (channel.canPause) {
      channel.hold(key)
      watchStall({
        fork: channel.options.owner.fork,
        maxStall: options.maxStall,
        isHolding: () => !closed && ending === undefined && items.length >= limit,
        done: () => takes,
        stalled: () => end(options.overflow(items.length))
      })
    }
  }

  const take = (): Effect.Effect<readonly [unknown, ...Array<unknown>], E | Cause.Done> => {
    takes++
    if (items.length > 0) {
      const taken = items as [unknown, ...Array<unknown>]
      items = []
      channel.release(key)
      return Effect.succeed(taken)
    }
    if (ending === undefined) return Effect.andThen(arrival.wait, Effect.suspend(take))
    return ending.error === undefined ? Cause.done() : Effect.fail(ending.error)
  }

  return {
    push: (item) => {
      if (closed || ending !== undefined) return
      items.push(item)
      if (items.length === limit) hold()
      if (!channel.canPause && items.length >= limit * burst) end(options.overflow(items.length))
      signal()
    },
    end,
    take: Effect.suspend(take),
    close: () => {
      closed = true
      items = []
      channel.release(key)
    }
  }
}
