/**
 * Puts a hub connection together. The core keeps the connection alive, the
 * dialer gives it targets and links, each channel speaks the hub protocol over
 * one session, and callers and handlers are what the program sees.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Connection from "kharbranth/Connection"
import * as ConnectionErrors from "kharbranth/ConnectionError"
import type { ConnectionState } from "kharbranth/ConnectionState"
import * as Heartbeat from "kharbranth/Heartbeat"
import { Transport } from "kharbranth/Transport"
import * as Handshake from "../../Handshake.ts"
import type * as Hub from "../../Hub.ts"
import type { HubConnection, HubSession, Options, Policies, Requirements } from "../../HubConnection.ts"
import * as HubCredentials from "../../HubCredentials.ts"
import type { HubConnectionError } from "../../HubError.ts"
import * as HubErrors from "../../HubError.ts"
import type { HubMessage } from "../../HubMessage.ts"
import * as calls from "../calls/calls.ts"
import type { ChannelSource } from "../calls/readyChannel.ts"
import type { Channel } from "../channel/channel.ts"
import * as carriers from "../dial/carriers.ts"
import * as dialer from "../dial/dialer.ts"
import * as callbacks from "./callbacks.ts"
import * as callers from "./callers.ts"
import * as readyChannel from "../calls/readyChannel.ts"
import * as handlerPool from "../handlers/pool.ts"
import * as handlers from "../handlers/handlers.ts"
import * as channels from "./channels.ts"
import * as errors from "./errors.ts"
import * as hubOptions from "./options.ts"

const dispatchTo =
  (handling: handlers.Handlers) =>
  (channel: Channel, message: HubMessage): void => {
    switch (message._tag) {
      case "Completion":
        return channel.pending.get(message.invocationId)?.done(message.outcome)
      case "StreamItem":
        return channel.pending.get(message.invocationId)?.item(message.item)
      case "Invocation":
        return handling.dispatch(channel, message)
      default:
        return
    }
  }

// Nobody answers a hub's ping, so it is no probe: each side only watches for silence.
const keepAlive = (channel: Channel): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (channel.phase !== "over") {
      yield* Effect.sleep(Math.max(channel.pingDue, 1))
      channel.pingIfDue()
    }
  })

const shakeHands = Effect.fnUntraced(function* (channel: Channel, options: hubOptions.Resolved) {
  const { connection, handshakeTimeout, protocol } = options
  channel.write(Handshake.request(protocol, channel.stateful !== undefined))
  yield* Effect.timeoutOrElse(Deferred.await(channel.accepted), {
    duration: handshakeTimeout,
    orElse: () => {
      const issue = `nothing came within ${Duration.format(Duration.fromInputUnsafe(handshakeTimeout))}`
      return Effect.fail(new HubErrors.HandshakeFailed({ connection, kind: "timeout", issue }))
    }
  })
})

const within = (
  connection: string,
  ready: Effect.Effect<void, HubConnectionError>,
  limit: Duration.Input,
  state: () => ConnectionState
) => {
  const after = Duration.fromInputUnsafe(limit)
  return Effect.timeoutOrElse(ready, {
    duration: after,
    orElse: () => {
      const now = state()
      const last = now._tag === "Reconnecting" ? now.cause : undefined
      return Effect.fail(new ConnectionErrors.StartupTimeout({ connection, after, last }))
    }
  })
}

/** Credentials whose token needs nothing any more. */
const provided = <E, R>(credentials: HubCredentials.HubCredentials<E, R> | undefined, context: Context.Context<R>) =>
  credentials && { ...credentials, token: Effect.provideContext(credentials.token, context) }

