/**
 * The options of one connection of a line: the venue's table, turned into the
 * policies of a connection.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { ConnectionError } from "kharbranth/ConnectionError"
import * as RateLimit from "kharbranth/RateLimit"
import * as Reconnect from "kharbranth/Reconnect"
import type * as Session from "kharbranth/Session"
import type * as Target from "kharbranth/Target"
import { RestFailed, type Rest } from "../../Rest.ts"
import type { AddressRequest, Line, Venue } from "../../Venue.ts"
import { type Arrival, type Request, textOf } from "./incoming.ts"

/** How long a venue that found us too busy is left alone. */
const busyFor = Duration.seconds(60)

const closeOf = (error: ConnectionError): { readonly code: number | undefined; readonly reason: string } => {
  switch (error._tag) {
    case "ConnectionClosed":
      return { code: error.code, reason: Redacted.value(error.reason) }
    case "ConnectionDropped":
      return { code: 1006, reason: "" }
    case "HandshakeRejected":
      return { code: undefined, reason: String(error.status) }
    default:
      return { code: undefined, reason: "" }
  }
}

/**
 * Public data is wanted for as long as the feed lives: a refusal is retried too,
 * unless the adapter says that it is final.
 */
export const decide =
  (venue: Venue) =>
  (error: ConnectionError): Reconnect.Decision => {
    const usual = Reconnect.classify(error)
    switch (venue.blame(closeOf(error))) {
      case "fatal":
        return Reconnect.stop
      case "backoff":
        return usual._tag === "RetryAfter" ? usual : Reconnect.retryAfter(busyFor)
      case "retry":
      case "quarantine":
      case "refreshTarget":
        return usual._tag === "RetryAfter" || usual._tag === "Stop" ? usual : Reconnect.retry
    }
  }

/** Asks the venue where to connect, for every dial. */
const asked = (venue: string, request: AddressRequest, rest: Rest, now: () => number): Target.Input<RestFailed> =>
  Effect.flatMap(rest.ask({ method: request.method, url: request.url }), (body) => {
    const found = request.decode(body, now())
    if (Result.isSuccess(found)) return Effect.succeed(found.success)
    const fields = { venue, endpoint: request.url, status: undefined, retryAfter: undefined }
    return Effect.fail(new RestFailed({ ...fields, kind: "malformed", issue: found.failure }))
  })

export const targetOf = (venue: Venue, line: Line, rest: Rest, now: () => number): Target.Input<RestFailed> =>
  line.target ?? (line.address === undefined ? "" : asked(venue.id, line.address, rest, now))

/** The venue's opening speaks text; the connection carries frames that are classified. */
const opening = (open: NonNullable<Venue["open"]>) => (session: Session.Session<Arrival, Request>) =>
  open({
    epoch: session.epoch,
    protocol: session.protocol,
    send: (text) => session.send([text]),
    receive: (pick = () => true) =>
      Effect.map(
        session.receive((arrival) => pick(textOf(arrival))),
        textOf
      )
  })

/** The venue ends a session of its `maxAge`: it is replaced well before. */
const replacedAfter = (maxAge: Duration.Input): Duration.Duration =>
  Duration.times(Duration.fromInputUnsafe(maxAge), 0.95)

/** Whole snapshots of some topics may come before a session is Ready. */
const snapshotsWhileOpening = 16

export const settingsOf = (venue: Venue, line: Line) => {
  const { limits } = line
  return {
    heartbeat: line.heartbeat,
    rateLimit: limits.send.map(RateLimit.make),
    reconnect: Reconnect.make({ classify: decide(venue) }),
    maxMessageSize: limits.maxMessageSize,
    openBuffer: limits.maxMessageSize * snapshotsWhileOpening,
    inbox: { overflow: "dropOldest" },
    rotate: {
      maxAge: limits.maxAge === undefined ? undefined : replacedAfter(limits.maxAge),
      notice: (arrival: Arrival) =>
        arrival._tag === "Word" && arrival.kind._tag === "Notice" && arrival.kind.want === "rotate"
    },
    onOpen: venue.open === undefined ? undefined : opening(venue.open)
  } as const
}
