/**
 * A name's entries on their way to the broker. Every entry gets a number, whether
 * the broker takes it or not. An owner that left something out, or does not know
 * whether it arrived, owes its readers a packet that says how far it is: without
 * it, they would learn of the hole only by the next entry.
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { foreign } from "kharbranth/ConnectionError"
import type * as Inbox from "kharbranth/Inbox"
import type { Broker } from "../../FleetBus.ts"
import { BusFailed } from "../../FleetError.ts"
import type { Lease } from "../../Lease.ts"
import type { Place } from "../entries/wireEntry.ts"
import { beatOf, type Begun, packetsOf } from "./packet.ts"

export interface Surroundings {
  readonly broker: Broker
  /** How long one packet may wait for the broker, in milliseconds. */
  readonly patience: number
  /** Something is missing at the readers. */
  readonly owing: (publishing: Publishing, error: BusFailed) => Effect.Effect<void>
}

export class Publishing {
  readonly name: string
  private readonly around: Surroundings
  private readonly subject: string
  private readonly lease: Lease
  private readonly opening: number
  /** Packets leave in the order of their numbers. */
  private readonly turn = Semaphore.makeUnsafe(1)
  private next = 0
  /** Where the owner before ended; until the broker took a packet that says so. */
  private follows: Place | undefined
  private isHeard = false
  private isOwing = false
  /** Whether the broker takes nothing: entries are left out at once. */
  private isAway = false

  constructor(
    around: Surroundings,
    place: {
      readonly name: string
      readonly subject: string
      readonly lease: Lease
      readonly opening: number
      readonly follows?: Place | undefined
    }
  ) {
    this.around = around
    this.name = place.name
    this.subject = place.subject
    this.lease = place.lease
    this.opening = place.opening
    this.follows = place.follows
  }

  /** Completes when the broker took the entries, or they were left out. */
  publish(entries: ReadonlyArray<Inbox.Entry<unknown>>): Effect.Effect<void> {
    return Effect.suspend(() => this.leftOut(entries) ?? this.turn.withPermits(1)(this.giving(entries)))
  }

  /** While the broker takes nothing, nobody waits for it: the packet that is owed shows that these are missing. */
  private leftOut({ length }: ReadonlyArray<unknown>): Effect.Effect<void> | undefined {
    if (!this.isAway) return undefined
    this.next += length
    return Effect.void
  }

  private giving(entries: ReadonlyArray<Inbox.Entry<unknown>>): Effect.Effect<void> {
    return Effect.suspend(() => {
      // It may be away since this waits for its turn.
      const leftOut = this.leftOut(entries)
      if (leftOut !== undefined) return leftOut
      const packets = packetsOf(this.place(), entries, this.around.broker.mostBytes())
      this.next += entries.length
      return Effect.catch(
        Effect.forEach(packets, (packet) => (packet === undefined ? this.owes(tooLarge) : this.give(packet)), {
          discard: true
        }),
        (error) => this.away(error)
      )
    })
  }

  /** Packets may have got lost on their way. */
  lost(): void {
    this.isOwing = true
  }

  /** Says how far it is, when it owes that; gives whether the readers know now. */
  readonly settle: Effect.Effect<boolean> = Effect.suspend(() =>
    this.turn.withPermits(1)(
      Effect.suspend(() => {
        if (!this.isOwing) return Effect.succeed(true)
        const place = this.place()
        return Effect.match(this.give(beatOf(place)), {
          onFailure: () => {
            this.isAway = true
            return false
          },
          onSuccess: () => {
            this.isAway = false
            // What was left out since then is owed still.
            this.isOwing = this.next > place.sequence
            return !this.isOwing
          }
        })
      })
    )
  )

  /** Where those follow that publish after this one; what no reader knows of leaves the place as it was. */
  ended(): Place | undefined {
    const { lease, opening, sequence } = this.place()
    return sequence === 0 && !this.isHeard ? this.follows : { lease, opening, sequence }
  }

  private place(): Begun {
    return { lease: this.lease, opening: this.opening, sequence: this.next, follows: this.follows }
  }

  private give(packet: Uint8Array): Effect.Effect<void, BusFailed> {
    const { broker, patience } = this.around
    const taken = Effect.timeoutOrElse(broker.publish(this.subject, packet), {
      duration: patience,
      orElse: () => Effect.fail(tooSlow)
    })
    return Effect.tap(taken, () =>
      Effect.sync(() => {
        this.isHeard = true
        this.follows = undefined
      })
    )
  }

  private away(error: BusFailed): Effect.Effect<void> {
    this.isAway = true
    return this.owes(error)
  }

  private owes(error: BusFailed): Effect.Effect<void> {
    this.isOwing = true
    return this.around.owing(this, error)
  }
}

const tooLarge = new BusFailed({ operation: "publish", cause: foreign({ _tag: "EntryTooLarge" }) })
const tooSlow = new BusFailed({ operation: "publish", cause: foreign({ _tag: "TimeoutError" }) })
