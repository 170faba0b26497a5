/**
 * Encodes and decodes arguments, results, items and events by the schemas of a
 * hub's contract. A value that does not fit becomes a fault, with the path to the
 * wrong place and never the value itself. Each schema is compiled once, when it is
 * first used.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as Hub from "./Hub.ts"
import type { ErrorPath } from "./HubError.ts"
import type { TransferFormat } from "./HubProtocol.ts"

/**
 * Where a value does not fit its schema, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly path: ErrorPath
  readonly issue: string
}

/**
 * One direction of one schema.
 *
 * @category models
 * @since 0.1.0
 */
export type Convert = (value: unknown) => Result.Result<unknown, Fault>

/**
 * Both directions of one schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueCodec {
  readonly encode: Convert
  readonly decode: Convert
}

/**
 * A list of arguments, split: values in order without the uploads, and the
 * uploads with the codec of their items.
 *
 * @category models
 * @since 0.1.0
 */
export interface SplitArguments {
  readonly values: ReadonlyArray<unknown>
  readonly uploads: ReadonlyArray<{ readonly stream: unknown; readonly item: ValueCodec }>
}

/**
 * The codec of one method, stream or event.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallCodec {
  /** For the calling side. */
  readonly encodeArguments: (args: ReadonlyArray<unknown>) => Result.Result<SplitArguments, Fault>
  /** For the called side: the values, with `uploads` put back where they belong. */
  readonly decodeArguments: (
    values: ReadonlyArray<unknown>,
    uploads?: ReadonlyArray<unknown>
  ) => Result.Result<ReadonlyArray<unknown>, Fault>
  /** The items that each upload carries, in order. */
  readonly uploads: ReadonlyArray<ValueCodec>
  /** The result, or the stream's item. Without one in the contract, whatever comes means nothing. */
  readonly result: ValueCodec
  /** For the called side: a handler that sees decoded arguments, and whose answer is encoded. */
  readonly handle: (
    run: (args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>
  ) => (values: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>
  /** For the calling side: a stream's items as they are pulled, decoded up to the first that does not fit. */
  readonly items: <E, E2>(
    take: Effect.Effect<readonly [unknown, ...Array<unknown>], E | Cause.Done>,
    toError: (fault: Fault) => E2
  ) => Effect.Effect<readonly [unknown, ...Array<unknown>], E | E2 | Cause.Done>
}

/**
 * The codecs of a contract, by name.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubCodec {
  readonly method: (name: string) => CallCodec | undefined
  readonly stream: (name: string) => CallCodec | undefined
  /** Events are found whatever their letters' case, as servers expect. */
  readonly event: (name: string) => CallCodec | undefined
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const toFault = (error: Schema.SchemaError): Fault => {
  const first = formatIssue(error.issue).issues[0]
  const path = (first?.path ?? []).map((step) => (typeof step === "object" ? step.key : step))
  return { path, issue: first?.message ?? "it has the wrong shape" }
}

const nothing: ValueCodec = {
  encode: () => Result.succeed(undefined),
  decode: () => Result.succeed(undefined)
}

// Text protocols carry JSON, so dates become text and bytes base64; binary ones carry both as they are.
const compile = (schema: Hub.ValueSchema, format: TransferFormat): ValueCodec => {
  const wire: Hub.ValueSchema = format === "Text" ? Schema.toCodecJson(schema as Schema.Codec<unknown>) : schema
  const encode = Schema.encodeUnknownResult(wire)
  const decode = Schema.decodeUnknownResult(wire)
  return {
    encode: (value) => Result.mapError(encode(value), toFault),
    decode: (value) => Result.mapError(decode(value), toFault)
  }
}

const lazily = <A>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => (made ??= make())
}

type Slot = { readonly _tag: "Value" | "Upload"; readonly codec: () => ValueCodec }

const isUpload = (argument: Hub.Argument): argument is Hub.Upload => "_tag" in argument && argument._tag === "Upload"

const toSlot = (argument: Hub.Argument, format: TransferFormat): Slot =>
  isUpload(argument)
    ? { _tag: "Upload", codec: lazily(() => compile(argument.item, format)) }
    : { _tag: "Value", codec: lazily(() => compile(argument, format)) }

const at = (index: number, fault: Fault): Fault => ({ path: [index, ...fault.path], issue: fault.issue })

const encodeArguments =
  (slots: ReadonlyArray<Slot>) =>
  (args: ReadonlyArray<unknown>): Result.Result<SplitArguments, Fault> => {
    if (args.length > slots.length) {
      return Result.fail({ path: [slots.length], issue: `Expected ${slots.length} arguments, got ${args.length}` })
    }
    const values: Array<unknown> = []
    const uploads: Array<SplitArguments["uploads"][number]> = []
    for (const [index, slot] of slots.entries()) {
      if (slot._tag === "Upload") {
        uploads.push({ stream: args[index], item: slot.codec() })
        continue
      }
      const encoded = slot.codec().encode(args[index])
      if (Result.isFailure(encoded)) return Result.fail(at(index, encoded.failure))
      values.push(encoded.success)
    }
    return Result.succeed({ values, uploads })
  }

