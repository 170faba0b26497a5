/**
 * Reads the body of a negotiation's answer: an offer, a redirect or a refusal.
 * Properties that are not known are ignored.
 */
import * as Result from "effect/Result"
import type * as HubError from "../../HubError.ts"
import { isObject, isText, type Json, parseObject } from "../kit/json.ts"

/**
 * A transport that the server offers. Names from the future may appear.
 *
 * @category models
 * @since 0.1.0
 */
export interface AvailableTransport {
  readonly transport: string
  readonly transferFormats: ReadonlyArray<string>
}

/** What a server says when it is asked to negotiate. */
export type Answer =
  | {
      readonly _tag: "Offer"
      readonly connectionId: string
      /** The secret that goes into the url. */
      readonly token: string
      readonly version: 0 | 1
      readonly transports: ReadonlyArray<AvailableTransport>
      readonly statefulReconnect: boolean
    }
  | { readonly _tag: "Redirect"; readonly url: string; readonly accessToken: string | undefined }
  | { readonly _tag: "Refusal"; readonly error: string }

/** What is wrong with an answer that cannot be understood. */
export type Malformed = Pick<HubError.NegotiateMalformed, "kind" | "issue">

const malformed = (issue: string, kind: Malformed["kind"] = "body") => Result.fail({ kind, issue })

const readTransport = (u: unknown): ReadonlyArray<AvailableTransport> =>
  isObject(u) && typeof u.transport === "string"
    ? [
        {
          transport: u.transport,
          transferFormats: Array.isArray(u.transferFormats)
            ? u.transferFormats.filter((f) => typeof f === "string")
            : []
        }
      ]
    : []

const readOffer = (json: Json): Result.Result<Answer, Malformed> => {
  const { connectionId } = json
  const version = typeof json.negotiateVersion === "number" && json.negotiateVersion >= 1 ? 1 : 0
  // Version 0 knows no token: whatever is called so there is not one.
  const token = version === 1 ? json.connectionToken : connectionId
  if (!isText(connectionId) || !isText(token)) return malformed("it carries no connectionId, or no connectionToken")
  return Result.succeed({
    _tag: "Offer",
    connectionId,
    token,
    version,
    transports: Array.isArray(json.availableTransports) ? json.availableTransports.flatMap(readTransport) : [],
    statefulReconnect: json.useStatefulReconnect === true
  })
}

export const readAnswer = (body: string): Result.Result<Answer, Malformed> => {
  const json = parseObject(body)
  if (json === undefined) return malformed("its answer is no JSON object; this is not a SignalR endpoint")
  if (isText(json.error)) return Result.succeed({ _tag: "Refusal", error: json.error })
  if (json.ProtocolVersion !== undefined) {
    return malformed("it speaks the protocol of the old ASP.NET SignalR, which is a different one", "legacy")
  }
  if (isText(json.url)) {
    return Result.succeed({
      _tag: "Redirect",
      url: json.url,
      accessToken: isText(json.accessToken) ? json.accessToken : undefined
    })
  }
  return readOffer(json)
}
