/**
 * Hub messages as JSON: one object per message, each followed by the record
 * separator 0x1E. Reading is lenient where real servers vary (unknown types and
 * fields, any order of properties) and strict where a wrong guess would settle
 * the wrong call.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import type { HubMessage, MessageHeaders } from "./HubMessage.ts"
import * as HubMessages from "./HubMessage.ts"
import { typeOf } from "./HubMessage.ts"
import type { HubProtocol, Unencodable } from "./HubProtocol.ts"
import { isAbsent, isObject, isStrings, isText, type Json } from "./internal/kit/json.ts"
import { decoderOf, type Read } from "./internal/protocol/decoding.ts"
import { makeTextSplitter, separator } from "./internal/protocol/textSplitter.ts"

// A field that is `undefined` is not written.
const toJson = (message: HubMessage): object => {
  const plain = { type: typeOf[message._tag], ...message, _tag: undefined }
  switch (message._tag) {
    case "Invocation":
    case "StreamInvocation":
      return { ...plain, streamIds: message.streamIds.length === 0 ? undefined : message.streamIds }
    case "StreamItem":
      return { ...plain, item: message.item ?? null }
    case "Completion": {
      const end = { ...plain, outcome: undefined }
      const { outcome } = message
      if (outcome._tag === "Error") return { ...end, error: outcome.error }
      // A result that is not written means "void".
      return outcome._tag === "Value" ? { ...end, result: outcome.value ?? null } : end
    }
    case "Close":
      return { ...plain, allowReconnect: message.allowReconnect ? true : undefined }
    default:
      return plain
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

// Types from the future are skipped: a newer server may use them.
const fromJson = (json: Json): Read => {
  const { error, invocationId, item, result, sequenceId, streamIds = [], target, type } = json
  const args = json.arguments ?? []
  const headers = isObject(json.headers) ? (json.headers as MessageHeaders) : undefined
  const unusable = (field: string) => `a message of type ${String(type)} without a usable ${field}`
  const id = isText(invocationId) ? invocationId : undefined
  switch (type) {
    case typeOf.Invocation:
    case typeOf.StreamInvocation: {
      if (!isText(target)) return unusable("target")
      if (!Array.isArray(args)) return unusable("list of arguments")
      if (!isStrings(streamIds)) return unusable("list of streamIds")
      const rest = { target, arguments: args, streamIds, headers }
      if (type === typeOf.Invocation && (id !== undefined || isAbsent(invocationId))) {
        return { _tag: "Invocation", invocationId: id, ...rest }
      }
      return id === undefined ? unusable("invocationId") : { _tag: "StreamInvocation", invocationId: id, ...rest }
    }
    case typeOf.StreamItem:
    case typeOf.Completion:
    case typeOf.CancelInvocation:
      if (id === undefined) return unusable("invocationId")
      if (type === typeOf.CancelInvocation) return HubMessages.cancelInvocation(id, headers)
      if (type === typeOf.StreamItem) {
        return item === undefined ? unusable("item") : HubMessages.streamItem(id, item, headers)
      }
      if (isAbsent(error)) {
        const outcome: HubMessages.Outcome =
          result === undefined ? HubMessages.nothing : { _tag: "Value", value: result }
        return HubMessages.completion(id, outcome, headers)
      }
      if (typeof error !== "string") return unusable("error")
      return isAbsent(result)
        ? HubMessages.completion(id, { _tag: "Error", error }, headers)
        : "a Completion with both a result and an error"
    case typeOf.Ping:
      return HubMessages.ping
    case typeOf.Close:
      return isAbsent(error) || typeof error === "string"
        ? HubMessages.close(error ?? undefined, json.allowReconnect === true)
        : unusable("error")
    case typeOf.Ack:
    case typeOf.Sequence:
      return Number.isSafeInteger(sequenceId) && (sequenceId as number) >= 0
        ? { _tag: type === typeOf.Ack ? "Ack" : "Sequence", sequenceId: sequenceId as number }
        : unusable("sequenceId")
    default:
      return typeof type === "number" ? undefined : "a message without a numeric type"
  }
}

// Most of what arrives, as servers write it: its one value is parsed alone, which takes half the time. Whatever
// looks otherwise is left to the full reader; what is no single value does not parse, and goes there too.
const usual = /^\{"type":(?:2,"invocationId":"(\d+)","item"|3,"invocationId":"(\d+)","result"):/

const readQuickly = (record: string): HubMessage | undefined => {
  const start = usual.exec(record)
  if (start === null || !record.endsWith("}")) return undefined
  const [head, item, call] = start
  const value: unknown = JSON.parse(record.slice(head.length, -1))
  return item === undefined
    ? HubMessages.completion(call!, { _tag: "Value", value })
    : HubMessages.streamItem(item, value)
}

const read = (record: string): Read => {
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
  return isObject(json) ? fromJson(json) : "a record that is no object"
}

const decoder = decoderOf("json", makeTextSplitter, () => read)

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
