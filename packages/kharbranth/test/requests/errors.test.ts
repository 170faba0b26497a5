/** Proves that each error of a request says which connection and request it was, what happened and what to do. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as ConnectionError from "kharbranth/ConnectionError"
import { ReplyMismatch, RequestTimeout, SessionLost, TooManyRequests } from "kharbranth/Requests"
import * as Match from "kharbranth/Subscriptions"

const connection = "orders"
const after = Duration.seconds(5)

describe("the errors of requests", () => {
  it("tell a request that got no reply from one that was never sent", () => {
    assert.match(new RequestTimeout({ connection, id: 7, after, sent: true }).message, /"orders": request 7 was sent/)
    assert.match(new RequestTimeout({ connection, id: 7, after, sent: false }).message, /found no session/)
  })

  it("say what to do", () => {
    assert.match(new SessionLost({ connection, id: 7, epoch: 2, replays: 0 }).message, /session 2 .*`onLoss/)
    assert.match(new TooManyRequests({ connection, pending: 64 }).message, /64 requests .*`maxPending`/)
  })

  it("show no payload of a reply that does not fit", () => {
    const cause = ConnectionError.foreign(new Error("secret"))
    const { message } = new ReplyMismatch({ connection, method: "quote", issue: "price is no number", cause })
    assert.match(message, /"orders": the reply of "quote" .*price is no number/)
    assert.notInclude(message, "secret")
  })
})

describe("a refusal without a reason", () => {
  it("says that the server refused", () => {
    assert.strictEqual(Match.nack({ id: 1 }).reason, "the server refused it")
    assert.strictEqual(Match.nack({ topics: "BTC", reason: "unknown" }).reason, "unknown")
  })
})
