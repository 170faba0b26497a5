/**
 * A hub server in this process, for tests: real sockets on a free loopback
 * port, the whole protocol on all three transports, and scriptable faults. It
 * says what an ASP.NET Core hub says, down to the error texts. Runs on Node and
 * needs the package `ws`.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type { Scope } from "effect/Scope"
import type { Frame } from "kharbranth/Message"
import * as Http from "node:http"
import type { AddressInfo, Socket } from "node:net"
import type { HubMessage } from "../HubMessage.ts"
import * as HubMessages from "../HubMessage.ts"
import type { HubProtocol } from "../HubProtocol.ts"
import { defaultLimit } from "../internal/channel/statefulDefaults.ts"
import type { Asked, Reply } from "../internal/testing/endpoints.ts"
import { offered, serve } from "../internal/testing/endpoints.ts"
import type { MethodHandler, StreamHandler } from "../internal/testing/handlers.ts"
import { makeHandlers } from "../internal/testing/handlers.ts"
import { Session } from "../internal/testing/session.ts"
import { json } from "../JsonHubProtocol.ts"
import type { TransportName } from "../TransportChoice.ts"

export {
  /**
   * The arguments cannot be bound to the method's parameters.
   *
   * @category errors
   * @since 0.1.0
   */
  BadArguments,
  /**
   * An error whose text reaches the client, as on a real server.
   *
   * @category errors
   * @since 0.1.0
   */
  HubException
} from "../internal/testing/handlers.ts"
export type {
  /**
   * What a handler is given.
   *
   * @category models
   * @since 0.1.0
   */
  Call,
  /**
   * Answers a call once.
   *
   * @category models
   * @since 0.1.0
   */
  MethodHandler,
  /**
   * Answers a call with a stream.
   *
   * @category models
   * @since 0.1.0
   */
  StreamHandler
} from "../internal/testing/handlers.ts"
export type {
  /**
   * One request, as a script of faults sees it.
   *
   * @category models
   * @since 0.1.0
   */
  Asked,
  /**
   * What an endpoint may answer instead of doing its work.
   *
   * @category models
   * @since 0.1.0
   */
  Reply
} from "../internal/testing/endpoints.ts"

/**
 * What the test server offers, and how it treats its clients. Every part may be
 * left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubServerOptions {
  /** Default: `"/hub"`. */
  readonly path?: string | undefined
  readonly methods?: Readonly<Record<string, MethodHandler>> | undefined
  readonly streams?: Readonly<Record<string, StreamHandler>> | undefined
  /** Default: JSON alone. */
  readonly protocols?: ReadonlyArray<HubProtocol> | undefined
  /** In the order they are offered. Default: all three. */
  readonly transports?: ReadonlyArray<TransportName> | undefined
  /** Whether clients that ask for it get stateful reconnect. Default: `false`. */
  readonly statefulReconnect?: boolean | undefined
  /** Bytes that wait for a client's acknowledgement. Default: 100,000. */
  readonly bufferSize?: number | undefined
  /** Time between two pings. Default: 15 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** How long a poll is held. Default: 90 seconds. */
  readonly pollTimeout?: Duration.Input | undefined
  /** Who a token belongs to; `undefined` refuses the request with 401. Default: everybody may come. */
  readonly authenticate?: ((token: string | undefined) => string | undefined) | undefined
  /** Sees every request first; a reply stands in for the server's own. Default: no faults. */
  readonly intercept?: ((asked: Asked) => Reply | undefined) | undefined
}

/**
 * One client, as the server sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubClient {
  readonly connectionId: string
  /** Every hub message it has sent, duplicates of a resume removed. */
  readonly received: ReadonlyArray<HubMessage>
  /** Calls it without waiting. */
  readonly send: (target: string, ...args: ReadonlyArray<unknown>) => void
  /** Sends any hub message: wrong ids, duplicate completions, … */
  readonly sendMessage: (message: HubMessage) => void
  /** Writes raw bytes or text. */
  readonly raw: (frame: Frame) => void
  /** Says goodbye and closes. */
  readonly close: (error?: string, allowReconnect?: boolean) => void
  /** Cuts its socket as a broken network would. */
  readonly cut: () => void
}

/**
 * A running test server, with its clients and a record of what happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubServer {
  /** The hub's `http` url. */
  readonly url: string
  /** Clients whose handshake is done, oldest first. */
  readonly clients: () => ReadonlyArray<HubClient>
  /** Calls all of them. */
  readonly broadcast: (target: string, ...args: ReadonlyArray<unknown>) => void
  /** Requests, connections and their ends, in order: `"negotiate"`, `"upgrade"`, `"connected c1"`, … */
  readonly journal: ReadonlyArray<string>
}

