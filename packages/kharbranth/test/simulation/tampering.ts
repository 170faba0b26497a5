/**
 * Ways to falsify a history, one broken promise each: what the checker must see.
 * Each gives `undefined` when the history has nothing that it could falsify.
 */
import { type Fact, lastWord, saidBy, type Terms } from "./history.ts"
import { trace } from "./messages.ts"

export type Facts = ReadonlyArray<Fact>

export interface Tampering {
  readonly name: string
  /** The promise that it breaks. */
  readonly breaks: string
  readonly falsify: (facts: Facts, terms: Terms) => Facts | undefined
}

const without = (facts: Facts, index: number): Facts | undefined => (index < 0 ? undefined : facts.toSpliced(index, 1))

const twice = (facts: Facts, index: number): Facts | undefined =>
  index < 0 ? undefined : facts.toSpliced(index, 0, facts[index]!)

const changed = (facts: Facts, index: number, fact: Fact | undefined): Facts | undefined =>
  index < 0 || fact === undefined ? undefined : facts.with(index, fact)

const swapped = (facts: Facts, a: number, b: number): Facts | undefined =>
  a < 0 || b < 0 ? undefined : facts.with(a, facts[b]!).with(b, facts[a]!)

const isEntry = (fact: Fact, tag: string) => fact.e === "entry" && fact.tag === tag

const entryAt = (facts: Facts, tag: string): number => facts.findIndex((fact) => isEntry(fact, tag))

// Two neighbouring messages of one session that differ.
const neighbours = (facts: Facts): readonly [number, number] => {
  let before = -1
  for (const [index, fact] of facts.entries()) {
    if (fact.e !== "entry") continue
    const last = facts[before]
    // What the feed says may be left out on purpose.
    const isPair = isJudged(fact) && last !== undefined && isJudged(last)
    if (isPair && last.epoch === fact.epoch && last.text !== fact.text) return [before, index]
    before = index
  }
  return [-1, -1]
}

const isJudged = (fact: Fact): fact is Extract<Fact, { readonly e: "entry"; readonly tag: "Message" }> =>
  fact.e === "entry" && fact.tag === "Message" && saidBy(fact.text) === undefined

const tells = (facts: Facts) =>
  facts.some(
    (fact) =>
      isEntry(fact, "Lagged") ||
      (fact.e === "happened" && fact.event._tag === "Dropped" && fact.event.where === "inbox")
  )

const writtenOnce = (facts: Facts) =>
  [...trace(facts).values()].filter(
    ({ call, exported, written }) =>
      written.length === 1 && exported.length === 0 && call.way !== "sink" && call.options.key === undefined
  )

const deliveryAt = (facts: Facts, wanted: (fact: Extract<Fact, { readonly e: "delivery" }>) => boolean): number =>
  facts.findIndex((fact) => fact.e === "delivery" && wanted(fact))

const left = (what: "fibers" | "sleeps" | "links" | "dials"): Tampering => ({
  name: `one of the ${what} is left`,
  breaks: "nothing is left",
  falsify: (facts) => {
    const index = facts.findIndex((fact) => fact.e === "left")
    return changed(facts, index, { ...(facts[index] as Extract<Fact, { readonly e: "left" }>), [what]: 1 })
  }
})

/** The end of the dial that a hedge beat: the last one before the hedge is open. */
const beatenAt = (facts: Facts): number => {
  const hedges = new Set<number>()
  let ended = -1
  for (const [at, fact] of facts.entries()) {
    if (fact.e !== "happened") continue
    const { event } = fact
    if (event._tag === "DialStarted" && event.role === "hedge") hedges.add(event.epoch)
    if (event._tag === "SessionEnded") ended = at
    if (event._tag === "GatePassed" && hedges.has(event.epoch)) return ended
  }
  return -1
}

