/**
 * One place where events are told and a condition follows from them: to
 * listeners at once, to streams in their own time.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type * as Watch from "kharbranth/Watch"

export interface Announcer<Event, State> {
  readonly emit: (event: Event) => void
  /** Ends every stream. */
  readonly end: () => void
  readonly listen: (listener: (event: Event) => void) => () => void
  readonly events: Stream.Stream<Event>
  readonly watch: Watch.Watch<State>
}

export const make = <Event, State>(options: {
  readonly initial: State
  readonly after: (state: State, event: Event) => State
  readonly same: (a: State, b: State) => boolean
}): Announcer<Event, State> => {
  let state = options.initial
  let over = false
  const listeners = new Set<(event: Event) => void>()
  const observers = new Set<(state: State) => void>()
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
    emit: (event) => {
      if (over) return
      const next = options.after(state, event)
      const changed = !options.same(state, next)
      state = next
      for (const listener of [...listeners]) listener(event)
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
    events: streamOf(listeners, 64, () => []),
    watch: {
      get: Effect.sync(() => state),
      getUnsafe: () => state,
      changes: streamOf(observers, 1, () => [state])
    }
  }
}
