/** One reader whose messages go to many: the fan-out of a connection's stream. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { BroadcastOptions } from "../../../Connection.ts"
import type { ConnectionError as Failure } from "../../../ConnectionError.ts"
import { Fanout, Lossless } from "../../kit/fanout.ts"
import * as Checks from "../../options/checks.ts"

export const broadcast = <In>(
  name: string,
  stream: Stream.Stream<In, Failure>,
  options: BroadcastOptions = {}
): Effect.Effect<Stream.Stream<In, Failure>, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const wrong = Checks.broadcast(name, options)
    if (wrong !== undefined) return yield* wrong
    const { capacity = 1024, strategy = "suspend" } = options
    const lossless = strategy === "suspend" ? new Lossless<In, Failure>() : undefined
    const fanout = lossless ?? new Fanout<In, Failure>()
    const ready = lossless?.ready ?? Effect.void
    yield* stream.pipe(
      Stream.runForEachArray((batch) => {
        fanout.publish(batch)
        return ready
      }),
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => fanout.end()),
        onFailure: (error) => Effect.sync(() => fanout.end(error))
      }),
      Effect.forkScoped({ startImmediately: true })
    )
    return fanout.stream(capacity)
  })