export const make = Effect.fnUntraced(function* <H extends Hub.Any, E, R, RO>(
  name: string,
  given: Options<H, E, R, RO>
): Effect.fn.Return<HubConnection<H>, HubConnectionError, Requirements<R, RO> | Scope.Scope> {
  const context: Context.Context<Requirements<R, RO>> = yield* Effect.context<Requirements<R, RO>>()
  const base = yield* Transport
  const http = yield* HttpClient.HttpClient
  const { contract, credentials, onClosed, onReady, onReconnected, onReconnecting, ...rest } = given
  let policies: Policies = { ...rest, credentials: provided(credentials, context as Context.Context<R>) }
  const resolve = (policies: Policies) =>
    Effect.fromResult(
      hubOptions.resolve(name, { ...rest, contract, ...policies }, policies.credentials ?? HubCredentials.make())
    )
  const options = yield* resolve(policies)

  const fibers = yield* FiberSet.make<unknown, unknown>()
  const fork = yield* FiberSet.runtime(fibers)<never>()
  const pool = handlerPool.make(options, fork)
  const handling = handlers.make({ connection: name, fork, pool })
  const calling = calls.make(options, fork)
  const clock = yield* Clock.Clock
  // The core sees the link, and none of its frames.
  const crossed = { messagesIn: 0, bytesIn: 0, messagesOut: 0, bytesOut: 0 }
  const dialing = dialer.make(options, base, http, {
    message: dispatchTo(handling),
    fork,
    // The core learns of it in this turn, and then knows why.
    ended: () => queueMicrotask(() => sessions.follow(stateNow())),
    now: () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n),
    read: (bytes) => {
      crossed.messagesIn++
      crossed.bytesIn += bytes
    },
    wrote: (frames, bytes) => {
      crossed.messagesOut += frames
      crossed.bytesOut += bytes
    }
  })
  let stateNow = (): ConnectionState => ({ _tag: "Disconnected", reason: "NotStarted" })
  const down = () => channels.notConnected(name, stateNow()._tag)
  const current = readyChannel.make(options, down)
  const sessions = channels.make(name, current)
  const idNow = () => current.ready()?.options.connectionId

  const codec = contract?.codec(options.protocol.transferFormat)
  const typed = (source: ChannelSource) => callers.typed<H>(calling, source, codec, contract)
  const sessionOf = (channel: Channel): HubSession<H> => {
    const source: ChannelSource = {
      ready: () => (channel.usable ? channel : undefined),
      acquire: () => Effect.suspend(() => (channel.usable ? Effect.succeed(channel) : Effect.fail(down())))
    }
    return { connectionId: channel.options.connectionId, ...typed(source), untyped: callers.untyped(calling, source) }
  }

  const begin = Effect.fnUntraced(function* (channel: Channel) {
    yield* shakeHands(channel, options)
    // Some servers watch for our silence only from the first ping on.
    channel.ping()
    const pinging = fork(keepAlive(channel))
    channel.stops.add(() => pinging.interruptUnsafe())
    if (onReady !== undefined) yield* onReady(sessionOf(channel))
  })

  const onOpen = (session: { readonly epoch: number }) =>
    Effect.suspend(() => {
      const channel = dialing.current()
      if (channel === undefined) return Effect.void
      sessions.add(channel)
      if (channel.phase === "lost") {
        dialing.resumed()
        channel.resume()
        return Effect.void
      }
      return Effect.andThen(
        Effect.mapError(begin(channel), (cause) => carriers.openFailed(name, session.epoch, cause)),
        Effect.sync(() => current.set(channel))
      )
    })

  yield* Effect.addFinalizer(() => Effect.sync(sessions.end))

  const kept = ({ dialTimeout, reconnect, serverTimeout }: hubOptions.Resolved) => {
    const policy = errors.reconnectPolicy(reconnect, dialing.resuming)
    return {
      heartbeat: Heartbeat.passive({ idle: serverTimeout }),
      // A resume is tried at once: the server keeps our place for some seconds only.
      reconnect: {
        ...policy,
        schedule: Schedule.modifyDelay(policy.schedule, ({ duration }) =>
          Effect.succeed(sessions.isLost() ? Duration.zero : duration)
        )
      },
      // What is no duration is refused by the core, as zero is.
      dialTimeout: Option.getOrElse(Duration.fromInput(dialTimeout), () => Duration.zero)
    }
  }
  const connection = yield* Connection.make(name, {
    ...kept(options),
    target: dialing.target,
    onOpen,
    openTimeout: options.openTimeout,
    maxMessageSize: options.maxMessageSize,
    startup: "background"
  }).pipe(
    Effect.provideService(Transport, dialing.transport),
    Effect.provideContext(context),
    Effect.mapError(errors.unwrap)
  )
  stateNow = () => connection.state.getUnsafe()
  fork(Stream.runForEach(connection.state.changes, (state) => Effect.sync(() => sessions.follow(state))))

  if (onClosed !== undefined || onReconnected !== undefined || onReconnecting !== undefined) {
    const run = callbacks.make(name, { onClosed, onReconnected, onReconnecting }, idNow)
    const running = Stream.runForEach(Stream.map(connection.state.changes, errors.seen), run)
    fork(Effect.provideContext(running, context as Context.Context<Exclude<RO, Scope.Scope>>))
  }
  const update = Effect.fnUntraced(function* <R2>(change: (policies: Policies) => Policies<unknown, R2>) {
    const { credentials, ...changed } = change(policies)
    const next = { ...changed, credentials: provided(credentials, yield* Effect.context<R2>()) }
    const resolved = yield* resolve(next)
    const core = kept(resolved)
    yield* Effect.mapError(
      Connection.update(connection, (before) => ({ ...before, ...core })),
      errors.unwrap
    )
    policies = next
    // What dials, opens and pings reads them there.
    Object.assign(options, resolved)
  })

  const awaitReady = Effect.mapError(connection.awaitReady, errors.unwrap)
  const restart = (reason: string) => Effect.mapError(connection.restart({ reason }), errors.unwrap)
  if (given.startup !== "background") yield* within(name, awaitReady, options.startupTimeout, stateNow)
  return {
    name,
    ...typed(current),
    on: callers.on(handling, codec?.event) as HubConnection<H>["on"],
    untyped: { ...callers.untyped(calling, current), on: callers.on(handling) },
    connectionId: Effect.sync(idNow),
    state: {
      get: Effect.map(connection.state.get, errors.seen),
      getUnsafe: () => errors.seen(stateNow()),
      changes: Stream.map(connection.state.changes, errors.seen)
    },
    events: Stream.map(connection.events, errors.seen),
    metrics: Effect.map(Connection.metrics(connection), (metrics) => ({
      ...metrics,
      messagesIn: metrics.messagesIn + crossed.messagesIn,
      bytesIn: metrics.bytesIn + crossed.bytesIn,
      messagesOut: metrics.messagesOut + crossed.messagesOut,
      bytesOut: metrics.bytesOut + crossed.bytesOut
    })),
    awaitReady,
    update,
    reconnect: restart("asked for"),
    stop: connection.pause,
    start: Effect.suspend(() => {
      const state = stateNow()
      if (state._tag === "Failed") return restart("started")
      return state._tag === "Disconnected" ? Effect.andThen(connection.resume, awaitReady) : awaitReady
    }),
    close: connection.close
  }
})
