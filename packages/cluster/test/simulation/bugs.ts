/**
 * Bugs to plant, each with the promises that must notice it. A bug changes one
 * decision of the leases, the fence or the names, and the simulation is run on it.
 */
import * as Effect from "effect/Effect"
import { Marker } from "../../src/internal/entries/marker.ts"
import * as Answering from "../../src/internal/fleet/answering.ts"
import { FencedReceiver } from "../../src/internal/fence/fenced.ts"
import { Right } from "../../src/internal/fence/right.ts"
import { Holder } from "../../src/internal/holder/holder.ts"
import { Changing } from "../../src/internal/names/changing.ts"
import { Names } from "../../src/internal/names/names.ts"
import { type Handed, type Takeover, Takeovers } from "../../src/internal/names/takeovers.ts"
import { planted } from "./planted.ts"

export interface Bug {
  readonly name: string
  /** One of these is broken. */
  readonly breaks: ReadonlyArray<string>
  /** Plants it; returns how to remove it. */
  readonly plant: () => () => void
}

/** Puts another method in the place of one. */
const replace = (object: object, key: string, change: (right: never) => unknown) => () => {
  const all = object as Record<string, unknown>
  const right = all[key]
  all[key] = change(right as never)
  return () => {
    all[key] = right
  }
}

type Method = (...args: ReadonlyArray<unknown>) => unknown

const inStore = (change: NonNullable<typeof planted.change>) => () => {
  planted.change = change
  return () => {
    planted.change = undefined
  }
}

const users = ["one writer", "one reader", "epochs grow"]

