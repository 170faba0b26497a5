/**
 * Where the signals of a page arrive. Each one changes the page's condition and
 * is passed on: to listeners at once, to streams in their own time.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Watch from "kharbranth/Watch"
import type { Condition, Signal } from "../../PageLifecycle.ts"

export interface Signals {
  readonly emit: (signal: Signal) => void
  /** Ends every stream. */
  readonly end: () => void
  readonly listen: (listener: (signal: Signal) => void) => () => void
  readonly stream: Stream.Stream<Signal>
  readonly condition: Watch.Watch<Condition>
}

/** The condition after a signal. A page that comes back knows no more than that it runs. */
const after = (condition: Condition, signal: Signal): Condition => {
  switch (signal._tag) {
    case "Online":
    case "Offline":
      return { ...condition, online: signal._tag === "Online" }
    case "Visible":
    case "Hidden":
      return { ...condition, visible: signal._tag === "Visible" }
    case "PageHide":
      return { ...condition, frozen: condition.frozen || signal.persisted }
    case "Freeze":
      return { ...condition, frozen: true }
    case "PageShow":
    case "Resume":
    case "Woke":
      return { ...condition, frozen: false }
  }
}

const isSame = (a: Condition, b: Condition): boolean =>
  a.online === b.online && a.visible === b.visible && a.frozen === b.frozen

export const make = (initial: Condition): Signals => {
  let condition = initial
  let over = false
  const listeners = new Set<(signal: Signal) => void>()
  const observers = new Set<(condition: Condition) => void>()
  const enders = new Set<() => void>()

  const streamOf = <A>(sources: Set<(a: A) => void>, bufferSize: number, first: () => ReadonlyArray<A>) =>
    Stream.callback<A>(
      (queue) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const offer = (a: A) => void Queue.offerUnsafe(queue, a)
            const end = () => void Queue.endUnsafe(queue)
            first().forEach(offer)
            if (over) end()
            sources.add(offer)
            enders.add(end)
            return { offer, end }
          }),
          ({ end, offer }) =>
            Effect.sync(() => {
              sources.delete(offer)
              enders.delete(end)
            })
        ),
      { bufferSize, strategy: "sliding" }
    )

  return {
    emit: (signal) => {
      if (over) return
      const next = after(condition, signal)
      const changed = !isSame(condition, next)
      condition = next
      for (const listener of [...listeners]) listener(signal)
      if (changed) for (const observer of [...observers]) observer(next)
    },
    end: () => {
      over = true
      for (const end of [...enders]) end()
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stream: streamOf(listeners, 64, () => []),
    condition: {
      get: Effect.sync(() => condition),
      getUnsafe: () => condition,
      changes: streamOf(observers, 1, () => [condition])
    }
  }
}
