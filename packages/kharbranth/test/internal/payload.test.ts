/** Proves that the payload of a ping carries its number back, and that no foreign payload is taken for one of ours. */
import { assert, describe, it } from "@effect/vitest"
import * as Payload from "../../src/internal/payload.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("the payload of a ping", () => {
  it("carries its number", () => {
    for (const id of [0, 1, 9, 10, 99, 12_345, 999_999]) assert.strictEqual(Payload.idOf(Payload.make(id)), id)
  })

  it("is nothing of ours when it is short, begins otherwise or holds more than digits", () => {
    for (const foreign of ["", "k", "p1", "k1a", "k-1", "k 1", "k1.5"]) assert.isNaN(Payload.idOf(bytes(foreign)))
  })
})
