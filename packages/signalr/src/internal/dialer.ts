/**
 * Where a hub's sessions come from: negotiates anew for every dial, picks the
 * transport, falls back to the next one, and joins each open link to its
 * channel. The core sees one target and one transport.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as ConnectionError from "kharbranth/ConnectionError"
import type * as Target from "kharbranth/Target"
import type * as Transport from "kharbranth/Transport"
import * as HubCredentials from "../HubCredentials.ts"
import type * as HubError from "../HubError.ts"
import { NoSupportedTransport } from "../HubError.ts"
import * as Negotiate from "../Negotiate.ts"
import type { TransportName } from "../TransportChoice.ts"
import * as TransportChoice from "../TransportChoice.ts"
import { Channel } from "./channel.ts"
import type { ChannelOptions } from "./channelTypes.ts"
import type { Resolved } from "./hubOptions.ts"
import * as hubUrl from "./hubUrl.ts"
import { join } from "./hubLink.ts"

type Credentials = HubCredentials.HubCredentials<unknown>

/** What the next dial goes to. */
interface Plan {
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
  options: Resolved,
  base: Transport.Transport["Service"],
  http: HttpClient.HttpClient,
  owner: ChannelOptions["owner"]
): Dialer => {
  const { connection, credentials, protocol } = options
  let plan: Plan | undefined
  let resuming = false

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

  const usable = (negotiated: Negotiate.Negotiated<unknown>) => {
    const choice: TransportChoice.Choice = {
      allowed: options.transports,
      implemented: all,
      transferFormat: protocol.transferFormat
    }
    const refusals: Array<HubError.TransportRefusal> = []
    const transports: Array<TransportName> = []
    for (const offer of negotiated.transports) {
      const verdict = TransportChoice.judge(choice, offer)
      if (Result.isFailure(verdict)) refusals.push(verdict.failure)
      else transports.push(verdict.success)
    }
    return { refusals, transports }
  }

  // Loaded by those who ask for it.
  const stateful = Effect.map(
    Effect.tryPromise(() => import("./statefulChannel.ts")),
    ({ make }) => make(options.bufferSize)
  )

  const negotiate = Effect.gen(function* () {
    const negotiated = yield* Negotiate.negotiate({
      connection,
      url: options.url,
      credentials,
      statefulReconnect: options.statefulReconnect,
      timeout: options.negotiateTimeout
    })
    const { refusals, transports } = usable(negotiated)
    if (transports.length === 0) return yield* new NoSupportedTransport({ connection, refusals })
    const next: Plan = {
      url: new URL(Redacted.value(negotiated.connectUrl)),
      credentials: negotiated.credentials,
      transports,
      channel: channelOf(negotiated.connectionId, negotiated.statefulReconnect ? yield* stateful : undefined)
    }
    return next
  }).pipe(Effect.provideService(HttpClient.HttpClient, http))

  const direct = Effect.suspend(() => {
    const url = hubUrl.parse(options.url)
    if (Result.isFailure(url)) {
      return Effect.fail(new ConnectionError.InvalidOptions({ connection, path: ["url"], issue: url.failure }))
    }
    const next: Plan = {
      url: url.success,
      credentials,
      transports: ["WebSockets"],
      channel: channelOf(undefined, undefined)
    }
    return Effect.succeed(next)
  })

  // Pages cannot send headers with a socket: there the token goes into the query.
  const socketOf = Effect.fnUntraced(function* ({ credentials, url }: Plan) {
    const token = HubCredentials.reveal(yield* credentials.token)
    if (!base.capabilities.headers) {
      return { url: hubUrl.toWebSocket(token === undefined ? url : hubUrl.withAccessToken(url, token)), headers: {} }
    }
    const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return { url: hubUrl.toWebSocket(url), headers: { ...bearer, ...credentials.headers } }
  })

  const target = Effect.gen(function* () {
    const old = plan
    resuming = old?.channel.phase === "lost"
    if (old !== undefined && resuming) return yield* socketOf(old)
    old?.channel.end()
    plan = yield* options.skipNegotiation ? direct : negotiate
    return yield* socketOf(plan)
  })

  const unusable = (cause: unknown, dial: Transport.Dial) =>
    new ConnectionError.DialFailed({
      connection,
      endpoint: ConnectionError.endpointOf(dial.url),
      kind: "unknown",
      cause: ConnectionError.foreign(cause)
    })

  // Loaded when they are needed: few connections ever are without sockets.
  const load = <A>(load: () => Promise<A>, dial: Transport.Dial) =>
    Effect.tryPromise({ try: load, catch: (cause) => unusable(cause, dial) })

  const over = Effect.fnUntraced(
    function* (name: TransportName, { credentials }: Plan, dial: Transport.Dial) {
      if (name === "WebSockets") return base
      if (name === "LongPolling") {
        const { make } = yield* load(() => import("../LongPollingTransport.ts"), dial)
        return yield* make({ transferFormat: protocol.transferFormat, credentials })
      }
      const { make } = yield* load(() => import("../ServerSentEventsTransport.ts"), dial)
      return yield* make(credentials)
    },
    Effect.provideService(HttpClient.HttpClient, http)
  )

  const open = Effect.fnUntraced(function* (
    name: TransportName,
    plan: Plan,
    dial: Transport.Dial,
    receiver: Transport.Receiver
  ) {
    const transport = yield* over(name, plan, dial)
    if (name !== "WebSockets") plan.channel.stateful = undefined
    const place = name === "WebSockets" ? dial : { ...dial, url: plan.url.href, headers: {} }
    return yield* join({ name, transport, channel: plan.channel, dial: place, receiver })
  })

  // A negotiated id is good for one try, so each further transport costs a negotiation.
  const again = (dial: Transport.Dial) =>
    Effect.gen(function* () {
      plan?.channel.end()
      plan = yield* negotiate
      return { plan, dial: { ...dial, ...(yield* socketOf(plan)) } }
    }).pipe(Effect.mapError((cause) => unusable(cause, dial)))

  const dialAll = Effect.fnUntraced(function* (dial: Transport.Dial, receiver: Transport.Receiver) {
    let now: { readonly plan: Plan; readonly dial: Transport.Dial } = { plan: plan!, dial }
    const names = now.plan.transports
    const refusals: Array<HubError.TransportRefusal> = []
    for (const [index, name] of names.entries()) {
      if (index > 0) now = yield* again(dial)
      const last = index === names.length - 1
      const slow = Effect.suspend(() => Effect.fail(unusable({ _tag: "ConnectTimeout" }, dial)))
      const tried = open(name, now.plan, now.dial, receiver)
      const bounded = last
        ? tried
        : Effect.timeoutOrElse(tried, { duration: options.connectTimeout, orElse: () => slow })
      const opened = yield* Effect.result(bounded)
      if (Result.isSuccess(opened)) return opened.success
      // With one transport its own error tells more: a status, a reason.
      if (names.length === 1) return yield* Effect.fail(opened.failure)
      refusals.push({ transport: name, reason: opened.failure.message })
      // Credentials that were refused are refused on every transport.
      if (opened.failure._tag === "HandshakeRejected" && [401, 403].includes(opened.failure.status)) {
        return yield* opened.failure
      }
    }
    return yield* unusable(new NoSupportedTransport({ connection, refusals }), dial)
  })

  const resume = (dial: Transport.Dial, receiver: Transport.Receiver) =>
    open("WebSockets", plan!, dial, receiver).pipe(Effect.onError(() => Effect.sync(() => plan?.channel.end())))

  return {
    target,
    current: () => plan?.channel,
    resuming: () => resuming,
    resumed: () => {
      resuming = false
    },
    transport: {
      name: `signalr over ${base.name}`,
      // Each link counts what arrives, also those that do not see bytes.
      capabilities: { ...base.capabilities, ping: false, pause: true, bytes: true },
      dial: (dial, receiver) => Effect.suspend(() => (resuming ? resume(dial, receiver) : dialAll(dial, receiver)))
    }
  }
}
