/**
 * What a test hub does when it is called: handlers by name, found whatever
 * their letters' case, and the two errors they may fail with on purpose.
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { TransferFormat } from "../../HubProtocol.ts"

/**
 * An error whose text reaches the client, as on a real server. Every other
 * failure is told in general words.
 *
 * @category errors
 * @since 0.1.0
 */
export class HubException extends Data.TaggedError("HubException")<{ readonly text: string }> {
  constructor(text: string) {
    super({ text })
  }
  override get message(): string {
    return this.text
  }
}

/**
 * The arguments cannot be bound to the method's parameters.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadArguments extends Data.TaggedError("BadArguments") {}

/**
 * What a handler is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly connectionId: string
  /** Who the server's `authenticate` says the caller is. */
  readonly user: string | undefined
  /** What the caller's protocol travels in. */
  readonly format: TransferFormat
  readonly args: ReadonlyArray<unknown>
  /** The streams that the caller uploads, in order. */
  readonly uploads: ReadonlyArray<Stream.Stream<unknown, HubException>>
  /** Calls the caller without waiting for an answer. */
  readonly send: (target: string, ...args: ReadonlyArray<unknown>) => Effect.Effect<void>
  /** Calls the caller and waits for its answer. */
  readonly ask: (target: string, ...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, HubException>
  /** Closes the caller's connection. */
  readonly abort: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export type MethodHandler = (call: Call) => Effect.Effect<unknown, unknown>

/**
 * @category models
 * @since 0.1.0
 */
export type StreamHandler = (call: Call) => Stream.Stream<unknown, unknown>

interface Named<F> {
  readonly name: string
  readonly run: F
}

export interface Handlers {
  readonly method: (target: string) => Named<MethodHandler> | undefined
  readonly stream: (target: string) => Named<StreamHandler> | undefined
}

const byName = <F>(record: Readonly<Record<string, F>>) => {
  const found = new Map(Object.entries(record).map(([name, run]) => [name.toLowerCase(), { name, run }]))
  return (target: string): Named<F> | undefined => found.get(target.toLowerCase())
}

export const makeHandlers = (
  methods: Readonly<Record<string, MethodHandler>>,
  streams: Readonly<Record<string, StreamHandler>>
): Handlers => ({ method: byName(methods), stream: byName(streams) })
