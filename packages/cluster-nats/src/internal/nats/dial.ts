/** A connection to NATS that comes back for ever, and ends with its scope. */
import { BusFailed } from "@kharbranth/cluster/FleetError"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { foreign } from "kharbranth/ConnectionError"
import type { Options } from "../../NatsBus.ts"

// A server that does not answer by then is away.
const timeout = 5_000
// Two pings without an answer end a connection.
const pingInterval = 10_000

export const connection = (options: Options["connect"] = {}): Effect.Effect<NatsConnection, BusFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        connect({
          timeout,
          pingInterval,
          ...options,
          reconnect: true,
          maxReconnectAttempts: -1,
          // A process reads what it publishes, too.
          noEcho: false
        }),
      catch: (cause) => new BusFailed({ operation: "connect", cause: foreign(cause) })
    }),
    (connection) => {
      // What is on its way gets a second to leave.
      const left = Effect.ignore(Effect.tryPromise(() => connection.flush()))
      return Effect.andThen(
        Effect.timeoutOption(left, "1 second"),
        Effect.ignore(Effect.tryPromise(() => connection.close()))
      )
    }
  )
