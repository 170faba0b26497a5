/**
 * Names whose owner before goes on until this process has them: it lets that owner
 * know which are Ready here, and learns how far their old consumers came. Only then
 * do the new consumers begin, so that one name never has two readers.
 */
import type { TimeoutError } from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { StoreFailed } from "../../FleetError.ts"
import type { FleetStore } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import type { Place } from "../entries/wireEntry.ts"

/** How far the consumer of the owner before came. */
export interface Handed {
  readonly cursor: { readonly value: unknown } | undefined
  /** How many messages it got since the move began. */
  readonly delivered: number
  /** What those have as their `dedupe` keys, the last ones at most. */
  readonly keys: ReadonlyArray<string | number>
  /** How far it published them, if all of them were. */
  readonly published?: Place | undefined
}

/** A bucket that this process holds beside a holder before. */
export interface Overlapped {
  readonly right: { readonly lease: Lease; isLive(): boolean }
  readonly overlap: { readonly epoch: number; readonly millis: number } | undefined
}

/** One name's part in it. */
export interface Takeover {
  /** It is Ready here. */
  readonly ready: Effect.Effect<void>
  /** Waits until the old consumer has stopped; `undefined` when nobody knows how far it came. */
  readonly handed: Effect.Effect<Handed | undefined>
}

interface Going {
  readonly handed: Deferred.Deferred<Handed | undefined>
  /** Whether the name opened here already: one that opens again goes on nowhere. */
  isUsed: boolean
}

type Names = ReadonlyMap<string, Going>

/** How often both sides look at each other's notes, in milliseconds. */
export const lookEvery = 250

export class Takeovers {
  private readonly store: FleetStore["Service"]["handovers"]
  private readonly clock: Clock.Clock
  private readonly statement: number
  private readonly known = new Map<Lease, Names>()

  constructor(store: FleetStore["Service"], clock: Clock.Clock, statement: number) {
    this.store = store.handovers
    this.clock = clock
    this.statement = statement
  }

  /** Asks which names of these buckets are still open elsewhere; gives a program for each that follows them. */
  fetch(
    held: ReadonlyArray<Overlapped>
  ): Effect.Effect<ReadonlyArray<Effect.Effect<void>>, StoreFailed | TimeoutError> {
    const fresh = held.filter(({ overlap, right }) => overlap !== undefined && !this.known.has(right.lease))
    return Effect.forEach(fresh, ({ overlap, right }) =>
      Effect.map(Effect.timeout(this.store.read(right.lease.bucket), this.statement), ({ notes }) => {
        const { epoch, millis } = overlap!
        // What was handed over already, a holder in between had: it may have read on, and died.
        const isNext = epoch === right.lease.epoch - 1
        const going = notes.filter((note) => note.epoch === epoch && (isNext || note.value === null))
        const names: Names = new Map(going.map(({ name }) => [name, { handed: Deferred.makeUnsafe(), isUsed: false }]))
        this.known.set(right.lease, names)
        const until = this.clock.monotonicTimeNanosUnsafe() + BigInt(Math.ceil(millis)) * 1_000_000n
        return this.follow(right, names, epoch, until)
      })
    )
  }

  of(lease: Lease, name: string): Takeover | undefined {
    const going = this.known.get(lease)?.get(name)
    if (going === undefined) return undefined
    const handed = Deferred.await(going.handed)
    const { isUsed } = going
    going.isUsed = true
    const note = Effect.suspend(() => this.store.note(lease, [{ name, value: "ready" }]))
    return {
      handed: isUsed ? Effect.as(handed, undefined) : handed,
      // Not told, the old owner goes on until its time is over.
      ready: Effect.ignore(Effect.retry(Effect.timeout(note, this.statement), { times: 3 }))
    }
  }

  keepOnly(leases: ReadonlySet<Lease>): void {
    for (const lease of this.known.keys()) if (!leases.has(lease)) this.known.delete(lease)
  }

  private follow(right: Overlapped["right"], names: Names, epoch: number, until: bigint): Effect.Effect<void> {
    const end = Effect.sync(() => {
      for (const { handed } of names.values()) Deferred.doneUnsafe(handed, Effect.undefined)
    })
    const look = Effect.gen({ self: this }, function* () {
      const known = yield* this.store.read(right.lease.bucket)
      for (const note of known.notes) {
        if (note.epoch !== epoch || note.value === null) continue
        const going = names.get(note.name)
        if (going !== undefined) Deferred.doneUnsafe(going.handed, Effect.succeed(note.value as Handed))
      }
      return known.overlap !== epoch
    }).pipe(
      Effect.timeout(this.statement),
      Effect.orElseSucceed(() => false)
    )
    const step: Effect.Effect<void> = Effect.suspend(() => {
      const isLate = this.clock.monotonicTimeNanosUnsafe() >= until || !right.isLive()
      if (isLate) return end
      return Effect.flatMap(look, (isOver) => (isOver ? end : Effect.andThen(Effect.sleep(lookEvery), step)))
    })
    return names.size === 0 ? Effect.void : step
  }
}
