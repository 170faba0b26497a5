/**
 * One topic that somebody wants: its subscribers, its state, and how long it has
 * been quiet.
 */
import * as Data from "effect/Data"
import type { ConnectionError } from "../../ConnectionError.ts"
import type { Gap, TopicState } from "../../Subscriptions.ts"
import type { SessionTopics } from "./sessionTopics.ts"
import type { TopicReader } from "./reader.ts"
import { Cell } from "../kit/cell.ts"

export class Topic<T, In> {
  readonly key: string
  readonly value: T
  readonly state = new Cell<TopicState>({ _tag: "Waiting" })
  readonly readers = new Set<TopicReader<In>>()
  /** The reader, where there is one: most topics have no other. */
  private sole: TopicReader<In> | undefined
  /** How many of the readers do something with messages. */
  private listening = 0
  messages = 0
  /** Unix milliseconds. */
  lastAt: number | undefined
  /** When the data clock was last wound, in monotonic milliseconds. */
  woundAt = 0
  /** How many times the clock has run out without data: an event, then the ladder. */
  step = 0
  /** Restarts it caused that brought no data. */
  restarts = 0
  /** The session that delivers it without anything to note but that a message came; and its statuses' version. */
  private steadyIn: SessionTopics | undefined
  private steadyAt = 0
  /** What an overlap has delivered. */
  seen: Set<unknown> | undefined

  constructor(key: string, value: T) {
    this.key = key
    this.value = value
  }

  joined(reader: TopicReader<In>): void {
    this.readers.add(reader)
    if (reader.reads) this.listening++
    this.findSole()
  }

  private findSole(): void {
    const [first] = this.readers
    this.sole = this.readers.size === 1 ? first : undefined
  }

  /** Whether anybody does something with its messages. */
  get isRead(): boolean {
    return this.listening > 0
  }

  interrupted(reason: Gap["reason"], now: number, from = this.lastAt ?? now): void {
    this.steadyIn = undefined
    for (const reader of this.readers) reader.interrupted(from, reason)
  }

  resumed(epoch: number, now: number): void {
    for (const reader of this.readers) reader.resumed(epoch, now)
  }

  /** Its subscribers have all there is, the session has granted it and brought data: until something changes, more data is no news. */
  steady(session: SessionTopics): void {
    this.steadyIn = session
    this.steadyAt = session.version
  }

  isSteady(session: SessionTopics): boolean {
    return this.steadyIn === session && this.steadyAt === session.version && this.step === 0
  }

  /** A message came, and nothing else has changed. */
  count(now: number, mono: number): void {
    this.messages++
    this.lastAt = now
    this.woundAt = mono
  }

  push(epoch: number, message: In): void {
    const { sole } = this
    if (sole !== undefined) sole.push(epoch, message)
    else for (const reader of this.readers) reader.push(epoch, message)
  }

  wind(mono: number): void {
    this.woundAt = mono
  }

  /** Data came: everything is well again. */
  delivered(mono: number): void {
    this.woundAt = mono
    this.step = 0
    this.restarts = 0
  }

  /** Whether an overlap has brought this message before. */
  isRepeated(id: unknown): boolean {
    const seen = (this.seen ??= new Set())
    if (seen.has(id)) return true
    seen.add(id)
    return false
  }

  /** Removes a subscriber; returns whether it was the last, so that nobody wants the topic any more. */
  left(reader: TopicReader<In>): boolean {
    reader.end(undefined)
    if (this.readers.delete(reader) && reader.reads) this.listening--
    this.findSole()
    if (this.readers.size > 0) return false
    this.publish({ _tag: "Released" })
    this.state.end()
    return true
  }

  /** Its connection is over: every stream ends, or fails, and so does each wait for a confirmation. */
  end(epoch: number, error: ConnectionError | undefined): void {
    for (const reader of this.readers) reader.end(error)
    this.publish({ _tag: "Rejected", epoch, reason: "its connection is over" })
  }

  publish(state: TopicState): void {
    const before = this.state.getUnsafe()
    const same =
      before._tag === state._tag &&
      ("epoch" in before ? before.epoch : 0) === ("epoch" in state ? state.epoch : 0) &&
      ("since" in before ? before.since : 0) === ("since" in state ? state.since : 0)
    if (!same) this.state.set(state)
  }
}

/** Where a topic stands in the session that counts. */
export const stateOf = <T, In>(session: SessionTopics | undefined, topic: Topic<T, In>): TopicState => {
  const status = session?.statuses.get(topic.key)
  if (session === undefined || status === undefined || status._tag === "Leaving") return { _tag: "Waiting" }
  const { epoch } = session
  switch (status._tag) {
    case "Asked":
      return { _tag: "Asked", epoch }
    case "Refused":
      return { _tag: "Rejected", epoch, reason: status.reason }
    case "On": {
      const { delivered, since } = status
      return topic.step === 0 ? { _tag: "Confirmed", epoch, since } : { _tag: "Silent", epoch, since, delivered }
    }
  }
}

/** The failure of a wait for a topic that is refused or gone; `Subscriptions` exports it. */
export class SubscriptionRejected extends Data.TaggedError("SubscriptionRejected")<{
  readonly connection: string
  readonly topic: string
  readonly reason: string
}> {
  override get message(): string {
    return `Connection "${this.connection}": topic "${this.topic}" is not subscribed: ${this.reason}.`
  }
}
