/**
 * Calls of the server's methods: with one answer, with none, and with a stream
 * of answers, each with uploads. Decides what becomes of a call when the
 * connection is down or lost: it fails, waits, or is sent again. Each call
 * settles once.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Fault, SplitArguments, ValueCodec } from "../../HubCodec.ts"
import type { CallError, HubConnectionError, StreamError } from "../../HubError.ts"
import * as HubError from "../../HubError.ts"
import type { Outcome } from "../../HubMessage.ts"
import * as HubMessages from "../../HubMessage.ts"
import type { Channel } from "../channel/channel.ts"
import type { PendingCall } from "../channel/pendingCalls.ts"
import type { Callee, PendingPolicy } from "./callee.ts"
import type { Attempt, Resume, CallResults } from "./plainCall.ts"
import { PlainCall } from "./plainCall.ts"
import * as streamBuffer from "./streamBuffer.ts"
import type { ChannelSource } from "./readyChannel.ts"
import { isUploadable } from "./uploadable.ts"
import * as uploads from "./uploads.ts"

/** What calls need to know of the connection's options. */
export interface CallSettings {
  readonly connection: string
  /** The policy of calls that name none. */
  readonly pending: PendingPolicy
  readonly maxReplays: number
  readonly streamBuffer: number
  readonly maxStall: Duration.Input
}

export interface Calls {
  readonly invoke: (source: ChannelSource, callee: Callee) => Effect.Effect<unknown, CallError>
  readonly send: (source: ChannelSource, callee: Callee) => Effect.Effect<void, CallError>
  readonly stream: (source: ChannelSource, callee: Callee) => Stream.Stream<unknown, StreamError>
}

const identity: ValueCodec = { encode: (value) => Result.succeed(value), decode: (value) => Result.succeed(value) }

const none: ReadonlyArray<never> = []

// Without a contract, whatever is a stream is an upload.
const split = (args: ReadonlyArray<unknown>): SplitArguments =>
  args.some(isUploadable) ? separate(args) : { values: args, uploads: none }

const separate = (args: ReadonlyArray<unknown>): SplitArguments => ({
  values: args.filter((arg) => !isUploadable(arg)),
  uploads: args.filter(isUploadable).map((stream) => ({ stream, item: identity }))
})

const idsOf = (channel: Channel, { uploads }: SplitArguments): ReadonlyArray<string> =>
  uploads.length === 0 ? none : uploads.map(() => channel.pending.nextId())

const fieldsOf = ({ name }: Callee, { values }: SplitArguments, streamIds: ReadonlyArray<string>) => ({
  target: name,
  arguments: values,
  streamIds,
  headers: undefined
})

