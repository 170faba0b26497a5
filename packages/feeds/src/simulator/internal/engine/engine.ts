/**
 * The machine behind every simulated venue: it moves the market through time,
 * keeps connections, enforces the limits that are mere numbers, and injects
 * faults. What frames mean is for the venue's rules.
 */
import type { Ledger, TrueBook } from "../../Ledger.ts"
import type * as Simulator from "../../Simulator.ts"
import type { Entry as FaultEntry, VenueFault } from "../../VenueFault.ts"
import type { Instrument, Trade } from "../market/instrument.ts"
import { Market } from "../market/market.ts"
import { Random } from "../market/random.ts"
import { checkEntry } from "../check.ts"
import { Agenda } from "./agenda.ts"
import * as Clocks from "./clocks.ts"
import { concerns, Faults } from "./faults.ts"
import { Gate, type Refused } from "./gate.ts"
import { Link } from "./link.ts"
import { Recorder } from "./recorder.ts"
import type { Connection, Encode, Refusal, Rules, Topic, Venue, Wanted } from "./rules.ts"
import { rangeOf, Topics } from "./topics.ts"

/** The address of clients that name none. */
const someone = "client"

const notFound: Simulator.Response = { status: 404, headers: {}, body: `{"msg":"Not found"}` }

/** How long after a notice a connection ends. */
const noticeTime = 60_000

export class Engine implements Simulator.Simulator, Venue {
  readonly venue: string
  readonly symbols: ReadonlyArray<string>
  readonly hosts: ReadonlyArray<string>
  readonly numbers: Simulator.Numbers
  readonly instruments: ReadonlyArray<Instrument>
  readonly address: (url: string) => string
  now: number
  private readonly rules: Rules
  private readonly record: Recorder
  private readonly agenda = new Agenda()
  private readonly random: Random
  private readonly market: Market
  private readonly faults: Faults
  private readonly gate: Gate
  private readonly topics: Topics
  private readonly links = new Map<number, Link>()
  private outputs: Array<Simulator.Output> = []
  private lastLink = 0

  constructor(rules: Rules, options: Simulator.Options) {
    const { faults = [], history = 500, market = {}, seed = 1, start = 0 } = options
    this.rules = rules
    this.venue = rules.id
    this.hosts = rules.hosts
    this.numbers = { ...rules.numbers, ...options.numbers }
    this.now = start
    this.address = options.address ?? ((url) => url)
    this.random = new Random(seed, `chance of ${rules.id}`)
    this.record = new Recorder(rules.id)
    this.gate = new Gate(this.numbers)
    this.market = new Market(rules.id, seed, market, rules, start, history)
    this.instruments = this.market.instruments
    this.symbols = this.instruments.map(({ symbol }) => symbol)
    const draw = new Random(seed, `faults of ${rules.id}`)
    this.faults = new Faults(faults, start, draw, this.agenda, (entry) => this.strikeByClock(entry))
    this.topics = new Topics(rules, this, this.faults, this.record, {
      links: this.links,
      say: (link, text) => this.say(link, text),
      strike: (link, fault) => this.strike(link, fault)
    })
    this.market.start(this.agenda, start, (instrument, step) => this.topics.publish(instrument, step))
  }

  // ------------------------------------------------------------ what it is told

  connect({ from = someone, url }: Simulator.Dial, now: number): Simulator.Answer {
    this.tick(now)
    this.record.counts.dials++
    const open = [...this.links.values()].filter((link) => link.from === from).length
    const refused = this.gate.dial(from, open, now) ?? this.faulty("dial")
    if (refused !== undefined) {
      this.note(refused, url)
      return this.refuse(refused.status, refused.wait)
    }
    const parsed = this.own(url)
    const status = parsed === undefined ? 404 : this.rules.dial?.(parsed, this)
    if (parsed === undefined || status !== undefined) return this.refuse(status ?? 404, 0)
    const link = new Link(++this.lastLink, parsed, from, now, this.numbers)
    this.links.set(link.id, link)
    Clocks.start(link, this.numbers, this.rules.farewell, this.agenda, this)
    if (this.gate.isPenalised(from, now)) {
      this.violate(link, "dial during a penalty", "cut at once", url)
      this.cut(link)
    } else this.rules.opened?.(link, this)
    return { _tag: "Accepted", connection: link.id }
  }

