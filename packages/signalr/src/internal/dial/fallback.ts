/**
 * Falls back when the first transport does not open: tries the others in the
 * server's order, or explains why none can be used. Loaded when that happens.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial, Link } from "kharbranth/Transport"
import type { TransportRefusal } from "../../HubError.ts"
import { NoSupportedTransport } from "../../HubError.ts"
import type { AvailableTransport } from "../../Negotiate.ts"
import type { Choice, TransportName } from "../../TransportChoice.ts"
import { judge } from "../../TransportChoice.ts"

/** Why none of the offered transports can be tried. */
export const explain = (
  connection: string,
  choice: Choice,
  offers: ReadonlyArray<AvailableTransport>
): NoSupportedTransport =>
  new NoSupportedTransport({
    connection,
    refusals: offers.flatMap((offer) => {
      const verdict = judge(choice, offer)
      return Result.isFailure(verdict) ? [verdict.failure] : []
    })
  })

// Credentials that were refused are refused on every transport.
const isFinal = (error: ConnectionError.LinkError | ConnectionError.ConnectionError): boolean =>
  error._tag === "HandshakeRejected" && (error.status === 401 || error.status === 403)

/** The first of the others that opens, after one that failed. */
export const openNext = Effect.fnUntraced(function* <A, E extends ConnectionError.ConnectionError, R>(options: {
  readonly dial: Dial
  readonly names: ReadonlyArray<TransportName>
  readonly failure: E
  /** A negotiated id is good for one try. Where there is no new one, the search ends. */
  readonly again: Effect.Effect<A, E, R>
  readonly open: (name: TransportName, now: A, isLast: boolean) => Effect.Effect<Link, E, R>
}): Effect.fn.Return<Link, E | ConnectionError.DialFailed, R> {
  const { connection, url } = options.dial
  const refusals: Array<TransportRefusal> = []
  let failure = options.failure
  for (const [index, name] of options.names.entries()) {
    if (index > 0) {
      const now = yield* options.again
      const opened = yield* Effect.result(options.open(name, now, index === options.names.length - 1))
      if (Result.isSuccess(opened)) return opened.success
      failure = opened.failure
    }
    if (isFinal(failure)) return yield* Effect.fail(failure)
    refusals.push({ transport: name, reason: failure.message })
  }
  return yield* new ConnectionError.DialFailed({
    connection,
    endpoint: ConnectionError.endpointOf(url),
    kind: "unknown",
    cause: ConnectionError.foreign(new NoSupportedTransport({ connection, refusals }))
  })
})