export const tamperings: ReadonlyArray<Tampering> = [
  {
    name: "a dial goes on beside its hedge",
    breaks: "the first dial to open ends the other",
    falsify: (facts, terms) => (terms.concurrentDials ? without(facts, beatenAt(facts)) : undefined)
  },
  {
    name: "a message that was read is dropped",
    breaks: "inbound loss is counted",
    // What is told of, and what the feed says, may hide it.
    falsify: (facts, terms) =>
      tells(facts) || terms.conflates || terms.dedupes ? undefined : without(facts, neighbours(facts)[0])
  },
  {
    name: "a message is read twice",
    breaks: "inbound order is kept",
    falsify: (facts, terms) => (terms.conflates ? undefined : twice(facts, neighbours(facts)[0]))
  },
  {
    name: "two messages that were read change places",
    breaks: "inbound order is kept",
    falsify: (facts, terms) => (terms.conflates ? undefined : swapped(facts, ...neighbours(facts)))
  },
  {
    name: "a Gap is hidden",
    breaks: "one Gap per interrupted boundary",
    falsify: (facts) => without(facts, entryAt(facts, "Gap"))
  },
  {
    name: "a Gap is doubled",
    breaks: "one Gap per interrupted boundary",
    falsify: (facts) => twice(facts, entryAt(facts, "Gap"))
  },
  {
    name: "a number of the feed is not read",
    breaks: "no hole is silent",
    falsify: (facts) => {
      const readings = facts.flatMap((fact, index) =>
        fact.e === "entry" && (fact.tag === "Gap" || fact.tag === "Lagged")
          ? [{ index: -1, number: -1 }]
          : fact.e === "entry" && fact.tag === "Message" && saidBy(fact.text) !== undefined
            ? [{ index, number: saidBy(fact.text)! }]
            : []
      )
      const place = readings.findIndex(
        ({ number }, at) =>
          number > 0 && readings[at - 1]?.number === number - 1 && readings[at + 1]?.number === number + 1
      )
      return without(facts, readings[place]?.index ?? -1)
    }
  },
  {
    name: "a session is not announced",
    breaks: "one SessionOpened per session",
    falsify: (facts) => without(facts, entryAt(facts, "SessionOpened"))
  },
  {
    name: "a Gap stands where nothing was interrupted",
    breaks: "one Gap per interrupted boundary",
    falsify: (facts) => {
      const marked = facts.flatMap((fact): Facts =>
        fact.e === "entry" && fact.tag === "SessionOpened" && fact.rotated
          ? [{ e: "entry", tag: "Gap", epoch: fact.epoch }, fact]
          : [fact]
      )
      return marked.length === facts.length ? undefined : marked
    }
  },
  {
    name: "a second Delivery",
    breaks: "exactly one outcome",
    falsify: (facts) =>
      twice(
        facts,
        deliveryAt(facts, () => true)
      )
  },
  {
    name: "no Delivery",
    breaks: "every send settles",
    falsify: (facts) =>
      without(
        facts,
        deliveryAt(facts, () => true)
      )
  },
  {
    name: "a send never ends",
    breaks: "every send settles",
    falsify: (facts) =>
      without(
        facts,
        facts.findIndex((fact) => fact.e === "sent")
      )
  },
  {
    name: "a confirmed message is lost",
    breaks: "confirmed is never lost",
    falsify: (facts) => {
      const confirmed = facts[deliveryAt(facts, ({ tag }) => tag === "Confirmed")]
      if (confirmed?.e !== "delivery") return undefined
      return facts.filter((fact) => fact.e !== "served" || fact.n !== confirmed.n)
    }
  },
  {
    name: "an acknowledged message is Unknown",
    breaks: "acknowledged is Confirmed",
    falsify: (facts) => {
      const one = [...trace(facts).values()].find(
        ({ acked, call, outcomes }) => call.way === "track" && (acked[0] ?? Infinity) < (outcomes[0]?.index ?? 0)
      )
      const index = one?.outcomes[0]?.index ?? -1
      const fact = facts[index]
      return fact?.e === "delivery" ? changed(facts, index, { ...fact, tag: "Unknown", by: "" }) : undefined
    }
  },
  {
    name: "a message that was never written is Unknown",
    breaks: "never written is never Unknown",
    falsify: (facts) => {
      const index = deliveryAt(facts, ({ tag }) => tag === "Expired")
      const fact = facts[index]
      return fact?.e === "delivery" ? changed(facts, index, { ...fact, tag: "Unknown" }) : undefined
    }
  },
  {
    name: "a completed send was not written",
    breaks: "a completed send was written",
    falsify: (facts, terms) => {
      if (terms.drops) return undefined
      const one = writtenOnce(facts).find(
        ({ call, outcomes }) => outcomes[0]?.fact.e === "sent" && call.options.whenDown === undefined
      )
      const n = one?.call.n
      return n === undefined
        ? undefined
        : facts.filter((fact) => (fact.e !== "wrote" && fact.e !== "served") || fact.n !== n)
    }
  },
  {
    name: "a message is written twice",
    breaks: "only replayable messages are written twice",
    falsify: (facts) => {
      const one = writtenOnce(facts).find(({ call }) => call.options.replay === undefined)
      return twice(facts, one?.written[0]?.index ?? -1)
    }
  },
  {
    name: "a message is served twice",
    breaks: "served once per session",
    falsify: (facts) =>
      twice(
        facts,
        facts.findIndex((fact) => fact.e === "served")
      )
  },
  {
    name: "two messages of a lane change places",
    breaks: "order per lane is kept",
    falsify: (facts) => {
      const lane = writtenOnce(facts).filter(({ call }) => call.options.lane === undefined)
      // The later one must have been given before the earlier one was written, or it could not have overtaken it.
      const at = lane.findIndex((one, index) => (lane[index + 1]?.index ?? Infinity) < one.written[0]!.index)
      return swapped(facts, lane[at]?.written[0]?.index ?? -1, lane[at + 1]?.written[0]?.index ?? -1)
    }
  },
  {
    name: "a message is written after its time",
    breaks: "nothing is written after its ttl",
    falsify: (facts) => {
      const index = writtenOnce(facts).find(({ call }) => call.ttl < Infinity)?.written[0]?.index ?? -1
      const fact = facts[index]
      return fact?.e === "wrote" ? changed(facts, index, { ...fact, mono: fact.mono + 1e9 }) : undefined
    }
  },
  {
    name: "the outbox overflows its bound",
    breaks: "the outbox is bounded",
    falsify: (facts) => {
      const index = facts.findIndex((fact) => fact.e === "gauge")
      const fact = facts[index]
      return fact?.e === "gauge" ? changed(facts, index, { ...fact, outbox: 1e9 }) : undefined
    }
  },
  {
    name: "the connection does not come back",
    breaks: "Ready again after the trouble",
    falsify: (facts) =>
      changed(
        facts,
        facts.findIndex((fact) => fact.e === "quiet"),
        { e: "quiet", state: "Reconnecting" }
      )
  },
  {
    name: "closing takes for ever",
    breaks: "closing is bounded",
    falsify: (facts) => {
      const index = facts.findIndex((fact) => fact.e === "closed")
      const fact = facts[index]
      return fact?.e === "closed" ? changed(facts, index, { ...fact, millis: 1e6 }) : undefined
    }
  },
  {
    name: "the last word expires",
    breaks: "the last word gets through",
    falsify: (facts) => {
      const index = facts.findLastIndex((fact) => fact.e === "delivery" && fact.tag === "Confirmed")
      const fact = facts[index]
      return fact?.e === "delivery" && fact.n === lastWord
        ? changed(facts, index, { ...fact, tag: "Expired", by: "" })
        : undefined
    }
  },
  {
    name: "a stream fails once too often",
    breaks: "a stream fails with its connection",
    falsify: (facts) => {
      const gaveUp = facts.filter((fact) => fact.e === "happened" && fact.event._tag === "GaveUp").length
      const failure: Fact = { e: "streamEnded", error: "InboxOverflow" }
      return [...Array.from({ length: gaveUp + 1 }, () => failure), ...facts]
    }
  },
  {
    name: "a stream does not end",
    breaks: "the stream ends with the connection",
    falsify: (facts) =>
      without(
        facts,
        facts.findIndex((fact) => fact.e === "streamEnded" && fact.error === undefined)
      )
  },
  {
    name: "a loss is told that was none",
    breaks: "no loss is told that was none",
    falsify: (facts, terms) =>
      terms.dedupes ? undefined : [{ e: "entry", tag: "Lagged", dropped: 1_000_000, atMost: false }, ...facts]
  },
  {
    name: "a connection that lives turns a message away",
    breaks: "only a connection that gave up turns messages away",
    falsify: (facts) => [
      { e: "happened", event: { _tag: "Dropped", where: "inbox", reason: "closed", count: 1 } },
      ...facts
    ]
  },
  left("fibers"),
  left("sleeps"),
  left("links"),
  left("dials")
]
