/**
 * What one session's server has been asked for and what it granted, by topic.
 * Plain bookkeeping: no clock, no fiber, no socket. It ends with its session.
 */
import type { Ack, Answer, Current, Gap, Nack } from "../../Subscriptions.ts"

export type Status =
  | { readonly _tag: "Asked"; readonly request: number }
  | { readonly _tag: "On"; readonly since: number; delivered: boolean }
  | { readonly _tag: "Leaving"; readonly request: number }
  | { readonly _tag: "Refused"; readonly reason: string }

export type Kind = "subscribe" | "unsubscribe"

interface Request {
  readonly id: number
  readonly kind: Kind
  readonly keys: Set<string>
  deadline: number
}

/** What an answer changed. */
export interface Changes {
  readonly confirmed: ReadonlyArray<string>
  readonly refused: ReadonlyArray<string>
  /** Confirmed before, and gone without being asked to. */
  readonly dropped: ReadonlyArray<string>
}

const nothing: Changes = { confirmed: [], refused: [], dropped: [] }

export class SessionTopics {
  readonly epoch: number
  readonly statuses = new Map<string, Status>()
  /** How often a status was set or dropped. */
  version = 0
  private readonly requests = new Map<number, Request>()
  private readonly attempts = new Map<string, number>()
  /** On, and to be unsubscribed and subscribed again. */
  private readonly cycling = new Set<string>()
  /** Why topics are subscribed again, until they are on. */
  private readonly reasons = new Map<string, Gap["reason"]>()
  /** When topics without an answer were asked for, in monotonic milliseconds; `Infinity` until the request is sent. */
  private readonly unanswered = new Map<string, number>()
  /** Called for each topic that is answered: granted, refused, or delivered. */
  private readonly answered: (key: string) => void
  /** Whether a topic has been answered, so that the session is known to work. */
  hasAnswered = false
  /** When it became Ready, in monotonic milliseconds. */
  readyAt = Infinity
  /** When its last data came, in Unix milliseconds. */
  lastAt: number | undefined

  constructor(epoch: number, answered: (key: string) => void) {
    this.epoch = epoch
    this.answered = answered
  }

  private put(key: string, status: Status): void {
    this.statuses.set(key, status)
    this.version++
  }

  private drop(key: string): void {
    this.statuses.delete(key)
    this.version++
  }

  /** Whether nothing that was asked for is unanswered. */
  get settled(): boolean {
    return this.requests.size === 0
  }

  isOn(key: string): boolean {
    return this.statuses.get(key)?._tag === "On"
  }

  /** What is to be subscribed, in the order of wanting. */
  missing(wanted: Iterable<string>): ReadonlyArray<string> {
    return [...wanted].filter((key) => !this.statuses.has(key))
  }

  /** What is to be unsubscribed. What was refused and is no longer wanted is forgotten. */
  surplus(isWanted: (key: string) => boolean): ReadonlyArray<string> {
    const keys: Array<string> = []
    for (const [key, status] of this.statuses) {
      if (!isWanted(key)) this.reasons.delete(key)
      if (status._tag === "Refused" && !isWanted(key)) this.drop(key)
      if (status._tag === "On" && (!isWanted(key) || this.cycling.has(key))) keys.push(key)
    }
    return keys
  }

  ask(kind: Kind, id: number, keys: ReadonlyArray<string>): void {
    this.requests.set(id, { id, kind, keys: new Set(keys), deadline: Infinity })
    for (const key of keys) {
      this.cycling.delete(key)
      this.put(key, { _tag: kind === "subscribe" ? "Asked" : "Leaving", request: id })
      if (kind === "subscribe") this.unanswered.set(key, Infinity)
    }
  }

  /** Leaves these topics without a word: they may be asked for again. */
  forget(keys: ReadonlyArray<string>): void {
    for (const key of keys) {
      this.cycling.delete(key)
      this.drop(key)
    }
  }

  refuse(keys: ReadonlyArray<string>, reason: string): void {
    for (const key of keys) {
      this.reasons.delete(key)
      this.put(key, { _tag: "Refused", reason })
    }
  }

