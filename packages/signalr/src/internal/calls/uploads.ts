/**
 * Uploads: an argument that is a stream gets an id, and its items follow the
 * call. The first upload loads the code that sends items.
 */
import * as HubMessages from "../../HubMessage.ts"
import type * as uploadItems from "./uploadItems.ts"

/**
 * Starts the uploads of a call and returns what stops them; its argument says
 * whether the server still has to be told.
 */
export const start: typeof uploadItems.start = (channel, ids, uploads, fork) => {
  if (uploads.length === 0) return () => {}
  let stopped: boolean | undefined
  let stop = (tell: boolean): void => {
    stopped = tell
  }
  const begin = (code: typeof uploadItems) => {
    if (!channel.usable) return
    stop = code.start(channel, ids, uploads, fork)
    if (stopped !== undefined) stop(stopped)
  }
  const giveUp = () => {
    if (stopped === false || !channel.usable) return
    const outcome = { _tag: "Error", error: "The client could not send the stream." } as const
    for (const id of ids) channel.send(HubMessages.completion(id, outcome))
  }
  void import("./uploadItems.ts").then(begin, giveUp)
  return (tell) => stop(tell)
}
