/**
 * What arrives for one reader, in a bounded buffer, and what the reader sees of it.
 * The oldest packets go when there is no room; the numbers of those that stay show
 * how much is missing.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { foreign, ReadError } from "kharbranth/ConnectionError"
import type * as Inbox from "kharbranth/Inbox"
import type { News } from "../../FleetBus.ts"
import { BusFailed, type CannotTravel } from "../../FleetError.ts"
import { Marker } from "../entries/marker.ts"
import { read } from "./packet.ts"

type Entries = readonly [Inbox.Entry<unknown>, ...Array<Inbox.Entry<unknown>>]

// What a waiting packet costs beside its bytes.
const overhead = 256
// As many packets at most are decoded before others get their turn.
const atOnce = 64

const isInterruption = ({ _tag }: News): boolean => _tag === "Interrupted"

export class Reader {
  private readonly name: string
  private readonly highWaterMark: number
  private readonly marker: Marker
  private readonly news = Latch.makeUnsafe(false)
  private waiting: Array<News> = []
  private bytes = 0
  /** Why there is no more, once all that waits is read. */
  private end: BusFailed | CannotTravel | undefined

  constructor(name: string, highWaterMark: number, now: () => number) {
    this.name = name
    this.highWaterMark = highWaterMark
    this.marker = new Marker(name, now)
  }

  readonly push = (news: News): void => {
    if (this.end !== undefined) return
    if (news._tag === "Closed") this.end = news.error
    else this.keep(news)
    // Last: a reader that waits goes on within this call.
    this.news.openUnsafe()
  }

  /** The next entries, as soon as there are some. */
  readonly pull: Effect.Effect<Entries, BusFailed | CannotTravel> = Effect.suspend(() => {
    const taken = this.waiting.splice(0, atOnce)
    for (const news of taken) this.bytes -= sizeOf(news)
    const found: Array<Inbox.Entry<unknown>> = []
    for (const news of taken) {
      for (const entry of this.seen(news)) found.push(entry)
      // What waits behind an entry that cannot travel is of no use.
      if (this.end !== undefined && this.end._tag === "CannotTravel") this.waiting = []
    }
    const [first, ...rest] = found
    if (first !== undefined) return Effect.succeed([first, ...rest] as const)
    if (this.waiting.length > 0) return Effect.andThen(Effect.yieldNow, this.pull)
    if (this.end !== undefined) return Effect.fail(this.end)
    this.news.closeUnsafe()
    return Effect.andThen(this.news.await, this.pull)
  })

  private keep(news: News): void {
    const last = this.waiting.at(-1)
    // One marker says it.
    if (isInterruption(news) && last !== undefined && isInterruption(last)) return
    this.waiting.push(news)
    this.bytes += sizeOf(news)
    if (this.bytes > this.highWaterMark) this.shed()
  }

  private seen(news: News): ReadonlyArray<Inbox.Entry<unknown>> {
    if (this.end?._tag === "CannotTravel" || news._tag === "Closed") return []
    if (news._tag === "Interrupted") return this.interrupted(news.from, news.error)
    const received = read(this.name, news.packet)
    if (received === undefined) return this.interrupted(undefined, notOurs)
    const { failure, follows, place, seen } = received
    if (failure !== undefined) this.end = failure
    return [...seen.flatMap((one) => this.marker.mark(one)), ...this.marker.reached(place, follows)]
  }

  private interrupted(from: number | undefined, error: BusFailed): ReadonlyArray<Inbox.Entry<unknown>> {
    const connection = this.name
    return this.marker.interrupted(from, (epoch) => new ReadError({ connection, epoch, cause: foreign(error) }))
  }

  /** The oldest packets go. An interruption stays, for no number shows it. */
  private shed(): void {
    let kept: News | undefined
    let count = 0
    while (this.bytes > this.highWaterMark && count < this.waiting.length - 1) {
      const news = this.waiting[count++]!
      this.bytes -= sizeOf(news)
      if (isInterruption(news)) kept ??= news
    }
    const next = this.waiting[count]!
    const stays = kept === undefined || isInterruption(next) ? [] : [kept]
    for (const news of stays) this.bytes += sizeOf(news)
    this.waiting.splice(0, count, ...stays)
  }
}

const sizeOf = (news: News): number => (news._tag === "Packet" ? news.packet.byteLength + overhead : overhead)

const notOurs = new BusFailed({ operation: "read", cause: foreign({ _tag: "PacketNotUnderstood" }) })