  /** The request was sent now, and its answer is due at the deadline; both in monotonic milliseconds. */
  sent(id: number, now: number, deadline: number): void {
    const request = this.requests.get(id)
    if (request === undefined) return
    request.deadline = deadline
    for (const key of request.keys) if (this.unanswered.has(key)) this.unanswered.set(key, now)
  }

  /** The request was not sent after all. */
  withdraw(id: number, now: number): void {
    const request = this.requests.get(id)
    if (request === undefined) return
    this.requests.delete(id)
    for (const key of request.keys) {
      if (request.kind === "unsubscribe") this.staysOn(key, now)
      else {
        this.drop(key)
        this.unanswered.delete(key)
      }
    }
  }

  /** Unsubscribes a topic that is on and subscribes it again; returns whether that is news. */
  cycle(key: string, reason: Gap["reason"]): boolean {
    if (!this.isOn(key) || this.cycling.has(key)) return false
    this.cycling.add(key)
    this.reasons.set(key, reason)
    return true
  }

  /** Whether a topic is to be subscribed again, and its server has not been asked yet. */
  isCycling(key: string): boolean {
    return this.cycling.has(key)
  }

  /** Why messages of a topic are missing while it is not on. */
  reasonOf(key: string): Gap["reason"] {
    return this.reasons.get(key) ?? "resubscribed"
  }

  get nextDeadline(): number {
    let next = Infinity
    for (const request of this.requests.values()) next = Math.min(next, request.deadline)
    return next
  }

  /** Requests whose answer is overdue: what was asked is open again, or given up after so many attempts. */
  expire(
    now: number,
    limit: number
  ): { readonly overdue: ReadonlyArray<string>; readonly refused: ReadonlyArray<string> } {
    const overdue: Array<string> = []
    const refused: Array<string> = []
    for (const request of [...this.requests.values()].filter(({ deadline }) => deadline <= now)) {
      this.requests.delete(request.id)
      for (const key of request.keys) {
        this.drop(key)
        if (request.kind === "unsubscribe") continue
        overdue.push(key)
        if (this.attempt(key) >= limit) refused.push(key)
      }
    }
    this.refuse(refused, "the server never acknowledged it")
    return { overdue, refused }
  }

  /** Data of a topic came, which proves it subscribed. Returns whether that is news. */
  delivered(key: string, now: number): boolean {
    this.lastAt = now
    if (this.unanswered.size > 0) this.settle(key)
    const status = this.statuses.get(key)
    if (status?._tag === "On") {
      // Its first data: from now on another limit says how long it may be quiet.
      const isFirst = !status.delivered
      status.delivered = true
      return isFirst
    }
    if (status?._tag !== "Asked") return false
    this.strike(status.request, key)
    this.reasons.delete(key)
    this.put(key, { _tag: "On", since: now, delivered: true })
    return true
  }

  /** The request was sent to a server that does not acknowledge: all of it is granted, and only data answers it. */
  grant(id: number, now: number, sentAt: number): Changes {
    const changes = this.answerAlike({ _tag: "Ack", id, topics: undefined }, now) ?? nothing
    for (const key of changes.confirmed) this.unanswered.set(key, sentAt)
    return changes
  }

  // ------------------------------------------------------ unanswered topics

  /** Topics that were asked for after this time, and have no answer. */
  unansweredSince(time: number): ReadonlyArray<string> {
    return [...this.unanswered].flatMap(([key, at]) => (at > time && at !== Infinity ? [key] : []))
  }

  /** The topics that have no answer, whether their request is sent or about to be. */
  get withoutAnswer(): ReadonlyArray<string> {
    return [...this.unanswered.keys()]
  }

  /** When the first of them was asked for; `Infinity` if there is none. */
  get unansweredFrom(): number {
    let first = Infinity
    for (const at of this.unanswered.values()) first = Math.min(first, at)
    return first
  }

  /** The session has outlived what was asked for until this time, which is as good as an answer. */
  outlive(time: number): void {
    for (const [key, at] of this.unanswered) if (at <= time) this.settle(key)
  }

  private settle(key: string): void {
    if (!this.unanswered.delete(key)) return
    this.hasAnswered = true
    this.answered(key)
  }

