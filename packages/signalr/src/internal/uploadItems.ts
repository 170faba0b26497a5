/**
 * Sends what streams give, item by item, and how each of them ended. Loaded
 * by those who upload.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Outcome } from "../HubMessage.ts"
import * as HubMessages from "../HubMessage.ts"
import type { Channel } from "./channel.ts"
import type { Upload } from "./uploads.ts"

class Misfit extends Data.TaggedError("Misfit")<{ readonly issue: string }> {
  override get message(): string {
    return `an uploaded item does not fit: ${this.issue}`
  }
}

const textOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return HubMessages.nothing
  return {
    _tag: "Error",
    error: Cause.hasInterruptsOnly(exit.cause) ? "The client cancelled the stream." : textOf(exit.cause)
  }
}

const sendItem = (channel: Channel, id: string, { item }: Upload, value: unknown): Misfit | undefined => {
  const encoded = item.encode(value)
  if (Result.isFailure(encoded)) return new Misfit(encoded.failure)
  const problem = channel.send(HubMessages.streamItem(id, encoded.success))
  return problem === undefined ? undefined : new Misfit(problem)
}

// What a stream needs was given to it where it was made.
const streamOf = ({ stream }: Upload): Stream.Stream<unknown, unknown> =>
  Stream.isStream(stream)
    ? (stream as Stream.Stream<unknown, unknown>)
    : Stream.fail(new Misfit({ issue: "it is no stream" }))

/** Sends all items of one stream; `finish` is told how it ended. */
export const sendAll = (
  channel: Channel,
  id: string,
  upload: Upload,
  wanted: () => boolean,
  finish: (outcome: Outcome) => void
) =>
  streamOf(upload).pipe(
    Stream.runForEachArray((items) => {
      for (const value of items) {
        if (!channel.usable || !wanted()) return Effect.interrupt
        const problem = sendItem(channel, id, upload, value)
        if (problem !== undefined) return Effect.fail(problem)
      }
      return channel.room
    }),
    Effect.onExit((exit) => Effect.sync(() => finish(outcomeOf(exit)))),
    Effect.exit
  )
