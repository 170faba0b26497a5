/** Who hears of each budget that is made. */
import * as Context from "effect/Context"
import type { DialBudget } from "../../DialBudget.ts"

export const Observer: Context.Reference<((budget: DialBudget) => () => void) | undefined> = Context.Reference<
  ((budget: DialBudget) => () => void) | undefined
>("kharbranth/DialBudget/Observer", { defaultValue: () => undefined })
