/** Errors to fail with, as a transport or a session gives them. */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "kharbranth/ConnectionError"

/** An upgrade refused with this status. */
export const rejected = (status: number, retryAfter?: Duration.Input) =>
  new ConnectionError.HandshakeRejected({
    connection: "feed",
    endpoint: "wss://feed.example/ws",
    status,
    retryAfter: retryAfter === undefined ? undefined : Duration.fromInputUnsafe(retryAfter),
    response: Redacted.make({ headers: {}, body: "" })
  })

/** A close by the server with this code. */
export const closed = (code: number) =>
  new ConnectionError.ConnectionClosed({
    connection: "feed",
    epoch: 1,
    code,
    reason: Redacted.make(""),
    sentCode: undefined,
    initiator: "server"
  })
