/**
 * Makes the public callers: calls as a contract types them, and calls by any
 * name. The types are those of the public interfaces; here names are looked up
 * and codecs attached.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Hub from "../../Hub.ts"
import type { CallCodec, HubCodec } from "../../HubCodec.ts"
import type { Caller, CallOptions, StreamOptions, Untyped, UntypedCaller } from "../../HubConnection.ts"
import type { Callee } from "../calls/callee.ts"
import type { Calls } from "../calls/calls.ts"
import type { ChannelSource } from "../calls/readyChannel.ts"
import type { Handlers } from "../handlers/handlers.ts"

type Args = ReadonlyArray<unknown>
type AnyCodec = (name: string) => CallCodec | undefined

const none: AnyCodec = () => undefined

const plain = (calling: Calls, source: ChannelSource, codec?: HubCodec, contract?: Hub.Any): UntypedCaller => {
  const callee = (
    codecOf: AnyCodec,
    name: string,
    args: Args = [],
    options: CallOptions & Pick<StreamOptions<unknown, Args>, "resume"> = {}
  ): Callee => ({
    name,
    args,
    codec: codecOf(name),
    idempotent: options.idempotent ?? contract?.methods[name]?.idempotent === true,
    policy: options.pending,
    resume: options.resume
  })
  const { method = none, stream = none } = codec ?? {}
  return {
    invoke: (name, args, options) => calling.invoke(source, callee(method, name, args, options)),
    send: (name, args, options) => calling.send(source, callee(method, name, args, options)),
    stream: (name, args, options) => calling.stream(source, callee(stream, name, args, options))
  }
}

/** Calls by any name. */
export const untyped: (calling: Calls, source: ChannelSource) => UntypedCaller = plain

/** Calls as the contract types them. */
export const typed = <H extends Hub.Any>(
  calling: Calls,
  source: ChannelSource,
  codec: HubCodec | undefined,
  contract: Hub.Any | undefined
): Caller<H> =>
  // The codec checks at run time what the contract's types say.
  plain(calling, source, codec, contract) as Caller<H>

/** Puts a handler under a name until the scope ends; the handler sees what its surroundings provided. */
export const on =
  (handling: Handlers, codecOf: AnyCodec = none): Untyped["on"] =>
  <R>(
    name: string,
    handler: (args: Args) => Effect.Effect<unknown, unknown, R>
  ): Effect.Effect<void, never, Scope.Scope | R> =>
    Effect.contextWith((context: Context.Context<R>) => {
      const run = (args: Args) =>
        Effect.provideContext(
          Effect.suspend(() => handler(args)),
          context
        )
      const codec = codecOf(name)
      return Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => handling.add(name, { key: handler, run: codec?.handle(run) ?? run })),
          (remove) => Effect.sync(remove)
        )
      )
    })
