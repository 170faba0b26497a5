/**
 * The entries of a name that may change hands without a gap. The old owner's end
 * after everything that arrived was read, and count what was read since the move
 * began; the new owner's leave out what the old one delivered.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type * as Inbox from "kharbranth/Inbox"
import type { Handed } from "./takeovers.ts"

export type Dedupe<In> = ((message: In) => string | number | undefined) | undefined

// A consumer that takes longer is interrupted: its cursor says how far it came.
const most = 5_000

export class Changing<In> {
  private readonly dedupe: Dedupe<In>
  private readonly isGoingOn: () => boolean
  private readonly stopping = Latch.makeUnsafe(false)
  private isStopping = false
  private delivered = 0
  private readonly keys = new Set<string | number>()
  /** What the owner before delivered, and this one must not. */
  private readonly known: Set<string | number>

  constructor(dedupe: Dedupe<In>, isGoingOn: () => boolean, handed: Handed | undefined) {
    this.dedupe = dedupe
    this.isGoingOn = isGoingOn
    this.known = new Set(handed?.keys)
  }

  /** Ends the entries once all that arrived are read. */
  stop(): void {
    this.isStopping = true
    this.stopping.openUnsafe()
  }

  handed(): Omit<Handed, "cursor"> {
    return { delivered: this.delivered, keys: [...this.keys] }
  }

  /** What the consumer reads of a connection, whose inbox is drained when `isDrained` says so. */
  entries<E>(
    all: Stream.Stream<Inbox.Entry<In>, E>,
    isDrained: Effect.Effect<boolean>
  ): Stream.Stream<Inbox.Entry<In>, E> {
    return Stream.unwrap(
      Effect.map(Stream.toPull(all), (pull) => {
        const stopped = Effect.as(this.stopping.await, undefined)
        const take = Effect.suspend(() => (this.isStopping ? pull : Effect.raceFirst(pull, stopped)))
        const next: Effect.Effect<readonly [Inbox.Entry<In>, ...Array<Inbox.Entry<In>>], E | Cause.Done> = Effect.gen(
          { self: this },
          function* () {
            while (true) {
              if (this.isStopping && (yield* isDrained)) return yield* Cause.done()
              const [first, ...rest] = this.pass((yield* take) ?? [])
              if (first !== undefined) return [first, ...rest] as const
            }
          }
        )
        return Stream.fromPull(Effect.succeed(next))
      })
    )
  }

  private pass(batch: ReadonlyArray<Inbox.Entry<In>>): ReadonlyArray<Inbox.Entry<In>> {
    const fresh = this.known.size === 0 ? batch : batch.filter((entry) => !this.isKnown(entry))
    if (this.isGoingOn()) for (const entry of fresh) this.note(entry)
    return fresh
  }

  private isKnown(entry: Inbox.Entry<In>): boolean {
    const key = entry._tag === "Message" ? this.dedupe?.(entry.message) : undefined
    return key !== undefined && this.known.delete(key)
  }

  private note(entry: Inbox.Entry<In>): void {
    if (entry._tag !== "Message") return
    this.delivered++
    const key = this.dedupe?.(entry.message)
    if (key === undefined) return
    this.keys.add(key)
    const [oldest] = this.keys
    if (this.keys.size > most) this.keys.delete(oldest!)
  }
}
