/**
 * Runs a program's callbacks as its hub is lost, comes back and is gone, one
 * after the other. While one runs, later states wait as one, the latest: nothing
 * piles up, and a session that came and went in the meantime is passed over.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Callbacks, HubConnectionState } from "../../HubConnection.ts"
import type { HubConnectionError } from "../../HubError.ts"

const causeOf = (state: HubConnectionState): HubConnectionError | undefined =>
  state._tag === "Reconnecting" ? state.cause : state._tag === "Failed" ? state.error : undefined

/** What to run for each state, in the order in which they are seen. */
export const make = <R>(
  connection: string,
  { onClosed, onReconnected, onReconnecting }: Callbacks<R>,
  connectionId: () => string | undefined
): ((state: HubConnectionState) => Effect.Effect<void, never, Exclude<R, Scope.Scope>>) => {
  let at: "away" | "ready" | "lost" = "away"
  /** The session that was ready last. */
  let epoch = 0

  const run = (
    name: keyof Callbacks<R>,
    callback: Effect.Effect<unknown, unknown, R> | undefined
  ): Effect.Effect<void, never, Exclude<R, Scope.Scope>> =>
    callback === undefined
      ? Effect.void
      : Effect.catchCause(Effect.asVoid(Effect.scoped(callback)), (cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logWarning(`Hub "${connection}": ${name} failed.`)
        )

  return (state) =>
    Effect.suspend(() => {
      const before = at
      switch (state._tag) {
        case "Connected": {
          const isBack = before === "lost" || (before === "ready" && state.epoch !== epoch)
          at = "ready"
          epoch = state.epoch
          return isBack ? run("onReconnected", onReconnected?.(connectionId())) : Effect.void
        }
        case "Connecting":
        case "Reconnecting":
          if (before !== "ready") return Effect.void
          at = "lost"
          return run("onReconnecting", onReconnecting?.(causeOf(state)))
        case "Failed":
        case "Disconnected":
          at = "away"
          return before === "away" ? Effect.void : run("onClosed", onClosed?.(causeOf(state)))
        default:
          return Effect.void
      }
    })
}
