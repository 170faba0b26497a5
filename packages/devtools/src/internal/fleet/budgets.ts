/** The dial budgets of the program: what each key allows now, and who waits. */
import * as Effect from "effect/Effect"
import type { DialBudget } from "kharbranth/DialBudget"
import type { Budget } from "../wire/wire.ts"

export class Budgets {
  private readonly all = new Set<DialBudget>()

  /** Is told of a budget; returns what to call at its end. */
  readonly observe = (budget: DialBudget): (() => void) => {
    this.all.add(budget)
    return () => void this.all.delete(budget)
  }

  get frame(): Budget {
    return { t: "budget", keys: this.keys }
  }

  get breakersOpen(): number {
    return this.keys.filter(({ breaker }) => breaker !== "Closed").length
  }

  private get keys(): Budget["keys"] {
    return [...this.all].flatMap(({ snapshot }) => Effect.runSync(snapshot))
  }
}
