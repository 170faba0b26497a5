/**
 * The heart of `Subscriptions`, without clock, fiber or socket: which topics are
 * wanted, what each session's server granted, and where data goes. Answers come
 * in through `claim`, sessions through `opening`, `activate` and `ended`; what
 * there is to say comes out through `next`.
 */
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Match } from "../../SubscriptionMatch.ts"
import type { Counts, Hooks, RegistryOptions } from "./hooks.ts"
import { Book, type Changes, type Kind } from "./book.ts"
import type { Reader } from "./buffer.ts"
import { stateOf, Topic } from "./topic.ts"

interface Held<In> {
  readonly message: In
  readonly keys: ReadonlyArray<string>
}

export class Registry<T, In> {
  readonly topics = new Map<string, Topic<T, In>>()
  readonly counts: Counts
  active: Book | undefined
  readonly books = new Map<number, Book>()
  /** Data of sessions that are not Ready yet. */
  private readonly held = new Map<number, Array<Held<In>>>()
  /** The topics by key, until no session knows them any more. */
  private readonly values = new Map<string, T>()
  private readonly options: RegistryOptions<In>
  private readonly hooks: Hooks
  private latest = 0
  private nextId: number

  constructor(options: RegistryOptions<In>) {
    this.options = options
    this.hooks = options.hooks
    this.counts = options.counts
    this.nextId = options.firstId
  }

  // -------------------------------------------------------- subscribers

  join(key: string, value: T, reader: Reader<In>): Topic<T, In> {
    const topic = this.topics.get(key) ?? new Topic<T, In>(key, value)
    topic.readers.add(reader)
    if (this.active?.isOn(key) === true) reader.resumed(this.active.epoch, this.hooks.now())
    this.adopt(topic)
    return topic
  }

  leave(topic: Topic<T, In>, reader: Reader<In>): void {
    if (!topic.left(reader)) return
    this.topics.delete(topic.key)
    this.hooks.changed()
  }

  /** Carries a topic from now on, with the subscribers that it has. */
  adopt(topic: Topic<T, In>): void {
    this.topics.set(topic.key, topic)
    this.values.set(topic.key, topic.value)
    this.show(topic)
    this.hooks.changed()
  }

  /** Carries it no more; its subscribers miss messages until somebody else does. */
  abandon(topic: Topic<T, In>): void {
    this.topics.delete(topic.key)
    topic.seen = undefined
    topic.interrupted("session", this.hooks.now())
    topic.publish({ _tag: "Waiting" })
    this.hooks.changed()
  }

  /** Every stream ends, or fails. */
  end(error: ConnectionError | undefined): void {
    for (const topic of this.topics.values()) this.endTopic(topic, error)
  }

  endTopic(topic: Topic<T, In>, error: ConnectionError | undefined): void {
    topic.end(this.latest, error)
  }

  // ----------------------------------------------------------- sessions

  opening(epoch: number): Book {
    this.checkActive()
    return this.bookOf(epoch)
  }

  /** A session that is replaced without an overlap is lost, even while it still closes. */
  checkActive(): void {
    const { active } = this
    if (active === undefined || this.hooks.ready() !== undefined) return
    this.books.delete(active.epoch)
    this.lose()
  }

  /** The session is Ready: the topics' streams go on from here. */
  activate(epoch: number): void {
    if (epoch <= this.latest) return
    this.latest = epoch
    const overlapped = this.active !== undefined
    const book = this.bookOf(epoch)
    this.active = book
    const now = this.hooks.now()
    const mono = this.hooks.mono()
    for (const topic of this.topics.values()) {
      const on = book.isOn(topic.key)
      if (!overlapped || !on) topic.interrupted("session", now)
      if (on) topic.resumed(epoch, now)
      topic.step = 0
      topic.wind(mono)
      this.show(topic)
    }
    const held = this.held.get(epoch) ?? []
    this.held.delete(epoch)
    for (const { keys, message } of this.inOrder(held)) this.deliver(book, keys, message)
    this.hooks.changed()
  }

  ended(epoch: number, error: ConnectionError): void {
    const book = this.books.get(epoch)
    const { active } = this
    this.books.delete(epoch)
    this.held.delete(epoch)
    if (active?.epoch === epoch) this.lose()
    else if (book !== undefined && active !== undefined && epoch < active.epoch) this.cutShort(book, active, error)
    this.hooks.changed()
  }