  receive(connection: number, text: string, now: number): void {
    const link = this.hear(connection, now)
    if (link === undefined) return
    link.heardAt = now
    if (!this.admit(link, true, text)) return
    const { frameBytes } = this.numbers
    if (frameBytes === undefined || text.length <= frameBytes) this.rules.received(link, text, this)
    else this.violate(link, "frame size", `${text.length} of ${frameBytes} bytes: not answered`, text)
  }

  pinged(connection: number, now: number): void {
    const link = this.hear(connection, now)
    if (link !== undefined) this.admit(link, false, "(ping)")
  }

  ponged(connection: number, now: number): void {
    const link = this.hear(connection, now)
    if (link === undefined) return
    link.pingedAt = undefined
    this.admit(link, false, "(pong)")
  }

  left(connection: number, now: number): void {
    this.tick(now)
    const link = this.links.get(connection)
    if (link !== undefined) this.end(link)
  }

  request({ from = someone, method, url }: Simulator.Request, now: number): Simulator.Response {
    this.tick(now)
    this.record.counts.requests++
    const parsed = this.own(url)
    if (parsed === undefined) return notFound
    const refused = this.gate.request(from, this.rules.weight?.(parsed) ?? 1, now) ?? this.faulty("request")
    if (refused !== undefined) {
      this.note(refused, url)
      const headers = refused.wait > 0 ? { "retry-after": String(Math.ceil(refused.wait / 1000)) } : {}
      return { status: refused.status, headers, body: `{"msg":"Too many requests"}` }
    }
    return this.rules.request(parsed, method, this) ?? notFound
  }

  congested(connection: number, bytes: number, now: number): void {
    this.tick(now)
    const link = this.links.get(connection)
    if (link === undefined) return
    this.violate(link, "slow reader", `${bytes} bytes wait to be read`)
    this.cut(link)
  }

  tick(now: number): void {
    for (let task = this.agenda.due(now); task !== undefined; task = this.agenda.due(now)) {
      this.now = Math.max(this.now, task.time)
      task.run(this.now)
    }
    this.now = Math.max(this.now, now)
  }

  get next(): number | undefined {
    return this.agenda.next
  }

  take(): ReadonlyArray<Simulator.Output> {
    const taken = this.outputs
    this.outputs = []
    return taken
  }

  inject(entry: FaultEntry): void {
    checkEntry(this.venue, entry)
    this.faults.add(entry, this.now)
    this.tick(this.now)
  }

  get ledger(): Ledger {
    return this.record
  }

  book(symbol: string, when?: Simulator.When, depth = Infinity): TrueBook | undefined {
    return this.market.book(symbol, when, depth)
  }

  // ------------------------------------------------------ what the rules may do

  instrument(symbol: string): Instrument | undefined {
    return this.market.instrument(symbol)
  }

  number(sequence: number): string {
    return this.market.number(sequence).toString()
  }

  chance(): number {
    return this.random.next()
  }

  say(connection: Connection, text: string): void {
    const link = this.links.get(connection.id)
    if (link === undefined || !link.hears(this.now)) return
    link.saidAt = this.now
    this.record.counts.sent++
    this.record.counts.bytes += text.length
    this.outputs.push({ _tag: "Text", connection: link.id, at: this.now, text })
  }

  ping(link: Link): void {
    if (!link.hears(this.now)) return
    this.outputs.push({ _tag: "Ping", connection: link.id, at: this.now, payload: String(this.now) })
  }

  after(connection: Connection, millis: number, run: () => void): void {
    this.agenda.at(this.now + millis, () => {
      if (connection.open) run()
    })
  }

  every(connection: Connection, millis: number, run: () => void, topic?: Topic): void {
    const key = topic?.key ?? ""
    const held = connection.topics.get(key)
    const task = this.agenda.at(this.now + millis, (now) => {
      if (!connection.open || connection.topics.get(key) !== held) return
      run()
      this.agenda.again(task, now + millis)
    })
  }

