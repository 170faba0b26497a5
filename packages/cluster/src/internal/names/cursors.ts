/** Cursors on their way to the store: the latest of each name, written under the lease that they were saved in. */
import * as Effect from "effect/Effect"
import type { FleetStore } from "../../FleetStore.ts"
import type { Lease } from "../../Lease.ts"

export class Cursors {
  private readonly store: FleetStore["Service"]
  private readonly statement: number
  private waiting = new Map<Lease, Map<string, unknown>>()

  constructor(store: FleetStore["Service"], statement: number) {
    this.store = store
    this.statement = statement
  }

  keep(lease: Lease, name: string, value: unknown): void {
    const own = this.waiting.get(lease) ?? new Map<string, unknown>()
    own.set(name, value)
    this.waiting.set(lease, own)
  }

  /** Writes what waits. What the store does not take stays, unless something newer came. */
  flush(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const taken = this.waiting
      this.waiting = new Map()
      return Effect.forEach(taken, ([lease, values]) => this.write(lease, values), { discard: true })
    })
  }

  private write(lease: Lease, values: ReadonlyMap<string, unknown>): Effect.Effect<void> {
    const cursors = [...values].map(([name, value]) => ({ name, value }))
    return this.store.wishes.saveCursors(lease, cursors).pipe(
      Effect.timeout(this.statement),
      Effect.asVoid,
      Effect.catch(() =>
        Effect.sync(() => {
          const newer = this.waiting.get(lease)
          this.waiting.set(lease, new Map([...values, ...(newer ?? [])]))
        })
      )
    )
  }
}
