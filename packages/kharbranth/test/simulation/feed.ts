/**
 * What the connection promises about a feed that numbers what it says to every
 * login: no number is missing where nothing says so, and what two sessions
 * bring is read once, or announced. Pure rules over a history.
 */
import type { Fact, Terms } from "./history.ts"
import { saidBy } from "./history.ts"
import { entriesOf } from "./inbound.ts"
import type { Report } from "./messages.ts"

const checkHoles = (facts: ReadonlyArray<Fact>, report: Report): void => {
  let top: number | undefined
  let marked = false
  for (const entry of entriesOf(facts)) {
    if (entry.tag === "Gap" || entry.tag === "Lagged") marked = true
    const number = entry.tag === "Message" ? saidBy(entry.text) : undefined
    if (entry.tag !== "Message" || number === undefined) continue
    if (!marked && top !== undefined && number > top + 1)
      report("no hole is silent", `${number} after ${top}, in session ${entry.epoch}`)
    top = Math.max(number, top ?? 0)
    marked = false
  }
}

interface Reading {
  readonly epoch: number
  readonly number: number
}

const readingsOf = (facts: ReadonlyArray<Fact>): ReadonlyArray<Reading> =>
  entriesOf(facts).flatMap((entry) => {
    const number = entry.tag === "Message" ? saidBy(entry.text) : undefined
    return entry.tag !== "Message" || number === undefined ? [] : [{ epoch: entry.epoch, number }]
  })

/** What was read again, and by which session first. */
const doublesOf = (facts: ReadonlyArray<Fact>): ReadonlyArray<Reading & { readonly before: number }> => {
  const first = new Map<number, number>()
  return readingsOf(facts).flatMap(({ epoch, number }) => {
    const before = first.get(number)
    if (before !== undefined) return [{ epoch, number, before }]
    first.set(number, epoch)
    return []
  })
}

const checkDoubles = (facts: ReadonlyArray<Fact>, report: Report): void => {
  const announced = new Map<number, number>()
  for (const entry of entriesOf(facts)) if (entry.tag === "SessionOpened") announced.set(entry.epoch, entry.doubles)
  const found = new Map<number, number>()
  for (const { epoch } of doublesOf(facts)) found.set(epoch, (found.get(epoch) ?? 0) + 1)
  for (const [epoch, count] of found) {
    const most = announced.get(epoch) ?? 0
    if (count > most) report("what comes twice is announced", `session ${epoch}: ${count}, at most ${most} announced`)
  }
}

// Keys are kept from the successor's dial until its overlap has been over for as long as it lasted at least.
const checkDeduped = (facts: ReadonlyArray<Fact>, { overlap }: Terms, report: Report): void => {
  const linkedAt = new Map<number, number>()
  const startedAt = new Map<number, number>()
  const came = new Map<string, number>()
  const endedAt = new Map<number, number>()
  facts.forEach((fact, index) => {
    if (fact.e === "linked") linkedAt.set(fact.epoch, index)
    if (fact.e === "opening" && fact.step === "done") startedAt.set(fact.epoch, fact.mono)
    if ((fact.e === "hungUp" || fact.e === "over") && !endedAt.has(fact.epoch)) endedAt.set(fact.epoch, fact.mono)
    const number = fact.e === "came" ? saidBy(fact.text) : undefined
    if (fact.e === "came" && number !== undefined) came.set(`${fact.epoch} ${number}`, index)
  })
  for (const { before, epoch, number } of doublesOf(facts)) {
    const again = came.get(`${epoch} ${number}`) ?? -1
    const first = came.get(`${before} ${number}`) ?? -1
    const fact = facts[again]
    if (fact?.e !== "came" || first < (linkedAt.get(epoch) ?? Infinity)) continue
    // Cut or whole, the overlap is over by then.
    const over = Math.min((startedAt.get(epoch) ?? 0) + overlap, endedAt.get(before) ?? Infinity)
    if (fact.mono < over + overlap - 0.1)
      report("a key is read once in an overlap", `${number} by ${before} and ${epoch}`)
  }
}

/** Everything about what the feed said. */
export const check = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  checkHoles(facts, report)
  if (terms.dedupes) checkDeduped(facts, terms, report)
  else checkDoubles(facts, report)
}
