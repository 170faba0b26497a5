/**
 * One subscriber's buffer: bounded, so that a subscriber that reads slowly loses
 * its own messages and nobody else's. What is lost is counted and marked where
 * it is missing; a `Gap` is never lost, only merged with the next.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type ConnectionError, ReaderBusy } from "../../ConnectionError.ts"
import * as Inbox from "../../Inbox.ts"
import { type Ending, type Pull, Waiting } from "../kit/waiting.ts"
import type { Entry, Gap } from "../../Subscriptions.ts"
import { Continuity, type TopicReader } from "./reader.ts"

export interface BufferOwner {
  readonly connection: string
  readonly capacity: number
  readonly overflow: "dropOldest" | "dropNewest"
  readonly dropped: () => void
}

const isMessage = <In>(entry: Entry<In>): entry is Inbox.Message<In> => entry._tag === "Message"

const merged = (first: Gap | undefined, next: Gap): Gap =>
  first === undefined ? next : { ...next, from: first.from ?? next.from }

export class SubscriberBuffer<In> implements TopicReader<In> {
  readonly reads = true
  private readonly options: BufferOwner
  /** What waits begins at `head`; what is before it is gone. */
  private items: Array<Entry<In>> = []
  private head = 0
  private messages = 0
  /** What is missing before the first and after the last of the items. */
  private lostFirst = 0
  private lostLast = 0
  private gapFirst: Gap | undefined
  private readonly continuity = new Continuity()
  private ending: Ending<ConnectionError> | undefined
  private reading = false

  constructor(options: BufferOwner) {
    this.options = options
  }

  interrupted(from: number | undefined, reason: Gap["reason"]): void {
    this.continuity.interrupted(from, reason)
  }

  resumed(epoch: number, now: number): void {
    const gap = this.continuity.resumed(epoch, now)
    if (gap !== undefined) this.add(gap)
  }

  push(epoch: number, message: In): void {
    if (this.ending !== undefined) return
    this.continuity.delivered()
    if (this.messages >= this.options.capacity) {
      this.options.dropped()
      if (this.options.overflow === "dropNewest") {
        this.lostLast++
        return
      }
      this.dropOldest()
    }
    this.messages++
    this.add(Inbox.message(epoch, message))
  }

  end(error: ConnectionError | undefined): void {
    this.ending ??= { error }
    this.waiting.wake()
  }

  private readonly waiting = new Waiting()

  private readonly pull: Pull<Entry<In>, ConnectionError> = this.waiting.pull(
    () => this.take(),
    () => this.ending
  )

  private readonly pullMessages: Pull<In, ConnectionError> = Effect.flatMap(this.pull, (batch) => {
    const messages = batch.filter(isMessage).map((entry) => entry.message)
    return Arr.isArrayNonEmpty(messages) ? Effect.succeed(messages) : this.pullMessages
  })

  readonly entries: Stream.Stream<Entry<In>, ConnectionError> = this.streamOf(this.pull)
  readonly stream: Stream.Stream<In, ConnectionError> = this.streamOf(this.pullMessages)

  private streamOf<A>(pull: Pull<A, ConnectionError>): Stream.Stream<A, ConnectionError> {
    const release = Effect.sync(() => {
      this.reading = false
    })
    const acquire = Effect.suspend(() => {
      if (this.reading) return Effect.fail(new ReaderBusy({ connection: this.options.connection }))
      this.reading = true
      return Effect.succeed(pull)
    })
    return Stream.scoped(Stream.fromPull(Effect.acquireRelease(acquire, () => release)))
  }

  private add(entry: Entry<In>): void {
    this.settleLast()
    this.items.push(entry)
    this.waiting.wake()
  }

  private settleLast(): void {
    if (this.lostLast === 0) return
    this.items.push(Inbox.lagged(this.lostLast))
    this.lostLast = 0
  }

  private dropOldest(): void {
    for (;;) {
      const oldest = this.items[this.head++]
      if (oldest === undefined) break
      if (oldest._tag === "Gap") this.gapFirst = merged(this.gapFirst, oldest)
      if (oldest._tag === "Lagged") this.lostFirst += oldest.dropped
      if (oldest._tag === "Message") break
    }
    this.messages--
    this.lostFirst++
    if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
  }

  private take(): Array<Entry<In>> {
    this.settleLast()
    const batch = this.head === 0 ? this.items : this.items.slice(this.head)
    if (this.gapFirst !== undefined) batch.unshift(this.gapFirst)
    if (this.lostFirst > 0) batch.unshift(Inbox.lagged(this.lostFirst))
    this.items = []
    this.head = 0
    this.messages = 0
    this.lostFirst = 0
    this.gapFirst = undefined
    return batch
  }
}
