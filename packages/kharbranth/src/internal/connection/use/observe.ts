/** What the observer that a connection was made with is shown of it. */
import type { Observed } from "../../../ConnectionObserver.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import type { Figures } from "../../../ConnectionMetrics.ts"
import { attempt } from "../../kit/guard.ts"
import { firstUrl } from "../../target/recipe.ts"
import { figures } from "./metrics.ts"
import type { Supervisor } from "../run/supervisor.ts"

/** One object for each connection, and no closures: ten thousand may be observed. */
class View<In, Out> implements Observed {
  private readonly self: Supervisor<In, Out>

  constructor(self: Supervisor<In, Out>) {
    this.self = self
  }

  get name(): string {
    return this.self.connection
  }

  get tags(): ReadonlyArray<string> {
    return this.self.options.tags ?? none
  }

  get origin(): string | undefined {
    const { policies, reports } = this.self
    const url = reports.url ?? firstUrl(policies.target)
    return url === undefined ? undefined : new URL(url).origin.replace("http", "ws")
  }

  get state(): ConnectionState {
    return this.self.state.getUnsafe()
  }

  get figures(): Figures {
    return figures(this.self)
  }
}

const none: ReadonlyArray<string> = []

export const observe = <In, Out>(self: Supervisor<In, Out>): void => {
  const { observer, reports } = self
  if (observer === undefined) return
  reports.listener = attempt(
    () => observer(new View(self)),
    (defect) => {
      self.fibers.died(defect)
      return undefined
    }
  )
}
