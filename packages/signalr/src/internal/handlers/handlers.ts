/**
 * The handlers of what the server calls, by name; one name may have several.
 * Where the server waits for an answer, it gets exactly one. A handler that
 * fails ends nothing else: the server gets the error's text if it asked, and the
 * connection goes on.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Invocation, Outcome } from "../../HubMessage.ts"
import * as HubMessages from "../../HubMessage.ts"
import type { Channel } from "../channel/channel.ts"
import type { HandlerPool } from "./pool.ts"

export interface Registration {
  /** The identity of a handler: the same function runs once, however often it was registered. */
  readonly key: unknown
  readonly run: (args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>
}

export interface Handlers {
  /** Adds a handler and returns what removes it. */
  readonly add: (name: string, registration: Registration) => () => void
  readonly dispatch: (channel: Channel, message: Invocation) => void
}

interface Entry {
  readonly registration: Registration
  uses: number
}

const unanswered: Outcome = { _tag: "Error", error: "The client could not answer." }

// Few servers ever ask, so the code for answers is loaded when one does.
const answer = (channel: Channel, invocationId: string, exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) =>
  Effect.match(
    Effect.tryPromise(() => import("./clientResult.ts")),
    {
      onFailure: () => unanswered,
      onSuccess: ({ outcomeOf }) => outcomeOf(exits)
    }
  ).pipe(
    Effect.map((outcome) => {
      // The connection may be gone by now: then nobody waits for it any more.
      if (!channel.usable) return
      const problem = channel.send(HubMessages.completion(invocationId, outcome))
      if (problem === undefined) return
      channel.send(HubMessages.completion(invocationId, { _tag: "Error", error: problem.issue }))
    })
  )

export const make = (options: {
  readonly connection: string
  readonly fork: (effect: Effect.Effect<unknown>) => void
  readonly pool: HandlerPool
}): Handlers => {
  // Lists are replaced, never changed: a round that runs keeps its own.
  const byName = new Map<string, ReadonlyArray<Entry>>()
  const label = `Hub "${options.connection}"`

  const logResult = (name: string, exit: Exit.Exit<unknown, unknown>) => {
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
        Effect.flatMap(Effect.exit(registration.run(args)), (exit) => logResult(target, exit))
      )
    }
  }

  const ask = (entries: ReadonlyArray<Entry>, channel: Channel, message: Invocation, invocationId: string) =>
    Effect.flatMap(
      Effect.forEach(entries, ({ registration }) => Effect.exit(registration.run(message.arguments))),
      (exits) => answer(channel, invocationId, exits)
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
