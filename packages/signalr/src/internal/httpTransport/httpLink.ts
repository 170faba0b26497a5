/**
 * A link over plain HTTP: frames arrive in responses and leave in POSTs. The two
 * HTTP transports share it: sending, pausing, counting, the single end, and the
 * errors.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Latch from "effect/Latch"
import * as Redacted from "effect/Redacted"
import type { Scope } from "effect/Scope"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import type * as HubCredentials from "../../HubCredentials.ts"
import * as hubRequest from "../http/request.ts"
import { readText, retryAfter } from "../http/response.ts"
import { makeSendQueue } from "./sendQueue.ts"

/** The user's token effect failed. */
export class TokenFailed extends /* @__PURE__ */ Data.TaggedError("TokenFailed")<{ readonly cause: unknown }> {}

/** What a transport over HTTP is built from, for one dial. */
export interface HttpDial {
  readonly dial: Dial
  /** The `http` url, with the connection's id. */
  readonly url: string
  readonly endpoint: string
  readonly request: hubRequest.Requests<TokenFailed, never>
}

export interface HttpLink {
  readonly link: Link
  /** Delivers a frame; false when it is too large, which ends the link. */
  readonly deliver: (frame: Frame, size: number) => boolean
  /** Something arrived. */
  readonly touch: (bytes: number) => void
  /** Asks for a sign of life: an empty POST, whose answer counts as received where answers do. */
  readonly ask: Effect.Effect<void, never, HttpClient.HttpClient>
  /** Waits while the core holds us back. */
  readonly readable: Effect.Effect<void>
  /** Ends the link; only the first end counts. */
  readonly finish: (error: ConnectionError.LinkError) => Effect.Effect<void>
  /** Forks the reading loop. */
  readonly run: (effect: Effect.Effect<void, never, HttpClient.HttpClient>) => void
}

const kinds: Readonly<Record<string, ConnectionError.DialFailure>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  UND_ERR_SOCKET: "reset",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EMFILE: "local",
  EACCES: "local"
}

export const dialFailed = ({ dial, endpoint }: HttpDial, error: unknown): ConnectionError.DialFailed => {
  const cause = ConnectionError.foreign(hubRequest.rootCause(error))
  return new ConnectionError.DialFailed({
    connection: dial.connection,
    endpoint,
    kind: kinds[cause.label ?? ""] ?? "unknown",
    cause
  })
}

/** Fails with what a server's refusal looks like. */
export const rejected = Effect.fnUntraced(function* (
  { dial, endpoint }: HttpDial,
  response: HttpClientResponse.HttpClientResponse
) {
  const wait = yield* retryAfter(response)
  const body = yield* Effect.orElseSucceed(readText(response, 4096), () => undefined)
  return yield* new ConnectionError.HandshakeRejected({
    connection: dial.connection,
    endpoint,
    status: response.status,
    retryAfter: wait,
    response: Redacted.make({ headers: { ...response.headers }, body: body ?? "" }, { label: "response" })
  })
})

/** Resolves what a dial over HTTP needs. */
export const prepare = <E>(
  dial: Dial,
  credentials: HubCredentials.HubCredentials<E>
): Effect.Effect<HttpDial, ConnectionError.DialFailed> => {
  const base = { dial, url: dial.url.replace(/^ws/, "http"), endpoint: ConnectionError.endpointOf(dial.url) }
  const token = Effect.mapError(credentials.token, (cause) => new TokenFailed({ cause }))
  return hubRequest.make({ ...credentials, token }, dial.headers).pipe(
    Effect.map((request) => ({ ...base, request })),
    Effect.mapError(
      ({ cause }) =>
        new ConnectionError.DialFailed({
          connection: dial.connection,
          endpoint: base.endpoint,
          kind: "local",
          cause: ConnectionError.foreign(cause)
        })
    )
  )
}

const closed = (dial: Dial, code: number, sentCode: number | undefined): ConnectionError.LinkError =>
  new ConnectionError.ConnectionClosed({
    connection: dial.connection,
    epoch: dial.epoch,
    code,
    reason: Redacted.make("", { label: "reason" }),
    sentCode,
    initiator: sentCode === undefined ? "server" : "client"
  })

/** A server ended it, as far as HTTP can tell. */
export const closedByServer = (dial: Dial): ConnectionError.LinkError => closed(dial, 1005, undefined)

/** It broke. */
export const dropped = (dial: Dial, cause: unknown): ConnectionError.LinkError =>
  new ConnectionError.ConnectionDropped({
    connection: dial.connection,
    epoch: dial.epoch,
    cause: cause === undefined ? undefined : ConnectionError.foreign(hubRequest.rootCause(cause))
  })

