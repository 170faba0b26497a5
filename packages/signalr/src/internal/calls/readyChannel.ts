/**
 * Whether there is a hub to talk to, and who waits for one: calls made while
 * the connection is down fail at once or wait in order, within bounds.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { HubConnectionError } from "../../HubError.ts"
import type { Channel } from "../channel/channel.ts"
import type { Resolved } from "../connection/options.ts"

export interface Gatekeeper {
  /** The channel that calls go to now. */
  readonly ready: () => Channel | undefined
  readonly acquire: (wait: boolean) => Effect.Effect<Channel, HubConnectionError>
  /** A channel is ready: whoever waits may go, in order. */
  readonly open: (channel: Channel) => void
  /** There will be none: whoever waits fails. */
  readonly refuse: (cause: HubConnectionError) => void
}

type Waiter = (outcome: Effect.Effect<Channel, HubConnectionError>) => void

export const make = (
  options: Pick<Resolved, "connection" | "queueTimeout" | "maxQueued">,
  state: () => string
): Gatekeeper => {
  const { connection, queueTimeout } = options
  let channel: Channel | undefined
  let waiting: Array<Waiter> = []
  const down = () => new ConnectionError.NotConnected({ connection, state: state() })
  const ready = () => (channel?.usable === true ? channel : undefined)

  const answer: Waiter = (outcome) => {
    const answered = waiting
    waiting = []
    for (const resume of answered) resume(outcome)
  }

  const queued = Effect.callback<Channel, HubConnectionError>((resume) => {
    waiting.push(resume)
    return Effect.sync(() => {
      waiting = waiting.filter((other) => other !== resume)
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: queueTimeout,
      orElse: () =>
        Effect.fail(new ConnectionError.SendExpired({ connection, ttl: Duration.fromInputUnsafe(queueTimeout) }))
    })
  )

  return {
    ready,
    acquire: (wait) =>
      Effect.suspend((): Effect.Effect<Channel, HubConnectionError> => {
        const now = ready()
        if (now !== undefined) return Effect.succeed(now)
        if (!wait) return Effect.fail(down())
        return waiting.length < options.maxQueued
          ? queued
          : Effect.fail(new ConnectionError.OutboxFull({ connection, messages: waiting.length, bytes: 0 }))
      }),
    open: (next) => {
      channel = next
      answer(Effect.succeed(next))
    },
    refuse: (cause) => answer(Effect.fail(cause))
  }
}
