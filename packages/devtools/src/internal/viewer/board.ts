/**
 * Who looks, and the clock of what they see: every 125 ms what changed, every
 * second the figures. The clock runs while somebody looks.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Budgets } from "../fleet/budgets.ts"
import type { Step } from "../fleet/cells.ts"
import type { Fleet } from "../fleet/fleet.ts"
import type { Sampling } from "../fleet/sampling.ts"
import type { Hello, Totals } from "../wire/wire.ts"
import { type Outlet, type Shared, type Told, Viewer } from "./viewer.ts"

export interface BoardOptions {
  readonly fleet: Fleet
  readonly budgets: Budgets
  readonly hello: () => Hello
  readonly told: Omit<Told, "budget">
  readonly now: () => number
  /** Runs until the scope of the layer closes, or until it is interrupted. */
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

const beat = 125
const beatsInASecond = 8

export class Board {
  private readonly options: BoardOptions
  private readonly viewers = new Set<Viewer>()
  private clock: Fiber.Fiber<void> | undefined
  private beats = 0
  /** The latest beat of this second, and of the last one. */
  private lateness = 0
  private loopDelay = 0

  constructor(options: BoardOptions) {
    this.options = options
  }

  /** A viewer looks until the scope closes. */
  join(outlet: Outlet): Effect.Effect<Viewer, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => this.add(outlet)),
      (viewer) => Effect.sync(() => this.remove(viewer))
    )
  }

  /** How many bytes wait for viewers. */
  get waiting(): number {
    let bytes = 0
    for (const { waiting } of this.viewers) bytes += waiting
    return bytes
  }

  private add(outlet: Outlet): Viewer {
    const { budgets, fleet, hello, told } = this.options
    const sampling = fleet.sampling ?? fleet.begin()
    const viewer = new Viewer(sampling, { ...told, budget: () => budgets.frame }, outlet)
    this.viewers.add(viewer)
    this.clock ??= this.options.fork(this.beating)
    sampling.explain(viewer.looksAt)
    viewer.begin(hello(), this.sharedOf(sampling))
    return viewer
  }

  private remove(viewer: Viewer): void {
    this.viewers.delete(viewer)
    if (this.viewers.size > 0) return
    this.clock?.interruptUnsafe()
    this.clock = undefined
    this.options.fleet.end()
  }

  private get beating(): Effect.Effect<void> {
    const next = Effect.suspend(() => {
      const due = this.options.now() + beat
      return Effect.andThen(
        Effect.sleep(beat),
        Effect.sync(() => this.beatOnce(due))
      )
    })
    return Effect.forever(next)
  }

  /** Sends the news; `due` is when this was to happen. */
  beatOnce(due: number): void {
    const { sampling } = this.options.fleet
    if (sampling === undefined) return
    this.lateness = Math.max(this.lateness, this.options.now() - due)
    const isMeasured = ++this.beats % beatsInASecond === 0
    if (isMeasured) {
      this.loopDelay = this.lateness
      this.lateness = 0
      sampling.measureSome([...this.viewers].flatMap(({ looksAt }) => looksAt))
    }
    const batch = isMeasured ? sampling.settle() : sampling.batch()
    if (!isMeasured && batch.dirty.size === 0 && batch.gone.length === 0) return
    const placed = [...this.viewers].map((viewer) => ({ viewer, hasRows: viewer.place(batch) }))
    const seen = placed.flatMap(({ viewer }) => viewer.looksAt)
    if (isMeasured) sampling.explainAll(seen)
    else sampling.explain(seen)
    const shared = this.sharedOf(sampling)
    for (const { hasRows, viewer } of placed) viewer.update(batch, shared, isMeasured, hasRows)
  }

  /** Frames that all viewers get alike, each made when the first asks for it. */
  private sharedOf(sampling: Sampling): Shared {
    const { breakersOpen } = this.options.budgets
    const totals = once(() => {
      const frame: Totals = { t: "totals", ...sampling.totals(), breakersOpen, loopDelay: this.loopDelay }
      return JSON.stringify(frame)
    })
    // Viewers are as far as each other, apart from one that has just come or was slow.
    const cells = new Map<number | undefined, string | undefined>()
    const fleet = (since: Step | undefined): string | undefined => {
      if (!cells.has(since?.at)) cells.set(since?.at, JSON.stringify(sampling.cells(since)))
      return cells.get(since?.at)
    }
    return { totals, fleet }
  }
}

const once = (make: () => string): (() => string) => {
  let made: string | undefined
  return () => (made ??= make())
}
