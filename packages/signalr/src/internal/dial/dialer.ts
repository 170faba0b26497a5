/**
 * Dials a hub for the core, as one target and one transport: negotiates again
 * for every dial, picks the transport, falls back to the next one, and joins
 * each open link to its channel.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as ConnectionError from "kharbranth/ConnectionError"
import type * as Target from "kharbranth/Target"
import type * as Transport from "kharbranth/Transport"
import * as HubCredentials from "../../HubCredentials.ts"
import type { HubProtocol } from "../../HubProtocol.ts"
import type { TransportName } from "../../TransportChoice.ts"
import { Channel, type ChannelOptions } from "../channel/channel.ts"
import * as hubRequest from "../http/request.ts"
import * as hubUrl from "../http/url.ts"
import type { AvailableTransport } from "../negotiate/answer.ts"
import * as negotiation from "../negotiate/negotiate.ts"
import { targetFailed } from "./carriers.ts"
import { join } from "./hubLink.ts"

type Credentials = HubCredentials.HubCredentials<unknown>

/** What dialing needs to know of the connection's options. An update changes them: each dial reads them again. */
export interface DialSettings {
  readonly connection: string
  readonly url: URL
  readonly protocol: HubProtocol
  readonly transports: ReadonlyArray<TransportName>
  readonly skipNegotiation: boolean
  readonly credentials: Credentials
  readonly statefulReconnect: boolean
  /** Bounds the unconfirmed messages of stateful reconnect, in bytes. */
  readonly bufferSize: number
  readonly maxMessageSize: number
  readonly keepAlive: Duration.Input
  readonly serverTimeout: Duration.Input
  readonly negotiateTimeout: Duration.Input
  readonly connectTimeout: Duration.Input
}

/** What the next dial goes to. */
interface DialPlan {
  readonly url: URL
  readonly credentials: Credentials
  readonly transports: ReadonlyArray<TransportName>
  readonly channel: Channel
}

export interface Dialer {
  readonly target: Target.Input<unknown>
  readonly transport: Transport.Transport["Service"]
  /** The channel that was dialed last. */
  readonly current: () => Channel | undefined
  /** Whether the dial under way, or the one that failed last, was to resume a connection. */
  readonly resuming: () => boolean
  /** The resume worked. */
  readonly resumed: () => void
}

const all: ReadonlyArray<TransportName> = ["WebSockets", "ServerSentEvents", "LongPolling"]

