/**
 * What the connection promises about each message that came in: pure rules over
 * a history.
 */
import type { Fact, Terms } from "./history.ts"
import { isForReader, saidBy, welcome } from "./history.ts"
import type { Report } from "./messages.ts"

type Entry = Extract<Fact, { readonly e: "entry" }>

/** What the reader was given, in order. */
export const entriesOf = (facts: ReadonlyArray<Fact>): ReadonlyArray<Entry> =>
  facts.filter((fact) => fact.e === "entry")

/** Sessions that became Ready, in order, and those of them that took over from one that was alive. */
export const sessionsOf = (facts: ReadonlyArray<Fact>) => {
  const ready: Array<number> = []
  const rotated = new Set<number>()
  for (const fact of facts) {
    if (fact.e !== "happened") continue
    const { event } = fact
    if (event._tag === "GatePassed" && event.gate === "Ready") ready.push(event.epoch)
    if (event._tag === "Rotated") rotated.add(event.to)
  }
  return { ready, rotated }
}

interface Inbound {
  /** Everything that came by the session, and how much of it before the core gave it up. */
  readonly came: Array<string>
  due: number
  over: boolean
}

// What is the same is left out on purpose; `feed` has the rules for that.
const inboundOf = (facts: ReadonlyArray<Fact>, dedupes: boolean): Map<number, Inbound> => {
  const isJudged = (text: string) => isForReader(text) && !(dedupes && saidBy(text) !== undefined)
  const sessions = new Map<number, Inbound>()
  const at = (epoch: number): Inbound => {
    const known = sessions.get(epoch)
    if (known !== undefined) return known
    const made: Inbound = { came: [], due: 0, over: false }
    sessions.set(epoch, made)
    return made
  }
  for (const fact of facts) {
    if (fact.e === "hungUp" || fact.e === "over") at(fact.epoch).over = true
    if (fact.e !== "came" || !isJudged(fact.text)) continue
    const session = at(fact.epoch)
    session.came.push(fact.text)
    if (!session.over) session.due = session.came.length
  }
  return sessions
}

/** How many of the due messages are missing from what was read; reports what was read out of order. */
const missing = (epoch: number, session: Inbound, read: ReadonlyArray<string>, report: Report): number => {
  let place = 0
  let skipped = 0
  for (const text of read) {
    const found = session.came.indexOf(text, place)
    if (found < 0) {
      report("inbound order is kept", `session ${epoch}: "${text.slice(0, 20)}" out of place, twice, or from nowhere`)
      return skipped
    }
    skipped += Math.min(found, session.due) - Math.min(place, session.due)
    place = found + 1
  }
  return skipped + Math.max(0, session.due - place)
}

// Conflation puts the newest in the place of the first: no order, but nothing twice.
const missingOfConflated = (epoch: number, session: Inbound, read: ReadonlyArray<string>, report: Report): number => {
  const left = new Map<string, number>()
  for (const text of session.came) left.set(text, (left.get(text) ?? 0) + 1)
  for (const text of read) {
    const count = left.get(text) ?? 0
    if (count === 0) report("nothing is read twice", `session ${epoch}: "${text.slice(0, 20)}"`)
    left.set(text, count - 1)
  }
  return Math.max(0, session.due - read.length)
}

/**
 * Answers that nobody took for one, because they came too late: they wait for the reader like any message. Where probes
 * are protocol pings, none of their answers is a message.
 */
const strayPulses = (facts: ReadonlyArray<Fact>): number => {
  let welcomes = 0
  let pulses = 0
  for (const fact of facts) {
    if (fact.e === "happened" && fact.event._tag === "PulseSeen") pulses--
    if (fact.e !== "came" || isForReader(fact.text)) continue
    if (fact.text === welcome) welcomes++
    else pulses++
  }
  return welcomes + Math.max(0, pulses)
}

/** Everything about incoming messages. */
export const check = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  const sessions = inboundOf(facts, terms.dedupes)
  const readable = new Set(sessionsOf(facts).ready)
  const read = new Map<number, Array<string>>()
  // Overflow and bad frames are told in-band; what comes after the connection has given up is only counted.
  let told = 0
  for (const fact of facts) {
    if (fact.e !== "happened" || fact.event._tag !== "Dropped" || fact.event.where !== "inbox") continue
    if (fact.event.reason === "closed") told += fact.event.count
  }
  let surely = told
  for (const entry of entriesOf(facts)) {
    if (entry.tag === "Lagged") told += entry.dropped
    if (entry.tag === "Lagged" && !entry.atMost) surely += entry.dropped
    // A pulse that comes too late to be one may be read.
    if (entry.tag !== "Message" || !isForReader(entry.text)) continue
    if (terms.dedupes && saidBy(entry.text) !== undefined) continue
    const texts = read.get(entry.epoch)
    if (texts === undefined) read.set(entry.epoch, [entry.text])
    else texts.push(entry.text)
  }
  let lost = 0
  for (const [epoch, session] of sessions) {
    const count = terms.conflates ? missingOfConflated : missing
    const gone = count(epoch, session, read.get(epoch) ?? [], report)
    if (readable.has(epoch)) lost += gone
  }
  for (const epoch of read.keys()) {
    if (!readable.has(epoch)) report("only Ready sessions are read", `session ${epoch}`)
  }
  if (lost > told) report("inbound loss is counted", `${lost} messages are missing, ${told} were told of`)
  const absent = [...sessions].reduce(
    (sum, [epoch, { came }]) => sum + came.length - (read.get(epoch)?.length ?? 0),
    strayPulses(facts)
  )
  if (surely > absent && !terms.dedupes) report("no loss is told that was none", `${surely} told of, ${absent} missing`)
}
