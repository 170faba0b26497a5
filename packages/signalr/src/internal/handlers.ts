/**
 * What the server calls on us: handlers by name, several for each, and the one
 * answer where the server waits for it. A handler that fails is contained: the
 * server gets its words if it asked, and the connection lives.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { Invocation, Outcome } from "../HubMessage.ts"
import * as HubMessages from "../HubMessage.ts"
import type { CallCodec } from "../HubCodec.ts"
import type { Channel } from "./channel.ts"
import type { HandlerPool } from "./handlerPool.ts"

export interface Registration {
  /** What tells one handler from another: the same function is run once, however often it was given. */
  readonly key: unknown
  readonly codec: CallCodec | undefined
  readonly run: (args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>
}

export interface Handlers {
  /** Adds a handler; gives the way to take it off again. */
  readonly add: (name: string, registration: Registration) => () => void
  readonly dispatch: (channel: Channel, message: Invocation) => void
}

class Misfit extends Data.TaggedError("Misfit")<{ readonly part: "arguments" | "answer" }> {
  override get message(): string {
    return `The client's contract does not fit: wrong ${this.part}.`
  }
}

interface Entry {
  readonly registration: Registration
  uses: number
}

const textOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

const failure = (error: string): Outcome => ({ _tag: "Error", error })

// The server waits for exactly one result; what came last stands, unless there were two.
const answerOf = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>): Outcome => {
  const values = exits
    .filter(Exit.isSuccess)
    .map((exit) => exit.value)
    .filter((value) => value !== undefined)
  if (values.length > 1) return failure("Client provided multiple results.")
  const last = exits.at(-1)
  if (last !== undefined && Exit.isFailure(last)) return failure(textOf(last.cause))
  return values.length === 1 ? { _tag: "Value", value: values[0] } : failure("Client didn't provide a result.")
}

const run = ({ codec, run }: Registration, values: ReadonlyArray<unknown>) =>
  Effect.suspend(() => {
    if (codec === undefined) return run(values)
    const args = codec.decodeArguments(values)
    if (Result.isFailure(args)) return Effect.fail(new Misfit({ part: "arguments" }))
    return Effect.flatMap(run(args.success), (value) => {
      if (value === undefined) return Effect.undefined
      const encoded = codec.result.encode(value)
      return Result.isSuccess(encoded) ? Effect.succeed(encoded.success) : Effect.fail(new Misfit({ part: "answer" }))
    })
  })

export const make = (options: {
  readonly connection: string
  readonly fork: (effect: Effect.Effect<unknown>) => void
  readonly pool: HandlerPool
}): Handlers => {
  // Lists are replaced, never changed: a round that runs keeps its own.
  const byName = new Map<string, ReadonlyArray<Entry>>()
  const label = `Hub "${options.connection}"`

  const answer = (channel: Channel, invocationId: string, outcome: Outcome) => {
    // The connection may be gone by now: then nobody waits for it any more.
    if (!channel.usable) return
    const problem = channel.send(HubMessages.completion(invocationId, outcome))
    if (problem !== undefined) channel.send(HubMessages.completion(invocationId, failure(problem.issue)))
  }

  const tell = (name: string, exit: Exit.Exit<unknown, unknown>) => {
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
      return Effect.logWarning(`${label}: a handler of ${name} failed.`)
    }
    return Exit.isSuccess(exit) && exit.value !== undefined
      ? Effect.logDebug(`${label}: a handler of ${name} gave a result that the server did not ask for.`)
      : Effect.void
  }

  const notify = (entries: ReadonlyArray<Entry>, channel: Channel, { arguments: args, target }: Invocation) => {
    for (const { registration } of entries) {
      options.pool.run(
        channel,
        Effect.flatMap(Effect.exit(run(registration, args)), (exit) => tell(target, exit))
      )
    }
  }

  const ask = (entries: ReadonlyArray<Entry>, channel: Channel, message: Invocation, invocationId: string) =>
    Effect.forEach(entries, ({ registration }) => Effect.exit(run(registration, message.arguments))).pipe(
      Effect.map((exits) => answer(channel, invocationId, answerOf(exits)))
    )

  return {
    add: (name, registration) => {
      const key = name.toLowerCase()
      const entries = byName.get(key) ?? []
      const known = entries.find((entry) => entry.registration.key === registration.key)
      const entry: Entry = known ?? { registration, uses: 0 }
      entry.uses++
      if (known === undefined) byName.set(key, [...entries, entry])
      return () => {
        if (--entry.uses > 0) return
        const left = (byName.get(key) ?? []).filter((other) => other !== entry)
        if (left.length === 0) byName.delete(key)
        else byName.set(key, left)
      }
    },
    dispatch: (channel, message) => {
      const entries = byName.get(message.target.toLowerCase()) ?? []
      if (entries.length === 0) {
        options.fork(
          Effect.logWarning(
            `${label}: the server calls ${JSON.stringify(message.target.slice(0, 100))}, for which there is no handler.`
          )
        )
      }
      if (message.invocationId === undefined) return notify(entries, channel, message)
      options.pool.run(channel, ask(entries, channel, message, message.invocationId))
    }
  }
}
