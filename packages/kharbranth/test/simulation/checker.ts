/**
 * The judge of a history: a pure function from what was recorded at the user's
 * side, the transport and the server to the promises that were broken. `messages`
 * has the rules for what goes out and `inbound` those for what comes in; those for
 * boundaries, bounds, liveness and leftovers are here.
 */
import { type Fact, type History, isForReader, lastWord, type Terms } from "./history.ts"
import * as HandOver from "./handover.ts"
import * as Hedges from "./hedges.ts"
import * as Inbound from "./inbound.ts"
import { entriesOf, sessionsOf } from "./inbound.ts"
import * as Extras from "./extras.ts"
import * as Feed from "./feed.ts"
import * as Messages from "./messages.ts"

export type { Violation } from "./messages.ts"

type Report = Messages.Report

// ---- boundaries

type Overlap = "whole" | "cut" | "either"

interface Life {
  readyAt: number
  /** When it ended, and whether it was the core that ended it. */
  endAt: number
  hungUp: boolean
  /** When the last answer to a probe came before that. */
  pulseAt: number
}

const livesOf = (facts: ReadonlyArray<Fact>): ((epoch: number) => Life) => {
  const lives = new Map<number, Life>()
  const lifeOf = (epoch: number): Life => {
    const life = lives.get(epoch) ?? { readyAt: 0, endAt: Infinity, hungUp: false, pulseAt: -1 }
    lives.set(epoch, life)
    return life
  }
  for (const fact of facts) {
    if (fact.e === "opening" && fact.step === "done") lifeOf(fact.epoch).readyAt = fact.mono
    const isPulse = fact.e === "ponged" || (fact.e === "came" && !isForReader(fact.text))
    if (isPulse && lifeOf(fact.epoch).endAt === Infinity) lifeOf(fact.epoch).pulseAt = fact.mono
    if ((fact.e !== "over" && fact.e !== "hungUp") || lifeOf(fact.epoch).endAt < Infinity) continue
    lifeOf(fact.epoch).endAt = fact.mono
    lifeOf(fact.epoch).hungUp = fact.e === "hungUp"
  }
  return lifeOf
}

const instant = 0.1

/**
 * Whether a swap had its overlap. It had if the core hung the old session up when its time was over, or when it then
 * answered at last. One that never answered may have been believed, and what ended in the very instant may be told
 * either way; whether something is missing there is the rule of `feed`.
 */
const overlapOf = (old: Life, successor: Life, overlap: number): Overlap => {
  const overAt = successor.readyAt + overlap
  if (old.endAt < overAt - instant || successor.endAt < old.endAt - instant) return "cut"
  if (!old.hungUp || successor.endAt < old.endAt + instant) return "either"
  return old.endAt < Math.max(overAt, old.pulseAt) + instant ? "whole" : "either"
}

const checkBoundaries = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  const { ready, rotated } = sessionsOf(facts)
  const lifeOf = livesOf(facts)
  const overlaps = new Map<number, Overlap>()
  for (const fact of facts) {
    if (fact.e !== "happened" || fact.event._tag !== "Rotated") continue
    const { from, to } = fact.event
    overlaps.set(to, overlapOf(lifeOf(from), lifeOf(to), terms.overlap))
  }
  const gaps = new Map<number, number>()
  const opened = new Map<number, number>()
  for (const entry of entriesOf(facts)) {
    if (entry.tag === "Gap") gaps.set(entry.epoch, (gaps.get(entry.epoch) ?? 0) + 1)
    if (entry.tag !== "SessionOpened") continue
    opened.set(entry.epoch, (opened.get(entry.epoch) ?? 0) + 1)
    if (entry.rotated !== rotated.has(entry.epoch)) report("rotation is told", `session ${entry.epoch}`)
  }
  ready.forEach((epoch, index) => {
    const found = gaps.get(epoch) ?? 0
    const overlap = overlaps.get(epoch)
    const wanted = overlap === "either" ? Math.min(found, 1) : index === 0 || overlap === "whole" ? 0 : 1
    if (found !== wanted) report("one Gap per interrupted boundary", `session ${epoch}: ${found}, expected ${wanted}`)
    if (opened.get(epoch) !== 1) report("one SessionOpened per session", `session ${epoch}: ${opened.get(epoch) ?? 0}`)
  })
  const known = new Set(ready)
  for (const epoch of [...gaps.keys(), ...opened.keys()]) {
    if (!known.has(epoch)) report("markers belong to Ready sessions", `session ${epoch}`)
  }
}

