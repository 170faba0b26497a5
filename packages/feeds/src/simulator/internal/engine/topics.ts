/** The topics of a venue: who follows them, and what goes out when the market steps. */
import type { Range } from "../../Ledger.ts"
import type { Instrument, Step } from "../market/instrument.ts"
import { concerns, type Faults } from "./faults.ts"
import type { Held, Link } from "./link.ts"
import type { Recorder, Sent } from "./recorder.ts"
import type { Connection, Encode, Rules, Topic, Update, Venue, Wanted } from "./rules.ts"
import { View } from "./view.ts"
import type { Entry, VenueFault } from "../../VenueFault.ts"

/** What sending needs of the engine. */
export interface Way {
  readonly links: ReadonlyMap<number, Link>
  readonly say: (link: Link, text: string) => void
  /** Does to a connection what a fault says. */
  readonly strike: (link: Link, fault: VenueFault) => void
}

/** The numbers of trades that follow each other. */
export const rangeOf = (trades: Step["trades"]): Range | undefined => {
  const [first, last] = [trades[0]?.id, trades.at(-1)?.id]
  return first === undefined || last === undefined ? undefined : { first, last }
}

export class Topics {
  /** Those that somebody follows. */
  private readonly known = new Map<Instrument, Map<string, Topic>>()
  private readonly rules: Rules
  private readonly venue: Venue
  private readonly faults: Faults
  private readonly record: Recorder
  private readonly way: Way

  constructor(rules: Rules, venue: Venue, faults: Faults, record: Recorder, way: Way) {
    this.rules = rules
    this.venue = venue
    this.faults = faults
    this.record = record
    this.way = way
  }

  /** A topic that somebody follows, or else a new one that starts from the book as it is. */
  find(wanted: Wanted): Topic {
    return this.known.get(wanted.instrument)?.get(wanted.key) ?? fresh(wanted)
  }

  join(topic: Topic, link: Link): void {
    const topics = this.known.get(topic.instrument) ?? new Map<string, Topic>()
    this.known.set(topic.instrument, topics.set(topic.key, topic))
    topic.subscribers.add(link)
  }

  /** Ends one's following. A topic that nobody follows is forgotten. */
  leave(link: Link, held: Held): void {
    const { instrument, key, subscribers } = held.topic
    subscribers.delete(link)
    held.entry.end(this.venue.now)
    if (subscribers.size === 0) this.known.get(instrument)?.delete(key)
  }

  publish(instrument: Instrument, { change, trades }: Step): void {
    for (const topic of this.known.get(instrument)?.values() ?? []) {
      if (topic.channel === "book") this.publishBook(topic, change)
      else if (topic.channel === "ticker") this.publishQuote(topic, change.at, trades.length > 0)
      else this.publishTrades(topic, trades)
    }
  }

  /** Begins the numbers of books again that a fault is about. */
  restart(entry: Entry): void {
    for (const topics of this.known.values()) {
      for (const topic of topics.values()) {
        const { restart } = this.rules
        if (restart === undefined || topic.channel !== "book") continue
        if (concerns(entry, topic)) this.spread(topic, restart(topic, this.venue), {})
      }
    }
  }

  /** Sends an update to one subscriber, unless a fault strikes it. */
  offer({ id }: Connection, topic: Topic, encode: Encode, sent: Sent, isUpdate: boolean): void {
    const link = this.way.links.get(id)
    const held = link?.topics.get(topic.key)
    if (link === undefined || held === undefined || held.silent) return
    const summed = topic.channel === "book" && this.rules.sums === (isUpdate ? "updates" : "apart")
    const fault =
      (summed ? this.faults.at("checksum", topic) : undefined) ??
      this.faults.at("frame", topic) ??
      this.faults.at("connection", topic)
    const texts = encode(link, fault?._tag === "WrongChecksum")
    const send = () => this.put(link, held, texts, sent)
    // One update waits for its place at a time.
    if (fault === undefined || (fault._tag === "Swap" && held.late !== undefined)) return send()
    this.record.inject(this.venue.now, fault, { connection: link.id, topic: topic.key, revision: sent.revisions?.last })
    if (fault._tag === "Swap") held.late = send
    if (fault._tag === "Gap" || fault._tag === "Swap") return
    send()
    if (fault._tag === "Duplicate") this.say(link, texts)
    else this.way.strike(link, fault)
  }

  /** Sends what is no update: nothing strikes it. */
  put(link: Link, held: Held, texts: string | ReadonlyArray<string>, sent: Sent): void {
    if (!link.hears(this.venue.now)) return
    this.say(link, texts)
    held.entry.sent(sent)
    const { late } = held
    held.late = undefined
    late?.()
  }

  private say(link: Link, texts: string | ReadonlyArray<string>): void {
    if (typeof texts === "string") this.way.say(link, texts)
    else for (const text of texts) this.way.say(link, text)
  }

  private publishBook(topic: Topic, change: Step["change"]): void {
    const { asks, bids } = topic.view === undefined ? change : topic.view.move(change)
    if (bids.length + asks.length === 0) return
    const { revision: before, sequence: previous } = topic
    const { at, last, revision } = change
    Object.assign(topic, { sequence: last, revision, at, count: topic.count + 1 })
    const update: Update = { revision, first: previous + 1, last, previous, at, bids, asks }
    this.spread(topic, this.rules.update(topic, update, this.venue), {
      revisions: { first: before + 1, last: revision }
    })
  }

  /** A ticker speaks when the best prices changed, or somebody traded. */
  private publishQuote(topic: Topic, at: number, traded: boolean): void {
    const { asks, bids } = topic.instrument
    const [bid, ask] = [bids.best ?? 0, asks.best ?? 0]
    const now = [bid, bids.at(bid), ask, asks.at(ask)]
    if (!traded && now.every((value, index) => value === topic.quote[index])) return
    topic.quote = now
    topic.at = at
    this.spread(topic, this.rules.quoted(topic, at, this.venue), {})
  }

  private publishTrades(topic: Topic, trades: Step["trades"]): void {
    const size = this.rules.tradesPerFrame ?? Infinity
    for (let from = 0; from < trades.length; from += size) {
      const part = trades.slice(from, from + size)
      this.spread(topic, this.rules.traded(topic, part, this.venue), { trades: rangeOf(part) })
    }
  }

  private spread(topic: Topic, encode: Encode | undefined, sent: Sent): void {
    if (encode === undefined) return
    for (const connection of topic.subscribers) this.offer(connection, topic, encode, sent, true)
  }
}

const fresh = (wanted: Wanted): Topic => ({
  ...wanted,
  view: wanted.depth === undefined ? undefined : new View(wanted.instrument, wanted.depth, wanted.pushed ?? "removed"),
  sequence: wanted.instrument.sequence,
  revision: wanted.instrument.revision,
  at: wanted.instrument.at,
  count: 0,
  shift: 0,
  quote: [],
  subscribers: new Set()
})