export const make = (options: CallSettings, fork: (effect: Effect.Effect<unknown>) => Fiber.Fiber<unknown>): Calls => {
  const { connection } = options

  const argumentError = ({ name }: Callee, path: HubError.ErrorPath, issue: string) =>
    new HubError.ArgumentError({ connection, method: name, path, issue })

  const cancelled = ({ name }: Callee, sent: boolean, cause: HubConnectionError) =>
    new HubError.InvocationCancelled({ connection, method: name, sent, cause })

  const policyOf = (callee: Callee): PendingPolicy => {
    const policy = callee.policy ?? options.pending
    // As the connection's default, replay means: where it is allowed.
    return policy === "replay" && !callee.idempotent ? "queue" : policy
  }

  // The arguments as they go out, or what is wrong with them.
  const prepare = (callee: Callee): Result.Result<SplitArguments, HubError.ArgumentError> => {
    const args = callee.codec?.encodeArguments(callee.args) ?? Result.succeed(split(callee.args))
    if (Result.isFailure(args)) return Result.fail(argumentError(callee, args.failure.path, args.failure.issue))
    if (callee.policy !== "replay") return Result.succeed(args.success)
    if (!callee.idempotent) {
      return Result.fail(argumentError(callee, [], "only a call that is declared idempotent may be replayed"))
    }
    return args.success.uploads.length === 0
      ? Result.succeed(args.success)
      : Result.fail(argumentError(callee, [], "a call with uploads cannot be replayed"))
  }

  // A channel that can take the call at once.
  const channelNow = ({ ready }: ChannelSource): Channel | undefined => {
    const channel = ready()
    return channel?.full === false ? channel : undefined
  }

  // A channel that can take the call. One that ended while we waited for room is not one.
  const channelFor = (source: ChannelSource, callee: Callee): Effect.Effect<Channel, HubError.InvocationCancelled> =>
    source.acquire(policyOf(callee) !== "fail").pipe(
      Effect.mapError((cause) => cancelled(callee, false, cause)),
      Effect.flatMap((channel) => Effect.as(channel.room, channel)),
      Effect.flatMap((channel) => (channel.usable ? Effect.succeed(channel) : channelFor(source, callee)))
    )

  const resultError = ({ name }: Callee, part: "result" | "item", path: HubError.ErrorPath, issue: string) =>
    new HubError.ResultError({ connection, method: name, part, path, issue })

  const methodError = ({ name }: Callee, error: string) =>
    new HubError.HubMethodError({ connection, method: name, error })

  const conclude = (callee: Callee, outcome: Outcome): Effect.Effect<unknown, HubError.CallError> => {
    if (outcome._tag === "Error") return Effect.fail(methodError(callee, outcome.error))
    const value = outcome._tag === "Value" ? outcome.value : undefined
    const result = callee.codec?.result.decode(value) ?? Result.succeed(value)
    return Result.isSuccess(result)
      ? Effect.succeed(result.success)
      : Effect.fail(resultError(callee, "result", result.failure.path, result.failure.issue))
  }

  const results: CallResults = {
    done: ({ callee }, outcome) => conclude(callee, outcome),
    lost: (attempt, cause) =>
      attempt.replays > 0
        ? Effect.callback((resume) => begin({ ...attempt, replays: attempt.replays - 1 }, resume))
        : Effect.fail(cancelled(attempt.callee, true, cause)),
    unexpected: ({ callee }) =>
      Effect.fail(resultError(callee, "result", [], "the server sent a stream's item where one result was expected"))
  }

  const call = (attempt: Attempt, channel: Channel, resume: Resume): Effect.Effect<void> | void => {
    const { args, callee } = attempt
    const streamIds = idsOf(channel, args)
    const invocationId = channel.pending.nextId()
    const pending = new PlainCall(channel, invocationId, attempt, results, resume)
    const problem = channel.send({ _tag: "Invocation", invocationId, ...fieldsOf(callee, args, streamIds) })
    if (problem !== undefined) {
      pending.leave(false)
      return resume(Effect.fail(argumentError(callee, [], problem.issue)))
    }
    if (streamIds.length > 0) pending.stopWith(uploads.start(channel, streamIds, args.uploads, fork))
    return pending.cancel
  }

  // Runs at once where nothing stands in the way: most calls are one step.
  const begin = (attempt: Attempt, resume: Resume): Effect.Effect<void> | void => {
    const { callee, source } = attempt
    const now = channelNow(source)
    if (now !== undefined) return call(attempt, now, resume)
    resume(
      Effect.flatMap(channelFor(source, callee), (channel) =>
        Effect.callback((resume) => call(attempt, channel, resume))
      )
    )
  }

  const invoke: Calls["invoke"] = (source, callee) =>
    Effect.callback((resume) => {
      const args = prepare(callee)
      if (Result.isFailure(args)) return resume(Effect.fail(args.failure))
      const replays = policyOf(callee) === "replay" && args.success.uploads.length === 0 ? options.maxReplays : 0
      return begin({ source, callee, args: args.success, replays }, resume)
    })

  const send: Calls["send"] = (source, callee) =>
    Effect.suspend(() => {
      const args = prepare(callee)
      if (Result.isFailure(args)) return Effect.fail(args.failure)
      const on = (channel: Channel): Effect.Effect<void, HubError.CallError> => {
        const streamIds = idsOf(channel, args.success)
        const fields = fieldsOf(callee, args.success, streamIds)
        const problem = channel.send({ _tag: "Invocation", invocationId: undefined, ...fields })
        if (problem !== undefined) return Effect.fail(argumentError(callee, [], problem.issue))
        uploads.start(channel, streamIds, args.success.uploads, fork)
        return Effect.void
      }
      const now = channelNow(source)
      return now === undefined ? Effect.flatMap(channelFor(source, callee), on) : on(now)
    })

  const startStream = (callee: Callee, args: SplitArguments, channel: Channel) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const streamIds = idsOf(channel, args)
        const id = channel.pending.nextId()
        let stop = (_tell: boolean) => {}
        const buffer = streamBuffer.make<StreamError>({
          channel,
          limit: options.streamBuffer,
          maxStall: options.maxStall,
          overflow: (items) => {
            leave()
            return new HubError.StreamOverflow({ connection, method: callee.name, items })
          }
        })
        const leave = () => {
          if (!channel.pending.remove(pending)) return
          stop(true)
          if (channel.usable) channel.send(HubMessages.cancelInvocation(id))
        }
        const finish = (error: StreamError | undefined) => {
          if (!channel.pending.remove(pending)) return
          stop(false)
          buffer.end(error)
        }
        const pending: PendingCall = {
          id,
          item: buffer.push,
          done: (outcome) => finish(outcome._tag === "Error" ? methodError(callee, outcome.error) : undefined),
          lost: (cause) => finish(cancelled(callee, true, cause))
        }
        channel.pending.add(pending)
        const fields = fieldsOf(callee, args, streamIds)
        const problem = channel.send({ _tag: "StreamInvocation", invocationId: id, ...fields })
        if (problem !== undefined) {
          channel.pending.remove(pending)
          return Effect.fail(argumentError(callee, [], problem.issue))
        }
        stop = uploads.start(channel, streamIds, args.uploads, fork)
        const cancel = () => {
          buffer.close()
          leave()
        }
        return Effect.succeed({ buffer, cancel })
      }),
      ({ cancel }) => Effect.sync(cancel)
    )

  const streamOnce = (source: ChannelSource, callee: Callee): Stream.Stream<unknown, StreamError> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const args = yield* Effect.fromResult(prepare(callee))
        const channel = yield* channelFor(source, callee)
        const { buffer } = yield* startStream(callee, args, channel)
        const toError = ({ issue, path }: Fault) => resultError(callee, "item", path, issue)
        return Stream.fromPull(Effect.succeed(callee.codec?.items(buffer.take, toError) ?? buffer.take))
      })
    )

  const stream: Calls["stream"] = (source, callee) => {
    const { resume } = callee
    if (resume === undefined) return streamOnce(source, callee)
    let received = 0
    let last: unknown
    const run = (args: ReadonlyArray<unknown>): Stream.Stream<unknown, StreamError> =>
      streamOnce(source, { ...callee, args, policy: "queue" }).pipe(
        Stream.map((item) => {
          received++
          return (last = item)
        }),
        Stream.catchTag("InvocationCancelled", (error): Stream.Stream<unknown, StreamError> => {
          const next = error.sent ? resume(received, last, error.cause) : undefined
          return next === undefined ? Stream.fail(error) : run(next)
        })
      )
    return Stream.suspend(() => {
      received = 0
      return run(callee.args)
    })
  }

  return { invoke, send, stream }
}
