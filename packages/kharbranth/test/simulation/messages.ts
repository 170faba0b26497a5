/**
 * What the connection promises about each message the user gave to it: pure
 * rules over a history.
 */
import type { Call, Fact, Terms } from "./history.ts"
import { ackedBy } from "./history.ts"

export interface Violation {
  readonly rule: string
  readonly detail: string
}

export type Report = (rule: string, detail: string) => void

interface Writing {
  readonly index: number
  readonly epoch: number
  readonly mono: number
}

interface Outcome {
  readonly index: number
  readonly fact: Fact
  /** The server began to close by itself since the message was last written: that looks like an answer to our close. */
  readonly crossed: boolean
}

/** Everything the history says about one message; places are indices of facts. */
export interface Trace {
  readonly call: Call
  readonly index: number
  readonly written: Array<Writing>
  readonly served: Array<number>
  /** Acknowledgements that came by a session that the core had not given up. */
  readonly acked: Array<number>
  /** Acknowledgements that came at all: a closing handshake may still bring one. */
  heard: number
  readonly accepted: Array<number>
  /** When it was taken out of the outbox, and put back. */
  readonly exported: Array<number>
  readonly imported: Array<number>
  /** How long it was out altogether, in milliseconds. */
  away: number
  readonly outcomes: Array<Outcome>
}

/** Gathers the facts by message. */
export const trace = (facts: ReadonlyArray<Fact>): Map<number, Trace> => {
  const traces = new Map<number, Trace>()
  const gone = new Set<number>()
  let serverClosed = -1
  facts.forEach((fact, index) => {
    switch (fact.e) {
      case "serverCloses":
        serverClosed = index
        return
      case "call":
        traces.set(fact.n, {
          call: fact,
          index,
          written: [],
          served: [],
          acked: [],
          heard: 0,
          accepted: [],
          exported: [],
          imported: [],
          away: 0,
          outcomes: []
        })
        return
      case "wrote":
        if (fact.n !== undefined) traces.get(fact.n)?.written.push({ index, epoch: fact.epoch, mono: fact.mono })
        return
      case "served":
        traces.get(fact.n)?.served.push(fact.epoch)
        return
      case "hungUp":
      case "over":
        gone.add(fact.epoch)
        return
      case "came": {
        const n = ackedBy(fact.text)
        const one = n === undefined ? undefined : traces.get(n)
        if (one === undefined) return
        one.heard++
        if (!gone.has(fact.epoch)) one.acked.push(index)
        return
      }
      case "exported":
        for (const { n } of fact.items) traces.get(n)?.exported.push(index)
        return
      case "imported":
        for (const n of fact.items) {
          const one = traces.get(n)
          one?.imported.push(index)
          if (one !== undefined) one.away += fact.away
        }
        return
      case "accepted":
        traces.get(fact.n)?.accepted.push(index)
        return
      case "sent":
      case "refused":
      case "withdrawn":
      case "unsure":
      case "delivery": {
        const one = traces.get(fact.n)
        one?.outcomes.push({ index, fact, crossed: serverClosed > (one.written.at(-1)?.index ?? Infinity) })
      }
    }
  })
  return traces
}

const quietly = ({ call, exported }: Trace, terms: Terms): boolean =>
  call.options.whenDown === "drop" || call.options.key !== undefined || terms.drops || exported.length > 0

const checkOutcome = (one: Trace, { crossed, fact }: Outcome, terms: Terms, report: Report): void => {
  const { n } = one.call
  // The sender is told that it was exported; what becomes of it then is nobody's outcome.
  const isWritten = one.written.some(({ index }) => index < (one.exported[0] ?? Infinity))
  if (fact.e === "sent" && !isWritten && !quietly(one, terms)) {
    report("a completed send was written", `message ${n} was never handed to a socket`)
  }
  if (fact.e === "refused" && isWritten) report("a refused message is never written", `message ${n}: ${fact.error}`)
  if (fact.e !== "delivery") return
  if (fact.tag === "Unknown" && !isWritten) report("never written is never Unknown", `message ${n}`)
  if ((fact.tag === "Expired" || fact.tag === "Dropped" || fact.tag === "Failed") && isWritten) {
    report("written ends Confirmed or Unknown", `message ${n} was ${fact.tag}`)
  }
  if (fact.tag === "Confirmed") {
    if (one.served.length === 0 && !(fact.by === "close" && crossed))
      report("confirmed is never lost", `message ${n} by ${fact.by} never reached the server`)
    if (fact.by === "ack" && one.heard === 0) report("an ack confirms", `message ${n} without any ack`)
    if (fact.by === "pong" && one.call.proof === "ack") report("a pong proves less than an ack", `message ${n}`)
  }
}

