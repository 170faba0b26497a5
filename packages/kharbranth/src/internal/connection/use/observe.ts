/** What the observer that a connection was made with is shown of it. */
import type { Listener, Observation, Observed, Observer } from "../../../ConnectionObserver.ts"
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

/** A listener that throws is heard of once, and then no longer called. */
const guarded = <In, Out>(self: Supervisor<In, Out>, listener: Listener): Listener => {
  const call = (run: () => void): void =>
    attempt(run, (defect) => {
      self.reports.listener = undefined
      self.fibers.died(defect)
    })
  return { event: (event) => call(() => listener.event(event)), ended: () => call(() => listener.ended()) }
}

const nobody: Listener = { event: () => {}, ended: () => {} }

/** What observes a connection: opaque to the public, a function within. */
type Observe = <In, Out>(self: Supervisor<In, Out>) => Listener

export const observation = (observer: Observer): Observation => {
  const observe: Observe = (self) =>
    attempt(
      () => guarded(self, observer(new View(self))),
      (defect) => {
        self.fibers.died(defect)
        return nobody
      }
    )
  return observe as unknown as Observation
}

export const observeBy = (observation: Observation): Observe => observation as unknown as Observe
