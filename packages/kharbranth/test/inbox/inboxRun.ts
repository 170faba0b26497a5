/**
 * Random runs of an inbox beside its model. A run gives `undefined`, or the
 * first thing that differs.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Codec from "../../src/Codec.ts"
import * as Public from "../../src/Inbox.ts"
import { Inbox, type Lane, type Options } from "../../src/internal/inbox/inbox.ts"
import { backpressure, controlBy, type MakeControl } from "../../src/internal/transport/backpressure.ts"
import { Model, type Msg, type Policy, type Setup } from "./inboxModel.ts"
import { ownerOf } from "./inboxRig.ts"
import { firstSeed, runsOf } from "../support/histories.ts"
import { mulberry32 } from "../support/random.ts"

export type Make = (options: Options<Msg>) => Inbox<Msg>
export const real: Make = (options) => new Inbox(options)

/** A codec with memory: it sees every frame of its session, once, in order, or says so. */
const strict = (violated: (what: string) => void): Codec.Codec<Msg, never> =>
  Codec.makeStateful<Msg, never>({
    encode: () => "",
    decoder: () => {
      let next = 0
      return (frame) => {
        const [seq, id, key, bad] = String(frame).split("|")
        if (Number(seq) !== next) violated(`the decoder saw frame ${seq}, expected ${next}`)
        next += 1
        return bad === "bad" ? new Codec.Failure("bad") : { id: Number(id), key: key! }
      }
    },
    onDecodeError: "skip"
  })

const policies: ReadonlyArray<Policy> = ["fail", "dropOldest", "dropNewest", "conflate"]

const overflowOf = (policy: Policy): Public.Overflow<Msg> =>
  policy === "conflate"
    ? { shed: Public.conflate, key: (msg) => (msg.key === "" ? undefined : msg.key) }
    : policy === "dropNewest"
      ? { shed: Public.dropNewest }
      : policy

