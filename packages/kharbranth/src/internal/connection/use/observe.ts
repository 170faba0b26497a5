/** What the observer that a connection was made with is shown of it. */
import type { ConnectionEvent } from "../../../ConnectionEvent.ts"
import type * as Public from "../../../ConnectionObserver.ts"
import type { ConnectionState } from "../../../ConnectionState.ts"
import type { Figures } from "../../../ConnectionMetrics.ts"
import type { Topic } from "../../../Session.ts"
import type { Observer } from "../../kit/fanout.ts"
import { attempt } from "../../kit/guard.ts"
import { firstUrl } from "../../target/recipe.ts"
import { Handle } from "./handle.ts"
import { figures } from "./metrics.ts"
import type { Supervisor } from "../run/supervisor.ts"
import type { Watcher } from "../run/watching.ts"

/** Hears each event in the turn in which it happens. */
class Listening implements Observer<ConnectionEvent> {
  items: Array<ConnectionEvent> = []
  readonly capacity = Infinity
  private readonly hear: (event: ConnectionEvent) => void

  constructor(hear: (event: ConnectionEvent) => void) {
    this.hear = hear
  }

  get waiting(): this {
    return this
  }

  wake(): void {
    const { items } = this
    this.items = []
    for (const item of items) this.hear(item)
  }
}

/** One object for each connection, whose properties are read when they are asked for: ten thousand may be observed. */
class View<In, Out> implements Public.Observed {
  private readonly self: Supervisor<In, Out>
  private broken = false

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

  get topics(): ReadonlyArray<Topic> {
    return [...this.self.taps].flatMap((tap) => tap.topics?.() ?? none)
  }

  get control(): Public.Control {
    return new Handle(this.self)
  }

  listen(hear: (event: ConnectionEvent) => void): () => void {
    const leave = this.self.reports.events.add(
      new Listening((event) => {
        this.call(() => hear(event))
        if (this.broken) leave()
      })
    )
    return leave
  }

  /** Calls code of the observer. One that throws is logged, and then no longer called. */
  call(run: () => void): void {
    if (this.broken) return
    attempt(run, (defect) => {
      this.broken = true
      this.self.fibers.died(defect)
    })
  }
}

const none: ReadonlyArray<never> = []

/** Begins to watch a connection, before its first dial. Does not throw. */
export type BeginToWatch = <In, Out>(self: Supervisor<In, Out>) => Watcher

/** What begins to watch each connection: opaque to the public, a function within. */
export const watching = (begin: BeginToWatch): Public.Observation => begin as unknown as Public.Observation

export const observation = (observer: Public.Observer): Public.Observation =>
  watching((self): Watcher => {
    const view = new View(self)
    let listener: Public.Listener | undefined
    view.call(() => {
      listener = observer(view)
      if (listener.event !== undefined) view.listen((event) => listener?.event?.(event))
    })
    return { ended: () => view.call(() => listener?.ended()) }
  })
