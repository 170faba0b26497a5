/**
 * Which confirmed topics have been quiet for too long, by the option `dataClock`,
 * and which step of its ladder comes next.
 */
import * as Duration from "effect/Duration"
import type { DataClock } from "../../Subscriptions.ts"
import { attempt } from "../kit/guard.ts"
import * as Check from "../model/check.ts"
import type { SessionTopics } from "./sessionTopics.ts"
import type { Topic } from "./topic.ts"

export type Step = "event" | "resubscribe" | "restart"

/** A topic that has been quiet for too long. */
export interface Overdue<T, In> {
  readonly topic: Topic<T, In>
  readonly step: Step
  readonly after: number
  readonly delivered: boolean
}

/** Restarts that brought nothing double the times, up to this often. */
const mostDoublings = 5

const millis = (input: Duration.Input | undefined): number =>
  input === undefined ? Infinity : Duration.toMillis(Check.duration(input))

// A user's function that throws sets no limit.
const usable = (limit: () => number): number => {
  const found = attempt(limit, () => Infinity)
  return found > 0 ? found : Infinity
}

export class DataClocks<T, In> {
  private readonly first: number | undefined
  private readonly quietOf: (topic: T) => number
  private readonly ladder: ReadonlyArray<Step>

  constructor(options: DataClock<T> | undefined) {
    this.first = options?.first === undefined ? undefined : millis(options.first)
    const quiet = options?.quiet
    const fixed = typeof quiet === "function" ? Infinity : millis(quiet)
    this.quietOf = typeof quiet === "function" ? (topic) => usable(() => millis(quiet(topic))) : () => fixed
    this.ladder = ["event", ...(options?.ladder ?? (["resubscribe", "restart"] as const))]
  }

  /** Moves every clock that has run out one step on. */
  overdue(session: SessionTopics, topics: Iterable<Topic<T, In>>, mono: number): ReadonlyArray<Overdue<T, In>> {
    const found: Array<Overdue<T, In>> = []
    for (const topic of topics) {
      const step = this.ladder[topic.step]
      if (step === undefined || this.dueAt(session, topic) > mono) continue
      const after = mono - topic.woundAt
      topic.step++
      topic.wind(mono)
      if (step === "restart") topic.restarts = Math.min(topic.restarts + 1, mostDoublings)
      found.push({ topic, step, after, delivered: this.hasDelivered(session, topic) })
    }
    return found
  }

  nextDue(session: SessionTopics, topics: Iterable<Topic<T, In>>): number {
    let next = Infinity
    for (const topic of topics) {
      if (topic.step < this.ladder.length) next = Math.min(next, this.dueAt(session, topic))
    }
    return next
  }

  private dueAt(session: SessionTopics, topic: Topic<T, In>): number {
    if (!session.isOn(topic.key)) return Infinity
    const limit = this.hasDelivered(session, topic)
      ? this.quietOf(topic.value)
      : (this.first ?? this.quietOf(topic.value))
    return topic.woundAt + limit * 2 ** topic.restarts
  }

  private hasDelivered(session: SessionTopics, topic: Topic<T, In>): boolean {
    const status = session.statuses.get(topic.key)
    return status?._tag === "On" && status.delivered
  }
}