export const bugs: ReadonlyArray<Bug> = [
  {
    name: "the fence lets everything pass",
    breaks: users,
    plant: replace(Right.prototype, "isLive", () => () => true)
  },
  {
    name: "a right is counted from the answer, not from before the question",
    breaks: users,
    plant: replace(
      Right.prototype,
      "set",
      (right: Method) =>
        function (this: Right, _: unknown, millis: unknown) {
          const { clock } = this as unknown as {
            readonly clock: { monotonicTimeNanosUnsafe(): bigint; currentTimeMillisUnsafe(): number }
          }
          const now = { monotonic: clock.monotonicTimeNanosUnsafe(), wall: clock.currentTimeMillisUnsafe() }
          return right.call(this, now, millis)
        }
    )
  },
  {
    name: "the fence looks at dials alone",
    breaks: users,
    plant: replace(FencedReceiver.prototype, "passes", () => () => true)
  },
  {
    name: "a block counts only until its last dial, not for a window after it",
    breaks: ["dials within the limit"],
    plant: inStore((model) => ({ take: (tables, now, request) => model.take(tables, now, { ...request, window: 1 }) }))
  },
  {
    name: "a process dials while another has the breaker open",
    breaks: ["one refusal holds all"],
    plant: inStore((model) => ({
      take: (tables, now, request) => {
        const holds = new Map(tables.holds)
        tables.holds.clear()
        const block = model.take(tables, now, request)
        for (const [key, until] of holds) tables.holds.set(key, until)
        return block
      }
    }))
  },
  {
    name: "others dial while one tries for all",
    breaks: ["one refusal holds all"],
    plant: inStore((model) => ({
      take: (tables, now, request) => {
        const breakers = new Map(tables.breakers)
        tables.breakers.clear()
        const block = model.take(tables, now, request)
        const probes = tables.holds.get(request.key) ?? 0
        for (const [key, row] of breakers) {
          const probeUntil =
            block._tag === "Granted" && row.level > 0 && probes <= now ? now + request.within : row.probeUntil
          tables.breakers.set(key, { ...row, probeUntil })
        }
        return block
      }
    }))
  },
  {
    name: "only the monotonic clock is looked at, which stands still in a sleeping machine",
    breaks: users,
    plant: replace(
      Right.prototype,
      "isLive",
      () =>
        function (this: Right) {
          const self = this as unknown as {
            readonly revoked: boolean
            readonly monotonicEnd: bigint
            readonly clock: { monotonicTimeNanosUnsafe(): bigint }
          }
          return !self.revoked && self.clock.monotonicTimeNanosUnsafe() < self.monotonicEnd
        }
    )
  },
  {
    name: "a claim takes what another still holds",
    breaks: users,
    plant: inStore((model) => ({
      claim: (tables, now, request) => {
        for (const [bucket, row] of tables.leases) tables.leases.set(bucket, { ...row, expiresAt: now - 1 })
        return model.claim(tables, now, request)
      }
    }))
  },
  {
    name: "a claim does not raise the epoch",
    breaks: ["one holder for each epoch"],
    plant: inStore((model) => ({
      claim: (tables, now, request) => {
        const before = new Map([...tables.leases].map(([bucket, { epoch }]) => [bucket, epoch]))
        const answer = model.claim(tables, now, request)
        const claimed = answer.claimed.map((one) => {
          const epoch = before.get(one.bucket) ?? 1
          tables.leases.set(one.bucket, { ...tables.leases.get(one.bucket)!, epoch })
          return { ...one, epoch }
        })
        return { ...answer, claimed }
      }
    }))
  },
  {
    name: "a renewal looks at nothing but the bucket",
    breaks: users,
    plant: inStore((model) => ({
      renew: (tables, now, leases, ttl) => {
        model.renew(tables, now, leases, ttl)
        return leases.map(({ bucket, epoch }) => ({ bucket, epoch, wantedBy: undefined }))
      }
    }))
  },
  {
    name: "a bucket is freed before its names are closed",
    breaks: users,
    plant: replace(
      Holder.prototype,
      "handOver",
      () =>
        function (this: Holder, right: Right) {
          const self = this as unknown as {
            readonly held: Map<string, unknown>
            release(leases: ReadonlyArray<unknown>): unknown
          }
          self.held.delete(right.lease.bucket)
          return self.release([right.lease])
        }
    )
  },
  {
    name: "nobody hands over what another asks for",
    breaks: ["all recover"],
    plant: replace(
      Holder.prototype,
      "claim",
      () =>
        function (this: Holder) {
          return (this as unknown as { sweep(): unknown }).sweep()
        }
    )
  },
  {
    name: "a name whose lease is lost stays open",
    breaks: ["all recover", ...users],
    plant: replace(Names.prototype, "closeStale", () => () => {})
  },
  {
    name: "a released name stays open",
    breaks: ["released names are closed"],
    plant: replace(
      Names.prototype,
      "isWanted",
      () =>
        function (this: Names, _: string, { right }: { readonly right: Right }) {
          const { around } = this as unknown as {
            readonly around: { held(): ReadonlyMap<string, { readonly right: unknown }> }
          }
          return right.isLive() && around.held().get(right.lease.bucket)?.right === right
        }
    )
  },
  {
    name: "a name opens only in the moment of the claim",
    breaks: ["all recover"],
    plant: replace(Names.prototype, "openMissing", (right: Method) => {
      const seen = new WeakSet<object>()
      return function (this: Names) {
        if (seen.has(this)) return
        seen.add(this)
        right.call(this)
      }
    })
  },
  {
    name: "nobody is told that a name had another owner",
    breaks: ["every hole has its gap"],
    plant: replace(Names.prototype, "beforeOf", () => () => undefined)
  },
  {
    name: "every owner after the first gets what waited in its outbox",
    breaks: ["at most once"],
    plant: inStore((model) => ({
      forgetParked: () => {},
      takeParked: (tables, now, leases) => {
        for (const [key, row] of tables.outbox) tables.outbox.set(key, { ...row, taken: undefined })
        return model.takeParked(tables, now, leases)
      }
    }))
  },
  {
    name: "a new owner does not wait for the consumer of one that goes on",
    breaks: ["one reader"],
    plant: replace(Takeovers.prototype, "of", (right: Method) => {
      return function (this: Takeovers, ...args: ReadonlyArray<unknown>) {
        const takeover = right.apply(this, [...args]) as Takeover | undefined
        return takeover && { ...takeover, handed: Effect.undefined }
      }
    })
  },
  {
    name: "a new owner believes that nothing is missing when the old one said nothing",
    breaks: ["every hole has its gap"],
    plant: replace(Takeovers.prototype, "of", (right: Method) => {
      return function (this: Takeovers, ...args: ReadonlyArray<unknown>) {
        const takeover = right.apply(this, [...args]) as Takeover | undefined
        const nothing: Handed = { cursor: undefined, delivered: 0, keys: [] }
        return takeover && { ...takeover, handed: Effect.map(takeover.handed, (handed) => handed ?? nothing) }
      }
    })
  },
  {
    name: "the new owner repeats what the old one delivered while it went on",
    breaks: ["every hole has its gap"],
    plant: replace(Changing.prototype, "handed", () => () => ({ delivered: 0, keys: [] }))
  },
  {
    name: "one that goes on does so for as long as it likes",
    breaks: ["overlaps are bounded", "one reader"],
    plant: replace(
      Right.prototype,
      "extend",
      (right: Method) =>
        function (this: Right, asked: unknown, millis: unknown) {
          return right.call(this, asked, Number(millis) > 2_000 ? Number(millis) * 5 : millis)
        }
    )
  },
  {
    name: "a watcher believes that a stream which goes on has no hole",
    breaks: ["no watcher has a silent hole"],
    plant: replace(Marker.prototype, "missing", () => () => [])
  },
  {
    name: "a repeated question is answered by doing it again",
    breaks: ["at most once"],
    plant: replace(Answering.Answered.prototype, "once", () => (_: string, run: unknown) => run)
  }
]
