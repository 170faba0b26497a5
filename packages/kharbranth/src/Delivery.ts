/**
 * The final outcome of one outgoing message. That `send` completes proves
 * nothing about a message's arrival; a tracked one is kept until it is known
 * what became of it. Apart from the connection, so that a page that tracks
 * nothing does not carry it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Connection from "./Connection.ts"
import type { SendError } from "./ConnectionError.ts"
import { Handle } from "./internal/connection/use/handle.ts"
import * as internal from "./internal/connection/use/track.ts"
import type * as Outbox from "./Outbox.ts"

/**
 * Accepts the message, then tells what became of it: exactly one `Delivery`,
 * as soon as an acknowledgement, a pong to a later ping, or the end of its
 * session shows it. A heartbeat that sends no probes brings no pong: without
 * `outbox.acks`, `ConnectionControl.ping` asks for one, or the outcome waits
 * until the session ends, and the message keeps its room in the outbox for as
 * long.
 *
 * @example
 * ```ts
 * import * as Codec from "kharbranth/Codec"
 * import * as Connection from "kharbranth/Connection"
 * import * as Delivery from "kharbranth/Delivery"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   const connection = yield* Connection.make("orders", {
 *     target: "wss://echo.example/",
 *     codec: Codec.text,
 *     outbox: { acks: { id: (order) => order, match: (reply) => reply } }
 *   }).pipe(network.provide)
 *   return yield* Effect.flatten(Delivery.track(connection, "order-1"))
 * })
 *
 * strictEqual((await Effect.runPromise(Effect.scoped(program)))._tag, "Confirmed")
 * ```
 *
 * @category sending
 * @since 0.1.0
 */
export const track = <In, Out>(
  connection: Connection.Connection<In, Out>,
  message: Out,
  options?: Outbox.SendOptions
): Effect.Effect<Effect.Effect<Outbox.Delivery>, SendError> =>
  internal.track(Handle.inside(connection), message, options)
