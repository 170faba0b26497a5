/**
 * Hub messages as MessagePack: a length prefix and one array per message. This
 * is the only module that needs `@msgpack/msgpack`, so that a program which
 * speaks JSON does not contain it.
 *
 * @since 0.1.0
 */
import * as MessagePack from "@msgpack/msgpack"
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import type { HubMessage, MessageHeaders } from "./HubMessage.ts"
import * as HubMessages from "./HubMessage.ts"
import type { HubProtocol, Unencodable } from "./HubProtocol.ts"
import { isAbsent, isObject, isStrings, isText } from "./internal/kit/json.ts"
import { makeBinarySplitter, withLength } from "./internal/protocol/binarySplitter.ts"
import { decoderOf, type Read } from "./internal/protocol/decoding.ts"
import { isOneValue } from "./internal/protocol/messagePackShape.ts"

const { typeOf } = HubMessages

const noHeaders: MessageHeaders = {}

// What a Completion carries.
const outcomeKind = { Error: 1, Void: 2, Value: 3 } as const

const completionToArray = ({ headers, invocationId, outcome }: HubMessages.Completion): ReadonlyArray<unknown> => {
  const start = [typeOf.Completion, headers ?? noHeaders, invocationId, outcomeKind[outcome._tag]]
  if (outcome._tag === "Void") return start
  return [...start, outcome._tag === "Error" ? outcome.error : outcome.value]
}

const toArray = (message: HubMessage): ReadonlyArray<unknown> => {
  const type = typeOf[message._tag]
  switch (message._tag) {
    case "Invocation":
    case "StreamInvocation":
      return [
        type,
        message.headers ?? noHeaders,
        message.invocationId ?? null,
        message.target,
        message.arguments,
        message.streamIds
      ]
    case "StreamItem":
      return [type, message.headers ?? noHeaders, message.invocationId, message.item]
    case "Completion":
      return completionToArray(message)
    case "CancelInvocation":
      return [type, message.headers ?? noHeaders, message.invocationId]
    case "Ping":
      return [type]
    case "Close":
      return [type, message.error ?? null, message.allowReconnect]
    case "Ack":
    case "Sequence":
      return [type, message.sequenceId]
  }
}

type Fields = ReadonlyArray<unknown>

const isHeaders = (u: unknown): u is MessageHeaders => isObject(u)

const readInvocation = ([type, headers, id, target, args, streamIds]: Fields): Read => {
  const stream = type === typeOf.StreamInvocation
  const name = stream ? "a StreamInvocation" : "an Invocation"
  if (!isHeaders(headers)) return `${name} whose headers are no map`
  if (!isText(target)) return `${name} without a target`
  if (!Array.isArray(args)) return `${name} without arguments`
  if (!isAbsent(streamIds) && !isStrings(streamIds)) return `${name} whose streamIds are no strings`
  const rest = { target, arguments: args, streamIds: streamIds ?? [], headers }
  if (isText(id)) {
    return stream
      ? { _tag: "StreamInvocation", invocationId: id, ...rest }
      : { _tag: "Invocation", invocationId: id, ...rest }
  }
  return !stream && isAbsent(id)
    ? { _tag: "Invocation", invocationId: undefined, ...rest }
    : `${name} without a usable invocationId`
}

const readStreamItem = (fields: Fields): Read => {
  const [, headers, id, item] = fields
  if (fields.length < 4) return "a StreamItem without an item"
  if (!isHeaders(headers)) return "a StreamItem whose headers are no map"
  return isText(id) ? HubMessages.streamItem(id, item, headers) : "a StreamItem without an invocationId"
}

const readOutcome = (fields: Fields): HubMessages.Outcome | string => {
  const [, , , kind, value] = fields
  if (kind === outcomeKind.Void) return HubMessages.nothing
  if (fields.length < 5) return "a Completion without its error or result"
  if (kind === outcomeKind.Value) return { _tag: "Value", value }
  if (kind !== outcomeKind.Error) return "a Completion of an unknown kind"
  return typeof value === "string" ? { _tag: "Error", error: value } : "a Completion whose error is no string"
}

const readCompletion = (fields: Fields): Read => {
  const [, headers, id] = fields
  if (!isHeaders(headers)) return "a Completion whose headers are no map"
  if (!isText(id)) return "a Completion without an invocationId"
  const outcome = readOutcome(fields)
  return typeof outcome === "string" ? outcome : HubMessages.completion(id, outcome, headers)
}

const readCancel = ([, headers, id]: Fields): Read => {
  if (!isHeaders(headers)) return "a CancelInvocation whose headers are no map"
  return isText(id) ? HubMessages.cancelInvocation(id, headers) : "a CancelInvocation without an invocationId"
}

const readClose = (fields: Fields): Read => {
  const [, error, allowReconnect] = fields
  if (fields.length < 2) return "a Close without its error"
  return isAbsent(error) || typeof error === "string"
    ? HubMessages.close(error ?? undefined, allowReconnect === true)
    : "a Close whose error is no string"
}