// A session's marker stands before its first message, and nothing of an older session comes after it.
const checkPlaces = (facts: ReadonlyArray<Fact>, report: Report): void => {
  let present = 0
  for (const entry of entriesOf(facts)) {
    if (entry.tag === "Lagged") continue
    if (entry.epoch < present) report("sessions follow each other", `${entry.tag} of ${entry.epoch} after ${present}`)
    if (entry.tag === "Message" && entry.epoch > present) {
      report("a boundary comes before its messages", `message of session ${entry.epoch} in session ${present}`)
    }
    if (entry.tag === "SessionOpened") present = Math.max(present, entry.epoch)
  }
}

// Two links carry user data at once only while one takes over from the other.
const checkRotations = (facts: ReadonlyArray<Fact>, report: Report): void => {
  const over = new Set<number>()
  // Sessions that were dead already when this one's opening was done; events are heard a turn later.
  const before = new Map<number, ReadonlySet<number>>()
  for (const fact of facts) {
    if (fact.e === "over") over.add(fact.epoch)
    if (fact.e === "opening" && fact.step === "done") before.set(fact.epoch, new Set(over))
    if (fact.e !== "happened" || fact.event._tag !== "Rotated") continue
    if (before.get(fact.event.to)?.has(fact.event.from) === true)
      report("a rotation has a living predecessor", `session ${fact.event.to}`)
  }
}

// ---- bounds, liveness, leftovers

// What comes before a session may deliver waits in it, and reaches the inbox in one piece: until it is Ready, and for a
// successor until the overlap is over. An overlap that is cut short only makes this more than it was.
const isEarly = (fact: Extract<Fact, { readonly e: "came" }>, ready: number | undefined, overlap: number): boolean =>
  ready === undefined || fact.mono <= ready + overlap + 1

const checkBounds = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  const { rotated } = sessionsOf(facts)
  const readyAt = new Map<number, number>()
  const early = new Map<number, number>()
  const begun = new Set<number>()
  let largest = 0
  let turn = { mono: -1, bytes: 0 }
  for (const fact of facts) {
    if (fact.e === "opening" && fact.step === "done") readyAt.set(fact.epoch, fact.mono)
    if (fact.e === "entry" && fact.tag === "SessionOpened") begun.add(fact.epoch)
    if (fact.e === "came") {
      // A socket that is held back brings one message too many at most, any other what comes in one turn: the inbox
      // looks at that as a whole.
      turn = terms.pauses || fact.mono > turn.mono ? { mono: fact.mono, bytes: 0 } : turn
      turn.bytes += fact.text.length
      largest = Math.max(largest, turn.bytes)
      const overlap = rotated.has(fact.epoch) ? terms.overlap : -1
      if (isEarly(fact, readyAt.get(fact.epoch), overlap))
        early.set(fact.epoch, (early.get(fact.epoch) ?? 0) + fact.text.length)
    }
    if (fact.e !== "gauge") continue
    const { inboxBytes, outbox, outboxBytes } = fact
    if (outbox > terms.capacity) report("the outbox is bounded", `${outbox} messages`)
    if (outboxBytes > terms.maxBytes) report("the outbox is bounded", `${outboxBytes} bytes`)
    // No policy drops the last message, however large.
    const mark = Math.max(terms.highWaterMark, largest)
    const most = [...early.values()].reduce((sum, bytes) => sum + bytes, mark + largest)
    if (inboxBytes > most) report("the inbox is bounded", `${inboxBytes} bytes, at most ${most}`)
    // What these brought early has been read.
    if (inboxBytes === 0) for (const epoch of begun) early.delete(epoch)
  }
}

const checkLinks = (facts: ReadonlyArray<Fact>, report: Report): void => {
  const open = new Set<number>()
  for (const fact of facts) {
    if (fact.e === "hungUp" || fact.e === "over") open.delete(fact.epoch)
    if (fact.e !== "linked") continue
    open.add(fact.epoch)
    if (open.size > 2) report("at most two sessions", `open at once: ${[...open].join(", ")}`)
  }
}