  // What was on its way in an old session that is cut within its overlap is lost, and the new one may never bring it.
  private cutShort(old: Book, active: Book, error: ConnectionError): void {
    if (error._tag === "ConnectionClosed" && error.initiator === "client") return
    for (const topic of this.topics.values()) {
      if (!old.isOn(topic.key) || !active.isOn(topic.key)) continue
      topic.interrupted("session", this.hooks.now(), old.lastAt)
      topic.resumed(active.epoch, this.hooks.now())
    }
  }

  private lose(): void {
    this.active = undefined
    for (const topic of this.topics.values()) {
      topic.interrupted("session", this.hooks.now())
      // A successor that is still opening may hold what the lost session has delivered.
      if (this.books.size === 0) topic.seen = undefined
      this.show(topic)
    }
    this.hooks.changed()
  }

  // ----------------------------------------------------------- messages

  claim(match: Match | undefined, message: In, epoch: number): boolean {
    if (match === undefined) return false
    if (epoch !== this.active?.epoch && epoch === this.hooks.ready()) this.activate(epoch)
    if (match._tag !== "Data") return this.answered(match, epoch)
    const keys = typeof match.topics === "string" ? [match.topics] : match.topics
    const book = this.books.get(epoch)
    if (book === undefined) this.counts.stray++
    else if (epoch > this.latest) this.hold(epoch, { keys, message })
    else this.deliver(book, keys, message)
    return true
  }

  private answered(match: Exclude<Match, { readonly _tag: "Data" }>, epoch: number): boolean {
    const foreign = match._tag !== "Current" && match.id !== undefined && !this.issued(match.id)
    if (foreign) return false
    const book = this.books.get(epoch)
    const changes = book?.answer(match, this.hooks.now())
    if (book !== undefined && changes !== undefined) this.apply(book, changes)
    return true
  }

  private issued(id: number): boolean {
    return id >= this.options.firstId && id < this.nextId
  }

  private hold(epoch: number, held: Held<In>): void {
    const waiting = this.held.get(epoch)
    if (waiting === undefined) this.held.set(epoch, [held])
    else waiting.push(held)
  }

  // A topic that the successor got first is ahead by now: before the last repeat, all is older than what was delivered.
  private inOrder(held: ReadonlyArray<Held<In>>): ReadonlyArray<Held<In>> {
    const { dedupe } = this.options
    if (dedupe === undefined) return held
    const passed = new Set<string>()
    return held
      .toReversed()
      .map(({ keys, message }) => {
        const fresh = keys.filter((key) => !passed.has(key))
        const id = dedupe(message)
        for (const key of fresh) if (this.topics.get(key)?.seen?.has(id) === true) passed.add(key)
        this.counts.stray += keys.length - fresh.length
        return { keys: fresh, message }
      })
      .toReversed()
  }

  private deliver(book: Book, keys: ReadonlyArray<string>, message: In): void {
    for (const key of keys) {
      const topic = this.topics.get(key)
      if (topic === undefined) this.counts.stray++
      else this.deliverTo(topic, book, message)
    }
  }

  private deliverTo(topic: Topic<T, In>, book: Book, message: In): void {
    if (this.isRepeated(topic, message)) {
      this.counts.duplicates++
      return
    }
    const now = this.hooks.now()
    const news = book.delivered(topic.key, now)
    topic.resumed(book.epoch, now)
    topic.messages++
    topic.lastAt = now
    topic.delivered(this.hooks.mono())
    for (const reader of topic.readers) reader.push(book.epoch, message)
    // What comes while it is not (or no longer) granted is no promise of more.
    if (this.active?.isOn(topic.key) !== true) topic.interrupted("resubscribed", now)
    if (news || topic.state.getUnsafe()._tag === "Silent") this.show(topic)
    if (news) this.hooks.changed()
  }

  // A message comes twice while sessions overlap, and after it until the one that is left has caught up.
  private isRepeated(topic: Topic<T, In>, message: In): boolean {
    const { dedupe } = this.options
    if (dedupe === undefined) return false
    if (this.books.size > 1) return topic.isRepeated(dedupe(message))
    if (topic.seen === undefined) return false
    const repeated = topic.seen.has(dedupe(message))
    if (!repeated) topic.seen = undefined
    return repeated
  }

  // ------------------------------------------------------- what to say

