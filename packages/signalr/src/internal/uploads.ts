/**
 * Streams that we send: each argument that is a stream gets an id, and its
 * items follow the call. They stop when the server has finished the call, when
 * the connection is lost, and when the caller gives up.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { SplitArguments } from "../HubCodec.ts"
import type { Outcome } from "../HubMessage.ts"
import * as HubMessages from "../HubMessage.ts"
import type { Channel } from "./channel.ts"

export type Upload = SplitArguments["uploads"][number]

const unsent: Outcome = { _tag: "Error", error: "The client could not send the stream." }

/**
 * Starts the uploads of a call. The way to stop them takes whether the server
 * still has to be told. Each is ended once, also one that is stopped, or fails,
 * while the code for it is still on its way.
 */
export const start = (
  channel: Channel,
  ids: ReadonlyArray<string>,
  uploads: ReadonlyArray<Upload>,
  fork: (effect: Effect.Effect<unknown>) => Fiber.Fiber<unknown>
): ((tell: boolean) => void) => {
  if (uploads.length === 0) return () => {}
  const open = new Set(ids)
  let wanted = true
  const finish = (id: string, outcome: Outcome) => {
    if (open.delete(id) && wanted && channel.usable) channel.send(HubMessages.completion(id, outcome))
  }
  const stopNow = () => stop(false)
  const fiber = fork(
    Effect.tryPromise(() => import("./uploadItems.ts")).pipe(
      Effect.flatMap(({ sendAll }) =>
        Effect.forEach(
          uploads,
          (upload, index) => {
            const id = ids[index]!
            return sendAll(
              channel,
              id,
              upload,
              () => wanted,
              (outcome) => finish(id, outcome)
            )
          },
          { concurrency: "unbounded", discard: true }
        )
      ),
      Effect.exit,
      Effect.ensuring(
        Effect.sync(() => {
          for (const id of open) finish(id, unsent)
          channel.stops.delete(stopNow)
        })
      )
    )
  )
  const stop = (tell: boolean) => {
    wanted = wanted && tell
    fiber.interruptUnsafe()
  }
  channel.stops.add(stopNow)
  return stop
}
