/**
 * Runs at most `handlerConcurrency` handlers at a time; the others wait in
 * order. When too many wait, the pool holds the socket back. If no handler ends
 * within `maxStall`, it lets the socket go again: the handlers may wait for an
 * answer that has not been read yet.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ProtocolViolation } from "../../HubError.ts"
import { runInMicrotask } from "../kit/microtask.ts"
import type { Channel } from "../channel/channel.ts"
import { watchStall } from "../kit/stall.ts"

/** What the pool needs to know of the connection's options. */
export interface PoolSettings {
  readonly handlerConcurrency: number
  readonly maxStall: Duration.Input
}

export interface HandlerPool {
  readonly run: (channel: Channel, handler: Effect.Effect<unknown>) => void
}

/** How many handlers may wait before the socket is held back. */
export const maxWaiting = 1_024
/** Where the socket cannot be held back, a burst may have this many times `maxWaiting`. */
const burst = 16

export const make = (options: PoolSettings, fork: (effect: Effect.Effect<unknown>) => void): HandlerPool => {
  const key = {}
  let waiting: Array<Effect.Effect<unknown>> = []
  let next = 0
  let running = 0
  let finished = 0
  let holding: Channel | undefined

  const release = () => {
    holding?.release(key)
    holding = undefined
  }

  const start = (handler: Effect.Effect<unknown>) => {
    running++
    fork(
      Effect.ensuring(
        handler,
        Effect.sync(() => {
          running--
          finished++
          runInMicrotask(proceed)
        })
      )
    )
  }

  const proceed = {
    run: () => {
      while (running < options.handlerConcurrency && next < waiting.length) start(waiting[next++]!)
      if (next > maxWaiting || next === waiting.length) {
        waiting = waiting.slice(next)
        next = 0
      }
      if (waiting.length - next <= maxWaiting / 2) release()
    }
  }

  const overflow = (channel: Channel) => {
    const { connection, protocol } = channel.options
    const issue = `it called faster than the handlers run; ${waiting.length - next} calls waited`
    channel.fail(new ProtocolViolation({ connection, protocol: protocol.name, issue }))
  }

  return {
    run: (channel, handler) => {
      if (running < options.handlerConcurrency && next === waiting.length) return start(handler)
      waiting.push(handler)
      if (waiting.length - next < maxWaiting) return
      if (waiting.length - next >= maxWaiting * burst) return overflow(channel)
      if (holding !== undefined || !channel.canPause) return
      holding = channel
      channel.hold(key)
      watchStall({
        fork,
        maxStall: options.maxStall,
        isHolding: () => holding !== undefined,
        done: () => finished,
        stalled: release
      })
    }
  }
}
