/**
 * Proves that no frame of a client breaks a simulator: nonsense, half frames and
 * well-formed requests with the wrong types are answered or ignored, never thrown,
 * and a good client beside them is served as before.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Simulator from "../../src/simulator/Simulator.ts"
import * as Topic from "../../src/Topic.ts"
import * as Venues from "../../src/Venues.ts"
import { random } from "../support/random.ts"
import { lines } from "./lines.ts"
import { some, Talk } from "./talk.ts"

const odd: ReadonlyArray<unknown> = [
  null,
  true,
  0,
  -1,
  1e300,
  "",
  "🦊",
  [],
  {},
  [null],
  [[]],
  { a: 1 },
  "x".repeat(300)
]

/** Replaces one value somewhere in a request. */
const spoil = (value: unknown, next: () => number): unknown => {
  if (typeof value !== "object" || value === null || next() < 0.3) return odd[Math.floor(next() * odd.length)]
  const keys = Object.keys(value)
  const key = keys[Math.floor(next() * keys.length)] ?? "id"
  const part = spoil((value as Record<string, unknown>)[key], next)
  return Array.isArray(value) ? value.with(Number(key) || 0, part) : { ...value, [key]: part }
}

const unlimited = {
  inbound: undefined,
  operations: undefined,
  dials: undefined,
  connections: undefined,
  frameBytes: undefined
}

describe("hostile clients", () => {
  for (const [id, line] of Object.entries(lines)) {
    for (const seed of [1, 2]) {
      it(`${id}, seed ${seed}: 800 spoiled frames, and nothing is thrown`, () => {
        const next = random(seed)
        const venue = Venues.all()[id]!
        const talk = new Talk(id as Simulator.VenueId, { numbers: unlimited, market: { assets: 3, updates: 0.1 } })
        const topics = talk.simulator.symbols.flatMap((symbol) => [
          Topic.book(symbol),
          Topic.trades(symbol),
          Topic.ticker(symbol)
        ])
        const good = [
          ...venue.subscribe(topics, 1, venue.wire()),
          ...venue.subscribe(topics, 2, venue.wire()).map((text) => text.replace("subscribe", "unsubscribe")),
          line.beat?.[1] ?? "{}",
          line.first ?? "{}"
        ]
        let connection = talk.dial(0)
        for (let n = 0; n < 800; n++) {
          const whole = good[Math.floor(next() * good.length)] ?? ""
          const frame =
            next() < 0.3 || !whole.startsWith("{")
              ? whole.slice(0, Math.floor(next() * whole.length))
              : JSON.stringify(spoil(JSON.parse(whole), next))
          talk.say(frame, talk.simulator.now + 1, connection)
          if (talk.ends.length === 0) continue
          // A venue may end who talks nonsense: then somebody else dials.
          talk.ends.length = 0
          connection = talk.dial()
        }
        const clean = talk.dial()
        const before = talk.texts.length
        if (line.first !== undefined) talk.say(line.first, talk.simulator.now, clean)
        for (const frame of venue.subscribe([topics[0]!], 3, venue.wire())) talk.say(frame, talk.simulator.now, clean)
        talk.wait(talk.simulator.now + 2000)
        assert.isAbove(some(talk.texts.slice(before), "").length, 0)
      })
    }
  }

  it("odd HTTP requests are answered", () => {
    for (const id of Object.keys(lines)) {
      const simulator = Simulator.make(id as Simulator.VenueId, { numbers: { requests: undefined } })
      for (const host of simulator.hosts) {
        for (const path of [
          "/",
          "/api/v3/depth",
          "/api/v3/depth?symbol=BTCUSDT&limit=x",
          "/%E0",
          "/fapi/v1/depth?limit=-1"
        ]) {
          for (const method of ["GET", "POST", "?"]) {
            const { status } = simulator.request({ method, url: `https://${host}${path}` }, 0)
            assert.isAtLeast(status, 200)
          }
        }
      }
      assert.strictEqual(simulator.request({ method: "GET", url: "nonsense" }, 0).status, 404)
    }
  })

  it("options that cannot be meant are refused with a reason", () => {
    const refused = (options: Simulator.Options, reason: RegExp) =>
      assert.throws(() => Simulator.make("kraken", options), reason)
    refused({ market: { assets: 0 } }, /Simulator of kraken: market.assets must be at least one, not 0/)
    refused({ market: { updates: -1 } }, /market.updates must be more than 0/)
    refused({ market: { levels: Number.NaN } }, /market.levels/)
    refused({ faults: [{ fault: { _tag: "Gap" }, chance: 2 }] }, /faults\[0\].chance must be from 0 to 1, not 2/)
    refused({ faults: [{ fault: { _tag: "Cut", code: 1006 } }] }, /faults\[0\].fault.code/)
    const simulator = Simulator.make("kraken")
    assert.throws(() => simulator.inject({ fault: { _tag: "Cut" }, share: 0 }), /the fault.share/)
  })
})
