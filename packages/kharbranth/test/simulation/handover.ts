/**
 * What the connection promises about messages that are taken out of its outbox
 * and put back later: pure rules over a history.
 */
import type { Fact } from "./history.ts"
import { type Report, trace, type Trace } from "./messages.ts"

// The nth export is undone by the nth import.
const checkAway = ({ call, exported, imported, written }: Trace, report: Report): void => {
  exported.forEach((from, index) => {
    const to = imported[index] ?? Infinity
    if (written.some((write) => write.index > from && write.index < to))
      report("what is exported stays away", `message ${call.n}`)
    if (index > 0 && from < (imported[index - 1] ?? Infinity)) report("exported once", `message ${call.n}`)
  })
}

const checkFlags = (traces: ReadonlyMap<number, Trace>, fact: Fact, at: number, report: Report): void => {
  if (fact.e !== "exported") return
  for (const { n, written } of fact.items) {
    const wasWritten = traces.get(n)?.written.some(({ index }) => index < at) === true
    if (written !== wasWritten) report("an export knows what was written", `message ${n}`)
  }
}

/** The first write after an import, before the message is taken out again. */
const writeAfter = ({ exported, written }: Trace, at: number): number | undefined => {
  const until = exported.find((index) => index > at) ?? Infinity
  return written.find(({ index }) => index > at && index < until)?.index
}

// Replays go first, and what has a key may take another one's place.
const checkOrder = (traces: ReadonlyMap<number, Trace>, fact: Fact, at: number, report: Report): void => {
  if (fact.e !== "imported") return
  const last = new Map<string, number>()
  for (const n of fact.items) {
    const one = traces.get(n)
    if (one === undefined || one.call.options.key !== undefined) continue
    if (one.written.some(({ index }) => index < at)) continue
    const index = writeAfter(one, at)
    const lane = one.call.options.lane ?? "data"
    if (index === undefined) continue
    if (index < (last.get(lane) ?? 0)) report("an import keeps its order", `message ${n}`)
    last.set(lane, index)
  }
}

// What is never written is dropped by a policy, or at the end, and counted. The sender of a message that was
// written before its export knows that its fate is unknown, and nothing is added to that.
const checkLosses = (facts: ReadonlyArray<Fact>, traces: ReadonlyMap<number, Trace>, report: Report): void => {
  let dropped = 0
  for (const fact of facts) {
    if (fact.e !== "happened" || fact.event._tag !== "Dropped" || fact.event.where !== "outbox") continue
    if (fact.event.reason !== "exported") dropped += fact.event.count
  }
  let lost = 0
  for (const one of traces.values()) {
    const at = one.imported.at(-1)
    if (at === undefined || (one.exported.at(-1) ?? 0) > at) continue
    if (!one.written.some(({ index }) => index < at) && writeAfter(one, at) === undefined) lost++
  }
  if (lost > dropped) report("what is imported is written, or counted", `${lost} were not, ${dropped} were dropped`)
}

/** Everything about exports and imports. */
export const check = (facts: ReadonlyArray<Fact>, report: Report): void => {
  const traces = trace(facts)
  for (const one of traces.values()) checkAway(one, report)
  facts.forEach((fact, index) => {
    checkFlags(traces, fact, index, report)
    checkOrder(traces, fact, index, report)
  })
  checkLosses(facts, traces, report)
}
