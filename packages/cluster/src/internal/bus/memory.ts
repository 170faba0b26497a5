/** A broker in this process: packets by subject, to all that listen. */
import * as Effect from "effect/Effect"
import type { Broker, News } from "../../FleetBus.ts"

export const make: Effect.Effect<Broker> = Effect.sync(() => {
  const listeners = new Map<string, Set<(news: News) => void>>()
  const broker: Broker = {
    mostBytes: () => 1_048_576,
    publish: (subject, packet) =>
      Effect.sync(() => {
        for (const listener of listeners.get(subject) ?? []) listener({ _tag: "Packet", packet })
      }),
    subscribe: (subject, listener) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const others = listeners.get(subject)
          if (others === undefined) listeners.set(subject, new Set([listener]))
          else others.add(listener)
        }),
        () =>
          Effect.sync(() => {
            const all = listeners.get(subject)
            all?.delete(listener)
            if (all?.size === 0) listeners.delete(subject)
          })
      ),
    restored: () => Effect.void
  }
  return broker
})
