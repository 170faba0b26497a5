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
  private readonly requests = new Map<number, Request>()
  private readonly attempts = new Map<string, number>()
  /** On, and to be unsubscribed and subscribed again. */
  private readonly cycling = new Set<string>()
  /** Why topics are subscribed again, until they are on. */
  private readonly reasons = new Map<string, Gap["reason"]>()
  /** When its last data came, in Unix milliseconds. */
  lastAt: number | undefined

  constructor(epoch: number) {
    this.epoch = epoch
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
      if (status._tag === "Refused" && !isWanted(key)) this.statuses.delete(key)
      if (status._tag === "On" && (!isWanted(key) || this.cycling.has(key))) keys.push(key)
    }
    return keys
  }

  ask(kind: Kind, id: number, keys: ReadonlyArray<string>): void {
    this.requests.set(id, { id, kind, keys: new Set(keys), deadline: Infinity })
    for (const key of keys) {
      this.cycling.delete(key)
      this.statuses.set(key, { _tag: kind === "subscribe" ? "Asked" : "Leaving", request: id })
    }
  }

  /** Leaves these topics without a word: they may be asked for again. */
  forget(keys: ReadonlyArray<string>): void {
    for (const key of keys) {
      this.cycling.delete(key)
      this.statuses.delete(key)
    }
  }

  refuse(keys: ReadonlyArray<string>, reason: string): void {
    for (const key of keys) {
      this.reasons.delete(key)
      this.statuses.set(key, { _tag: "Refused", reason })
    }
  }

  /** The request was sent; its answer is due then. */
  sent(id: number, deadline: number): void {
    const request = this.requests.get(id)
    if (request !== undefined) request.deadline = deadline
  }

  /** The request was not sent after all. */
  withdraw(id: number, now: number): void {
    const request = this.requests.get(id)
    if (request === undefined) return
    this.requests.delete(id)
    for (const key of request.keys) {
      if (request.kind === "subscribe") this.statuses.delete(key)
      else this.staysOn(key, now)
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
        this.statuses.delete(key)
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
    const status = this.statuses.get(key)
    if (status?._tag === "On") {
      status.delivered = true
      return false
    }
    if (status?._tag !== "Asked") return false
    this.strike(status.request, key)
    this.reasons.delete(key)
    this.statuses.set(key, { _tag: "On", since: now, delivered: true })
    return true
  }

  /** Everything that was asked in this request is granted, as far as we care. */
  grant(id: number, now: number): Changes {
    return this.answer({ _tag: "Ack", id, topics: undefined }, now) ?? nothing
  }

  /** `undefined` when the answer is to nothing that was asked here. */
  answer(match: Ack | Nack | Answer | Current, now: number): Changes | undefined {
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
      if (request.kind === "unsubscribe") this.statuses.delete(key)
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
        this.statuses.delete(key)
      }
      if (status._tag === "On" && !listed.has(key)) {
        this.statuses.delete(key)
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
    this.statuses.set(key, { _tag: "On", since: now, delivered: false })
  }

  // Its unsubscribe was not sent: what was to be subscribed again still is.
  private staysOn(key: string, now: number): void {
    this.statuses.set(key, { _tag: "On", since: now, delivered: true })
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