  beat(connection: Connection, run: () => void): void {
    const { beat } = this.numbers
    if (beat !== undefined) this.every(connection, beat, run)
  }

  close(connection: Connection, code: number, reason: string): void {
    if (!this.end(connection)) return
    this.outputs.push({ _tag: "Close", connection: connection.id, at: this.now, code, reason })
  }

  cut(connection: Connection): void {
    if (!this.end(connection)) return
    this.outputs.push({ _tag: "Cut", connection: connection.id, at: this.now })
  }

  violate(connection: Connection | undefined, rule: string, detail: string, frame?: string): void {
    this.record.violate({ at: this.now, connection: connection?.id, rule, detail, frame })
  }

  operation(connection: Connection, frame: string, weight = 1): boolean {
    const operations = this.links.get(connection.id)?.operations
    if (operations === undefined || operations.take(this.now, weight)) return true
    this.violate(connection, "operations", `more than ${operations.limit} in ${operations.length} ms`, frame)
    return false
  }

  subscribe(connection: Connection, wanted: Wanted, frame: string, tag = wanted.key): Refusal {
    const link = this.links.get(connection.id)
    if (link === undefined) return "full"
    link.subscribed = true
    if (link.topics.has(wanted.key)) return "again"
    if (this.isFull(link, wanted.key, frame)) return "full"
    const topic = this.topics.find(wanted)
    const fault = this.faults.at("subscription", topic)
    if (fault !== undefined) this.record.inject(this.now, fault, { connection: link.id, topic: topic.key })
    if (fault?._tag === "Poison") {
      this.cut(link)
      return "poisoned"
    }
    this.topics.join(topic, link)
    link.characters += wanted.key.length
    const entry = this.record.open(link.id, topic, this.now)
    link.topics.set(wanted.key, { topic, tag, entry, silent: fault?._tag === "Silent", late: undefined })
    return undefined
  }

  unsubscribe(connection: Connection, key: string): Topic | undefined {
    const link = this.links.get(connection.id)
    const held = link?.topics.get(key)
    if (link === undefined || held === undefined) return undefined
    this.topics.leave(link, held)
    link.characters -= key.length
    link.topics.delete(key)
    return held.topic
  }

  offer(connection: Connection, topic: Topic, encode: Encode): void {
    const { revision } = topic
    this.topics.offer(connection, topic, encode, { revisions: { first: revision, last: revision } }, false)
  }

  show(connection: Connection, topic: Topic, encode: Encode, trades: ReadonlyArray<Trade> = []): void {
    const link = this.links.get(connection.id)
    const held = link?.topics.get(topic.key)
    if (link === undefined || held === undefined || held.silent) return
    const { revision } = topic
    const revisions = topic.channel === "book" ? { first: revision, last: revision } : undefined
    this.topics.put(link, held, encode(link, false), { revisions, trades: rangeOf(trades) })
  }

  // ------------------------------------------------------------------- limits

  /** An address, if it is one of the venue's. */
  private own(url: string): URL | undefined {
    const parsed = URL.canParse(url) ? new URL(url) : undefined
    return parsed !== undefined && this.hosts.includes(parsed.host) ? parsed : undefined
  }

  /** A frame of a client, if the connection still stands. */
  private hear(connection: number, now: number): Link | undefined {
    this.tick(now)
    const link = this.links.get(connection)
    if (link === undefined || link.deaf) return undefined
    this.record.counts.received++
    return link
  }

  /** Counts a frame against the window; whether it is within it. */
  private admit(link: Link, data: boolean, frame: string): boolean {
    const { inbound } = this.numbers
    if (inbound === undefined || link.inbound === undefined || (!data && !inbound.control)) return true
    if (link.inbound.take(this.now)) return true
    this.violate(link, "messages", `more than ${inbound.limit} in ${inbound.window} ms`, frame)
    if (inbound.answer === undefined) {
      this.gate.penalise(link.from, this.now + inbound.penalty)
      this.close(link, 1008, "Too many requests")
    } else this.say(link, inbound.answer)
    return false
  }

