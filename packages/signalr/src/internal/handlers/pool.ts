/**
 * Runs handlers, so many at a time; the rest waits in order. When too many
 * wait, the socket is held back; if none of those that run ends meanwhile, it is
 * let go for a moment, because they may be waiting for an answer behind it.
 */
import * as Effect from "effect/Effect"
import { ProtocolViolation } from "../../HubError.ts"
import { runInMicrotask } from "../kit/microtask.ts"
import type { Channel } from "../channel/channel.ts"
import type { Resolved } from "../connection/options.ts"
import { watchStall } from "../kit/stall.ts"

export interface HandlerPool {
  readonly run: (channel: Channel, handler: Effect.Effect<unknown>) => void
}

/** So many may wait before the socket is held back. */
export const most = 1_024
/** Where it cannot be held back, bursts are given this many times the bound. */
const burst = 16

export const make = (
  options: Pick<Resolved, "handlerConcurrency" | "maxStall">,
  fork: (effect: Effect.Effect<unknown>) => void
): HandlerPool => {
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
      if (next > most || next === waiting.length) {
        waiting = waiting.slice(next)
        next = 0
      }
      if (waiting.length - next <= most / 2) release()
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
      if (waiting.length - next < most) return
      if (waiting.length - next >= most * burst) return overflow(channel)
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
