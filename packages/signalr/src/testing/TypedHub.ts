/**
 * Implements a hub's contract on the test server: handlers get decoded
 * arguments and give values, both checked against the same contract that types
 * the client.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Hub from "../Hub.ts"
import * as HubCodec from "../HubCodec.ts"
import type { TransferFormat } from "../HubProtocol.ts"
import { BadArguments, HubException } from "../internal/testing/handlers.ts"
import type { Call, MethodHandler, StreamHandler } from "./HubServer.ts"

/**
 * The handlers that a contract asks for. Uploads arrive as streams in their
 * places.
 *
 * @category models
 * @since 0.1.0
 */
export interface Implementation<H extends Hub.Any> {
  readonly methods: {
    readonly [N in Hub.MethodName<H>]: (
      args: Hub.MethodArguments<H, N>,
      call: Call
    ) => Effect.Effect<Hub.MethodResult<H, N>, unknown>
  }
  readonly streams: {
    readonly [N in Hub.StreamName<H>]: (
      args: Hub.StreamArguments<H, N>,
      call: Call
    ) => Stream.Stream<Hub.StreamElement<H, N>, unknown>
  }
}

const orElse = <A, E>(result: Result.Result<A, HubCodec.Fault>, error: E): Effect.Effect<A, E> =>
  Result.match(result, { onFailure: () => Effect.fail(error), onSuccess: (value) => Effect.succeed(value) })

const misfit = new HubException("the test server's own answer does not fit the contract")

const decodeArguments = (codec: HubCodec.CallCodec, call: Call) => {
  const uploads = call.uploads.map((upload, index) => {
    const item = codec.uploads[index]
    return item === undefined
      ? upload
      : Stream.mapEffect(upload, (value) => orElse(item.decode(value), new BadArguments()))
  })
  return orElse(codec.decodeArguments(call.args, uploads), new BadArguments())
}

type AnyMethod = (args: ReadonlyArray<unknown>, call: Call) => Effect.Effect<unknown, unknown>
type AnyStream = (args: ReadonlyArray<unknown>, call: Call) => Stream.Stream<unknown, unknown>

const toMethod =
  (codecOf: (format: TransferFormat) => HubCodec.CallCodec, run: AnyMethod): MethodHandler =>
  (call) => {
    const codec = codecOf(call.format)
    return decodeArguments(codec, call).pipe(
      Effect.flatMap((args) => run(args, call)),
      Effect.flatMap((value) => orElse(codec.result.encode(value), misfit))
    )
  }

const toStream =
  (codecOf: (format: TransferFormat) => HubCodec.CallCodec, run: AnyStream): StreamHandler =>
  (call) => {
    const codec = codecOf(call.format)
    return Stream.unwrap(Effect.map(decodeArguments(codec, call), (args) => run(args, call))).pipe(
      Stream.mapEffect((value) => orElse(codec.result.encode(value), misfit))
    )
  }

const mapRecord = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B
): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]))

/**
 * Makes the `methods` and `streams` of `HubServer.make` from a contract.
 *
 * @category constructors
 * @since 0.1.0
 */
export const implement = <H extends Hub.Any>(
  hub: H,
  implementation: Implementation<H>
): {
  readonly methods: Readonly<Record<string, MethodHandler>>
  readonly streams: Readonly<Record<string, StreamHandler>>
} => {
  const codecs = { Text: HubCodec.make(hub, "Text"), Binary: HubCodec.make(hub, "Binary") }
  return {
    // Names come from the contract itself, so their codecs exist.
    methods: mapRecord(implementation.methods as Readonly<Record<string, AnyMethod>>, (run, name) =>
      toMethod((format) => codecs[format].method(name)!, run)
    ),
    streams: mapRecord(implementation.streams as Readonly<Record<string, AnyStream>>, (run, name) =>
      toStream((format) => codecs[format].stream(name)!, run)
    )
  }
}
