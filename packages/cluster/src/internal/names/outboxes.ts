/**
 * What waits in the outbox of a name that moves, on its way through the store: the
 * old owner parks it before it frees the bucket, the new one has it before it
 * opens. Each message goes one way only, so none is written twice.
 */
import type { TimeoutError } from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Outbox from "kharbranth/Outbox"
import type { StoreFailed } from "../../FleetError.ts"
import type { FleetStore, Parked, Taken } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"
import { ofWireFrame, toWireFrame, type WireFrame } from "../kit/wireFrame.ts"

/** An item as JSON, without the time that it may still wait, which the store counts. */
interface WireItem extends Pick<Outbox.Item, "lane" | "whenDown" | "replay" | "written"> {
  readonly frame: WireFrame
  readonly key?: string | undefined
  readonly id?: string | undefined
}

const parkedOf =
  (name: string) =>
  ({ frame, ttl, ...rest }: Outbox.Item, position: number): Parked => ({
    name,
    position,
    ttl,
    item: { ...rest, frame: toWireFrame(frame) } satisfies WireItem
  })

const itemOf = ({ item, ttl }: Parked): Outbox.Item => {
  const { frame, id, key, ...rest } = item as WireItem
  return { ...rest, ttl, id, key, frame: ofWireFrame(frame) }
}

/** What one statement carries at most. */
const most = 1_000

export class Outboxes {
  private readonly store: FleetStore["Service"]["outboxes"]
  private readonly statement: number
  private readonly leaving = new Map<Lease, Array<Parked>>()
  /** By lease, then by name; a lease is here once it was asked for. */
  private readonly arriving = new Map<Lease, Map<string, Array<Outbox.Item>>>()

  constructor(store: FleetStore["Service"], statement: number) {
    this.store = store.outboxes
    this.statement = statement
  }

  /** A name that leaves had this in its outbox. */
  park(lease: Lease, name: string, items: ReadonlyArray<Outbox.Item>): void {
    if (items.length === 0) return
    const all = this.leaving.get(lease) ?? []
    all.push(...items.map(parkedOf(name)))
    this.leaving.set(lease, all)
  }

  /** Gives what names of this lease left to the store. What it does not take is lost. */
  flush(lease: Lease): Effect.Effect<void, StoreFailed | TimeoutError> {
    return Effect.suspend(() => {
      const all = this.leaving.get(lease) ?? []
      this.leaving.delete(lease)
      const parts = Array.from({ length: Math.ceil(all.length / most) }, (_, n) => all.slice(n * most, (n + 1) * most))
      return Effect.forEach(parts, (part) => Effect.timeout(this.store.put(lease, part), this.statement), {
        discard: true
      })
    })
  }

  /** Fetches what waits for the names of these leases, once for each. */
  fetch(leases: ReadonlyArray<Lease>): Effect.Effect<void, StoreFailed | TimeoutError> {
    return Effect.suspend(() => {
      const fresh = leases.filter((lease) => !this.arriving.has(lease))
      if (fresh.length === 0) return Effect.void
      return this.store.take(fresh).pipe(
        Effect.timeout(this.statement),
        Effect.flatMap((parked) => {
          for (const lease of fresh) this.arriving.set(lease, byName(parked, lease))
          // What stays there although it is here is the next lease's to delete.
          return parked.length === 0
            ? Effect.void
            : Effect.ignore(Effect.timeout(this.store.forget(fresh), this.statement))
        })
      )
    })
  }

  /** What waits for a name, once. */
  arrived(lease: Lease, name: string): ReadonlyArray<Outbox.Item> {
    const names = this.arriving.get(lease)
    const items = names?.get(name) ?? []
    names?.delete(name)
    return items
  }

  /** Forgets leases that are over. */
  keepOnly(leases: ReadonlySet<Lease>): void {
    for (const lease of this.arriving.keys()) if (!leases.has(lease)) this.arriving.delete(lease)
  }
}

const byName = (taken: ReadonlyArray<Taken>, { bucket }: Lease): Map<string, Array<Outbox.Item>> => {
  const names = new Map<string, Array<Outbox.Item>>()
  for (const one of taken) {
    if (one.bucket !== bucket) continue
    const items = names.get(one.name)
    if (items === undefined) names.set(one.name, [itemOf(one)])
    else items.push(itemOf(one))
  }
  return names
}
