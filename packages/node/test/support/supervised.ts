/**
 * A supervised connection over the real transport, with everything it reports
 * on record, so that a test can wait for an event and say when it came.
 */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

export type Text = Connection.Connection<string, string>

export const every = 400
export const timeout = 400
export const retryDelay = 200

export const heartbeat = Heartbeat.ping({ every, timeout })

/** Retries whatever happens, at a fixed pace, so that tests can say how long a return takes. */
export const steady = Reconnect.make({
  schedule: Schedule.spaced(retryDelay),
  stableAfter: 100,
  classify: () => Reconnect.retry
})

export type Options = Partial<Omit<Connection.Options<typeof Codec.text, string, never>, "target" | "codec">>

export const connect = (url: string, options: Options = {}) =>
  Connection.make("test", {
    heartbeat,
    reconnect: steady,
    dialTimeout: 400,
    ...options,
    target: url,
    codec: Codec.text
  }).pipe(Effect.provide(NodeTransport.layerWith({ proxy: false })))

export interface Noted {
  readonly at: number
  readonly event: ConnectionEvent
}

export interface Log {
  readonly all: ReadonlyArray<Noted>
  readonly of: <Tag extends ConnectionEvent["_tag"]>(tag: Tag) => ReadonlyArray<Extract<ConnectionEvent, { _tag: Tag }>>
  /** The first event that matches, past or to come, with its time. */
  readonly first: (matches: (event: ConnectionEvent) => boolean, since?: number) => Effect.Effect<Noted>
}

/** Writes down every event of a connection, from now on. */
export const record = Effect.fnUntraced(function* (connection: Pick<Text, "events">) {
  const all: Array<Noted> = []
  const waiting = new Set<() => void>()
  const note = (event: ConnectionEvent) =>
    Effect.sync(() => {
      all.push({ at: Date.now(), event })
      for (const check of waiting) check()
    })
  yield* Effect.forkScoped(Stream.runForEach(connection.events, note), { startImmediately: true })
  return {
    all,
    of: <Tag extends ConnectionEvent["_tag"]>(tag: Tag) =>
      all.flatMap(({ event }) => (event._tag === tag ? [event as Extract<ConnectionEvent, { _tag: Tag }>] : [])),
    first: (matches, since = 0) =>
      Effect.callback((resume) => {
        const check = (): void => {
          const found = all.find(({ at, event }) => at >= since && matches(event))
          if (found === undefined) return
          waiting.delete(check)
          resume(Effect.succeed(found))
        }
        waiting.add(check)
        check()
        return Effect.sync(() => waiting.delete(check))
      })
  } satisfies Log
})

export const isReady = (event: ConnectionEvent): boolean => event._tag === "GatePassed" && event.gate === "Ready"

export const hasEnded = (event: ConnectionEvent): boolean => event._tag === "SessionEnded"
