/**
 * Hub messages as JSON: one object per message, each followed by the record
 * separator 0x1E. Reading is lenient where real servers are (unknown types and
 * fields, any order of properties) and strict where a wrong guess would settle
 * the wrong call.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import { ProtocolViolation } from "./HubError.ts"
import type { HubMessage, MessageHeaders } from "./HubMessage.ts"
import * as HubMessages from "./HubMessage.ts"
import { typeOf } from "./HubMessage.ts"
import type { Decoded, Decoder, DecoderOptions, HubProtocol, Unencodable } from "./HubProtocol.ts"
import { defaultMaxMessageSize } from "./HubProtocol.ts"
import { makeTextSplitter, separator } from "./internal/textSplitter.ts"

type Json = Readonly<Record<string, unknown>>

const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

const invocationToJson = (message: HubMessages.Invocation | HubMessages.StreamInvocation) => ({
  type: typeOf[message._tag],
  headers: message.headers,
  invocationId: message.invocationId,
  target: message.target,
  arguments: message.arguments,
  streamIds: message.streamIds.length === 0 ? undefined : message.streamIds
})

const completionToJson = ({ headers, invocationId, outcome }: HubMessages.Completion) => {
  const end = { type: typeOf.Completion, headers, invocationId }
  if (outcome._tag === "Error") return { ...end, error: outcome.error }
  // A field that is `undefined` is not written, and a result that is not written means "void".
  return outcome._tag === "Value" ? { ...end, result: outcome.value ?? null } : end
}

const toJson = (message: HubMessage): unknown => {
  switch (message._tag) {
    case "Invocation":
    case "StreamInvocation":
      return invocationToJson(message)
    case "StreamItem":
      return {
        type: typeOf.StreamItem,
        headers: message.headers,
        invocationId: message.invocationId,
        item: message.item ?? null
      }
    case "Completion":
      return completionToJson(message)
    case "CancelInvocation":
      return { type: typeOf.CancelInvocation, headers: message.headers, invocationId: message.invocationId }
    case "Ping":
      return { type: typeOf.Ping }
    case "Close":
      return { type: typeOf.Close, error: message.error, allowReconnect: message.allowReconnect ? true : undefined }
    case "Ack":
    case "Sequence":
      return { type: typeOf[message._tag], sequenceId: message.sequenceId }
  }
}

const pingFrame = `{"type":6}${separator}`

const quote = (text: string): string => (/^\w+$/.test(text) ? `"${text}"` : JSON.stringify(text))

// Most of what is sent: put together by hand, it takes half the time.
const invocationText = ({ arguments: args, invocationId, target }: HubMessages.Invocation): string => {
  const id = invocationId === undefined ? "" : `"invocationId":${quote(invocationId)},`
  return `{"type":1,${id}"target":${quote(target)},"arguments":${JSON.stringify(args)}}`
}

const isBare = (message: HubMessage): message is HubMessages.Invocation =>
  message._tag === "Invocation" && message.headers === undefined && message.streamIds.length === 0

const encode = (message: HubMessage): Result.Result<Frame, Unencodable> => {
  if (message._tag === "Ping") return Result.succeed(pingFrame)
  try {
    return Result.succeed((isBare(message) ? invocationText(message) : JSON.stringify(toJson(message))) + separator)
  } catch (cause) {
    const what = cause instanceof TypeError ? "a cycle or a bigint" : "a value whose toJSON throws"
    return Result.fail({ issue: `JSON has no form for it (${what})` })
  }
}

const headersOf = (json: Json): MessageHeaders | undefined =>
  isObject(json.headers) ? (json.headers as MessageHeaders) : undefined

const isId = (u: unknown): u is string => typeof u === "string" && u !== ""

const isStrings = (u: unknown): u is ReadonlyArray<string> => Array.isArray(u) && u.every((s) => typeof s === "string")

// Readers give a message, or the words that say what is wrong with it.
type Read = HubMessage | string

const unusable = ({ type }: Json, field: string): string =>
  `a message of type ${String(type)} without a usable ${field}`

const readInvocation = (json: Json): Read => {
  const { invocationId, streamIds = [], target } = json
  const args = json.arguments ?? []
  if (!isId(target)) return unusable(json, "target")
  if (!Array.isArray(args)) return unusable(json, "list of arguments")
  if (!isStrings(streamIds)) return unusable(json, "list of streamIds")
  const rest = { target, arguments: args, streamIds, headers: headersOf(json) }
  const stream = json.type === typeOf.StreamInvocation
  if (isId(invocationId)) return { _tag: stream ? "StreamInvocation" : "Invocation", invocationId, ...rest }
  return stream || (invocationId !== undefined && invocationId !== null)
    ? unusable(json, "invocationId")
    : { _tag: "Invocation", invocationId: undefined, ...rest }
}

const readStreamItem = (json: Json): Read => {
  if (!isId(json.invocationId)) return unusable(json, "invocationId")
  if (json.item === undefined) return unusable(json, "item")
  return { _tag: "StreamItem", invocationId: json.invocationId, item: json.item, headers: headersOf(json) }
}

const readCompletion = (json: Json): Read => {
  const { error, invocationId, result } = json
  if (!isId(invocationId)) return unusable(json, "invocationId")
  const end = (outcome: HubMessages.Outcome): Read => ({
    _tag: "Completion",
    invocationId,
    outcome,
    headers: headersOf(json)
  })
  if (error === undefined || error === null) {
    return end(result === undefined ? HubMessages.nothing : { _tag: "Value", value: result })
  }
  if (typeof error !== "string") return unusable(json, "error")
  return result === undefined || result === null
    ? end({ _tag: "Error", error })
    : "a Completion with both a result and an error"
}

const readCancel = (json: Json): Read =>
  isId(json.invocationId)
    ? HubMessages.cancelInvocation(json.invocationId, headersOf(json))
    : unusable(json, "invocationId")

const readClose = (json: Json): Read => {
  const { allowReconnect, error } = json
  return error === undefined || error === null || typeof error === "string"
    ? HubMessages.close(error ?? undefined, allowReconnect === true)
    : unusable(json, "error")
}

const readSequence = (json: Json): Read =>
  typeof json.sequenceId === "number" && Number.isSafeInteger(json.sequenceId) && json.sequenceId >= 0
    ? { _tag: json.type === typeOf.Ack ? "Ack" : "Sequence", sequenceId: json.sequenceId }
    : unusable(json, "sequenceId")

const readers: Readonly<Record<number, (json: Json) => Read>> = {
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

const head = (type: number): string => `{"type":${type},"invocationId":"`
const itemHead = head(typeOf.StreamItem)
const answerHead = head(typeOf.Completion)

// Most of what arrives, as servers write it: its one value is parsed alone, which takes half the time. Whatever
// looks otherwise is left to the full reader; what is no single value does not parse, and goes there too.
const readQuickly = (record: string): HubMessage | undefined => {
  const isItem = record.startsWith(itemHead)
  if (!isItem && !record.startsWith(answerHead)) return undefined
  let end = itemHead.length
  for (let digit = record.charCodeAt(end); digit >= 48 && digit < 58; digit = record.charCodeAt(end)) end++
  const key = isItem ? '","item":' : '","result":'
  if (end === itemHead.length || !record.startsWith(key, end) || !record.endsWith("}")) return undefined
  const invocationId = record.slice(itemHead.length, end)
  const value: unknown = JSON.parse(record.slice(end + key.length, -1))
  return isItem
    ? { _tag: "StreamItem", invocationId, item: value, headers: undefined }
    : { _tag: "Completion", invocationId, outcome: { _tag: "Value", value }, headers: undefined }
}

const read = (record: string): Read | undefined => {
  try {
    const message = readQuickly(record)
    if (message !== undefined) return message
  } catch {}
  let json: unknown
  try {
    json = JSON.parse(record)
  } catch {
    return "a record that is not JSON"
  }
  if (!isObject(json)) return "a record that is no object"
  if (typeof json.type !== "number") return "a message without a numeric type"
  // Types from the future are skipped: a newer server may use them.
  return readers[json.type]?.(json)
}

const decoder = ({ connection, maxMessageSize = defaultMaxMessageSize }: DecoderOptions): Decoder => {
  const splitter = makeTextSplitter(maxMessageSize)
  let error: ProtocolViolation | undefined
  const violation = (issue: string) => (error = new ProtocolViolation({ connection, protocol: "json", issue }))
  return {
    push: (frame): Decoded => {
      const messages: Array<HubMessage> = []
      if (error !== undefined) return { messages, error }
      const split = splitter.push(frame)
      for (const record of split.records) {
        const message = read(record)
        if (message === undefined) continue
        if (typeof message === "string") return { messages, error: violation(message) }
        messages.push(message)
      }
      return { messages, error: split.issue === undefined ? undefined : violation(split.issue) }
    },
    pending: () => splitter.pending(),
    end: () => error ?? (splitter.pending() > 0 ? violation("the stream ended inside a message") : undefined)
  }
}

/**
 * The JSON hub protocol: the default, known to every server.
 *
 * @example
 * ```ts
 * import * as HubMessage from "@kharbranth/signalr/HubMessage"
 * import * as JsonHubProtocol from "@kharbranth/signalr/JsonHubProtocol"
 * import * as Result from "effect/Result"
 * import { deepStrictEqual } from "node:assert"
 *
 * const frame = Result.getOrThrow(JsonHubProtocol.json.encode(HubMessage.ping))
 * const decoder = JsonHubProtocol.json.decoder({ connection: "chat" })
 * deepStrictEqual(decoder.push(frame).messages, [HubMessage.ping])
 * ```
 *
 * @category protocols
 * @since 0.1.0
 */
export const json: HubProtocol = { name: "json", version: 2, transferFormat: "Text", encode, decoder }
