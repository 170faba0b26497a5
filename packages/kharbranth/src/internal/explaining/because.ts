/** Says what led to the present: how the session was lost, and how the dials since then have failed. */
import type { PlainError } from "../../Recorder.ts"
import { decisive } from "./blame.ts"
import { chainOf, type Facts, is, isClock, type Loss } from "./facts.ts"
import { count, span, time } from "./words.ts"

/** An error in few words: what tells it from others of its tag. */
const wordsOf = ({ fields, tag }: PlainError): string => {
  switch (tag) {
    case "HandshakeRejected":
      return `HTTP ${fields["status"]}`
    case "ConnectionClosed":
      return `close code ${fields["code"]}`
    case "DialFailed":
      return `${fields["phase"] === undefined ? "" : `in phase ${fields["phase"]}: `}${fields["cause"]} ${hostOf(fields["endpoint"])}`
    case "DialTimeout":
      return `in phase ${fields["phase"] ?? "unknown"} after ${span(Number(fields["after"]))} (DialTimeout)`
    case "TlsError":
      return `in phase tls: ${fields["code"]}`
    default:
      return tag
  }
}

const hostOf = (endpoint: PlainError["fields"][string] | undefined): string =>
  String(endpoint ?? "").replace(/^\w+:\/\/([^/]*).*$/, "$1")

/** How a session that was open ended. */
const lost = (facts: Facts, { entry, error }: Loss): string => {
  const { epoch, lived, quietFor } = entry.event
  const { startedAt } = facts.recording
  const ended = `session ${epoch} ended (${error.tag}, lived ${span(lived)})`
  const chain = chainOf(facts, entry)
  const probe = chain.find(is("ProbeSent"))
  const doubt = chain.find(is("Suspected"))
  const silence = `nothing at all since ${time(startedAt, entry.at - quietFor)}`
  if (error.tag === "PongReceiveTimeout") {
    const asked = probe === undefined ? "a ping" : `ping ${probe.event.id} (${time(startedAt, probe.at)})`
    const why = doubt === undefined ? "" : `${doubt.event.reason}; `
    return `${why}${asked} unanswered for ${span(Number(error.fields["timeout"] ?? 0))}; ${silence} → ${ended}`
  }
  const who = { peer: "the server ended it", network: "it was cut", us: "we ended it" }[entry.event.by]
  const detail = error.tag === "ConnectionClosed" ? `${wordsOf(error)}, ` : ""
  return `${detail}${who} ${span(quietFor)} after the last byte → ${ended}`
}

interface Run {
  readonly words: string
  readonly first: Loss
  last: Loss
  times: number
}

/** Failed dials, those that failed alike and in a row together. */
const runsOf = (failed: ReadonlyArray<Loss>): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  for (const loss of failed) {
    const words = wordsOf(loss.error)
    const run = runs.at(-1)
    const isSame = run?.words === words && run.last.decision?.decision === loss.decision?.decision
    if (run === undefined || !isSame) runs.push({ words, first: loss, last: loss, times: 1 })
    else {
      run.last = loss
      run.times++
    }
  }
  return runs
}

const decided = ({ decision }: Loss): string => {
  if (decision?.by === "refreshed already") return " → Stop: refused a fresh token"
  if (decision?.decision === "Refresh") return " → Refresh (target ran with refresh: true)"
  return decision?.decision === "Stop" ? " → Stop" : ""
}

const sayRun = (facts: Facts, { first, last, times, words }: Run): string => {
  const verb = words.startsWith("in phase") ? "failed " : ""
  if (times === 1) return `dial ${first.attempt ?? "?"} ${verb}${words}${decided(first)}`
  const since = time(facts.recording.startedAt, first.entry.at)
  return `dials ${first.attempt ?? "?"}–${last.attempt ?? "?"} ${verb}${words} (first failure ${since}, same error ${times} times)${decided(last)}`
}

const ofReader = ({ paused, recording }: Facts): string => {
  const { inbox } = recording.metrics
  const full = `${count(inbox.bytes, "byte")}, ${count(inbox.messages, "message")}`
  if (paused === undefined) return `your reader took nothing for maxStall while the inbox was full (${full})`
  const { startedAt, takenAt } = recording
  return `the inbox has been full for ${span(takenAt - paused.at)} (${full}); the socket is paused since ${time(startedAt, paused.at)}`
}

const ofBudget = ({ budget, losses }: Facts): string => {
  const { key, reason } = budget!.event
  const last = losses.at(-1)
  const here = last === undefined ? "" : `; the last dial here failed: ${wordsOf(last.error)}`
  switch (reason) {
    case "breaker":
      return `the breaker of ${key} is Open: dials in a row failed${here}`
    case "retryAfter":
      return `${key} said "not now"${here}`
    default:
      return `the budget of ${key} holds it back (${reason})${here}`
  }
}

export const becauseOf = (facts: Facts): string => {
  const { budget, outage, paused, recording, senders, suspicions } = facts
  const { state } = recording
  if (state._tag === "Failed" && state.error.tag === "InboxOverflow") return ofReader(facts)
  if (paused !== undefined && state._tag === "Connected") return ofReader(facts)
  if (budget !== undefined && state._tag === "Connecting") return ofBudget(facts)
  const [first, ...others] = outage
  if (first !== undefined) {
    const began = first.opened ? [lost(facts, first)] : []
    const failed = first.opened ? others : outage
    return [...began, ...runsOf(failed).map((run) => sayRun(facts, run))].join("; ")
  }
  const last = decisive(facts)
  if (last !== undefined) return `last trouble: ${last.opened ? lost(facts, last) : sayRun(facts, runsOf([last])[0]!)}`
  if (senders !== undefined) return `messages wait for ${senders.event.for}`
  if (suspicions.some(isClock)) return `${suspicions.at(-1)!.event.reason}; the session answered`
  const asked = recording.entries.findLast(is("RestartRequested"))
  return asked === undefined ? "nothing has gone wrong on record" : `a restart was asked for: ${asked.event.reason}`
}