const toClient = (session: Session): HubClient => ({
  connectionId: session.options.connectionId,
  received: session.received,
  send: (target, ...args) => session.send(HubMessages.invocation({ target, arguments: args })),
  sendMessage: (message) => session.send(message),
  raw: (frame) => session.raw(frame),
  close: (error, allowReconnect) => session.close(error, allowReconnect),
  cut: () => session.cut()
})

const listen = (server: Http.Server) => {
  // Sockets that were upgraded, or wait for it, are not among those that the server closes by itself.
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
  })
  return Effect.acquireRelease(
    Effect.callback<string>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
}

/**
 * Starts a hub server that ends with the scope.
 *
 * @example
 * ```ts
 * import { HubServer } from "@kharbranth/signalr/testing"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* HubServer.make({ methods: { Echo: ({ args }) => Effect.succeed(args[0]) } })
 *   const answer = yield* Effect.promise(() => fetch(`${server.url}/negotiate?negotiateVersion=1`, { method: "POST" }))
 *   strictEqual(answer.status, 200)
 * })
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: HubServerOptions = {}
): Effect.fn.Return<HubServer, never, Scope> {
  const path = options.path ?? "/hub"
  const transports = options.transports ?? ["WebSockets", "ServerSentEvents", "LongPolling"]
  const handlers = makeHandlers(options.methods ?? {}, options.streams ?? {})
  const journal: Array<string> = []
  const sessions = new Map<string, Session>()
  const fibers = yield* FiberSet.make<unknown, unknown>()
  const runFork = yield* FiberSet.runtime(fibers)<never>()
  const ready = () => [...sessions.values()].filter((session) => session.isReady())
  let count = 0

  const open = (asked: Asked, id: string, connectionId: string, stateful: boolean): Session => {
    const session = new Session({
      connectionId,
      user: options.authenticate?.(asked.token),
      protocols: options.protocols ?? [json],
      handlers,
      stateful,
      bufferSize: options.bufferSize ?? defaultLimit,
      journal: (entry) => void journal.push(entry),
      fork: (effect) => runFork(effect),
      ended: () => sessions.delete(id)
    })
    sessions.set(id, session)
    return session
  }

  const negotiate = (asked: Asked): unknown => {
    const version = Number(asked.url.searchParams.get("negotiateVersion") ?? 0) >= 1 ? 1 : 0
    const stateful = options.statefulReconnect === true && asked.url.searchParams.get("useStatefulReconnect") === "true"
    const connectionId = `c${++count}`
    const connectionToken = `secret-${count}`
    open(asked, version === 1 ? connectionToken : connectionId, connectionId, stateful)
    return {
      negotiateVersion: version,
      connectionId,
      ...(version === 1 ? { connectionToken } : {}),
      ...(stateful ? { useStatefulReconnect: true } : {}),
      availableTransports: offered(transports)
    }
  }

  const intercept = (asked: Asked): Reply | undefined => {
    journal.push(asked.kind)
    const fault = options.intercept?.(asked)
    if (fault !== undefined) return fault
    return options.authenticate !== undefined && options.authenticate(asked.token) === undefined
      ? { status: 401 }
      : undefined
  }

  // A socket without an id is a client that skipped the negotiation.
  const find = (id: string | null): Session | undefined => {
    if (id !== null) return sessions.get(id)
    const connectionId = `c${++count}`
    const asked: Asked = { kind: "upgrade", nth: 0, url: new URL("http://localhost"), headers: {}, token: undefined }
    return open(asked, connectionId, connectionId, false)
  }

  const server = Http.createServer()
  const afterPollTimeout = (then: () => void) => {
    let wanted = true
    runFork(
      Effect.andThen(
        Effect.sleep(options.pollTimeout ?? "90 seconds"),
        Effect.sync(() => wanted && then())
      )
    )
    return () => {
      wanted = false
    }
  }
  serve(server, { path, transports, afterPollTimeout, intercept, negotiate, find })
  const base = yield* listen(server)
  const ping = Effect.sync(() => ready().forEach((session) => session.send(HubMessages.ping)))
  runFork(Effect.forever(Effect.andThen(Effect.sleep(options.keepAlive ?? "15 seconds"), ping)))
  return {
    url: base + path,
    clients: () => ready().map(toClient),
    broadcast: (target, ...args) => ready().forEach((session) => toClient(session).send(target, ...args)),
    journal
  }
})
