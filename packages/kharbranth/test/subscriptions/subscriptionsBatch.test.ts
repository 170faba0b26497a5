/**
 * Proves how many topics go into one message: as many as count and bytes allow,
 * whatever form a message has, and a single topic that is too large is told.
 */
import { assert, describe, it } from "@effect/vitest"
import { largest, sizeOf } from "../../src/internal/subscriptions/asking/batch.ts"
import * as Message from "../../src/Message.ts"

const topics = Array.from({ length: 250 }, (_, index) => `topic ${index}`)

describe("the size of a message", () => {
  it("is that of its text or bytes in UTF-8, else of its JSON", () => {
    const sizes: ReadonlyArray<readonly [unknown, number]> = [
      ["€", 3],
      [new Uint8Array(7), 7],
      [Message.text("€€"), 6],
      [Message.binary(new Uint8Array(9)), 9],
      [{ a: "€" }, 11],
      [{ _tag: "Text", text: 1 }, 24],
      [{ _tag: "Binary", bytes: 1 }, 27],
      [{ _tag: "Other" }, 16],
      [12, 2],
      [null, 4],
      [undefined, 0]
    ]
    for (const [message, size] of sizes) assert.strictEqual(sizeOf(message), size, JSON.stringify(message))
  })
})

describe("the largest batch", () => {
  const encode = (some: ReadonlyArray<string>) => some.join()

  it("has 100 topics unless it is told otherwise", () => {
    assert.strictEqual(largest(topics, encode, undefined).count, 100)
    assert.strictEqual(largest(topics, encode, { items: 7 }).count, 7)
    assert.strictEqual(largest(topics.slice(0, 3), encode, undefined).count, 3)
  })

  it("is as large as the bytes allow, and not one larger", () => {
    for (const bytes of [7, 8, 15, 16, 100, 777]) {
      const { count, message, tooLarge } = largest(topics, encode, { bytes })
      assert.isFalse(tooLarge)
      assert.isAtMost(message.length, bytes)
      if (count < 100) assert.isAbove(encode(topics.slice(0, count + 1)).length, bytes)
    }
  })

  it("is one topic that is too large, when even one is", () => {
    assert.deepInclude(largest(topics, encode, { bytes: 3 }), { count: 1, tooLarge: true })
    assert.deepInclude(largest(topics.slice(0, 1), encode, { bytes: 3 }), { count: 1, tooLarge: true })
  })

  it("measures as it is told", () => {
    const size = (message: string) => message.split(",").length
    assert.strictEqual(largest(topics, encode, { bytes: 5, size }).count, 5)
  })
})
