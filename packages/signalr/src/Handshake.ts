/**
 * The first words of a hub connection: the client names its protocol, the
 * server answers with `{}` or an error. Always JSON, whatever follows; the
 * answer may come in pieces, and hub data may follow it in the same frame.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Frame } from "kharbranth/Message"
import { HandshakeFailed } from "./HubError.ts"
import type { HubProtocol } from "./HubProtocol.ts"
import { separator } from "./internal/textSplitter.ts"

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

const recordSeparator = 0x1e

const bytesOf = (frame: Frame): Uint8Array => (typeof frame === "string" ? new TextEncoder().encode(frame) : frame)

const join = (pieces: ReadonlyArray<Uint8Array>): string | undefined => {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  try {
    return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode()
  } catch {
    return undefined
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// What is wrong with an answer, or `undefined` when it is a yes.
const judge = (text: string | undefined): Pick<HandshakeFailed, "kind" | "issue"> | undefined => {
  const answer = text === undefined ? undefined : parse(text)
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    return { kind: "malformed", issue: "it is no JSON object" }
  }
  if ("error" in answer && typeof answer.error === "string" && answer.error !== "") {
    return { kind: "refused", issue: answer.error }
  }
  return "type" in answer ? { kind: "malformed", issue: "it is a hub message, not an answer" } : undefined
}

const cut = (frame: Frame): { readonly head: Uint8Array; readonly rest: Frame | undefined } | undefined => {
  const at = typeof frame === "string" ? frame.indexOf(separator) : frame.indexOf(recordSeparator)
  if (at === -1) return undefined
  const rest = typeof frame === "string" ? frame.slice(at + 1) : frame.subarray(at + 1)
  const head = typeof frame === "string" ? frame.slice(0, at) : frame.subarray(0, at)
  return { head: bytesOf(head), rest: rest.length === 0 ? undefined : rest }
}

/**
 * Makes a reader for one session's handshake answer. It never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reader = (connection: string): Reader => {
  const pieces: Array<Uint8Array> = []
  let size = 0
  const fail = (reason: Pick<HandshakeFailed, "kind" | "issue">) =>
    Result.fail(new HandshakeFailed({ connection, ...reason }))
  return {
    push: (frame) => {
      const found = cut(frame)
      const piece = found?.head ?? bytesOf(frame)
      pieces.push(piece)
      size += piece.length
      if (size > maxAnswer) return fail({ kind: "malformed", issue: `it does not end within ${maxAnswer} bytes` })
      if (found === undefined) return undefined
      const reason = judge(join(pieces))
      return reason === undefined ? Result.succeed({ rest: found.rest }) : fail(reason)
    }
  }
}