const readSequence = ([type, sequenceId]: Fields): Read => {
  const tag = type === typeOf.Ack ? "Ack" : "Sequence"
  // With 64-bit integers on, ids arrive as bigint.
  const id = Number(sequenceId)
  return (typeof sequenceId === "number" || typeof sequenceId === "bigint") && Number.isSafeInteger(id) && id >= 0
    ? { _tag: tag, sequenceId: id }
    : `${tag === "Ack" ? "an Ack" : "a Sequence"} without a usable sequenceId`
}

const readers: Readonly<Record<number, (fields: Fields) => Read>> = {
  [typeOf.Invocation]: readInvocation,
  [typeOf.StreamInvocation]: readInvocation,
  [typeOf.StreamItem]: readStreamItem,
  [typeOf.Completion]: readCompletion,
  [typeOf.CancelInvocation]: readCancel,
  [typeOf.Ping]: () => HubMessages.ping,
  [typeOf.Close]: readClose,
  [typeOf.Ack]: readSequence,
  [typeOf.Sequence]: readSequence
}

/**
 * Options of the MessagePack protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessagePackOptions {
  /** Your own extension types. Default: timestamps (`Date`) alone. */
  readonly extensionCodec?: MessagePack.ExtensionCodecType<undefined> | undefined
  /**
   * Reads 64-bit integers as `bigint`, and writes `bigint` as such. Whole numbers
   * leave as integers either way. Default: `false`.
   */
  readonly useBigInt64?: boolean | undefined
  /** Leaves out properties that are `undefined`, instead of writing nil. Default: `false`. */
  readonly ignoreUndefined?: boolean | undefined
}

// Where `bigint` stands for 64-bit integers, the encoder writes a larger `number` as a float, which .NET refuses as `long`.
const isWide = (u: unknown): u is number =>
  typeof u === "number" && Number.isSafeInteger(u) && (u >= 2 ** 32 || u < -(2 ** 31))

/** The value with its wide integers as `bigint`; what has none in it is not copied. */
const widen = (u: unknown): unknown => {
  if (isWide(u)) return BigInt(u)
  if (Array.isArray(u)) {
    const items = u.map(widen)
    return items.some((item, i) => item !== u[i]) ? items : u
  }
  if (!isPlain(u)) return u
  const entries = Object.entries(u)
  const values = entries.map(([, value]) => widen(value))
  return values.some((value, i) => value !== entries[i]![1])
    ? Object.fromEntries(entries.map(([key], i) => [key, values[i]]))
    : u
}

// Instances of classes belong to an extension, or are bytes.
const isPlain = (u: unknown): u is object => {
  if (typeof u !== "object" || u === null) return false
  const proto: unknown = Object.getPrototypeOf(u)
  return proto === Object.prototype || proto === null
}

const makeEncode = (options: MessagePackOptions) => {
  const encoder = new MessagePack.Encoder({
    extensionCodec: options.extensionCodec ?? MessagePack.ExtensionCodec.defaultCodec,
    useBigInt64: options.useBigInt64 ?? false,
    ignoreUndefined: options.ignoreUndefined ?? false
  })
  return (message: HubMessage): Result.Result<Frame, Unencodable> => {
    try {
      return Result.succeed(
        withLength(encoder.encodeSharedRef(options.useBigInt64 === true ? widen(toArray(message)) : toArray(message)))
      )
    } catch {
      return Result.fail({ issue: "MessagePack has no form for it (a cycle, a bigint, a symbol or too deep a value)" })
    }
  }
}

const makeRead = (options: MessagePackOptions) => {
  const decoder = new MessagePack.Decoder({
    extensionCodec: options.extensionCodec ?? MessagePack.ExtensionCodec.defaultCodec,
    useBigInt64: options.useBigInt64 ?? false
  })
  const typeNumber = (u: unknown) => (typeof u === "bigint" ? Number(u) : u)
  return (payload: Uint8Array): Read => {
    if (payload.length === 0) return "an empty frame"
    if (!isOneValue(payload)) return "a frame that is not one MessagePack value"
    let fields: unknown
    try {
      fields = decoder.decode(payload)
    } catch {
      return "a frame that does not decode"
    }
    if (!Array.isArray(fields)) return "a frame that is no array"
    const type = typeNumber(fields[0])
    if (typeof type !== "number") return "a message without a numeric type"
    // Types from the future are skipped: a newer server may use them.
    return readers[type]?.([type, ...fields.slice(1)])
  }
}

/**
 * Makes the MessagePack hub protocol with options of your own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: MessagePackOptions = {}): HubProtocol => ({
  name: "messagepack",
  version: 2,
  transferFormat: "Binary",
  encode: makeEncode(options),
  decoder: decoderOf("messagepack", makeBinarySplitter, () => makeRead(options))
})

/**
 * The MessagePack hub protocol. The server needs its MessagePack package too.
 *
 * @category protocols
 * @since 0.1.0
 */
export const messagePack: HubProtocol = make()
