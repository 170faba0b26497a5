/**
 * What `Subscriptions` decides, without clock, fiber or socket: which topics of a
 * connection are wanted, what each session's server granted, and where data goes.
 * Answers and data come in through `claim`, sessions through `opening`, `activate`
 * and `ended`; the next request to send comes out through `next`.
 */
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Batch, Figures, Match, ResubscribeReason, SubscriptionEvent } from "../../Subscriptions.ts"
import { SessionTopics, type Changes, type Kind } from "./sessionTopics.ts"
import type { TopicReader } from "./reader.ts"
import type { Quarantine } from "./asking/quarantine.ts"
import { Trials } from "./asking/trials.ts"
import { isOurs } from "../session/ending.ts"
import { stateOf, Topic } from "./topic.ts"

/** What the registry needs of the connection that it serves. */
export interface RegistryOwner {
  /** Unix milliseconds. */
  wall(): number
  /** Monotonic milliseconds. */
  mono(): number
  /** There may be something to ask for, or a deadline has moved. */
  changed(): void
  emit(event: () => SubscriptionEvent): void
  /** The epoch that is Ready, if any. */
  ready(): number | undefined
}

/** What is counted over all topics. */
export type Counts = { -readonly [K in Exclude<keyof Figures, "topics" | "confirmed" | "quarantined">]: number }

export const noCounts = (): Counts => ({
  requests: 0,
  ackTimeouts: 0,
  rejections: 0,
  stray: 0,
  duplicates: 0,
  dropped: 0,
  resubscribed: 0,
  restarts: 0
})

export interface RegistryOptions<In> {
  readonly counts: Counts
  readonly dedupe: ((message: In) => unknown) | undefined
  /** Whether there is a message that unsubscribes. */
  readonly canUnsubscribe: boolean
  readonly firstId: number
  /** Shared by all connections of a pool: a topic takes its guilt along. */
  readonly quarantine: Quarantine
  readonly owner: RegistryOwner
}

const listOf = (topics: string | ReadonlyArray<string>): ReadonlyArray<string> =>
  typeof topics === "string" ? [topics] : topics

interface Held<In> {
  readonly message: In
  readonly keys: ReadonlyArray<string>
}

export class Registry<T, In> {
  readonly topics = new Map<string, Topic<T, In>>()
  readonly counts: Counts
  active: SessionTopics | undefined
  readonly sessions = new Map<number, SessionTopics>()
  readonly trials: Trials
  /** Data of sessions that are not Ready yet. */
  private readonly held = new Map<number, Array<Held<In>>>()
  /** The topics by key, until no session knows them any more. */
  private readonly values = new Map<string, T>()
  private readonly options: RegistryOptions<In>
  private readonly owner: RegistryOwner
  private latest = 0
  private nextId: number

  constructor(options: RegistryOptions<In>) {
    this.options = options
    this.owner = options.owner
    this.counts = options.counts
    this.trials = new Trials(this, options.owner, options.quarantine)
    this.nextId = options.firstId
  }

  // -------------------------------------------------------- subscribers

  join(key: string, value: T, reader: TopicReader<In>): Topic<T, In> {
    const topic = this.topics.get(key) ?? new Topic<T, In>(key, value)
    topic.joined(reader)
    if (this.active?.isOn(key) === true) reader.resumed(this.active.epoch, this.owner.wall())
    this.adopt(topic)
    return topic
  }

  leave(topic: Topic<T, In>, reader: TopicReader<In>): void {
    if (!topic.left(reader)) return
    this.topics.delete(topic.key)
    this.options.quarantine.clear(topic.key)
    this.owner.changed()
  }

  /** Carries a topic from now on, with the subscribers that it has. */
  adopt(topic: Topic<T, In>): void {
    this.topics.set(topic.key, topic)
    this.values.set(topic.key, topic.value)
    this.show(topic)
    this.owner.changed()
  }