export const make = (
  options: DialSettings,
  base: Transport.Transport["Service"],
  http: HttpClient.HttpClient,
  owner: ChannelOptions["owner"]
): Dialer => {
  const { connection, protocol } = options
  let plan: DialPlan | undefined
  let resuming = false

  // A server that holds a poll is silent: it is asked three times before its silence counts.
  const probeAfter = () =>
    Duration.min(
      Duration.fromInputUnsafe(options.keepAlive),
      Duration.divideUnsafe(Duration.fromInputUnsafe(options.serverTimeout), 4)
    )

  const channelOf = (connectionId: string | undefined, stateful: ChannelOptions["stateful"]) =>
    new Channel({
      connection,
      protocol,
      maxMessageSize: options.maxMessageSize,
      keepAlive: Duration.toMillis(Duration.fromInputUnsafe(options.keepAlive)),
      connectionId,
      stateful,
      owner
    })

  const choice = { allowed: options.transports, implemented: all, transferFormat: protocol.transferFormat }

  const usable = ({ transferFormats, transport }: AvailableTransport) =>
    (choice.allowed.length === 0 ? all : choice.allowed).filter(
      (name) => name === transport && all.includes(name) && transferFormats.includes(choice.transferFormat)
    )

  // Loaded by those who ask for it.
  const stateful = Effect.map(
    Effect.tryPromise(() => import("../channel/statefulReconnect.ts")),
    ({ make }) => make(options.bufferSize)
  )

  const negotiate = Effect.gen(function* () {
    const { hop, offer } = yield* negotiation.negotiate({
      connection,
      start: { url: options.url, credentials: options.credentials, hops: 0 },
      statefulReconnect: options.statefulReconnect,
      timeout: options.negotiateTimeout
    })
    const transports = offer.transports.flatMap(usable)
    if (transports.length === 0) {
      const { explain } = yield* Effect.tryPromise(() => import("./fallback.ts"))
      return yield* explain(connection, choice, offer.transports)
    }
    const next: DialPlan = {
      url: hubUrl.connect(hop.url, offer.token),
      credentials: hop.credentials,
      transports,
      channel: channelOf(offer.connectionId, offer.statefulReconnect ? yield* stateful : undefined)
    }
    return next
  }).pipe(Effect.provideService(HttpClient.HttpClient, http))

  const direct = Effect.sync((): DialPlan => ({
    url: options.url,
    credentials: options.credentials,
    transports: ["WebSockets"],
    channel: channelOf(undefined, undefined)
  }))

  // Pages cannot send headers with a socket: there the token goes into the query.
  const socketOf = Effect.fnUntraced(function* ({ credentials, url }: DialPlan) {
    const token = HubCredentials.reveal(yield* credentials.token)
    if (!base.capabilities.headers) {
      return { url: hubUrl.toWebSocket(token === undefined ? url : hubUrl.withAccessToken(url, token)), headers: {} }
    }
    return { url: hubUrl.toWebSocket(url), headers: hubRequest.headersOf(token, credentials.headers) }
  })

  // An upgrade that is refused with 401 is tried once more, with a token asked for again.
  const openSocket = <A, E extends { readonly _tag: string }, R>(
    plan: DialPlan,
    dial: Transport.Dial,
    open: (dial: Transport.Dial) => Effect.Effect<A, E, R>
  ) =>
    Effect.catch(open(dial), (error) => {
      const refusal: unknown = error
      const isRefused = refusal instanceof ConnectionError.HandshakeRejected && refusal.status === 401
      if (!isRefused || !plan.credentials.renewable) return Effect.fail(error)
      return Effect.flatMap(
        Effect.mapError(socketOf(plan), (cause) => unusable(cause, dial)),
        (socket) =>
          socket.headers["authorization"] === dial.headers["authorization"]
            ? Effect.fail(error)
            : open({ ...dial, ...socket })
      )
    })

  const target = Effect.gen(function* () {
    resuming = plan?.channel.phase === "lost"
    if (!resuming) {
      plan?.channel.end()
      plan = yield* options.skipNegotiation ? direct : negotiate
    }
    return yield* socketOf(plan!)
  }).pipe(Effect.mapError((cause) => targetFailed(connection, cause)))

  const unusable = (cause: unknown, dial: Transport.Dial) =>
    new ConnectionError.DialFailed({
      connection,
      endpoint: ConnectionError.endpointOf(dial.url),
      kind: "unknown",
      cause: ConnectionError.foreign(cause)
    })

  const open = Effect.fnUntraced(
    function* (name: TransportName, plan: DialPlan, dial: Transport.Dial, receiver: Transport.Receiver) {
      const { channel, credentials, url } = plan
      if (name === "WebSockets")
        return yield* openSocket(plan, dial, (dial) => join({ name, transport: base, channel, dial, receiver }))
      // Loaded when it is needed: few connections ever are without sockets.
      const { make } = yield* Effect.tryPromise({
        try: () => import("./httpTransports.ts"),
        catch: (cause) => unusable(cause, dial)
      })
      const transport = yield* make(name, {
        transferFormat: protocol.transferFormat,
        credentials,
        probeAfter: probeAfter()
      })
      return yield* join({ name, transport, channel, dial: { ...dial, url: url.href, headers: {} }, receiver })
    },
    Effect.provideService(HttpClient.HttpClient, http)
  )

  const again = (dial: Transport.Dial) =>
    Effect.gen(function* () {
      plan?.channel.end()
      plan = yield* negotiate
      return { plan, dial: { ...dial, ...(yield* socketOf(plan)) } }
    }).pipe(Effect.mapError((cause) => unusable(cause, dial)))

  const inTime = <A, E, R>(opening: Effect.Effect<A, E, R>, dial: Transport.Dial) =>
    Effect.timeoutOrElse(opening, {
      duration: options.connectTimeout,
      orElse: () => Effect.fail(unusable({ _tag: "ConnectTimeout" }, dial))
    })

  const dialAll = (dial: Transport.Dial, receiver: Transport.Receiver) => {
    const names = plan!.transports
    const first = open(names[0]!, plan!, dial, receiver)
    // With one transport its own error says more: a status, a reason.
    if (names.length === 1) return first
    return Effect.catch(inTime(first, dial), (failure) =>
      Effect.flatMap(Effect.tryPromise({ try: () => import("./fallback.ts"), catch: () => failure }), ({ openNext }) =>
        openNext({
          dial,
          names,
          failure,
          again: again(dial),
          open: (name, now, isLast) => {
            const opening = open(name, now.plan, now.dial, receiver)
            return isLast ? opening : inTime(opening, dial)
          }
        })
      )
    )
  }

  const resume = (dial: Transport.Dial, receiver: Transport.Receiver) =>
    Effect.onError(open("WebSockets", plan!, dial, receiver), () => Effect.sync(() => plan?.channel.end()))

  return {
    target,
    current: () => plan?.channel,
    resuming: () => resuming,
    resumed: () => {
      resuming = false
    },
    transport: {
      name: `signalr over ${base.name}`,
      // The channel holds its links back itself. Each link counts what arrives, also those that do not see bytes.
      capabilities: { ...base.capabilities, ping: false, pause: false, bytes: true },
      dial: (dial, receiver) => Effect.suspend(() => (resuming ? resume(dial, receiver) : dialAll(dial, receiver)))
    }
  }
}
