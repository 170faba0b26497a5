/** Proves that durations are read alike in every unit they are given in, and that those which are none become zero. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Check from "../../src/internal/model/check.ts"

describe("durations", () => {
  it("are milliseconds, whatever they were given in", () => {
    const given = [Duration.nanos(2_500_000n), Duration.seconds(2), Duration.infinity, Duration.zero]
    assert.deepStrictEqual(given.map(Check.millis), [2.5, 2_000, Infinity, 0])
  })

  it("are zero when they cannot be read, which the door refuses", () => {
    assert.strictEqual(Check.millis(Check.duration("soon" as Duration.Input)), 0)
  })
})