  /** Carries it no more; its subscribers miss messages until somebody else does. */
  abandon(topic: Topic<T, In>): void {
    this.topics.delete(topic.key)
    topic.seen = undefined
    topic.interrupted("session", this.owner.wall())
    topic.publish(this.options.quarantine.stateOf(topic.key) ?? { _tag: "Waiting" })
    this.owner.changed()
  }

  /** Every stream ends, or fails. */
  end(error: ConnectionError | undefined): void {
    for (const topic of this.topics.values()) this.endTopic(topic, error)
  }

  endTopic(topic: Topic<T, In>, error: ConnectionError | undefined): void {
    topic.end(this.latest, error)
  }

  // ----------------------------------------------------------- sessions

  opening(epoch: number): SessionTopics {
    this.checkActive()
    return this.sessionOf(epoch)
  }

  /** A session that is replaced without an overlap is lost, even while it still closes. */
  checkActive(): void {
    const { active } = this
    if (active === undefined || this.owner.ready() !== undefined) return
    this.sessions.delete(active.epoch)
    this.lose()
  }

  /** The session is Ready: the topics' streams go on from here. */
  activate(epoch: number): void {
    if (epoch <= this.latest) return
    this.latest = epoch
    const before = this.active
    const session = this.sessionOf(epoch)
    this.active = session
    const now = this.owner.wall()
    const mono = this.owner.mono()
    session.readyAt = mono
    for (const topic of this.topics.values()) {
      const on = session.isOn(topic.key)
      // The new session has subscribed it: what was asked for is done.
      if (before?.isCycling(topic.key) === true) topic.interrupted(before.reasonOf(topic.key), now)
      else if (before === undefined || !on) topic.interrupted("session", now)
      if (on) topic.resumed(epoch, now)
      topic.step = 0
      topic.wind(mono)
      this.show(topic)
    }
    const held = this.held.get(epoch) ?? []
    this.held.delete(epoch)
    for (const { keys, message } of this.inOrder(held)) this.deliver(session, keys, message)
    this.owner.changed()
  }

  ended(epoch: number, error: ConnectionError): void {
    const session = this.sessions.get(epoch)
    const { active } = this
    if (session !== undefined) this.trials.ended(session, error)
    this.sessions.delete(epoch)
    this.held.delete(epoch)
    if (active?.epoch === epoch) this.lose()
    else if (session !== undefined && active !== undefined && epoch < active.epoch)
      this.cutShort(session, active, error)
    this.owner.changed()
  }

  // What was on its way in an old session that is cut within its overlap is lost, and the new one may never bring it.
  private cutShort(old: SessionTopics, active: SessionTopics, error: ConnectionError): void {
    if (isOurs(error)) return
    for (const topic of this.topics.values()) {
      if (!old.isOn(topic.key) || !active.isOn(topic.key)) continue
      topic.interrupted("session", this.owner.wall(), old.lastAt)
      topic.resumed(active.epoch, this.owner.wall())
    }
  }

  private lose(): void {
    this.active = undefined
    for (const topic of this.topics.values()) {
      topic.interrupted("session", this.owner.wall())
      // A successor that is still opening may hold what the lost session has delivered.
      if (this.sessions.size === 0) topic.seen = undefined
      this.show(topic)
    }
    this.owner.changed()
  }

  // ----------------------------------------------------------- messages

  claim(match: Match | Batch<In> | undefined, message: In, epoch: number): boolean {
    if (match === undefined) return false
    if (epoch !== this.active?.epoch && epoch === this.owner.ready()) this.activate(epoch)
    if (match._tag === "Batch") this.arrived(match, epoch)
    else if (match._tag === "Data") this.take(listOf(match.topics), message, epoch)
    else return this.answered(match, epoch)
    return true
  }

  private take(keys: ReadonlyArray<string>, message: In, epoch: number): void {
    const session = this.sessions.get(epoch)
    if (session === undefined) this.counts.stray++
    else if (epoch > this.latest) this.hold(epoch, { keys, message })
    else this.deliver(session, keys, message)
  }

