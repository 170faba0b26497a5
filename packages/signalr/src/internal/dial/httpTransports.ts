/** The transports over plain HTTP. Loaded when one is needed, because few connections ever need one. */
import type * as Duration from "effect/Duration"
import * as LongPollingTransport from "../../LongPollingTransport.ts"
import * as ServerSentEventsTransport from "../../ServerSentEventsTransport.ts"
import type { HubCredentials } from "../../HubCredentials.ts"
import type { TransferFormat } from "../../HubProtocol.ts"
import type { TransportName } from "../../TransportChoice.ts"

export const make = (
  name: Exclude<TransportName, "WebSockets">,
  options: {
    readonly transferFormat: TransferFormat
    readonly credentials: HubCredentials<unknown>
    readonly probeAfter: Duration.Duration
  }
) => (name === "LongPolling" ? LongPollingTransport.make(options) : ServerSentEventsTransport.make(options.credentials))