const checkLiveness = (facts: ReadonlyArray<Fact>, report: Report): void => {
  const quiet = facts.findIndex((fact) => fact.e === "quiet")
  const state = facts[quiet]
  if (state?.e !== "quiet" || state.state !== "Connected")
    report("Ready again after the trouble", JSON.stringify(state))
  const last = facts.find((fact) => (fact.e === "delivery" || fact.e === "refused") && fact.n === lastWord)
  // A connection that gives up (its reader is too slow) settles what it has, and says how.
  const gaveUp = facts.some((fact, index) => index > quiet && fact.e === "happened" && fact.event._tag === "GaveUp")
  const how = last?.e === "delivery" ? last.tag : last?.e === "refused" ? last.error : "nothing"
  const wanted = gaveUp ? ["Confirmed", "Unknown", "Failed", "NotConnected"] : ["Confirmed"]
  if (!wanted.includes(how)) report("the last word gets through", `it ended with ${how}`)
  const settled = new Set<number>()
  facts.forEach((fact, index) => {
    if (index < quiet && (fact.e === "sent" || fact.e === "refused" || fact.e === "withdrawn" || fact.e === "unsure")) {
      settled.add(fact.n)
    }
  })
  for (const fact of facts) {
    if (fact.e === "call" && fact.way !== "track" && !settled.has(fact.n)) {
      report("sends settle once there is peace", `message ${fact.n}`)
    }
  }
}

// A reader is told of each end once; a slow one may find the connection back, and a Gap, instead.
const checkStreams = (facts: ReadonlyArray<Fact>, report: Report): void => {
  const failures = new Map<string, number>()
  let ends = 0
  let isFailed = false
  const count = (tag: string, by: number) => failures.set(tag, (failures.get(tag) ?? 0) + by)
  for (const fact of facts) {
    if (fact.e === "streamEnded" && fact.error === undefined) ends++
    if (fact.e === "streamEnded" && fact.error !== undefined) count(fact.error, -1)
    if (fact.e !== "happened") continue
    const { event } = fact
    if (event._tag === "GaveUp") count(event.error._tag, 1)
    if (event._tag === "GaveUp") isFailed = true
    if (event._tag === "DialStarted") isFailed = false
    if (event._tag === "Dropped" && event.reason === "closed" && event.where === "inbox" && !isFailed)
      report("only a connection that gave up turns messages away", `${event.count} messages`)
  }
  for (const [tag, left] of failures) {
    if (left < 0) report("a stream fails with its connection", `${-left} times too often with ${tag}`)
  }
  if (ends !== 1) report("the stream ends with the connection", `${ends} times`)
}

const checkEnd = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  const closed = facts.find((fact) => fact.e === "closed")
  const most = terms.closeTimeout + (closed?.how === "drain" ? terms.drainDeadline : 0) + 1
  if (closed === undefined) report("the connection closes", "it never did")
  else if (closed.millis > most) report("closing is bounded", `${closed.how} took ${closed.millis} ms`)
  const left = facts.find((fact) => fact.e === "left")
  if (left === undefined) return report("nothing is left", "nobody looked")
  for (const what of ["fibers", "sleeps", "links", "dials"] as const) {
    if (left[what] !== 0) report("nothing is left", `${left[what]} ${what}`)
  }
}

/** All broken promises of a history. */
export const check = ({ facts, terms }: History): ReadonlyArray<Messages.Violation> => {
  const violations: Array<Messages.Violation> = []
  const report: Report = (rule, detail) => void violations.push({ rule, detail })
  Messages.check(facts, terms, report)
  HandOver.check(facts, report)
  checkBoundaries(facts, terms, report)
  checkPlaces(facts, report)
  checkRotations(facts, report)
  Inbound.check(facts, terms, report)
  Feed.check(facts, terms, report)
  checkBounds(facts, terms, report)
  checkLinks(facts, report)
  Hedges.check(facts, terms, report)
  checkLiveness(facts, report)
  checkStreams(facts, report)
  checkEnd(facts, terms, report)
  Extras.check(facts, terms, report)
  return violations
}
