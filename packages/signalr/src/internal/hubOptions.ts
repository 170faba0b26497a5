/** A hub connection's options with their defaults, checked. */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as Reconnect from "kharbranth/Reconnect"
import type { Options } from "../HubConnection.ts"
import type * as Hub from "../Hub.ts"
import * as HubCredentials from "../HubCredentials.ts"
import type { HubProtocol } from "../HubProtocol.ts"
import { json } from "../JsonHubProtocol.ts"
import type { TransportName } from "../TransportChoice.ts"
import { defaultLimit } from "./statefulDefaults.ts"

export type PendingPolicy = "fail" | "queue" | "replay"

export interface Resolved {
  readonly connection: string
  readonly url: string
  readonly contract: Hub.Any | undefined
  readonly protocol: HubProtocol
  readonly transports: ReadonlyArray<TransportName>
  readonly skipNegotiation: boolean
  readonly credentials: HubCredentials.HubCredentials<unknown>
  readonly statefulReconnect: boolean
  readonly bufferSize: number
  readonly reconnect: Reconnect.Reconnect
  readonly keepAlive: Duration.Duration
  readonly serverTimeout: Duration.Duration
  readonly handshakeTimeout: Duration.Duration
  readonly negotiateTimeout: Duration.Duration
  readonly connectTimeout: Duration.Duration
  readonly maxMessageSize: number
  readonly pending: PendingPolicy
  readonly queueTimeout: Duration.Duration
  readonly maxQueued: number
  readonly maxReplays: number
  readonly streamBuffer: number
  readonly maxStall: Duration.Duration
  readonly handlerConcurrency: number
}

type Given = Omit<Options<Hub.Any, unknown, never, never>, "onReady" | "credentials">

// An `Infinity` and a word the type forbids are told from a length.
const durationOf = (input: Duration.Input | undefined, fallback: Duration.Input): Duration.Duration =>
  Duration.fromInputUnsafe(input ?? fallback)

const invalid = (connection: string, path: string, issue: string) =>
  new ConnectionError.InvalidOptions({ connection, path: [path], issue })

/** Fills in the defaults. */
export const resolve = (
  connection: string,
  given: Given,
  credentials: {
    readonly headers: Readonly<Record<string, string>>
    readonly token: Effect.Effect<HubCredentials.Token, unknown>
  }
): Resolved => {
  const stateful = given.statefulReconnect
  return {
    connection,
    url: given.url,
    contract: given.contract,
    protocol: given.protocol ?? json,
    transports: given.transports ?? [],
    skipNegotiation: given.skipNegotiation ?? false,
    credentials: HubCredentials.make(credentials),
    statefulReconnect: stateful !== undefined && stateful !== false,
    bufferSize: typeof stateful === "object" ? (stateful.bufferSize ?? defaultLimit) : defaultLimit,
    reconnect: given.reconnect ?? Reconnect.polite,
    keepAlive: durationOf(given.keepAlive, "15 seconds"),
    serverTimeout: durationOf(given.serverTimeout, "30 seconds"),
    handshakeTimeout: durationOf(given.handshakeTimeout, "15 seconds"),
    negotiateTimeout: durationOf(given.negotiateTimeout, "100 seconds"),
    connectTimeout: durationOf(given.connectTimeout, "10 seconds"),
    maxMessageSize: given.maxMessageSize ?? 16 * 1024 * 1024,
    pending: given.pending ?? "fail",
    queueTimeout: durationOf(given.queueTimeout, "30 seconds"),
    maxQueued: given.maxQueued ?? 10_000,
    maxReplays: given.maxReplays ?? 1,
    streamBuffer: given.streamBuffer ?? 256,
    maxStall: durationOf(given.maxStall, "10 seconds"),
    handlerConcurrency: given.handlerConcurrency ?? 256
  }
}

/** What is wrong with the options that the core does not check, if anything. */
export const check = (options: Resolved): ConnectionError.InvalidOptions | undefined => {
  const { connection } = options
  if (options.skipNegotiation && !(options.transports.length === 1 && options.transports[0] === "WebSockets")) {
    return invalid(connection, "skipNegotiation", 'only possible with `transports: ["WebSockets"]`')
  }
  if (options.skipNegotiation && options.statefulReconnect) {
    return invalid(connection, "statefulReconnect", "it needs the negotiation that `skipNegotiation` leaves out")
  }
  for (const name of ["maxQueued", "streamBuffer", "bufferSize", "maxMessageSize", "handlerConcurrency"] as const) {
    if (!Number.isInteger(options[name]) || options[name] < 1)
      return invalid(connection, name, "expected a whole number above 0")
  }
  return Number.isInteger(options.maxReplays) && options.maxReplays >= 0
    ? undefined
    : invalid(connection, "maxReplays", "expected a whole number, 0 or more")
}
