/**
 * Which transport to use. It depends on the server's order, the transports that
 * you allow, what the hub protocol can travel on and what this platform has. A
 * transport that fails to start has spent the negotiated id, so each further try
 * negotiates again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { TransportRefusal } from "./HubError.ts"
import { NoSupportedTransport } from "./HubError.ts"
import type { TransferFormat } from "./HubProtocol.ts"
import type { AvailableTransport, Negotiated } from "./Negotiate.ts"

/**
 * A way to reach a hub.
 *
 * @category models
 * @since 0.1.0
 */
export type TransportName = "WebSockets" | "ServerSentEvents" | "LongPolling"

/**
 * What the client can and may use.
 *
 * @category models
 * @since 0.1.0
 */
export interface Choice {
  /** The transports the user allows. Default, and when empty: any. */
  readonly allowed?: ReadonlyArray<TransportName> | undefined
  /** The transports this platform has. */
  readonly implemented: ReadonlyArray<TransportName>
  /** What the hub protocol travels in. */
  readonly transferFormat: TransferFormat
}

const names: ReadonlySet<string> = new Set<TransportName>(["WebSockets", "ServerSentEvents", "LongPolling"])

const isKnown = (name: string): name is TransportName => names.has(name)

/**
 * Whether an offered transport can be tried, or why not. Costs no request.
 *
 * @category combinators
 * @since 0.1.0
 */
export const judge = (choice: Choice, offer: AvailableTransport): Result.Result<TransportName, TransportRefusal> => {
  const { transport } = offer
  const refuse = (reason: string) => Result.fail({ transport, reason })
  if (!isKnown(transport)) return refuse("it is not known to this client")
  const allowed = choice.allowed ?? []
  if (allowed.length > 0 && !allowed.includes(transport)) return refuse("it is not among the allowed transports")
  if (!offer.transferFormats.includes(choice.transferFormat)) {
    return refuse(`the server does not carry ${choice.transferFormat.toLowerCase()} over it`)
  }
  if (!choice.implemented.includes(transport)) return refuse("this platform has no implementation of it")
  return Result.succeed(transport)
}

/**
 * Starts the first offered transport that works. A transport that cannot be
 * tried costs nothing; one that fails to start costs a new negotiation, and a
 * negotiation that fails ends the search.
 *
 * @category combinators
 * @since 0.1.0
 */
export const startFirst = /* #__PURE__ */ Effect.fnUntraced(function* <
  A,
  E extends { readonly message: string },
  R,
  NE,
  NR,
  CE,
  CR
>(options: {
  readonly connection: string
  readonly choice: Choice
  readonly negotiate: Effect.Effect<Negotiated<CE, CR>, NE, NR>
  readonly start: (transport: TransportName, negotiated: Negotiated<CE, CR>) => Effect.Effect<A, E, R>
}): Effect.fn.Return<A, NoSupportedTransport | NE, R | NR> {
  const first = yield* options.negotiate
  const refusals: Array<TransportRefusal> = []
  let negotiated: Negotiated<CE, CR> | undefined = first
  for (const offer of first.transports) {
    const verdict = judge(options.choice, offer)
    if (Result.isFailure(verdict)) {
      refusals.push(verdict.failure)
      continue
    }
    negotiated ??= yield* options.negotiate
    const started: Result.Result<A, E> = yield* Effect.result(options.start(verdict.success, negotiated))
    if (Result.isSuccess(started)) return started.success
    refusals.push({ transport: verdict.success, reason: started.failure.message })
    negotiated = undefined
  }
  return yield* new NoSupportedTransport({ connection: options.connection, refusals })
})
