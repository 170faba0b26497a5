/** Proves that a ping's payload is that of its number alone, and that no foreign payload is taken for one of ours. */
import { assert, describe, it } from "@effect/vitest"
import { ping } from "../../src/internal/heartbeat/probes.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("the payload of a ping", () => {
  it("is that of its number, and of no other", () => {
    const ids = [0, 1, 9, 10, 12, 21, 99, 12_345, 999_999]
    for (const sent of ids) {
      for (const id of ids) assert.strictEqual(ping.matchesPong(ping.make(sent).ping, id), sent === id, `${sent} ${id}`)
    }
    assert.deepStrictEqual(ping.make(12).ping, bytes("k12"))
  })

  it("is nothing of ours when it is short, begins otherwise or holds more than digits", () => {
    for (const foreign of ["", "k", "p1", "1", "k1a", "k-1", "k 1", "k1.5", "k01"]) {
      assert.isFalse(ping.matchesPong(bytes(foreign), 1), foreign)
    }
  })
})
