/**
 * Proves for ten seeds of twenty that a day at five misbehaving
 * venues passes without a wrong book believed, a gap unmarked, a rule broken or a
 * stall unnoticed, in bounded memory: once with two hundred symbols, else with forty.
 */
import { it } from "@effect/vitest"
import * as Campaign from "./campaign.ts"

it("keeps every promise through ten days", { timeout: 1_200_000 }, () =>
  Campaign.run(Campaign.seedsOf(0), Campaign.stormy)
)