  /** `undefined` when the answer is to nothing that was asked here. */
  answer(match: Ack | Nack | Answer | Current, now: number): Changes | undefined {
    const changes = this.decide(match, now)
    for (const key of [...(changes?.confirmed ?? []), ...(changes?.refused ?? [])]) this.settle(key)
    return changes
  }

  private decide(match: Ack | Nack | Answer | Current, now: number): Changes | undefined {
    if (match._tag === "Current") return this.compare(new Set(match.topics), now)
    return match._tag === "Answer" ? this.answerInPart(match, now) : this.answerAlike(match, now)
  }

  // With one list only, the rest of the request is in the other.
  private answerInPart({ granted, id, reason, refused }: Answer, now: number): Changes | undefined {
    const asked = this.concerned({ _tag: "Ack", id, topics: undefined }).map(([, key]) => key)
    const besides = (listed: ReadonlyArray<string> | undefined) => {
      const named = new Set(listed)
      return listed === undefined ? [] : asked.filter((key) => !named.has(key))
    }
    const rest = { granted: besides(refused), refused: besides(granted) }
    const confirmed = this.answerAlike({ _tag: "Ack", id, topics: granted ?? rest.granted }, now)
    const rejected = this.answerAlike({ _tag: "Nack", id, topics: refused ?? rest.refused, reason }, now)
    if (confirmed === undefined || rejected === undefined) return confirmed ?? rejected
    return { ...confirmed, refused: rejected.refused }
  }

  private answerAlike(match: Ack | Nack, now: number): Changes | undefined {
    const confirmed: Array<string> = []
    const refused: Array<string> = []
    const asked = this.concerned(match)
    for (const [request, key] of asked) {
      this.strike(request.id, key)
      if (request.kind === "unsubscribe") this.drop(key)
      else if (match._tag === "Nack") refused.push(key)
      else {
        confirmed.push(key)
        this.turnOn(key, now)
      }
    }
    if (match._tag === "Nack") this.refuse(refused, match.reason)
    return asked.length === 0 ? undefined : { confirmed, refused, dropped: [] }
  }

  private compare(listed: ReadonlySet<string>, now: number): Changes {
    const confirmed: Array<string> = []
    const dropped: Array<string> = []
    for (const [key, status] of [...this.statuses]) {
      if (status._tag === "Asked" && listed.has(key)) {
        this.strike(status.request, key)
        this.turnOn(key, now)
        confirmed.push(key)
      }
      if (status._tag === "Leaving" && !listed.has(key)) {
        this.strike(status.request, key)
        this.drop(key)
      }
      if (status._tag === "On" && !listed.has(key)) {
        this.drop(key)
        dropped.push(key)
      }
    }
    return { confirmed, refused: [], dropped }
  }

  // Each topic that the answer decides, with the request that asked for it.
  private concerned(match: Ack | Nack): ReadonlyArray<readonly [Request, string]> {
    if (match.topics === undefined) {
      const [oldest] = this.requests.values()
      const request = match.id === undefined ? oldest : this.requests.get(match.id)
      return request === undefined ? [] : [...request.keys].map((key) => [request, key] as const)
    }
    return match.topics.flatMap((key) => {
      const status = this.statuses.get(key)
      const id = status?._tag === "Asked" || status?._tag === "Leaving" ? status.request : undefined
      const request =
        id === undefined || (match.id !== undefined && match.id !== id) ? undefined : this.requests.get(id)
      return request === undefined ? [] : [[request, key] as const]
    })
  }

  private turnOn(key: string, now: number): void {
    this.attempts.delete(key)
    this.reasons.delete(key)
    this.put(key, { _tag: "On", since: now, delivered: false })
  }

  // Its unsubscribe was not sent: what was to be subscribed again still is.
  private staysOn(key: string, now: number): void {
    this.put(key, { _tag: "On", since: now, delivered: true })
    if (this.reasons.has(key)) this.cycling.add(key)
  }

  private strike(id: number, key: string): void {
    const request = this.requests.get(id)
    request?.keys.delete(key)
    if (request?.keys.size === 0) this.requests.delete(id)
  }

  private attempt(key: string): number {
    const count = (this.attempts.get(key) ?? 0) + 1
    this.attempts.set(key, count)
    return count
  }
}
