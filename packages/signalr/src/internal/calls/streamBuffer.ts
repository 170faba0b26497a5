/**
 * Where the items of one stream wait for their reader. Bounded: past the bound
 * the socket is held back, and a reader that takes nothing for too long, or one
 * on a platform that cannot hold back, loses its stream and not the connection.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { runInMicrotask } from "../kit/microtask.ts"
import type { Channel } from "../channel/channel.ts"
import { watchStall } from "../kit/stall.ts"

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
  let wake: (() => void) | undefined
  let closed = false
  let takes = 0

  const signal = () => {
    if (wake === undefined) return
    const resume = wake
    wake = undefined
    runInMicrotask({ run: resume })
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
    if (ending === undefined) return Effect.andThen(arrival, Effect.suspend(take))
    return ending.error === undefined ? Cause.done() : Effect.fail(ending.error)
  }

  const arrival = Effect.callback<void>((resume) => {
    if (items.length > 0 || ending !== undefined) return resume(Effect.void)
    wake = () => resume(Effect.void)
    return Effect.sync(() => {
      wake = undefined
    })
  })

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