const checkOne = (one: Trace, terms: Terms, report: Report): void => {
  const { call, outcomes } = one
  const { n } = call
  const isUnsure = outcomes.some(({ fact }) => fact.e === "unsure")
  if (outcomes.length === 0) report("every send settles", `message ${n} (${call.way}) never had an outcome`)
  if (outcomes.length > 1) report("exactly one outcome", `message ${n} had ${outcomes.length}`)
  if (one.accepted.length > 1) report("accepted once", `message ${n}`)
  for (const outcome of outcomes) if (!isUnsure) checkOutcome(one, outcome, terms, report)

  const settled = outcomes[0]
  const acked = one.acked[0]
  if (call.way === "track" && settled?.fact.e === "delivery" && acked !== undefined && acked < settled.index) {
    if (settled.fact.tag !== "Confirmed") report("acknowledged is Confirmed", `message ${n} ended ${settled.fact.tag}`)
  }
  checkWritings(one, terms, report)
}

const checkWritings = (one: Trace, terms: Terms, report: Report): void => {
  const { call, written } = one
  const { n } = call
  const first = written[0]
  // A sink offers its messages one after another, as there is room. A timer may be a millisecond late.
  if (first !== undefined && call.way !== "sink" && first.mono > call.mono + call.ttl + one.away + 1) {
    report("nothing is written after its ttl", `message ${n}, ${first.mono - call.mono - call.ttl} ms late`)
  }
  if (written.length < 2) return
  if (call.options.replay === undefined) report("only replayable messages are written twice", `message ${n}`)
  if (written.length > (1 + terms.maxReplays) * (1 + one.imported.length))
    report("replays are bounded", `message ${n}: ${written.length} writes`)
  if (new Set(written.map(({ epoch }) => epoch)).size < written.length) {
    report("written once per session", `message ${n}`)
  }
  const acked = one.acked[0]
  // An acknowledgement that comes while it is away is nobody's.
  if (acked !== undefined && one.exported.length === 0 && written.some(({ index }) => index > acked)) {
    report("an acknowledged message is not replayed", `message ${n}`)
  }
}

const checkServed = (one: Trace, report: Report): void => {
  const { n } = one.call
  if (one.served.length > one.written.length) report("nothing is served that was not written", `message ${n}`)
  if (new Set(one.served).size < one.served.length) report("served once per session", `message ${n}`)
}

// First writings of single messages, per lane, in the order in which they were given.
const checkOrder = (traces: Iterable<Trace>, report: Report): void => {
  const last = new Map<string, { readonly n: number; readonly index: number }>()
  for (const { call, exported, written } of traces) {
    const first = written[0]
    if (first === undefined || exported.length > 0 || call.way === "sink" || call.options.key !== undefined) continue
    const lane = call.options.lane ?? "data"
    const before = last.get(lane)
    if (before !== undefined && before.index > first.index) {
      report("order per lane is kept", `message ${call.n} overtook ${before.n}`)
    }
    if (before === undefined || before.index < first.index) last.set(lane, { n: call.n, index: first.index })
  }
}

// Within a sink, and once no session of a later epoch has been written to.
const checkSwap = (facts: ReadonlyArray<Fact>, report: Report): void => {
  let newest = 0
  for (const fact of facts) {
    if (fact.e !== "wrote" || fact.n === undefined) continue
    if (fact.epoch < newest) report("writes swap once", `message ${fact.n} went to session ${fact.epoch}`)
    newest = Math.max(newest, fact.epoch)
  }
}

const checkReadiness = (facts: ReadonlyArray<Fact>, report: Report): void => {
  const done = new Set<number>()
  for (const fact of facts) {
    if (fact.e === "opening" && fact.step === "done") done.add(fact.epoch)
    if (fact.e === "wrote" && fact.n !== undefined && !done.has(fact.epoch)) {
      report("only onOpen writes before Ready", `message ${fact.n} in session ${fact.epoch}`)
    }
  }
}

/** Everything about outgoing messages. */
export const check = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  const traces = trace(facts)
  for (const one of traces.values()) {
    checkOne(one, terms, report)
    checkServed(one, report)
  }
  checkOrder(traces.values(), report)
  checkSwap(facts, report)
  checkReadiness(facts, report)
}