  private isFull(link: Link, key: string, frame: string): boolean {
    const { characters = Infinity, topicsPerConnection = Infinity } = this.numbers
    if (link.topics.size >= topicsPerConnection) {
      this.violate(link, "topics per connection", `more than ${topicsPerConnection}`, frame)
      return true
    }
    if (link.characters + key.length <= characters) return false
    this.violate(link, "characters per connection", `more than ${characters}`, frame)
    return true
  }

  private note(refused: Refused, url: string): void {
    if (refused.ban) this.record.counts.bans++
    if (refused.rule !== undefined) this.violate(undefined, refused.rule, `answered with ${refused.status}`, url)
  }

  private refuse(status: number, wait: number): Simulator.Answer {
    this.record.counts.refused++
    return { _tag: "Rejected", status, retryAfter: wait > 0 ? Math.ceil(wait / 1000) : undefined, body: "" }
  }

  /** Ends a connection; whether it was open. */
  private end({ id }: Connection): boolean {
    const link = this.links.get(id)
    if (link === undefined) return false
    link.open = false
    this.links.delete(id)
    for (const held of link.topics.values()) this.topics.leave(link, held)
    return true
  }

  // ------------------------------------------------------------------- faults

  private faulty(occasion: "dial" | "request"): Refused | undefined {
    const fault = this.faults.at(occasion)
    if (fault === undefined || !("status" in fault)) return undefined
    this.record.inject(this.now, fault, {})
    return { status: fault.status, wait: (fault.retryAfter ?? 0) * 1000, rule: undefined, ban: false }
  }

  private strikeByClock(entry: FaultEntry): void {
    const { fault } = entry
    if ("status" in fault) {
      const kind = fault._tag === "RejectDials" ? "dials" : "requests"
      this.gate.shut(kind, fault.status, this.now + fault.millis, (fault.retryAfter ?? 0) * 1000)
      return this.record.inject(this.now, fault, {})
    }
    if (fault._tag === "Maintenance") return this.maintain(fault)
    if (fault._tag === "Restart") {
      this.record.inject(this.now, fault, {})
      return this.topics.restart(entry)
    }
    for (const link of this.victims(entry)) {
      this.record.inject(this.now, fault, { connection: link.id })
      this.strike(link, fault)
    }
  }

  /** The share of the connections that a fault happens to. */
  private victims(entry: FaultEntry): ReadonlyArray<Link> {
    const everyone = entry.channel === undefined && entry.symbols === undefined
    const links = [...this.links.values()].filter(
      (link) => everyone || [...link.topics.values()].some(({ topic }) => concerns(entry, topic))
    )
    const count = Math.max(1, Math.round((entry.share ?? 1) * links.length))
    while (links.length > count) links.splice(Math.floor(this.random.next() * links.length), 1)
    return links
  }

  private strike(link: Link, fault: VenueFault): void {
    switch (fault._tag) {
      case "Cut":
        return fault.code === undefined ? this.cut(link) : this.close(link, fault.code, "")
      case "Stall":
        link.stalledUntil = this.now + fault.millis
        return
      case "HalfOpen":
        link.deaf = true
        return this.push("Deafen", link)
      case "SlowRead":
        this.push("Pause", link)
        return this.after(link, fault.millis, () => this.push("Resume", link))
      case "Notice":
        this.rules.notice?.(link, this)
        return this.after(link, noticeTime, () => this.close(link, 1001, ""))
      default:
    }
  }

  private push(_tag: "Deafen" | "Pause" | "Resume", { id }: Link): void {
    this.outputs.push({ _tag, connection: id, at: this.now })
  }

  private maintain(fault: VenueFault & { readonly _tag: "Maintenance" }): void {
    this.record.inject(this.now, fault, {})
    this.gate.shut("dials", 503, this.now + fault.millis, 0)
    for (const link of this.links.values()) {
      this.rules.maintenance?.(link, this)
      this.close(link, 1012, "")
    }
  }
}
