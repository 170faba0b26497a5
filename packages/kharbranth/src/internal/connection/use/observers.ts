/** Observers of layers that are built together: each adds itself, and none replaces another. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Observation } from "../../../ConnectionObserver.ts"
import { beginBy, ConnectionObserver } from "../run/watching.ts"
import { type BeginToWatch, watching } from "./observe.ts"

class Observers extends Context.Service<Observers, Set<Observation>>()("kharbranth/Observers") {}

const all =
  (observers: ReadonlySet<Observation>): BeginToWatch =>
  (self) => {
    const watchers = [...observers].map((observer) => beginBy(observer)(self))
    if (watchers.length === 1) return watchers[0]!
    return {
      stepped: (...step) => {
        for (const watcher of watchers) watcher.stepped?.(...step)
      },
      ended: () => {
        for (const watcher of watchers) watcher.ended?.()
      }
    }
  }

const shared = (): Layer.Layer<Observers> =>
  Layer.effectContext(
    Effect.contextWith((outer: Context.Context<never>) => {
      const given = Context.get(outer, ConnectionObserver)
      const observers = new Set(given === undefined ? [] : [given])
      const context = Context.make(Observers, observers)
      return Effect.succeed(Context.add(context, ConnectionObserver, watching(all(observers))))
    })
  )

/**
 * One for each memo map, which layers that are built together have in common. What
 * is provided within has a map of its own: its observers see nothing from outside.
 */
const sharedBy = new WeakMap<Layer.MemoMap, Layer.Layer<Observers>>()

const sharedIn = (memoMap: Layer.MemoMap): Layer.Layer<Observers> => {
  const known = sharedBy.get(memoMap) ?? shared()
  sharedBy.set(memoMap, known)
  return known
}

export const layer = (observation: Observation): Layer.Layer<never> => {
  const entered = Layer.effectDiscard(
    Effect.acquireRelease(
      Effect.map(Observers, (observers) => observers.add(observation)),
      (observers) => Effect.sync(() => observers.delete(observation))
    )
  )
  return Layer.fromBuildMemo((memoMap, scope) =>
    Layer.buildWithMemoMap(Layer.provideMerge(entered, sharedIn(memoMap)), memoMap, scope)
  )
}
