/**
 * Proves what `days.first.slow.ts` proves for ten other seeds; that a day of
 * planned rotations loses nothing at all; and that a naive client on one of these
 * seeds breaks rules and believes wrong books, so that the days are worth living.
 */
import { assert, it } from "@effect/vitest"
import * as Campaign from "./campaign.ts"
import * as Day from "./day.ts"

it("keeps every promise through ten other days", { timeout: 1_200_000 }, () =>
  Campaign.run(Campaign.seedsOf(1), Campaign.stormy)
)

it("loses nothing in planned rotations", { timeout: 300_000 }, async () => {
  const day = await Day.live(Campaign.calm(1))
  console.log(Campaign.summary(day))
  assert.deepStrictEqual(Campaign.broken(day), [])
  assert.deepStrictEqual([day.marked, day.unmarked], [0, 0])
  assert.isAbove(day.dials, 5 * Day.venueIds.length)
})

it("a naive client meets the first six hours of such a day and does not", { timeout: 300_000 }, async () => {
  const day = await Day.live({ ...Campaign.stormy(1), hours: 6 }, "naive")
  console.log(Campaign.summary(day))
  assert.isAbove(day.wrong.length, 0)
  assert.isAbove(day.late.length, 0)
  assert.isAbove(day.violations.length, 0)
  assert.isAbove(day.bans, 0)
})
