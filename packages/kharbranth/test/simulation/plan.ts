/**
 * What one seed stands for: a connection with certain policies, a server with
 * certain habits, a user with a list of deeds, and a schedule of faults. Plain
 * data, drawn from the seed alone.
 */
import type * as Duration from "effect/Duration"
import { ifUnknown, type SendOptions } from "kharbranth/Outbox"
import type { Incident } from "kharbranth/testing/FaultSchedule"
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import * as Seeded from "../../src/testing/internal/seeded.ts"

export interface Letter {
  readonly n: number
  readonly proof: "ack" | "pong"
  readonly padding: number
  readonly options: SendOptions
}

export type Deed =
  | { readonly do: "send"; readonly letter: Letter; readonly patience: number | undefined }
  | { readonly do: "track"; readonly letter: Letter }
  | { readonly do: "sink"; readonly letters: ReadonlyArray<Letter> }
  | { readonly do: "restart"; readonly mode: "breakFirst" | "makeFirst" }
  | { readonly do: "pause" | "handOver"; readonly millis: number }
  | { readonly do: "update" | "ping" | "probe" }
  | { readonly do: "read"; readonly how: "slow" | "absent"; readonly millis: number }

export interface Plan {
  readonly seed: number
  readonly platform: "node" | "browser"
  readonly latency: number
  readonly window: number
  readonly incidents: ReadonlyArray<Incident>
  /** When the last fault is over. */
  readonly healedAt: number
  readonly deeds: ReadonlyArray<{ readonly at: number; readonly deed: Deed }>
  readonly outbox: {
    readonly capacity: number
    readonly maxBytes: number
    readonly overflow: "suspend" | "dropOldest" | "dropNewest" | "fail"
    readonly maxReplays: number
  }
  readonly inbox: {
    readonly highWaterMark: number
    readonly overflow: "fail" | "dropOldest" | "dropNewest" | "conflate"
  }
  readonly heartbeat: { readonly every: number; readonly timeout: number }
  readonly reconnect: "polite" | "prompt"
  /** How long a dial may be silent, in ms. */
  readonly hedgeAfter: number | undefined
  readonly rotate: { readonly maxAge: number; readonly mode: "breakFirst" | "makeFirst" } | undefined
  readonly handshake: boolean
  readonly server: { readonly pushEvery: number; readonly losesAck: number; readonly crashes: number }
  readonly end: "close" | "drain" | "scope"
  readonly deadPeerAtEnd: boolean
  /** The end comes while the server floods a reader that is absent. */
  readonly floodAtEnd: boolean
  /** The most writes in any two seconds. */
  readonly rate: { readonly limit: number; readonly scope: "session" | "connection" } | undefined
  readonly hooks: boolean
  readonly dedupes: boolean
  readonly endpoints: 1 | 2
}

const minute = 60_000

/** How long trouble may last, and the user's deeds. */
export const trouble = 9 * minute
const busy = 8 * minute

type Pairs<A> = readonly [readonly [weight: number, value: A], ...Array<readonly [number, A]>]

const weighted = <A>(random: Seeded.Seeded, pairs: Pairs<A>): A => {
  let left = random.next() * pairs.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, value] of pairs) {
    left -= weight
    if (left < 0) return value
  }
  return pairs[0][1]
}

const whole = (random: Seeded.Seeded, from: number, to: number) => Math.floor(random.between(from, to))

const optionsOf = (random: Seeded.Seeded): SendOptions => ({
  whenDown: weighted(random, [
    [8, undefined],
    [1, "fail"],
    [1, "drop"]
  ]),
  ttl: weighted<Duration.Input | undefined>(random, [
    [6, undefined],
    [1, 2000],
    [1, 10_000],
    [1, "Infinity"]
  ]),
  key: random.next() < 0.08 ? `k${whole(random, 0, 3)}` : undefined,
  lane: random.next() < 0.2 ? "control" : undefined,
  replay: random.next() < 0.4 ? ifUnknown : undefined
})