export const run = (
  seed: number,
  make: Make,
  hold: MakeControl = controlBy(backpressure),
  steps = 150
): string | undefined => {
  const random = mulberry32(seed)
  const below = (n: number): number => Math.floor(random() * n)
  let wrong: string | undefined
  const violated = (what: string): void => {
    wrong ??= `seed ${seed}: ${what}`
  }

  const setup: Setup = {
    mark: 100 + below(900),
    policy: policies[below(4)]!,
    canPause: random() < 0.5
  }
  // Bad frames free their bytes when they are decoded, which the model does not know.
  const withBad = random() < 0.3 && setup.policy === "fail" && setup.canPause
  const model = new Model(setup)
  const seen = { paused: false, armed: false, overflows: 0, stalls: 0, woken: 0, drops: {} as Record<string, number> }
  const deferred: Array<() => void> = []
  const inbox = make({
    connection: "model",
    highWaterMark: setup.mark,
    overflow: overflowOf(setup.policy),
    owner: {
      defer: (flush) => void deferred.push(flush),
      wall: () => 7,
      drop: (_, reason, count) => {
        seen.drops[reason] = (seen.drops[reason] ?? 0) + count
      },
      fail: (error) => {
        if (error._tag === "DecodeError") violated("failed under the policy skip")
        else seen.overflows += 1
      }
    }
  })
  const { fire, owner } = ownerOf({
    stalled: () => {
      seen.stalls += 1
    },
    armed: () => {
      if (seen.armed) violated("armed twice")
      seen.armed = true
    }
  })
  if (setup.canPause) inbox.pausing = hold(inbox, owner)
  inbox.attach({
    pause: () => {
      if (seen.paused) violated("paused twice")
      seen.paused = true
    },
    resume: () => {
      if (!seen.paused) violated("resumed twice")
      seen.paused = false
    }
  })

  const codec = strict(violated)
  const lanes = new Map<Lane<Msg>, number>()
  let epoch = 0
  let id = 0
  let waiting = false
  let reading = false
  let stalls = 0
  const newLane = (): Lane<Msg> => {
    epoch += 1
    const lane = { epoch, decoder: codec.decoder(), broken: false }
    lanes.set(lane, 0)
    return lane
  }
  let current = newLane()
  let other = newLane()
  const untap: Array<() => void> = []

  const push = (): void => {
    const lane = random() < 0.9 ? current : other
    // A source that obeys sends nothing more once it is paused.
    if (seen.paused) return
    const seq = lanes.get(lane)!
    const bad = withBad && random() < 0.2
    const msg: Msg = { id: id++, key: ["", "a", "b", "c"][below(4)]! }
    const frame = `${seq}|${msg.id}|${msg.key}|${bad ? "bad" : ""}|${"x".repeat(below(80))}`
    if (model.refusal === undefined) lanes.set(lane, seq + 1)
    model.push(lane.epoch, msg, frame.length, bad)
    inbox.push(lane, frame, frame.length)
  }
  const same = (what: string, actual: unknown, expected: unknown): void => {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
    if (a !== b) violated(`${what}: got ${a}, expected ${b}`)
  }
  const asReader = (act: () => void): void => {
    if (!reading) {
      same("acquire", inbox.acquire(), true)
      reading = true
      model.everRead = true
    }
    act()
  }
  const flush = (): void => {
    model.settle()
    const expected = waiting && model.items.length > 0 ? 1 : 0
    const before = seen.woken
    for (const each of deferred.splice(0)) each()
    if (!withBad) same("woken", seen.woken - before, expected)
    if (seen.woken > before) waiting = false
  }

  const ops: ReadonlyArray<readonly [number, () => void]> = [
    [
      40,
      () => {
        for (let n = 1 + below(8); n > 0; n--) push()
      }
    ],
    [20, flush],
    [8, () => asReader(() => same("take", inbox.take() ?? [], model.take()))],
    [8, () => asReader(() => same("takeEntries", inbox.takeEntries() ?? [], model.takeEntries()))],
    [8, () => asReader(() => same("takeOne", inbox.takeOne()?.message, model.takeOne()))],
    [
      6,
      () =>
        asReader(() => {
          const before = seen.woken
          model.unused = 0
          waiting = true
          inbox.await(() => {
            seen.woken += 1
          })
          same("woken at once", seen.woken, before)
        })
    ],
    [
      5,
      () => {
        if (!reading) return
        reading = false
        waiting = false
        model.release()
        inbox.release()
      }
    ],
    [
      5,
      () => {
        const marker = Public.sessionOpened({ epoch, rotated: false, possibleDuplicates: 0 })
        model.mark(marker)
        inbox.mark(marker)
      }
    ],
    [
      3,
      () => {
        if (untap.length > 1) return
        const digit = below(3)
        const claim = (msg: Msg): boolean => msg.id % 3 === digit
        model.settle()
        model.taps.push(claim)
        untap.push(inbox.addTap({ claim }))
      }
    ],
    [
      3,
      () => {
        if (untap.length === 0) return
        model.taps.shift()
        untap.shift()!()
        model.settle()
      }
    ],
    [
      3,
      () => {
        other = current
        current = newLane()
      }
    ],
    [
      3,
      () => {
        if (!seen.armed) return
        seen.armed = false
        if (model.stallDue()) stalls += 1
        fire()
      }
    ],
    [
      1,
      () => {
        if (model.refusal === undefined) return
        model.refusal = undefined
        inbox.revive()
        current = newLane()
        other = newLane()
      }
    ]
  ]
  const total = ops.reduce((sum, [weight]) => sum + weight, 0)
  const pick = (): (() => void) => {
    let at = random() * total
    return ops.find(([weight]) => (at -= weight) < 0)?.[1] ?? flush
  }

  // With a reader, a stall fails; without, it would decode bad frames to drop them.
  if (withBad) asReader(() => {})

  for (let step = 0; step < steps && wrong === undefined; step++) {
    pick()()
    if (withBad) continue
    same(`bytes at step ${step}`, inbox.bytes, model.bytes)
    same("paused", [seen.paused, inbox.holding(), seen.armed], [model.paused, model.paused, model.armed])
    same("drops", sorted(seen.drops), sorted(model.drops))
    same("failures", [seen.overflows, seen.stalls], [model.overflows, stalls])
    const largest = 100
    if (setup.canPause && inbox.bytes > setup.mark + largest)
      violated(`${inbox.bytes} bytes over a mark of ${setup.mark}`)
  }
  asReader(() => same("the rest", inbox.takeEntries() ?? [], model.takeEntries()))
  same("all drops", sorted(seen.drops), sorted(model.drops))
  same("nothing left", [inbox.bytes, inbox.messages], [0, 0])
  return wrong
}

const sorted = (drops: Record<string, number>): unknown =>
  Object.entries(drops).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** Registers so many random runs; `SEED=n RUNS=1` replays one. */
export const randomRuns = (many: number, runs = runsOf(many)) =>
  describe("the inbox against its model", () => {
    it(`${runs} random runs of 150 steps do what the list model does`, () => {
      for (let seed = firstSeed; seed < firstSeed + runs; seed++) assert.isUndefined(run(seed, real), `seed ${seed}`)
    })
  })
