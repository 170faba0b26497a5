/** Puts an explanation together: the chain, the blame, and a sentence for each of its five lines. */
import type { Entry, Recording } from "../../Recorder.ts"
import type { Blame, Explanation } from "../../Why.ts"
import { blameOf, decisive } from "./blame.ts"
import { chainOf, type Facts, factsOf } from "./facts.ts"
import { adviceOf } from "./advice.ts"
import { becauseOf } from "./because.ts"
import { patternsOf } from "./patterns.ts"
import { count, span, time } from "./words.ts"

const attemptOf = ({ recording: { state } }: Facts): number => ("attempt" in state ? state.attempt : 0)

const whatOf = (facts: Facts): string => {
  const { budget, dial, outage, recording } = facts
  const { entries, startedAt, state, takenAt } = recording
  const since = outage[0]?.entry.at ?? dial?.at ?? takenAt
  switch (state._tag) {
    case "Reconnecting":
      return `Reconnecting · ${span(takenAt - since)} · dial ${attemptOf(facts) + 1}`
    case "Connecting": {
      const waits = budget === undefined ? "" : " waits for the budget"
      return `Connecting · dial ${attemptOf(facts)}${waits} · ${span(takenAt - (budget?.at ?? since))}`
    }
    case "Connected":
      return `Connected · session ${state.epoch} · ${state.gate}`
    case "Failed": {
      const at = entries.findLast(({ event }) => event._tag === "GaveUp")?.at ?? takenAt
      return `Failed, ${state.recoverable ? "recoverable" : "for good"} · since ${time(startedAt, at)}`
    }
    case "Disconnected":
      return `Disconnected · ${state.reason}`
    case "Closing":
      return "Closing"
  }
}

/** What is lost or waits, in the words of the program that sends and reads. */
const youOf = (facts: Facts): string => {
  const { budget, losses, outage, paused, readyAt, recording } = facts
  const { connection, metrics, state, takenAt } = recording
  const parts: Array<string> = []
  const { messages, oldestAge } = metrics.outbox
  if (state._tag === "Failed") parts.push("send fails with NotConnected")
  if (messages > 0) {
    const age =
      oldestAge === undefined ? "" : `, the oldest for ${span(oldestAge)} of its ${span(connection.policies.ttl)} ttl`
    parts.push(`${count(messages, "message waits", "messages wait")}${age}`)
  }
  const unconfirmed = (outage[0] ?? losses.at(-1))?.entry.event.unconfirmed
  if (unconfirmed !== undefined && unconfirmed.count > 0) {
    const { from, to } = unconfirmed
    parts.push(`${count(unconfirmed.count, "message")} may have arrived or not (writes ${from}–${to})`)
  }
  if (readyAt !== undefined && (state._tag === "Reconnecting" || state._tag === "Connecting")) {
    parts.push("one Gap follows when the next session is Ready")
  }
  if (budget !== undefined) parts.push(`${count(budget.event.ahead, "dial")} of this key go before it`)
  if (paused !== undefined && state._tag === "Connected") {
    const left = connection.policies.maxStall - (takenAt - paused.at)
    parts.push(
      `nothing is lost yet; ${left > 0 ? `in ${span(left)} (maxStall)` : "after maxStall"} ${overflowOf(recording)}`
    )
  }
  return parts.length === 0
    ? state._tag === "Connected"
      ? "messages flow"
      : "nothing waits, nothing is lost"
    : parts.join("; ")
}

const overflowOf = ({ connection: { policies } }: Recording): string =>
  policies.overflow === "fail"
    ? 'overflow "fail" ends the connection with InboxOverflow'
    : `overflow "${policies.overflow}" drops what does not fit`

const nextOf = (facts: Facts): string => {
  const { budget, dial, paused, recording, retry } = facts
  const { connection, startedAt, state, takenAt } = recording
  switch (state._tag) {
    case "Reconnecting": {
      const left = retry === undefined ? undefined : retry.at + retry.event.delay - takenAt
      return `dial ${state.attempt + 1} in ${left === undefined ? "a moment" : span(Math.max(0, left))}`
    }
    case "Connecting": {
      if (budget?.event.wait !== undefined) {
        const left = budget.at + budget.event.wait - takenAt
        const probe = budget.event.reason === "breaker" || budget.event.reason === "retryAfter" ? "one probe" : "a dial"
        return `${probe} of ${budget.event.key} in ${span(Math.max(0, left))}; then those that wait follow one by one`
      }
      if (budget !== undefined) return "it goes when another dial of this key ends"
      const left = (dial?.at ?? takenAt) + connection.policies.dialTimeout - takenAt
      return state.gate === "Open"
        ? "Ready, when `onOpen` is done"
        : `open, or a DialTimeout in ${span(Math.max(0, left))}`
    }
    case "Connected":
      if (paused !== undefined) return `ReaderStalled at ${time(startedAt, paused.at + connection.policies.maxStall)}`
      return state.gate === "Stable" ? "nothing to wait for" : "Stable, once it has lasted"
    case "Closing":
      return "Closed, at the latest after `closeTimeout`"
    default:
      return "nothing: it does not dial by itself"
  }
}

/** The entry that the present follows from. */
const leadOf = (facts: Facts): Entry | undefined => {
  const { budget, paused, recording } = facts
  if (paused !== undefined && recording.state._tag === "Connected") return paused
  const last = recording.entries.findLast(({ event }) => event._tag === "GaveUp")
  if (recording.state._tag === "Failed" && last !== undefined) return last
  const loss = decisive(facts)?.entry
  return budget ?? facts.retry ?? loss
}

export const explain = (recording: Recording): Explanation => {
  const facts = factsOf(recording)
  const blame: Blame | undefined = blameOf(facts)
  return {
    connection: recording.connection.name,
    blame,
    chain: chainOf(facts, leadOf(facts)).map(({ seq }) => seq),
    patterns: patternsOf(facts),
    what: whatOf(facts),
    because: becauseOf(facts),
    you: youOf(facts),
    next: nextOf(facts),
    advice: adviceOf(facts, blame)
  }
}

export const print = ({ advice, because, blame, connection, next, patterns, what, you }: Explanation): string => {
  const first = `${connection.padEnd(12)}  ${what}`
  const end = blame === undefined ? "" : `blame: ${blame}`
  const hints = patterns.map(({ text }) => `. ${text.charAt(0).toUpperCase()}${text.slice(1)}`).join("")
  return [
    `${first.padEnd(72)}${end}`.trimEnd(),
    `because  ${because}`,
    `you      ${you}`,
    `next     ${next}`,
    `do       ${advice}${hints}`
  ].join("\n")
}
