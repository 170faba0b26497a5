/** Lines of a recording: how they are read, and what sockets and answers they make. */
import * as Result from "effect/Result"
import type { Line } from "../../Recording.ts"

const kinds: ReadonlySet<unknown> = new Set(["connect", "end", "send", "recv", "http"])

const isLine = (value: unknown): value is Line =>
  typeof value === "object" &&
  value !== null &&
  "t" in value &&
  kinds.has(value.t) &&
  "ts" in value &&
  typeof value.ts === "number" &&
  Number.isFinite(value.ts)

const lineOf = (text: string): Line | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isLine(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const parse = (text: string): Result.Result<ReadonlyArray<Line>, string> => {
  const lines: Array<Line> = []
  for (const [index, part] of text.split("\n").entries()) {
    if (part.trim() === "") continue
    const line = lineOf(part)
    if (line === undefined) return Result.fail(`line ${index + 1} is not one of a recording`)
    lines.push(line)
  }
  return Result.succeed(lines)
}

/** An address without its query: that of a socket may hold a token. */
export const addressOf = (url: string): string => {
  if (!URL.canParse(url)) return url
  const { host, pathname, protocol } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** What one socket brought, in order. */
export interface Session {
  readonly address: string
  readonly openedAt: number
  readonly received: ReadonlyArray<Line>
  readonly end: Line | undefined
}

export const sessionsOf = (lines: ReadonlyArray<Line>): ReadonlyArray<Session> => {
  const byName = new Map<string, { address: string; openedAt: number; received: Array<Line>; end: Line | undefined }>()
  for (const line of lines) {
    if (line.t === "http" || line.t === "send") continue
    const name = line.conn ?? ""
    const known = byName.get(name)
    const session = known ?? { address: "", openedAt: line.ts, received: [], end: undefined }
    if (known === undefined) byName.set(name, session)
    if (line.t === "connect") session.address = addressOf(line.url ?? "")
    if (line.t === "end") session.end = line
    if (line.t === "recv") session.received.push(line)
  }
  return [...byName.values()].toSorted((a, b) => a.openedAt - b.openedAt)
}
