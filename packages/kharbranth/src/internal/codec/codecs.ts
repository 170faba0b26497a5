/**
 * How codecs go through a batch of frames: stop at the first bad one, copy
 * nothing that need not be copied, catch what user functions throw.
 */
import * as Result from "effect/Result"
import type { BadFramePolicy, Batch, DecodeIssue, Decoder } from "../../Codec.ts"
import * as ConnectionError from "../../ConnectionError.ts"
import { type Frame, fromFrame, type Message } from "../../Message.ts"
import type { Control } from "../model/frame.ts"
import { fail } from "./decode.ts"
import { total } from "../kit/guard.ts"
import { Failure } from "../model/json.ts"

export const isText = (frame: Frame): frame is string => typeof frame === "string"
/** Text, be it a string yet or not. */
export const isLazyText = (frame: Frame): frame is string => !(frame instanceof Uint8Array)
export const isBytes = (frame: Frame): frame is Uint8Array => typeof frame !== "string"

export const oneByOne = <A>(decodeOne: (frame: Frame) => A | Failure, onBadFrame: BadFramePolicy): Decoder<A> => ({
  decode: (frames) => {
    let messages: Array<A> = []
    for (let index = 0; index < frames.length; index++) {
      const message = decodeOne(frames[index]!)
      if (message instanceof Failure) {
        return { messages, failure: { index, issue: message.issue, cause: message.cause } }
      }
      // A push to an empty array makes room for many, and often one is all there is.
      if (index === 0) messages = [message]
      else messages.push(message)
    }
    return { messages, failure: undefined }
  },
  onBadFrame
})

export const only = <A extends Frame>(is: (frame: Frame) => frame is A, issue: string): Decoder<A> => {
  const slow = oneByOne<A>((frame) => (is(frame) ? frame : new Failure(issue)), fail)
  return {
    // The very array that came in: the usual batch costs no copy.
    decode: (frames) => (frames.every(is) ? { messages: frames, failure: undefined } : slow.decode(frames)),
    onBadFrame: fail
  }
}

/** The same decoder, which wants text as it comes. */
export const lazy = <In>(decoder: Decoder<In>): Decoder<In> => ({ ...decoder, lazyText: true })

/** The function of a codec, which fails with `issue` where it threw. */
export const caught = <Args extends ReadonlyArray<unknown>, B>(f: (...args: Args) => B, issue: string) =>
  total(f, (cause) => new Failure(issue, cause))

/** Control frames are messages already. */
export const messageOf = (frame: Frame | Control): Message =>
  typeof frame === "object" && "_tag" in frame ? frame : fromFrame(frame)

export const yieldAll = <In>(
  decoder: Decoder<In>,
  frames: ReadonlyArray<Frame>
): ReadonlyArray<Result.Result<In, DecodeIssue>> => {
  const results: Array<Result.Result<In, DecodeIssue>> = []
  const take = (batch: Batch<In>): number => {
    for (const message of batch.messages) results.push(Result.succeed(message))
    if (batch.failure === undefined) return frames.length
    const { cause, index, issue } = batch.failure
    results.push(Result.fail({ _tag: "DecodeIssue", issue, cause: ConnectionError.foreign(cause) }))
    return index
  }
  // After the first bad frame one at a time: slicing the rest again and again
  // would make a batch of bad frames quadratic.
  const rest = frames.slice(take(decoder.decode(frames)) + 1)
  for (const frame of rest) take(decoder.decode([frame]))
  return results
}
