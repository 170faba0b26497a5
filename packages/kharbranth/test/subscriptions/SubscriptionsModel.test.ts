/**
 * Proves subscriptions at random against a simple model: whatever is wanted,
 * refused, cut, restarted, rotated or left unacknowledged, in the end the server
 * has exactly what is wanted and granted; no session is asked twice for what it
 * has; and no subscriber misses a number without a marker, sees one twice
 * without a rotation, or sees any that it did not want. `SEED=n RUNS=1` replays
 * one history. Checkers that would see nothing are caught by hand-made lies.
 */
import { assert, it } from "@effect/vitest"
import type { Entry } from "kharbranth/Subscriptions"
import { histories, judge } from "./subscriptionsModel.ts"
import type { FromServer } from "./topicServer.ts"

histories(60)

it("has a judge that sees what it should", () => {
  const message = (seq: number, topic = "A"): Entry<FromServer> => ({
    _tag: "Message",
    epoch: 1,
    message: { topic, seq }
  })
  const gap: Entry<FromServer> = { _tag: "Gap", epoch: 2, from: 1, to: 2, reason: "session" }
  assert.isUndefined(judge("A", [message(3), message(4), gap, message(9)]))
  assert.include(judge("A", [message(3), message(5)]), "misses 4 to 4 unmarked")
  assert.include(judge("A", [message(3), gap, message(9), message(11)]), "misses 10 to 10 unmarked")
  assert.include(judge("A", [message(3), message(3)]), "got 3 after 3")
  assert.include(judge("A", [message(4), message(3)]), "got 3 after 4")
  assert.include(judge("A", [message(1, "B")]), "a message of B")
})
