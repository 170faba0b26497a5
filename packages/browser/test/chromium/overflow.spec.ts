/**
 * Proves in a real Chromium what becomes of a flood that nobody reads, policy
 * by policy: the connection fails with a typed error, or the oldest, the newest
 * or all but the newest of each key go, every one of them counted in its place.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import * as Chromium from "../rig/chromium.ts"
import type { Policy, Seen } from "./overflow.ts"

const count = 5000
const size = 128
const highWaterMark = 16_384
/** The last digit of a message is its key. */
const keys = 10

let rig: Chromium.Rig

beforeAll(async () => {
  rig = await Chromium.start()
})
afterAll(() => rig?.stop())
afterEach(() => rig.closeTabs())

const made = async (policy: Policy) => {
  const tab = await rig.tab("overflow")
  await tab.call("make", rig.ws(`/flood?count=${count}&size=${size}`), policy, highWaterMark)
  return tab
}

const messagesOf = ({ got }: Seen) => got.flatMap((entry) => ("message" in entry ? [entry.message] : []))
const droppedOf = ({ got }: Seen) => got.reduce((sum, entry) => sum + ("dropped" in entry ? entry.dropped : 0), 0)

/** Everything arrives while the reader stands still; then it reads what is left. */
const flooded = async (policy: Policy): Promise<Seen> => {
  const tab = await made(policy)
  await tab.until<number>("arrived", [], (arrived) => arrived === count)
  await tab.call("readOn")
  const seen = await tab.until<Seen>("seen", [], (seen) => messagesOf(seen).length + droppedOf(seen) >= count)
  const messages = messagesOf(seen)
  assert.strictEqual(messages.length + droppedOf(seen), count)
  assert.isAbove(droppedOf(seen), count / 2)
  return seen
}

const assertInOrder = (messages: ReadonlyArray<number>) =>
  assert.isTrue(
    messages.every((message, index) => index === 0 || message > messages[index - 1]!),
    `each once, in order: ${messages.join(" ")}`
  )

describe("a flood that nobody reads", () => {
  it("dropOldest - the last ones stay, as many as there is room for", async () => {
    const messages = messagesOf(await flooded("dropOldest"))
    assertInOrder(messages)
    const room = Math.floor(highWaterMark / size)
    assert.deepStrictEqual(
      messages.slice(-room),
      Array.from({ length: room }, (_, index) => count - room + index)
    )
  })

  it("dropNewest - the first ones stay, and markers stand for the rest", async () => {
    const seen = await flooded("dropNewest")
    const messages = messagesOf(seen)
    assert.deepStrictEqual(
      messages,
      messages.map((_, index) => index)
    )
    assert.isTrue(seen.got.slice(messages.length).every((entry) => "dropped" in entry))
  })

  it("conflate - the newest of each key stays", async () => {
    const messages = messagesOf(await flooded("conflate"))
    for (let key = 0; key < keys; key++) {
      // It takes the place of the oldest of its key, so the order holds within a key only.
      const same = messages.filter((message) => message % keys === key)
      assertInOrder(same)
      assert.strictEqual(same.at(-1), count - keys + key)
    }
  })

  it("fail - the connection fails with InboxOverflow, after what had room", async () => {
    const tab = await made("fail")
    await tab.until<string>("state", [], (state) => state === "Failed")
    await tab.call("readOn")
    const seen = await tab.until<Seen>("seen", [], ({ failed }) => failed !== undefined)
    assert.strictEqual(seen.failed, "InboxOverflow")
    const messages = messagesOf(seen)
    assert.isAtLeast(messages.length, highWaterMark / size)
    assert.isBelow(messages.length, count)
    assert.deepStrictEqual(
      messages,
      messages.map((_, index) => index)
    )
  })
})
