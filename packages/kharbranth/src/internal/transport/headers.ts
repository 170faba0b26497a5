/** Checks headers for an upgrade over HTTP. An issue names the rule, never the value: it may be a secret. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { CheckHeaders } from "../../Transport.ts"
import { token } from "../model/token.ts"

// What the upgrade itself writes; a second value would break the handshake.
const reserved = /^(connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/
// What HTTP allows in a value; in particular no CR, LF and NUL.
const printable = /^[\t\x20-\x7e\x80-\xff]*$/

const headerIssue = (name: string, value: unknown, seen: ReadonlySet<string>): string | undefined => {
  const lower = name.toLowerCase()
  if (!token.test(name)) return "a header name is a token: letters, digits and !#$%&'*+-.^_`|~ only"
  if (lower === "sec-websocket-protocol") return "name subprotocols in `subprotocols`"
  if (reserved.test(lower)) return "this header belongs to the upgrade itself and cannot be set"
  if (seen.has(lower)) return "the same header is given twice, in different case"
  if (typeof value !== "string") return "expected a string, or a Redacted string"
  if (!printable.test(value)) return "a header value cannot contain line breaks, NUL or characters beyond Latin-1"
  return undefined
}

const reveal = (value: unknown): unknown => (Redacted.isRedacted(value) ? Redacted.value(value) : value)

export const check: CheckHeaders = (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return Result.fail({ path: [], issue: "expected an object of header values by name" })
  }
  const entries: ReadonlyArray<[string, unknown]> = Object.entries(value)
  const seen = new Set<string>()
  const plain: Array<[string, string]> = []
  for (const [index, [name, given]] of entries.entries()) {
    const revealed = reveal(given)
    const issue = headerIssue(name, revealed, seen)
    // A name that is no token may be a credential in the wrong place.
    if (issue !== undefined) return Result.fail({ path: [token.test(name) ? name : index], issue })
    seen.add(name.toLowerCase())
    plain.push([name, revealed as string])
  }
  return Result.succeed(Object.fromEntries(plain))
}
