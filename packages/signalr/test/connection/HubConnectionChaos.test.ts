/**
 * Proves that calls and streams in the middle of outages each settle once, by
 * their policy, run no more often than it allows, and leave nothing behind.
 * A few seeds here; a hundred in the slow suite.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run } from "../support/chaos.ts"

describe("outages", () => {
  for (const seed of [1, 2, 3]) {
    it.live(`H96: 1,000 mixed calls and streams, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { done, lost, sessions } = yield* run(seed)
        assert.isAbove(sessions, 2)
        assert.isAbove(done, 100)
        assert.isAbove(lost, 0)
      })
    )
  }
})
