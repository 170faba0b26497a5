/** Each event of a recording as one line. */
import type { Plain, PlainError } from "kharbranth/Recorder"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import { bytes, grouped, span } from "./numbers.ts"

type Recorded = Plain<ConnectionEvent>

/** An error by its tag, and what sets it apart from others of that tag. */
export const errorText = ({ fields, tag }: PlainError): string => {
  const { code, kind, phase, status } = fields
  const said = [
    status === undefined ? undefined : `HTTP ${status}`,
    code === undefined ? undefined : String(code),
    kind === undefined ? undefined : String(kind),
    phase === undefined ? undefined : `in phase ${phase}`
  ].filter((part) => part !== undefined)
  return said.length === 0 ? tag : `${tag}: ${said.join(", ")}`
}

const waiting: Readonly<Record<string, string>> = {
  window: "its window is full",
  minGap: "the last dial was too recent",
  concurrent: "too many dials at once",
  breaker: "its breaker is open",
  retryAfter: "the server asked to wait"
}

const decided: Readonly<Record<string, string>> = {
  "default": "",
  "user": " (your classify)",
  "refreshed already": ": it refused fresh credentials"
}

const held: Readonly<Record<string, string>> = {
  session: "a session",
  writeMark: "unsent bytes to leave",
  rateLimit: "the rate limit",
  capacity: "room in the outbox"
}

const unconfirmed = ({ count, from, to }: { readonly count: number; readonly from: number; readonly to: number }) =>
  count === 0 ? "" : ` · ${grouped(count)} unconfirmed (writes ${from}–${to})`

const many = (n: number, one: string): string => `${grouped(n)} ${n === 1 ? one : `${one}s`}`

export const eventText = (event: Recorded): string => {
  switch (event._tag) {
    case "DialStarted":
      return `dial ${event.attempt} of session ${event.epoch}${event.role === "active" ? "" : `, ${event.role}`}`
    case "DialWaiting":
      return `waits for ${event.key}: ${waiting[event.reason] ?? event.reason}, ${event.ahead} ahead${event.wait === undefined ? "" : `, ${span(event.wait)}`}`
    case "DialPermitted":
      return "the budget lets it dial"
    case "DialPhase":
      return `${event.phase} took ${span(event.took)}`
    case "GatePassed":
      return event.gate
    case "SessionEnded":
      return `${errorText(event.error)} · by ${event.by === "us" ? "this side" : `the ${event.by}`} · lived ${span(event.lived)}, quiet for ${span(event.quietFor)}${unconfirmed(event.unconfirmed)}`
    case "Classified":
      return `${errorText(event.error)} → ${event.decision}${decided[event.by] ?? ""}`
    case "RetryScheduled":
      return `dial ${event.attempt + 1} in ${span(event.delay)}`
    case "GaveUp":
      return errorText(event.error)
    case "ProbeSent":
      return `ping ${event.id}`
    case "ProbeMissed":
      return `ping ${event.id} unanswered, ${event.missed} in a row`
    case "PulseSeen":
      return `ping ${event.id} answered after ${span(event.rtt)}`
    case "Suspected":
      return event.reason
    case "DataSilent":
      return `no data for ${span(event.after)}`
    case "InboxPaused":
      return `the inbox is full (${bytes(event.bytes)}): the socket is held back`
    case "InboxResumed":
      return "the inbox has room again"
    case "SendersWaiting":
      return `senders wait for ${held[event.for] ?? event.for}`
    case "SendersFree":
      return "no sender waits"
    case "ReaderStalled":
      return `your reader took nothing while the inbox was full (${bytes(event.bytes)})`
    case "Dropped":
      return `${many(event.count, "message")} of the ${event.where}: ${event.reason}`
    case "RestartRequested":
      return `${event.mode === "makeFirst" ? "successor first" : "break first"}, by ${event.by}: ${event.reason}`
    case "RotationDeferred":
      return `session ${event.epoch}: ${event.reason}, but not Stable yet`
    case "Rotated":
      return `session ${event.from} → ${event.to}`
    case "SuccessorFailed":
      return `successor ${event.epoch}: ${errorText(event.error)}`
    case "ControlReceived":
      return `${event.frame} frame`
    case "HookFailed":
      return `hook ${event.hook} failed`
    case "HookSkipped":
      return `hook ${event.hook} skipped, ${event.skipped} so far`
  }
}

/** How an event should strike the eye. */
export type Mood = "bad" | "warn" | "good" | "calm"

const moods: Readonly<Partial<Record<Recorded["_tag"], Mood>>> = {
  SessionEnded: "bad",
  GaveUp: "bad",
  Dropped: "bad",
  SuccessorFailed: "bad",
  HookFailed: "bad",
  ProbeMissed: "warn",
  ReaderStalled: "warn",
  Suspected: "warn",
  DataSilent: "warn",
  InboxPaused: "warn",
  DialWaiting: "warn",
  GatePassed: "good",
  Rotated: "good"
}

export const moodOf = (event: Recorded): Mood => {
  if (event._tag === "SessionEnded" && event.by === "us") return "calm"
  return moods[event._tag] ?? "calm"
}
