/** Puts the dashboard together: what observes, what is shown to whom, and the server. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { DialBudget } from "kharbranth/DialBudget"
import type { Observer } from "kharbranth/ConnectionObserver"
import type { Recorder } from "kharbranth/Recorder"
import * as Why from "kharbranth/Why"
import { createRequire } from "node:module"
import { Faults } from "../faults/faults.ts"
import { Budgets } from "../fleet/budgets.ts"
import { explainBy, recordingOf } from "../fleet/explaining.ts"
import { Fleet } from "../fleet/fleet.ts"
import { act } from "../viewer/acting.ts"
import { Board } from "../viewer/board.ts"
import type { Hello } from "../wire/wire.ts"

export interface Settings {
  readonly title: string
  readonly commands: boolean
  readonly faults: boolean
}

export interface Built {
  readonly observer: Observer
  readonly watchBudget: (budget: DialBudget) => () => void
  readonly faults: Faults | undefined
  readonly board: Board
  readonly fleet: Fleet
}

const versionOf = (name: string): string => {
  try {
    const manifest: unknown = createRequire(import.meta.url)(`${name}/package.json`)
    return (manifest as { readonly version: string }).version
  } catch {
    return "unknown"
  }
}

export const build = Effect.fnUntraced(function* (settings: Settings, recorder: Recorder["Service"]) {
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const forkWith = Effect.runForkWith(yield* Effect.context<never>())
  const fork = (effect: Effect.Effect<void>): Fiber.Fiber<void> => {
    const heard = Effect.tapCause(effect, (cause) => Effect.logError("the dashboard failed", cause))
    return Fiber.runIn(forkWith(heard), scope)
  }
  const now = (): number => clock.currentTimeMillisUnsafe()
  const fleet = new Fleet({ now, explain: explainBy(recorder) })
  const budgets = new Budgets()
  const faults = settings.faults ? new Faults(clock, (effect) => void fork(effect)) : undefined
  const versions = {
    kharbranth: versionOf("kharbranth"),
    effect: versionOf("effect"),
    runtime: `Node ${process.versions.node}`
  }
  const { commands, title } = settings
  const hello = (): Hello => ({
    t: "hello",
    versions,
    title,
    commands,
    faults: faults?.isUsable ?? false,
    recorder: true
  })
  const board = new Board({
    fleet,
    budgets,
    hello,
    now,
    fork,
    told: {
      detailOf: (name) => {
        const recording = recordingOf(recorder, name)
        return { recording, explanation: recording && Why.explain(recording) }
      },
      act: (action, answer) =>
        void fork(Effect.map(act({ fleet, commands, faults }, action), (outcome) => answer(outcome)))
    }
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => fleet.end()))
  return { observer: fleet.observe, watchBudget: budgets.observe, faults, board, fleet } satisfies Built
})