  /** Messages that came together: most are of topics for which more data is no news, and many of those are not read. */
  private arrived({ message, topics }: Batch<In>, epoch: number): void {
    const { active, owner } = this
    const isUsual = active?.epoch === epoch && this.options.dedupe === undefined
    const now = owner.wall()
    const mono = owner.mono()
    let isHeard = false
    for (let index = 0; index < topics.length; index++) {
      const of = topics[index]!
      const topic = isUsual && typeof of === "string" ? this.topics.get(of) : undefined
      if (active === undefined || topic?.isSteady(active) !== true) this.take(listOf(of), message(index), epoch)
      else {
        isHeard = true
        topic.count(now, mono)
        if (topic.isRead) topic.push(epoch, message(index))
      }
    }
    if (isHeard && active !== undefined) active.lastAt = now
  }

  private answered(match: Exclude<Match, { readonly _tag: "Data" }>, epoch: number): boolean {
    const foreign = match._tag !== "Current" && match.id !== undefined && !this.issued(match.id)
    if (foreign) return false
    const session = this.sessions.get(epoch)
    const changes = session?.answer(match, this.owner.wall())
    if (session !== undefined && changes !== undefined) this.apply(session, changes)
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

  private deliver(session: SessionTopics, keys: ReadonlyArray<string>, message: In): void {
    for (const key of keys) {
      const topic = this.topics.get(key)
      if (topic === undefined) this.counts.stray++
      else this.deliverTo(topic, session, message)
    }
  }

  private deliverTo(topic: Topic<T, In>, session: SessionTopics, message: In): void {
    if (this.isRepeated(topic, message)) {
      this.counts.duplicates++
      return
    }
    const now = this.owner.wall()
    const news = session.delivered(topic.key, now)
    topic.resumed(session.epoch, now)
    topic.messages++
    topic.lastAt = now
    topic.delivered(this.owner.mono())
    topic.push(session.epoch, message)
    // What comes while it is not (or no longer) granted is no promise of more.
    if (this.active?.isOn(topic.key) !== true) topic.interrupted(session.reasonOf(topic.key), now)
    else if (session === this.active) topic.steady(session)
    if (news || topic.state.getUnsafe()._tag === "Silent") this.show(topic)
    if (news) this.owner.changed()
  }

  // A message comes twice while sessions overlap, and after it until the one that is left has caught up.
  private isRepeated(topic: Topic<T, In>, message: In): boolean {
    const { dedupe } = this.options
    if (dedupe === undefined) return false
    if (this.sessions.size > 1) return topic.isRepeated(dedupe(message))
    if (topic.seen === undefined) return false
    const repeated = topic.seen.has(dedupe(message))
    if (!repeated) topic.seen = undefined
    return repeated
  }

  // ------------------------------------------------------- what to ask

  /** The next request of this session, if it lacks topics or has too many. */
  next(session: SessionTopics): { readonly kind: Kind; readonly keys: ReadonlyArray<string> } | undefined {
    const surplus = session.surplus((key) => this.topics.has(key))
    if (surplus.length > 0 && this.options.canUnsubscribe) return { kind: "unsubscribe", keys: surplus }
    this.interrupt(session, surplus)
    session.forget(surplus)
    const keys = this.trials.askable(session, session.missing(this.topics.keys()))
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

  ask(session: SessionTopics, kind: Kind, keys: ReadonlyArray<string>): number {
    const id = this.nextId++
    this.counts.requests++
    session.ask(kind, id, keys)
    if (kind === "subscribe") this.trials.asked(keys)
    this.interrupt(session, keys)
    this.showAll(keys)
    return id
  }

  /** The server does not acknowledge: what was sent is granted. */
  grant(session: SessionTopics, id: number): void {
    this.apply(session, session.grant(id, this.owner.wall(), this.owner.mono()))
  }

  withdraw(session: SessionTopics, id: number): void {
    session.withdraw(id, this.owner.wall())
    this.showAll(this.topics.keys())
    this.owner.changed()
  }

  refuse(session: SessionTopics, keys: ReadonlyArray<string>, reason: string): void {
    session.refuse(keys, reason)
    this.rejected(session, keys, reason)
  }

  expire(session: SessionTopics, mono: number, attempts: number): void {
    const { overdue, refused } = session.expire(mono, attempts)
    if (overdue.length > 0) {
      this.counts.ackTimeouts++
      this.owner.emit(() => ({ _tag: "AckTimedOut", epoch: session.epoch, topics: overdue }))
    }
    this.showAll(overdue)
    this.rejected(session, refused, "the server never acknowledged it")
  }

  /** Subscribes a topic again within the active session, for a reason of the user's; returns whether that is news. */
  resubscribeFor(key: string, reason: ResubscribeReason): boolean {
    const { active } = this
    const topic = this.topics.get(key)
    if (active === undefined || topic === undefined || !active.cycle(key, reason)) return false
    this.resubscribing(active, topic, reason)
    return true
  }

  /** Subscribes a topic again within the session, if it is on. */
  resubscribe(session: SessionTopics, topic: Topic<T, In>, why: "silent" | "dropped"): void {
    session.cycle(topic.key, "resubscribed")
    this.resubscribing(session, topic, why)
  }

  private resubscribing(
    session: SessionTopics,
    topic: Topic<T, In>,
    why: "silent" | "dropped" | ResubscribeReason
  ): void {
    this.counts.resubscribed++
    this.owner.emit(() => ({ _tag: "Resubscribed", epoch: session.epoch, topic: topic.key, why }))
    this.owner.changed()
  }

  // --------------------------------------------------------- aftermath

  private apply(session: SessionTopics, changes: Changes): void {
    const now = this.owner.wall()
    for (const key of changes.confirmed) {
      const topic = this.topics.get(key)
      if (session === this.active) topic?.resumed(session.epoch, now)
      topic?.wind(this.owner.mono())
    }
    this.interrupt(session, changes.dropped)
    for (const key of changes.dropped) {
      const topic = this.topics.get(key)
      if (topic !== undefined) this.resubscribe(session, topic, "dropped")
    }
    this.showAll(changes.confirmed)
    this.showAll(changes.dropped)
    const [refused] = changes.refused.map((key) => session.statuses.get(key))
    if (refused?._tag === "Refused") this.rejected(session, changes.refused, refused.reason)
    this.owner.changed()
  }

  /** From now on these topics miss messages within the session, until they are on again. */
  private interrupt(session: SessionTopics, keys: ReadonlyArray<string>): void {
    if (session !== this.active) return
    for (const key of keys) this.topics.get(key)?.interrupted(session.reasonOf(key), this.owner.wall())
  }

  private rejected(session: SessionTopics, keys: ReadonlyArray<string>, reason: string): void {
    this.counts.rejections += keys.length
    for (const topic of keys) this.owner.emit(() => ({ _tag: "Rejected", epoch: session.epoch, topic, reason }))
    this.showAll(keys)
  }

  private prune(): void {
    if (this.values.size === this.topics.size) return
    const sessions = [...this.sessions.values()]
    for (const key of this.values.keys()) {
      if (!this.topics.has(key) && !sessions.some((session) => session.statuses.has(key))) this.values.delete(key)
    }
  }

  private sessionOf(epoch: number): SessionTopics {
    const found = this.sessions.get(epoch)
    if (found !== undefined) return found
    const session = new SessionTopics(epoch, (key) => this.trials.answered(key))
    this.sessions.set(epoch, session)
    return session
  }

  showAll(keys: Iterable<string>): void {
    for (const key of keys) {
      const topic = this.topics.get(key)
      if (topic !== undefined) this.show(topic)
    }
  }

  show(topic: Topic<T, In>): void {
    topic.publish(this.options.quarantine.stateOf(topic.key) ?? stateOf(this.active, topic))
  }
}