/** A status as a cause: its tag shows. */
export const statusCause = (status: number) => ({ _tag: `HTTP-${status}` })

const post = (url: string, body: Frame) =>
  typeof body === "string"
    ? HttpClientRequest.bodyText(HttpClientRequest.post(url), body, "text/plain;charset=UTF-8")
    : HttpClientRequest.bodyUint8Array(HttpClientRequest.post(url), body, "application/octet-stream")

/** What differs between the transports over HTTP. */
export interface HttpLinkOptions {
  /** What the transport does on a polite close, when everything written has been POSTed. */
  readonly goodbye: Effect.Effect<void, never, HttpClient.HttpClient>
  /**
   * Whether the answer to a POST counts as received. It shows that the server is
   * there; a stream of events beside it may still be dead.
   */
  readonly answersCount: boolean
}

/** Makes the link. */
export const make = Effect.fnUntraced(function* (
  http: HttpDial,
  receiver: Receiver,
  { answersCount, goodbye }: HttpLinkOptions
): Effect.fn.Return<HttpLink, never, Scope | HttpClient.HttpClient> {
  const { dial } = http
  const queue = makeSendQueue(dial.writeMark)
  const open = Latch.makeUnsafe(true)
  const reading = yield* FiberSet.make()
  const readFork = yield* FiberSet.runtime(reading)<HttpClient.HttpClient>()
  const writing = yield* FiberSet.make()
  const writeFork = yield* FiberSet.runtime(writing)<HttpClient.HttpClient>()
  let over = false
  let closing: number | undefined
  let received = 0

  const end = (error: ConnectionError.LinkError) => {
    if (over) return
    over = true
    receiver.ended(error)
  }

  const finish = (error: ConnectionError.LinkError) => Effect.sync(() => end(error))

  const writeFailed = (cause: unknown) =>
    finish(
      new ConnectionError.WriteError({
        connection: dial.connection,
        epoch: dial.epoch,
        cause: ConnectionError.foreign(hubRequest.rootCause(cause))
      })
    )

  const answered = () => {
    if (answersCount) received++
  }

  const ask = http.request(post(http.url, "")).pipe(
    Effect.matchEffect({
      onFailure: writeFailed,
      onSuccess: ({ status }) =>
        status < 200 || status > 299 ? writeFailed(statusCause(status)) : Effect.sync(answered)
    })
  )

  const flush: Effect.Effect<void, never, HttpClient.HttpClient> = Effect.suspend(() => {
    const batch = over ? undefined : queue.take()
    if (batch === undefined) return closing !== undefined && queue.idle() ? leave(closing) : Effect.void
    return http.request(post(http.url, batch.body)).pipe(
      Effect.matchEffect({
        onFailure: writeFailed,
        onSuccess: ({ status }) => {
          if (status < 200 || status > 299) return writeFailed(statusCause(status))
          answered()
          if (queue.done() && !over) receiver.drained()
          return flush
        }
      })
    )
  })

  const leave = (code: number): Effect.Effect<void, never, HttpClient.HttpClient> =>
    FiberSet.clear(reading).pipe(Effect.andThen(goodbye), Effect.andThen(finish(closed(dial, code, code))))

  const link: Link = {
    protocol: "",
    write: (frames) => {
      if (over || closing !== undefined || frames.length === 0) return
      const wasIdle = queue.idle()
      queue.push(frames)
      if (wasIdle) writeFork(flush)
    },
    ping: () => {},
    buffered: () => (over ? 0 : queue.buffered()),
    received: () => received,
    pause: () => open.closeUnsafe(),
    resume: () => open.openUnsafe(),
    close: (code) => {
      if (over || closing !== undefined) return
      closing = code
      if (queue.idle()) writeFork(flush)
    },
    terminate: () => {
      if (over) return
      writeFork(Effect.andThen(FiberSet.clear(reading), finish(dropped(dial, undefined))))
    }
  }

  return {
    link,
    deliver: (frame, size) => {
      if (over) return false
      if (size <= dial.maxMessageSize) {
        receiver.frame(frame, size)
        return true
      }
      end(
        new ConnectionError.MessageTooLarge({
          connection: dial.connection,
          epoch: dial.epoch,
          size,
          max: dial.maxMessageSize
        })
      )
      return false
    },
    touch: (bytes) => {
      received += bytes
    },
    ask,
    readable: open.await,
    finish,
    run: (effect) => void readFork(effect)
  }
})
