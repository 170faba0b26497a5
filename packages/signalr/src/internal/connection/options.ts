/** Checks a hub connection's options and fills in their defaults. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as Reconnect from "kharbranth/Reconnect"
import type { Callbacks, Options } from "../../HubConnection.ts"
import type * as Hub from "../../Hub.ts"
import * as HubCredentials from "../../HubCredentials.ts"
import { json } from "../../JsonHubProtocol.ts"
import type { CallSettings } from "../calls/calls.ts"
import type { QueueSettings } from "../calls/readyChannel.ts"
import type { DialSettings } from "../dial/dialer.ts"
import type { PoolSettings } from "../handlers/pool.ts"
import * as hubUrl from "../http/url.ts"
import { defaultLimit } from "../channel/statefulDefaults.ts"

type Given = Omit<Options<Hub.Any, unknown, never, never>, "onReady" | "credentials" | keyof Callbacks>

const counts = {
  maxMessageSize: 16 * 1024 * 1024,
  maxQueued: 10_000,
  maxReplays: 1,
  streamBuffer: 256,
  handlerConcurrency: 256,
  bufferSize: defaultLimit
}

export interface Resolved extends CallSettings, QueueSettings, PoolSettings, DialSettings {
  readonly contract: Hub.Any | undefined
  readonly reconnect: Reconnect.Reconnect
  readonly serverTimeout: Duration.Input
  readonly handshakeTimeout: Duration.Input
  readonly dialTimeout: Duration.Input
  readonly openTimeout: Duration.Input
  readonly startupTimeout: Duration.Input
}

const defaults = {
  ...counts,
  contract: undefined,
  protocol: json,
  transports: [],
  skipNegotiation: false,
  keepAlive: "15 seconds",
  serverTimeout: "30 seconds",
  handshakeTimeout: "15 seconds",
  negotiateTimeout: "100 seconds",
  connectTimeout: "10 seconds",
  dialTimeout: "30 seconds",
  openTimeout: "30 seconds",
  startupTimeout: "60 seconds",
  queueTimeout: "30 seconds",
  maxStall: "10 seconds",
  pending: "fail"
} as const

/** Without what was left out on purpose, as `undefined`. */
const defined = <A extends object>(given: A) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]: Exclude<A[K], undefined>
  }

const invalid = (connection: string, path: string, issue: string) =>
  new ConnectionError.InvalidOptions({ connection, path: [path], issue })

// What is wrong with the options that the core does not check, if anything.
const problemOf = (options: Resolved): ConnectionError.InvalidOptions | undefined => {
  const { connection } = options
  if (options.skipNegotiation && !(options.transports.length === 1 && options.transports[0] === "WebSockets")) {
    return invalid(connection, "skipNegotiation", 'only possible with `transports: ["WebSockets"]`')
  }
  if (options.skipNegotiation && options.statefulReconnect) {
    return invalid(connection, "statefulReconnect", "it needs the negotiation that `skipNegotiation` leaves out")
  }
  for (const name of Object.keys(counts) as Array<keyof typeof counts>) {
    const least = name === "maxReplays" ? 0 : 1
    if (!Number.isInteger(options[name]) || options[name] < least) {
      return invalid(connection, name, `expected a whole number, ${least} or more`)
    }
  }
  return undefined
}

/** Fills in the defaults, or fails with what cannot work. */
export const resolve = (
  connection: string,
  given: Given,
  credentials: {
    readonly headers: Readonly<Record<string, string>>
    readonly token: Effect.Effect<HubCredentials.Token, unknown>
  }
): Result.Result<Resolved, ConnectionError.InvalidOptions> => {
  const url = hubUrl.parse(given.url)
  if (Result.isFailure(url)) return Result.fail(invalid(connection, "url", url.failure))
  const stateful = given.statefulReconnect
  const options: Resolved = {
    ...defaults,
    reconnect: Reconnect.polite,
    ...defined(given),
    ...(typeof stateful === "object" ? defined(stateful) : {}),
    connection,
    url: url.success,
    credentials: HubCredentials.make(credentials),
    statefulReconnect: stateful !== undefined && stateful !== false
  }
  const problem = problemOf(options)
  return problem === undefined ? Result.succeed(options) : Result.fail(problem)
}
