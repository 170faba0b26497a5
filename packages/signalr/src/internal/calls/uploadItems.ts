/** Sends the items of uploaded streams and how each stream ended. Loaded by the first upload. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Outcome } from "../../HubMessage.ts"
import * as HubMessages from "../../HubMessage.ts"
import type { Channel } from "../channel/channel.ts"
import { errorText } from "../kit/cause.ts"
import { isUploadable, type Upload } from "./uploadable.ts"

class UploadMisfit extends /* @__PURE__ */ Data.TaggedError("UploadMisfit")<{ readonly issue: string }> {
  override get message(): string {
    return `an uploaded item does not fit: ${this.issue}`
  }
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return HubMessages.nothing
  return {
    _tag: "Error",
    error: Cause.hasInterruptsOnly(exit.cause) ? "The client cancelled the stream." : errorText(exit.cause)
  }
}

const sendItem = (channel: Channel, id: string, { item }: Upload, value: unknown): UploadMisfit | undefined => {
  const encoded = item.encode(value)
  if (Result.isFailure(encoded)) return new UploadMisfit(encoded.failure)
  const problem = channel.send(HubMessages.streamItem(id, encoded.success))
  return problem === undefined ? undefined : new UploadMisfit(problem)
}

const one = (channel: Channel, id: string, upload: Upload, wanted: () => boolean) => {
  const { stream } = upload
  return (isUploadable(stream) ? stream : Stream.fail(new UploadMisfit({ issue: "it is no stream" }))).pipe(
    Stream.runForEachArray((items) => {
      for (const value of items) {
        if (!channel.usable || !wanted()) return Effect.interrupt
        const problem = sendItem(channel, id, upload, value)
        if (problem !== undefined) return Effect.fail(problem)
      }
      return channel.room
    }),
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (channel.usable && wanted()) channel.send(HubMessages.completion(id, outcomeOf(exit)))
      })
    ),
    Effect.exit
  )
}

/**
 * Starts the uploads of one call. They stop when the server has finished the
 * call, when the connection is lost, and when the caller gives up.
 */
export const start = (
  channel: Channel,
  ids: ReadonlyArray<string>,
  uploads: ReadonlyArray<Upload>,
  fork: (effect: Effect.Effect<unknown>) => Fiber.Fiber<unknown>
): ((tell: boolean) => void) => {
  let wanted = true
  const all = Effect.forEach(uploads, (upload, index) => one(channel, ids[index]!, upload, () => wanted), {
    concurrency: "unbounded",
    discard: true
  })
  const stopNow = () => stop(false)
  const fiber = fork(
    Effect.ensuring(
      all,
      Effect.sync(() => channel.stops.delete(stopNow))
    )
  )
  const stop = (tell: boolean) => {
    wanted = wanted && tell
    fiber.interruptUnsafe()
  }
  channel.stops.add(stopNow)
  return stop
}
