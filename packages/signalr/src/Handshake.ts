/**
 * The handshake of a hub connection: the client names its protocol, the server
 * answers with `{}` or an error. It is JSON whatever the protocol is. The answer
 * may come in pieces, and hub data may follow it in the same frame.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import { HandshakeFailed } from "./HubError.ts"
import type { HubProtocol } from "./HubProtocol.ts"
import { parseObject } from "./internal/kit/json.ts"
import { separator } from "./internal/protocol/textSplitter.ts"

/**
 * The client's first message. Version 2 is only asked for when stateful
 * reconnect was negotiated, because older servers refuse it.
 *
 * @example
 * ```ts
 * import * as Handshake from "@kharbranth/signalr/Handshake"
 * import * as JsonHubProtocol from "@kharbranth/signalr/JsonHubProtocol"
 * import { strictEqual } from "node:assert"
 *
 * strictEqual(Handshake.request(JsonHubProtocol.json, false), '{"protocol":"json","version":1}\u001e')
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const request = (protocol: Pick<HubProtocol, "name" | "version">, statefulReconnect: boolean): string => {
  const version = statefulReconnect ? protocol.version : 1
  return JSON.stringify({ protocol: protocol.name, version }) + separator
}

/**
 * The handshake is done; `rest` is hub data that came with the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted {
  readonly rest: Frame | undefined
}

/**
 * Waits for the server's answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reader {
  /** Reads the next frame: the answer, or `undefined` when more is to come. */
  push(frame: Frame): Result.Result<Accepted, HandshakeFailed> | undefined
}

// An honest answer is `{}` or one sentence.
const maxAnswer = 64 * 1024

// What is wrong with an answer, or `undefined` when it is a yes.
const judge = (text: string): Pick<HandshakeFailed, "kind" | "issue"> | undefined => {
  const answer = parseObject(text)
  if (answer === undefined) return { kind: "malformed", issue: "it is no JSON object" }
  if (typeof answer.error === "string" && answer.error !== "") {
    return { kind: "refused", issue: answer.error }
  }
  return "type" in answer ? { kind: "malformed", issue: "it is a hub message, not an answer" } : undefined
}

/**
 * Makes a reader for one session's handshake answer. It never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reader = (connection: string): Reader => {
  // What is not UTF-8 shows as a replacement character: within an error's words, at most.
  const decoder = new TextDecoder()
  let text = ""
  return {
    push: (frame) => {
      const isText = typeof frame === "string"
      const end = isText ? frame.indexOf(separator) : frame.indexOf(separator.charCodeAt(0))
      const to = end === -1 ? frame.length : end
      text += isText ? frame.slice(0, to) : decoder.decode(frame.subarray(0, to), { stream: true })
      if (end === -1 && text.length <= maxAnswer) return undefined
      const reason =
        text.length > maxAnswer
          ? { kind: "malformed" as const, issue: `it does not end within ${maxAnswer} characters` }
          : judge(text)
      if (reason !== undefined) return Result.fail(new HandshakeFailed({ connection, ...reason }))
      const rest = isText ? frame.slice(to + 1) : frame.subarray(to + 1)
      return Result.succeed({ rest: rest.length === 0 ? undefined : rest })
    }
  }
}
