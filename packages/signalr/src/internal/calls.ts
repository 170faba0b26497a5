/**
 * Calls of the server: plain ones, those nobody answers, and streams, each with
 * uploads. Says what becomes of a call when the connection is down or lost: it
 * fails, waits, or is sent again, and it settles once.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { SplitArguments, ValueCodec } from "../HubCodec.ts"
import type { HubConnectionError, StreamError } from "../HubError.ts"
import * as HubError from "../HubError.ts"
import type { Outcome } from "../HubMessage.ts"
import * as HubMessages from "../HubMessage.ts"
import type { Channel } from "./channel.ts"
import type { Pending } from "./channelTypes.ts"
import type { PendingPolicy, Resolved } from "./hubOptions.ts"
import type { Acquire, Callee, Calls } from "./callTypes.ts"
import type { Attempt, Resume, Verdicts } from "./plainCall.ts"
import { PlainCall } from "./plainCall.ts"
import * as streamBuffer from "./streamBuffer.ts"
import * as uploads from "./uploads.ts"

type Take = streamBuffer.StreamBuffer<StreamError>["take"]

const identity: ValueCodec = { encode: (value) => Result.succeed(value), decode: (value) => Result.succeed(value) }

const none: ReadonlyArray<never> = []

// Without a contract, whatever is a stream is an upload.
const split = (args: ReadonlyArray<unknown>): SplitArguments =>
  args.some(Stream.isStream) ? separate(args) : { values: args, uploads: none }

const separate = (args: ReadonlyArray<unknown>): SplitArguments => ({
  values: args.filter((arg) => !Stream.isStream(arg)),
  uploads: args.filter(Stream.isStream).map((stream) => ({ stream, item: identity }))
})

const idsOf = (channel: Channel, { uploads }: SplitArguments): ReadonlyArray<string> =>
  uploads.length === 0 ? none : uploads.map(() => channel.pending.nextId())

export const make = (options: Resolved, fork: (effect: Effect.Effect<unknown>) => Fiber.Fiber<unknown>): Calls => {
  const { connection } = options

  const misfit = ({ name }: Callee, path: HubError.ErrorPath, issue: string) =>
    new HubError.ArgumentError({ connection, method: name, path, issue })

  const cancelled = ({ name }: Callee, sent: boolean, cause: HubConnectionError) =>
    new HubError.InvocationCancelled({ connection, method: name, sent, cause })

  const encode = (callee: Callee): Result.Result<SplitArguments, HubError.ArgumentError> =>
    callee.codec === undefined
      ? Result.succeed(split(callee.args))
      : Result.mapError(callee.codec.encodeArguments(callee.args), ({ issue, path }) => misfit(callee, path, issue))

  const policyOf = (callee: Callee): PendingPolicy => {
    const policy = callee.policy ?? options.pending
    // As the connection's default, replay means: where it is allowed.
    return policy === "replay" && !callee.idempotent ? "queue" : policy
  }

  const check = (callee: Callee, { uploads }: SplitArguments): HubError.ArgumentError | undefined => {
    if (callee.policy !== "replay") return undefined
    if (!callee.idempotent) return misfit(callee, [], "only a call that is declared idempotent may be replayed")
    return uploads.length === 0 ? undefined : misfit(callee, [], "a call with uploads cannot be replayed")
  }

  // The arguments as they go out, or what is wrong with them.
  const prepare = (callee: Callee): Result.Result<SplitArguments, HubError.ArgumentError> => {
    const args = encode(callee)
    if (Result.isFailure(args)) return args
    const problem = check(callee, args.success)
    return problem === undefined ? args : Result.fail(problem)
  }

  // A channel that can take the call now. One that ended while we waited for room is not one.
  const channelFor = (
    acquire: Acquire,
    callee: Callee,
    wait: boolean
  ): Effect.Effect<Channel, HubError.InvocationCancelled> =>
    acquire.acquire(wait).pipe(
      Effect.mapError((cause) => cancelled(callee, false, cause)),
      Effect.flatMap((channel) => Effect.as(channel.room, channel)),
      Effect.flatMap((channel) => (channel.usable ? Effect.succeed(channel) : channelFor(acquire, callee, wait)))
    )

  const withChannel = <A, E>(acquire: Acquire, callee: Callee, use: (channel: Channel) => Effect.Effect<A, E>) => {
    const now = acquire.ready()
    if (now !== undefined && !now.full) return use(now)
    return Effect.flatMap(channelFor(acquire, callee, policyOf(callee) !== "fail"), use)
  }

  const decodeResult = ({ codec, name }: Callee, part: "result" | "item", value: unknown) => {
    if (codec === undefined) return Result.succeed(value)
    return Result.mapError(
      codec.result.decode(value),
      ({ issue, path }) => new HubError.ResultError({ connection, method: name, part, path, issue })
    )
  }

  const conclude = (callee: Callee, outcome: Outcome): Effect.Effect<unknown, HubError.CallError> => {
    if (outcome._tag === "Error") {
      return Effect.fail(new HubError.HubMethodError({ connection, method: callee.name, error: outcome.error }))
    }
    const value = outcome._tag === "Value" ? outcome.value : undefined
    if (callee.codec === undefined) return Effect.succeed(value)
    const result = decodeResult(callee, "result", value)
    return Result.isSuccess(result) ? Effect.succeed(result.success) : Effect.fail(result.failure)
  }

  const unexpected = ({ name }: Callee) =>
    new HubError.ResultError({
      connection,
      method: name,
      part: "result",
      path: [],
      issue: "the server sent a stream's item where one result was expected"
    })

  const verdicts: Verdicts = {
    done: ({ callee }, outcome) => conclude(callee, outcome),
    lost: (attempt, cause) =>
      attempt.replays > 0
        ? Effect.callback((resume) => begin({ ...attempt, replays: attempt.replays - 1 }, resume))
        : Effect.fail(cancelled(attempt.callee, true, cause)),
    unexpected: ({ callee }) => Effect.fail(unexpected(callee))
  }

  const call = (attempt: Attempt, channel: Channel, resume: Resume): Effect.Effect<void> | void => {
    const { args, callee } = attempt
    const streamIds = idsOf(channel, args)
    const invocationId = channel.pending.nextId()
    const waiting = new PlainCall(channel, invocationId, attempt, verdicts, resume)
    const problem = channel.send({
      _tag: "Invocation",
      target: callee.name,
      arguments: args.values,
      invocationId,
      streamIds,
      headers: undefined
    })
    if (problem !== undefined) {
      waiting.leave(false)
      return resume(Effect.fail(misfit(callee, [], problem.issue)))
    }
    if (streamIds.length > 0) waiting.stop = uploads.start(channel, streamIds, args.uploads, fork)
    return waiting.cancel
  }

  // Runs at once where nothing stands in the way: most calls are one step.
  const begin = (attempt: Attempt, resume: Resume): Effect.Effect<void> | void => {
    const { acquire, callee } = attempt
    const now = acquire.ready()
    if (now !== undefined && !now.full) return call(attempt, now, resume)
    const channel = channelFor(acquire, callee, policyOf(callee) !== "fail")
    resume(Effect.flatMap(channel, (channel) => Effect.callback((resume) => call(attempt, channel, resume))))
  }

  const invoke: Calls["invoke"] = (acquire, callee) =>
    Effect.callback((resume) => {
      const args = prepare(callee)
      if (Result.isFailure(args)) return resume(Effect.fail(args.failure))
      const replays = policyOf(callee) === "replay" && args.success.uploads.length === 0 ? options.maxReplays : 0
      return begin({ acquire, callee, args: args.success, replays }, resume)
    })

  const send: Calls["send"] = (acquire, callee) =>
    Effect.suspend(() => {
      const args = prepare(callee)
      if (Result.isFailure(args)) return Effect.fail(args.failure)
      return withChannel(acquire, callee, (channel): Effect.Effect<void, HubError.CallError> => {
        const streamIds = idsOf(channel, args.success)
        const problem = channel.send(
          HubMessages.invocation({ target: callee.name, arguments: args.success.values, streamIds })
        )
        if (problem !== undefined) return Effect.fail(misfit(callee, [], problem.issue))
        uploads.start(channel, streamIds, args.success.uploads, fork)
        return Effect.void
      })
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
          maxStall: Effect.sleep(options.maxStall),
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
        const pending: Pending = {
          id,
          item: buffer.push,
          done: (outcome) =>
            finish(
              outcome._tag === "Error"
                ? new HubError.HubMethodError({ connection, method: callee.name, error: outcome.error })
                : undefined
            ),
          lost: (cause) => finish(cancelled(callee, true, cause))
        }
        channel.pending.add(pending)
        const message = { target: callee.name, arguments: args.values, invocationId: id, streamIds }
        const problem = channel.send(HubMessages.streamInvocation(message))
        if (problem !== undefined) {
          channel.pending.remove(pending)
          return Effect.fail(misfit(callee, [], problem.issue))
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

  // By the array; the good items before a bad one are still delivered.
  const decodeItems = (callee: Callee, take: Take): Take => {
    let failed: HubError.ResultError | undefined
    const decodeAll = (items: readonly [unknown, ...Array<unknown>]) => {
      const good: Array<unknown> = []
      for (const item of items) {
        const decoded = decodeResult(callee, "item", item)
        if (Result.isFailure(decoded)) {
          failed = decoded.failure
          break
        }
        good.push(decoded.success)
      }
      return Arr.isArrayNonEmpty(good) ? Effect.succeed(good) : Effect.fail(failed!)
    }
    return Effect.suspend(() => (failed === undefined ? Effect.flatMap(take, decodeAll) : Effect.fail(failed)))
  }

  const streamOnce = (acquire: Acquire, callee: Callee): Stream.Stream<unknown, StreamError> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const args = yield* Effect.fromResult(encode(callee))
        const channel = yield* channelFor(acquire, callee, policyOf(callee) !== "fail")
        const { buffer } = yield* startStream(callee, args, channel)
        return Stream.fromPull(
          Effect.succeed(callee.codec === undefined ? buffer.take : decodeItems(callee, buffer.take))
        )
      })
    )

  const stream: Calls["stream"] = (acquire, callee) => {
    const { resume } = callee
    if (resume === undefined) return streamOnce(acquire, callee)
    let received = 0
    let last: unknown
    const run = (args: ReadonlyArray<unknown>): Stream.Stream<unknown, StreamError> =>
      streamOnce(acquire, { ...callee, args, policy: "queue" }).pipe(
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
