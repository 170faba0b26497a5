/**
 * Proves that each error says what happened, to which connection and what to do,
 * with the parts that are not always known left out, and that foreign causes
 * show their tag alone.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "kharbranth/ConnectionError"
import { rejected } from "../support/errors.ts"

const at = { connection: "feed", epoch: 3 }
const cause = ConnectionError.foreign({ code: "ECODE" })

const refusal = (status: number, retryAfter?: Duration.Duration) => rejected(status, retryAfter).message

describe("ConnectionError", () => {
  it("foreign causes show a tag that looks like one, and nothing else", () => {
    const labels: ReadonlyArray<readonly [unknown, string]> = [
      [{ _tag: "Tagged", code: "ECODE" }, "Tagged"],
      [{ code: "ECODE" }, "ECODE"],
      [new TypeError("secret"), "TypeError"],
      [{ code: "a secret with spaces" }, "unknown"],
      [{ code: 7 }, "unknown"],
      ["secret", "string"],
      [null, "object"]
    ]
    for (const [foreign, label] of labels) {
      assert.strictEqual(ConnectionError.foreign(foreign).label, label)
    }
    assert.strictEqual(ConnectionError.foreign(cause), cause)
    assert.strictEqual(ConnectionError.endpointOf("nonsense"), "<not a url>")
  })

  it("a refused upgrade says what to do about its status", () => {
    assert.include(refusal(401), "Check the credentials")
    assert.include(refusal(302), "Redirects are not followed")
    assert.include(refusal(503, Duration.seconds(7)), "HTTP 503, retry after 7s.")
    assert.notInclude(refusal(503), "retry after")
  })

  it("what is known is told, and what is not is left out", () => {
    const closed = { ...at, code: 4000, reason: Redacted.make("secret"), initiator: "server" } as const
    const messages: ReadonlyArray<readonly [Error, RegExp]> = [
      [new ConnectionError.ConnectionDropped({ ...at, cause }), /frame \(ECODE\)/],
      [new ConnectionError.ConnectionDropped({ ...at, cause: undefined }), /frame\./],
      [new ConnectionError.ConnectionClosed({ ...closed, sentCode: 1000 }), /code 4000, we sent 1000/],
      [new ConnectionError.ConnectionClosed({ ...closed, sentCode: undefined }), /code 4000\./],
      [new ConnectionError.MessageTooLarge({ ...at, size: 7, max: 5 }), /a message of 7 bytes exceeds/],
      [new ConnectionError.MessageTooLarge({ ...at, size: undefined, max: 5 }), /: a message exceeds/],
      [
        new ConnectionError.StartupTimeout({ connection: "feed", after: Duration.seconds(1), last: undefined }),
        /without it\.$/
      ],
      [
        new ConnectionError.StartupTimeout({
          connection: "feed",
          after: Duration.seconds(1),
          last: new ConnectionError.ReaderBusy({ connection: "feed" })
        }),
        /Last error: .*has a reader already/
      ],
      [
        new ConnectionError.DialFailed({
          connection: "feed",
          kind: "unknown",
          endpoint: "wss://feed.example/",
          cause: Redacted.make("secret")
        }),
        /\(unknown\)/
      ]
    ]
    for (const [error, expected] of messages) {
      assert.match(error.message, expected)
      assert.include(error.message, '"feed"')
      assert.notInclude(error.message, "secret")
    }
  })

  it("names the connection, also where the manager knows none or has it already", () => {
    for (const make of [ConnectionError.ConnectionNotFound, ConnectionError.ConnectionExists]) {
      const error = new make({ connection: "feed" })
      assert.strictEqual(error.connection, "feed")
      assert.include(error.message, '"feed"')
    }
  })

  it("says of a fleet's names who owns them, and what failed there", () => {
    const unowned = new ConnectionError.Unreachable({ connection: "feed", owner: undefined })
    assert.match(unowned.message, /"feed" cannot be reached: no process owns it/)
    assert.match(new ConnectionError.Unreachable({ connection: "feed", owner: "r1" }).message, /its owner, r1,/)
    const failed = new ConnectionError.OwnerFailed({ connection: "feed", tag: "NotConnected", issue: "no session" })
    assert.match(failed.message, /"feed" failed at its owner with NotConnected: no session/)
  })

  it("knows its own, and no others", () => {
    assert.isTrue(ConnectionError.isConnectionError(new ConnectionError.ConnectionNotFound({ connection: "a" })))
    assert.isTrue(ConnectionError.isConnectionError(new ConnectionError.ReaderBusy({ connection: "a" })))
    const others = [new Error("no"), { _tag: "ReaderBusy", connection: "a" }, undefined]
    for (const other of [...others, Object.assign(new Error("no"), { _tag: "Other" })]) {
      assert.isFalse(ConnectionError.isConnectionError(other))
    }
  })
})
