/** Steps that a store tells of, and what it must say of them, in this order. */
import * as Effect from "effect/Effect"
import type { FleetStore, Notice, Wish } from "../../src/FleetStore.ts"

const ttl = 60_000
const wish: Wish = { name: "n1", kind: "ticker", bucket: "b1", params: {}, tags: [], paused: false }

export const steps = ({ handovers, leases, permits, wishes }: FleetStore["Service"]) =>
  Effect.gen(function* () {
    yield* wishes.put([wish])
    // The same again changes nothing.
    yield* wishes.put([wish])
    yield* wishes.pause(["n1"], true)
    const { claimed } = yield* leases.claim({ holder: "one", buckets: ["b1", "b2"], ttl })
    yield* leases.claim({ holder: "two", buckets: ["b1"], ttl })
    // Who asks for it is known already.
    yield* leases.claim({ holder: "two", buckets: ["b1"], ttl })
    yield* leases.renew(claimed, ttl)
    const [first, second] = claimed.toSorted((a, b) => (a.bucket < b.bucket ? -1 : 1))
    yield* leases.release([first!])
    yield* leases.claim({ holder: "two", buckets: ["b1", "b2"], ttl })
    yield* handovers.begin(second!, [], 1_000)
    yield* permits.hold("feed", 5_000)
    // A shorter one changes nothing.
    yield* permits.hold("feed", 1_000)
    yield* permits.failed("other", { failures: 1, cooldown: 1_000, maxCooldown: 1_000 })
    yield* wishes.remove(["n1"])
  })

export const expected: ReadonlyArray<Notice> = [
  { _tag: "Wishes" },
  { _tag: "Wishes" },
  { _tag: "Wanted", holder: "one" },
  { _tag: "Freed", holder: "two" },
  { _tag: "Wanted", holder: "one" },
  { _tag: "Freed", holder: "two" },
  { _tag: "Held", key: "feed" },
  { _tag: "Held", key: "other" },
  { _tag: "Wishes" }
]
