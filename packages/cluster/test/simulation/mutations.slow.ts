/**
 * Proves that the simulation bites: each bug that is planted into the leases, the
 * fence, the names or the store breaks one of the promises that it should, within
 * at most 600 histories.
 */
import { assert, describe, it } from "@effect/vitest"
import { vi } from "vitest"
import type * as Model from "../../src/internal/store/model.ts"
import { bugs } from "./bugs.ts"
import * as Campaign from "./campaign.ts"

vi.mock("../../src/internal/store/model.ts", async (importOriginal) => {
  const original = await importOriginal<typeof Model>()
  const { planted } = await import("./planted.ts")
  const now = () => ({ ...original, ...planted.change?.(original) })
  return {
    ...original,
    claim: (...args: Parameters<typeof Model.claim>) => now().claim(...args),
    renew: (...args: Parameters<typeof Model.renew>) => now().renew(...args),
    takeParked: (...args: Parameters<typeof Model.takeParked>) => now().takeParked(...args),
    forgetParked: (...args: Parameters<typeof Model.forgetParked>) => now().forgetParked(...args),
    take: (...args: Parameters<typeof Model.take>) => now().take(...args)
  }
})

const seeds = 600

describe("the simulation", () => {
  for (const { breaks, name, plant } of bugs) {
    it(`finds it when ${name}`, { timeout: 300_000 }, async () => {
      const mend = plant()
      try {
        const seed = await Campaign.hunt(breaks, seeds)
        console.log(`${name}: seed ${seed}`)
        assert.isDefined(seed, `not found in ${seeds} seeds`)
      } finally {
        mend()
      }
    })
  }
})