const decodeArguments =
  (slots: ReadonlyArray<Slot>) =>
  (
    values: ReadonlyArray<unknown>,
    uploads: ReadonlyArray<unknown> = []
  ): Result.Result<ReadonlyArray<unknown>, Fault> => {
    const args: Array<unknown> = []
    let nextValue = 0
    let nextUpload = 0
    for (const [index, slot] of slots.entries()) {
      if (slot._tag === "Upload") {
        if (nextUpload >= uploads.length) return Result.fail({ path: [index], issue: "Expected a stream" })
        args.push(uploads[nextUpload++])
        continue
      }
      const decoded = slot.codec().decode(values[nextValue++])
      if (Result.isFailure(decoded)) return Result.fail(at(index, decoded.failure))
      args.push(decoded.success)
    }
    return Result.succeed(args)
  }

type Args = ReadonlyArray<unknown>
type NonEmpty = readonly [unknown, ...Array<unknown>]

class ContractMisfit
  extends /* @__PURE__ */ Data.TaggedError("ContractMisfit")<{ readonly part: "arguments" | "answer" }>
{
  override get message(): string {
    return `The client's contract does not fit: wrong ${this.part}.`
  }
}

/** A handler that sees decoded arguments, and whose answer is encoded. */
const handle =
  (decodeArguments: CallCodec["decodeArguments"], result: ValueCodec) =>
  (run: (args: Args) => Effect.Effect<unknown, unknown>) =>
  (values: Args): Effect.Effect<unknown, unknown> =>
    Effect.suspend(() => {
      const args = decodeArguments(values)
      if (Result.isFailure(args)) return Effect.fail(new ContractMisfit({ part: "arguments" }))
      return Effect.flatMap(run(args.success), (value) => {
        if (value === undefined) return Effect.undefined
        const encoded = result.encode(value)
        return Result.isSuccess(encoded)
          ? Effect.succeed(encoded.success)
          : Effect.fail(new ContractMisfit({ part: "answer" }))
      })
    })

/** Decodes items by the array; the good ones before a bad one are still delivered. */
const items =
  ({ decode }: ValueCodec) =>
  <E, E2>(
    take: Effect.Effect<NonEmpty, E | Cause.Done>,
    toError: (fault: Fault) => E2
  ): Effect.Effect<NonEmpty, E | E2 | Cause.Done> => {
    let failed: Fault | undefined
    const decodeAll = (values: NonEmpty) => {
      const good: Array<unknown> = []
      for (const value of values) {
        const decoded = decode(value)
        if (Result.isFailure(decoded)) {
          failed = decoded.failure
          break
        }
        good.push(decoded.success)
      }
      return Arr.isArrayNonEmpty(good) ? Effect.succeed(good) : Effect.fail(toError(failed!))
    }
    return Effect.suspend(() => (failed === undefined ? Effect.flatMap(take, decodeAll) : Effect.fail(toError(failed))))
  }

const toCallCodec = (args: Hub.Arguments, result: Hub.ValueSchema | undefined, format: TransferFormat): CallCodec => {
  const slots = args.map((argument) => toSlot(argument, format))
  const decode = decodeArguments(slots)
  const value = result === undefined ? nothing : compile(result, format)
  return {
    encodeArguments: encodeArguments(slots),
    decodeArguments: decode,
    uploads: slots.filter((slot) => slot._tag === "Upload").map((slot) => slot.codec()),
    result: value,
    handle: handle(decode, value),
    items: items(value)
  }
}

const table = <D>(
  declarations: Readonly<Record<string, D>>,
  keyOf: (name: string) => string,
  toCodec: (declaration: D) => CallCodec
) => {
  const codecs = new Map(
    Object.entries(declarations).map(
      ([name, declaration]) => [keyOf(name), lazily(() => toCodec(declaration))] as const
    )
  )
  return (name: string): CallCodec | undefined => codecs.get(keyOf(name))?.()
}

/**
 * Makes the codecs of a contract for a protocol's transfer format.
 *
 * @example
 * ```ts
 * import * as Hub from "@kharbranth/signalr/Hub"
 * import * as HubCodec from "@kharbranth/signalr/HubCodec"
 * import * as Result from "effect/Result"
 * import * as Schema from "effect/Schema"
 * import { deepStrictEqual } from "node:assert"
 *
 * const Calendar = Hub.make({ methods: { Book: Hub.method({ args: [Schema.Struct({ at: Schema.Date })] }) } })
 * const book = HubCodec.make(Calendar, "Text").method("Book")
 * const good = book?.encodeArguments([{ at: new Date(0) }])
 * deepStrictEqual(good && Result.getOrThrow(good).values, [{ at: "1970-01-01T00:00:00.000Z" }])
 * const bad = book?.encodeArguments([{ at: "tomorrow" }])
 * deepStrictEqual(bad !== undefined && Result.isFailure(bad) && bad.failure.path, [0, "at"])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (hub: Hub.Any, format: TransferFormat): HubCodec => {
  const exact = (name: string) => name
  return {
    method: table(hub.methods, exact, ({ args, result }) => toCallCodec(args, result, format)),
    stream: table(hub.streams, exact, ({ args, item }) => toCallCodec(args, item, format)),
    event: table(
      hub.events,
      (name) => name.toLowerCase(),
      ({ args, result }) => toCallCodec(args, result, format)
    )
  }
}
