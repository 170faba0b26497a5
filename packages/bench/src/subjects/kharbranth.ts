/**
 * The connection under test: supervised, with the default heartbeat, over the
 * transport for Node.
 */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type * as Heartbeat from "kharbranth/Heartbeat"
import * as Recorder from "kharbranth/Recorder"
import type * as Reconnect from "kharbranth/Reconnect"
import type { Transport } from "kharbranth/Transport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export type Text = Connection.Connection<string, string>

export interface Tuning {
  readonly heartbeat?: Heartbeat.Heartbeat | undefined
  readonly reconnect?: Reconnect.Reconnect | undefined
  readonly highWaterMark?: number | undefined
  readonly outboxBytes?: number | undefined
  readonly maxMessageSize?: number | undefined
}

export const transport = NodeTransport.layerWith({ proxy: false })

export const connect = (url: string, tuning: Tuning = {}, name = "bench") =>
  Connection.make(name, {
    target: url,
    codec: Codec.text,
    heartbeat: tuning.heartbeat,
    reconnect: tuning.reconnect,
    inbox: tuning.highWaterMark === undefined ? undefined : { highWaterMark: tuning.highWaterMark },
    maxMessageSize: tuning.maxMessageSize
  })

/** The same connection, with text as it comes. */
export const connectLazily = (url: string) => Connection.make("bench", { target: url, codec: Codec.lazyText })

/** The same program with a flight recorder on. */
export const runRecorded = <A, E>(program: Effect.Effect<A, E, Scope.Scope | Transport>): Promise<A> =>
  run(Effect.provide(program, Recorder.layer()))

export const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope | Transport>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.provide(program, transport)))
