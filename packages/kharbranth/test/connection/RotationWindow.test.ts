/**
 * Proves the window of rotations: the moment that is chosen is safe if any minute
 * in the later half of a session's age is, it never comes later than planned, and
 * a function that throws says no. On a virtual week every rotation of a connection
 * falls into its window, the same for the same seed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"
import { randomOf } from "../support/random.ts"

const hour = 3_600_000
const minute = 60_000
const url = "wss://feed.example/ws"

/** When the sessions of one virtual week began, in hours since its midnight. */
const week = (seed: number, rotate: Connection.Rotate<string>) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed })
    const server = yield* network.serve(url)
    const midnight = network.clock.currentTimeMillisUnsafe()
    yield* network.provide(
      Connection.make("feed", { target: url, codec: Codec.text, heartbeat: Heartbeat.none, rotate })
    )
    for (let at = 0; at < 7 * 24; at++) {
      yield* TestClock.adjust("1 hour")
      yield* settle
    }
    return (yield* server.dials).map(({ at }) => Math.round((at - midnight) / minute) / 60)
  }).pipe(Effect.scoped)

describe("a rotation window", () => {
  it("chooses a safe moment if there is one, never too late and never too early", () => {
    let [pulled, none] = [0, 0]
    for (let seed = 1; seed <= 500; seed++) {
      const random = randomOf(seed)
      const [first, length, period] = [random() * 12, 0.2 + random() * 3, 4 + random() * 40].map(
        (hours) => hours * hour
      )
      const isSafe = (time: number) => (time - first! + 100 * period!) % period! < length!
      const now = Math.floor(random() * 1_000) * minute
      const latest = now + Math.ceil(random() * 48 * hour)
      const window = Connection.rotationWindow(isSafe)
      const at = window.choose(now, latest, random())
      assert.isAtLeast(at, (now + latest) / 2, `seed ${seed}: too early`)
      assert.isAtMost(at, latest, `seed ${seed}: too late`)
      const minutes: Array<number> = []
      for (let time = latest; time > (now + latest) / 2; time -= minute) if (isSafe(time)) minutes.push(time)
      if (minutes.length === 0) {
        assert.strictEqual(at, latest, `seed ${seed}: no minute is safe`)
        none++
      } else {
        assert.isTrue(isSafe(at), `seed ${seed}: not safe`)
        // The last run of safe minutes, not one before.
        assert.isAtMost(minutes[0]! - at, length! + minute, `seed ${seed}: an earlier window`)
        pulled++
      }
    }
    assert.isAbove(Math.min(pulled, none), 20)
  })

  it("spreads by chance over the window", () => {
    const window = Connection.rotationWindow((time) => Math.floor(time / hour) === 4)
    const at = [0, 0.25, 0.5, 0.999].map((chance) => window.choose(0, 8 * hour, chance) / minute)
    assert.isBelow(at[0]!, at[1]!)
    assert.isBelow(at[1]!, at[2]!)
    assert.isBelow(at[2]!, at[3]!)
    assert.isAtLeast(at[0]!, 240)
    assert.isBelow(at[3]!, 300)
  })

  it("a function that throws says no", () => {
    const throwing = Connection.rotationWindow(() => {
      throw new Error("no")
    })
    assert.strictEqual(throwing.choose(0, hour, 0.5), hour)
  })

  it("looks back no further than a week", () => {
    let asked = 0
    const window = Connection.rotationWindow(() => {
      asked++
      return false
    })
    assert.strictEqual(window.choose(0, 365 * 24 * hour, 0.5), 365 * 24 * hour)
    assert.isAtMost(asked, 7 * 24 * 60)
  })

  it.effect("every rotation of a week falls into it, as planned for the same seed", () =>
    Effect.gen(function* () {
      const window = Connection.rotationWindow((time) => Math.floor(time / hour) % 12 === 4)
      const dials = yield* week(1, { maxAge: "23 hours", window })
      const rotations = dials.slice(1)
      assert.isAtLeast(rotations.length, 7)
      for (const at of rotations) assert.strictEqual(Math.floor(at) % 12, 4, `at hour ${at}`)
      for (const [index, at] of rotations.entries()) assert.isAtMost(at - dials[index]!, 23)
      assert.deepStrictEqual(yield* week(1, { maxAge: "23 hours", window }), dials)
      // Without a window they come at any hour.
      const anyHour = (yield* week(1, { maxAge: "23 hours" })).slice(1)
      assert.isTrue(anyHour.some((at) => Math.floor(at) % 12 !== 4))
    })
  )
})