  /** What is to be said next in this session, if anything. */
  next(book: Book): { readonly kind: Kind; readonly keys: ReadonlyArray<string> } | undefined {
    const surplus = book.surplus((key) => this.topics.has(key))
    if (surplus.length > 0 && this.options.canUnsubscribe) return { kind: "unsubscribe", keys: surplus }
    this.interrupt(book, surplus)
    book.forget(surplus)
    const keys = book.missing(this.topics.keys())
    if (keys.length > 0) return { kind: "subscribe", keys }
    this.prune()
    return undefined
  }

  valuesOf(keys: ReadonlyArray<string>): ReadonlyArray<T> {
    return keys.map((key) => this.values.get(key) as T)
  }

  get upcomingId(): number {
    return this.nextId
  }

  ask(book: Book, kind: Kind, keys: ReadonlyArray<string>): number {
    const id = this.nextId++
    this.counts.requests++
    book.ask(kind, id, keys)
    this.interrupt(book, keys)
    this.showAll(keys)
    return id
  }

  /** The server does not acknowledge: what was sent is granted. */
  grant(book: Book, id: number): void {
    this.apply(book, book.grant(id, this.hooks.now()))
  }

  withdraw(book: Book, id: number): void {
    book.withdraw(id, this.hooks.now())
    this.showAll(this.topics.keys())
    this.hooks.changed()
  }

  refuse(book: Book, keys: ReadonlyArray<string>, reason: string): void {
    book.refuse(keys, reason)
    this.rejected(book, keys, reason)
  }

  expire(book: Book, mono: number, attempts: number): void {
    const { overdue, refused } = book.expire(mono, attempts)
    if (overdue.length > 0) {
      this.counts.ackTimeouts++
      this.hooks.event(() => ({ _tag: "AckTimedOut", epoch: book.epoch, topics: overdue }))
    }
    this.showAll(overdue)
    this.rejected(book, refused, "the server never acknowledged it")
  }

  /** Subscribes a topic anew within the session. */
  resubscribe(book: Book, topic: Topic<T, In>, why: "silent" | "dropped"): void {
    this.counts.resubscribed++
    book.cycle(topic.key)
    this.hooks.event(() => ({ _tag: "Resubscribed", epoch: book.epoch, topic: topic.key, why }))
    this.hooks.changed()
  }

  // --------------------------------------------------------- aftermath

  private apply(book: Book, changes: Changes): void {
    const now = this.hooks.now()
    for (const key of changes.confirmed) {
      const topic = this.topics.get(key)
      if (book === this.active) topic?.resumed(book.epoch, now)
      topic?.wind(this.hooks.mono())
    }
    this.interrupt(book, changes.dropped)
    for (const key of changes.dropped) {
      const topic = this.topics.get(key)
      if (topic !== undefined) this.resubscribe(book, topic, "dropped")
    }
    this.showAll(changes.confirmed)
    this.showAll(changes.dropped)
    const [refused] = changes.refused.map((key) => book.statuses.get(key))
    if (refused?._tag === "Refused") this.rejected(book, changes.refused, refused.reason)
    this.hooks.changed()
  }

  /** From now on these topics miss messages within the session, until they are on again. */
  private interrupt(book: Book, keys: ReadonlyArray<string>): void {
    if (book !== this.active) return
    for (const key of keys) this.topics.get(key)?.interrupted("resubscribed", this.hooks.now())
  }

  private rejected(book: Book, keys: ReadonlyArray<string>, reason: string): void {
    this.counts.rejections += keys.length
    for (const topic of keys) this.hooks.event(() => ({ _tag: "Rejected", epoch: book.epoch, topic, reason }))
    this.showAll(keys)
  }

  private prune(): void {
    if (this.values.size === this.topics.size) return
    const books = [...this.books.values()]
    for (const key of this.values.keys()) {
      if (!this.topics.has(key) && !books.some((book) => book.statuses.has(key))) this.values.delete(key)
    }
  }

  private bookOf(epoch: number): Book {
    const found = this.books.get(epoch)
    if (found !== undefined) return found
    const book = new Book(epoch)
    this.books.set(epoch, book)
    return book
  }

  private showAll(keys: Iterable<string>): void {
    for (const key of keys) {
      const topic = this.topics.get(key)
      if (topic !== undefined) this.show(topic)
    }
  }

  show(topic: Topic<T, In>): void {
    topic.publish(stateOf(this.active, topic))
  }
}
