/** What else can be watched beside connections: dial budgets and subscriptions. */
import * as Effect from "effect/Effect"
import type { DialBudget } from "kharbranth/DialBudget"
import type { Figures } from "kharbranth/Subscriptions"
import { instruments } from "../../Instruments.ts"
import { others } from "./keys.ts"
import type { Source } from "./fleet.ts"
import type { Cell, SeriesSet } from "./series.ts"

interface KeyCells {
  readonly waiting: Cell
  readonly breaker: Cell
}

/** The keys of a budget: the first `max` by name, the rest together. */
export const budgetSource =
  (budget: DialBudget, max: number) =>
  (series: SeriesSet): Source => {
    const cells = new Map<string, KeyCells>()
    const cellsOf = (name: string): KeyCells => {
      const key = cells.has(name) || cells.size < max ? name : others
      const known = cells.get(key)
      if (known !== undefined) return known
      const attributes = { "kharbranth.key": key }
      const made = {
        waiting: series.cell(instruments.budgetWaiting, attributes),
        breaker: series.cell(instruments.budgetBreaker, attributes)
      }
      cells.set(key, made)
      return made
    }
    const read = (): void => {
      for (const { breaker, waiting } of cells.values()) {
        waiting.value = 0
        breaker.value = 0
      }
      for (const { breaker, key, waiting } of Effect.runSync(budget.snapshot)) {
        const own = cellsOf(key)
        own.waiting.value += waiting
        if (breaker === "Open" || breaker === "Probing") own.breaker.value = 1
      }
    }
    // Series that appear during a reading are not part of it.
    read()
    return read
  }

export const subscriptionsSource =
  (figures: Effect.Effect<Pick<Figures, "topics" | "confirmed" | "quarantined">>) =>
  (series: SeriesSet): Source => {
    const cellOf = (state: string) => series.cell(instruments.subscriptions, { "kharbranth.state": state })
    const cells = { confirmed: cellOf("confirmed"), pending: cellOf("pending"), quarantined: cellOf("quarantined") }
    return () => {
      const { confirmed, quarantined, topics } = Effect.runSync(figures)
      cells.confirmed.value = confirmed
      cells.quarantined.value = quarantined
      cells.pending.value = Math.max(0, topics - confirmed - quarantined)
    }
  }
