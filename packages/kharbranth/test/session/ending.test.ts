/**
 * Proves what the end of a session's program is told as: its own failure, our
 * close when it was only interrupted, and a dial that failed for an unknown
 * reason when it threw; and which close answers ours.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "kharbranth/ConnectionError"
import { closedByUs } from "../../src/internal/lifecycle/moves.ts"
import { answersOurClose, failureOf } from "../../src/internal/session/ending.ts"

const whose = { connection: "ticker", epoch: 3 }
const dropped = new ConnectionError.ConnectionDropped({ ...whose, cause: undefined })

describe("the end of a session's program", () => {
  it("is its own failure", () => {
    assert.strictEqual(failureOf(whose, Cause.fail(dropped)), dropped)
  })

  it("is our close when it was only interrupted", () => {
    const error = failureOf(whose, Cause.interrupt(1))
    assert.deepStrictEqual([error._tag, error.connection], ["ConnectionClosed", "ticker"])
  })

  it("is a failed dial when it threw, without the secret it threw", () => {
    const error = failureOf(whose, Cause.die(new Error("token=secret")))
    assert.strictEqual(error._tag, "DialFailed")
    assert.notInclude(error.message, "secret")
  })
})

describe("a close that answers ours", () => {
  it("is one that echoes our code", () => {
    const ours = closedByUs(whose.connection, whose.epoch)
    const crossing = new ConnectionError.ConnectionClosed({
      ...whose,
      code: 1001,
      reason: Redacted.make(""),
      sentCode: 1000,
      initiator: "client"
    })
    const theirs = new ConnectionError.ConnectionClosed({
      ...whose,
      code: 1000,
      reason: Redacted.make(""),
      sentCode: 1000,
      initiator: "server"
    })
    assert.deepStrictEqual([ours, crossing, theirs, dropped].map(answersOurClose), [true, false, false, false])
  })
})
