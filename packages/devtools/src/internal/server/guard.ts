/**
 * Who may see the dashboard. It listens on loopback, which every program and every
 * page on this machine can reach: so a request must name a loopback host (a foreign
 * name may point here), come from the dashboard's own page, and know the token.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"

/** What a request says of itself. */
export interface Asked {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  /** The path, without its query. */
  readonly path: string
  readonly token: string | undefined
  readonly cookie: string | undefined
  readonly isUpgrade: boolean
}

export type Verdict =
  | { readonly _tag: "Pass" }
  /** The token is right: the browser shall remember it. */
  | { readonly _tag: "Welcome" }
  | { readonly _tag: "Refuse"; readonly status: 401 | 403 | 405 | 421; readonly text: string }

const loopback = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i

const refuse = (status: 401 | 403 | 405 | 421, text: string): Verdict => ({ _tag: "Refuse", status, text })

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Takes as long for a guess that is nearly right as for any other, and says nothing of its length. */
const equals = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

export const judge = (asked: Asked, token: string): Verdict => {
  const { cookie, host, isUpgrade, method, origin, path } = asked
  if (host === undefined || !loopback.test(host)) {
    return refuse(421, "This dashboard answers to 127.0.0.1, [::1] and localhost alone.\n")
  }
  if (method !== "GET" && method !== "HEAD") return refuse(405, "There is nothing to send here.\n")
  if (origin === undefined ? isUpgrade : origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return refuse(403, "This request comes from another page.\n")
  }
  if (path === "/" && asked.token !== undefined && equals(asked.token, token)) return { _tag: "Welcome" }
  if (cookie !== undefined && equals(cookie, token)) return { _tag: "Pass" }
  return refuse(401, "Open the address that the program gave: it has the token of this run.\n")
}

/** 128 bits. */
export const newToken = (): string => randomBytes(16).toString("base64url")

/** Whether a token of the user's own is as hard to guess, and can stand in an address and a cookie. */
export const isToken = (token: string): boolean => /^[\w-]{22,128}$/.test(token)

/** Cookies know no ports: two dashboards on one host would take each other's. */
export const cookieOf = (port: number): string => `kharbranth-devtools-${port}`

/** On every answer. */
export const headers: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}