const kindsOfDeed: Pairs<Deed["do"]> = [
  [100, "send"],
  [80, "track"],
  [6, "sink"],
  [5, "restart"],
  [2, "pause"],
  [3, "handOver"],
  [2, "update"],
  [3, "ping"],
  [1, "probe"],
  [6, "read"]
]

const drawDeed = (random: Seeded.Seeded, letter: () => Letter): Deed => {
  const kind = weighted(random, kindsOfDeed)
  switch (kind) {
    case "send":
      return { do: kind, letter: letter(), patience: random.next() < 0.1 ? whole(random, 0, 3000) : undefined }
    case "track":
      return { do: kind, letter: letter() }
    case "sink":
      return { do: kind, letters: Array.from({ length: whole(random, 2, 12) }, letter) }
    case "restart":
      return { do: kind, mode: random.pick(["breakFirst", "makeFirst"]) }
    case "pause":
    case "handOver":
      return { do: kind, millis: whole(random, 0, 15_000) }
    case "read":
      return { do: kind, how: random.pick(["slow", "absent"]), millis: whole(random, 1000, 25_000) }
    default:
      return { do: kind }
  }
}

const drawDeeds = (random: Seeded.Seeded): Plan["deeds"] => {
  let letters = 0
  const letter = (): Letter => ({
    n: ++letters,
    proof: random.next() < 0.6 ? "ack" : "pong",
    padding: whole(random, 0, random.next() < 0.1 ? 3000 : 200),
    options: optionsOf(random)
  })
  const deeds: Array<{ at: number; deed: Deed }> = []
  let burst = 0
  let at = 0
  while (letters < 220) {
    if (burst > 0) burst--
    else {
      at = random.between(0, busy)
      if (random.next() < 0.04) burst = whole(random, 5, 25)
    }
    deeds.push({ at, deed: drawDeed(random, letter) })
  }
  return deeds.toSorted((a, b) => a.at - b.at)
}

/** Draws the plan of a seed. */
export const make = (seed: number): Plan => {
  const random = Seeded.make(seed, 7)
  const incidents = FaultSchedule.make({ seed, within: trouble, incidents: 24 })
  return {
    seed,
    platform: random.next() < 0.75 ? "node" : "browser",
    latency: random.pick([0, 1, 20, 150]),
    window: random.pick([4096, 65_536, 262_144]),
    incidents,
    healedAt: Math.max(...incidents.map(({ at, duration }) => at + duration)),
    deeds: drawDeeds(random),
    outbox: {
      capacity: random.pick([10, 50, 10_000]),
      maxBytes: random.pick([2000, 65_536, 16_777_216]),
      overflow: random.pick(["suspend", "suspend", "dropOldest", "dropNewest", "fail"]),
      maxReplays: random.pick([1, 3])
    },
    inbox: {
      highWaterMark: random.pick([1024, 8192, 65_536]),
      overflow: random.pick(["fail", "dropOldest", "dropNewest", "conflate"])
    },
    heartbeat: { every: whole(random, 4000, 20_000), timeout: whole(random, 3000, 8000) },
    reconnect: random.pick(["polite", "prompt"]),
    rotate:
      random.next() < 0.4
        ? { maxAge: whole(random, 30_000, 150_000), mode: random.pick(["breakFirst", "makeFirst"]) }
        : undefined,
    handshake: random.next() < 0.6,
    server: { pushEvery: whole(random, 500, 4000), losesAck: 0.05, crashes: 0.01 },
    end: random.pick(["close", "drain", "scope"]),
    deadPeerAtEnd: random.next() < 0.3,
    floodAtEnd: random.next() < 0.25,
    rate:
      random.next() < 0.25
        ? { limit: whole(random, 10, 30), scope: random.pick(["session", "connection"]) }
        : undefined,
    hooks: random.next() < 0.25,
    endpoints: random.pick([1, 1, 2]),
    dedupes: random.next() < 0.5,
    hedgeAfter: random.pick([undefined, 900, 2500])
  }
}
