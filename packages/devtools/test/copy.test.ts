// Proves, in random histories of a fleet, that what a page keeps of cells and rows is what the program has: by whole
// frames and by changes, for viewers that come late, are slow, or stand still so that frames are left out.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { randomOf } from "../../kharbranth/test/support/random.ts"
import * as Live from "../page/state/live.ts"
import { Budgets } from "../src/internal/fleet/budgets.ts"
import { Fleet } from "../src/internal/fleet/fleet.ts"
import { rowOf } from "../src/internal/fleet/row.ts"
import { Window } from "../src/internal/fleet/window.ts"
import { Board } from "../src/internal/viewer/board.ts"
import type { Viewer } from "../src/internal/viewer/viewer.ts"
import { kindOf } from "../src/internal/wire/copy.ts"
import { columns, type Frame, type Hello, type Row, states, type View } from "../src/internal/wire/wire.ts"
import { zero } from "./support/figures.ts"
import { Seen } from "./support/rig.ts"
import { Scripted, stateBy } from "./support/scripted.ts"

const hello: Hello = {
  t: "hello",
  versions: { kharbranth: "0", effect: "0", runtime: "test" },
  title: "test",
  commands: false,
  faults: false,
  recorder: false
}

/** Leaves of each kind the newest frame, in the place of the oldest, as the page's inbox does. */
const conflated = (frames: ReadonlyArray<Frame>): Array<Frame> => {
  const places = new Map<string, number>()
  const left: Array<Frame> = []
  for (const frame of frames) {
    const kind = kindOf(frame)
    const place = kind === undefined ? undefined : places.get(kind)
    if (kind !== undefined && place === undefined) places.set(kind, left.length)
    if (place === undefined) left.push(frame)
    else left[place] = frame
  }
  return left
}

/** The page itself, at the end of a socket that delivers when the test says so. */
class Page {
  readonly seen = new Seen()
  viewer: Viewer | undefined
  asked = 0
  changed = 0

  /** Hears all that was sent; of each kind only the newest frame when it stood still. */
  hear(stoodStill: boolean): void {
    const { frames } = this.seen
    this.seen.texts.length = 0
    for (const frame of stoodStill ? conflated(frames) : frames) {
      const before = Live.again.value
      Live.hear(frame)
      if (frame.t === "cells" || frame.t === "changes") this.changed++
      if (Live.again.value === before) continue
      this.asked++
      this.viewer?.receive(JSON.stringify({ t: "again" }))
    }
  }

  get rows(): ReadonlyArray<Row | undefined> {
    const { from, rows, total } = Live.table.value
    return Array.from({ length: total - from }, (_, offset) => rows.get(from + offset))
  }
}

const campaign = Effect.fnUntraced(function* (seed: number) {
  const random = randomOf(seed)
  const whole = (most: number): number => Math.floor(random() * most)
  let now = 1_000_000
  const explain = () => ({
    blame: ["network", "server", undefined][whole(3)],
    because: `reason ${whole(5)}`,
    rtt: random() < 0.5 ? whole(50) : undefined,
    changedAt: random() < 0.5 ? now - whole(100) : undefined
  })
  const fleet = new Fleet({ now: () => now, explain })
  const board = new Board({
    fleet,
    budgets: new Budgets(),
    hello: () => hello,
    now: () => now,
    fork: () => Effect.runFork(Effect.never),
    told: { detailOf: () => ({ explanation: undefined, recording: undefined }), act: () => {} }
  })
  const living: Array<Scripted> = []
  const one = (): Scripted | undefined => living[whole(living.length)]
  const enter = (): void => {
    const entered = new Scripted(`feed ${whole(200)}`, ["prices"], stateBy(whole(6), whole(9)), zero)
    entered.ended = fleet.observe(entered).ended
    living.push(entered)
  }
  const viewOf = (): View => ({
    sort: columns[whole(columns.length)] ?? "name",
    descending: random() < 0.5,
    text: random() < 0.2 ? "feed 1" : "",
    states: random() < 0.7 ? [] : states.filter(() => random() < 0.5),
    from: whole(20),
    to: 200
  })
  const flow = (scripted: Scripted | undefined): void => {
    if (scripted === undefined) return
    const { figures } = scripted
    const waiting = { messages: whole(3), bytes: 0 }
    const oldestAge = waiting.messages === 0 ? undefined : whole(100)
    scripted.figures = { ...figures, messagesIn: figures.messagesIn + whole(9), outbox: { ...waiting, oldestAge } }
  }
  for (let n = 0; n < 100; n++) enter()

  const scope = yield* Scope.make()
  const page = new Page()
  page.viewer = yield* Scope.provide(board.join(page.seen.outlet), scope)
  let view = viewOf()
  const look = (): void => {
    view = viewOf()
    page.viewer?.receive(JSON.stringify({ t: "view", view }))
  }
  look()
  const happen = (): void => {
    const chance = random()
    if (chance < 0.02) for (const scripted of living) scripted.becomes(stateBy(whole(6), whole(9)))
    else if (chance < 0.05) enter()
    else if (chance < 0.08) living.splice(whole(living.length), 1)[0]?.ended()
    else if (chance < 0.5) one()?.becomes(stateBy(whole(6), whole(9)))
    else if (chance < 0.7) one()?.answers(random() * 9)
    else if (chance < 0.9) flow(one())
    else if (chance < 0.95) look()
    else page.seen.unsent = random() < 0.5 ? 0 : 1024 * 1024
  }
  const beat = (): void => {
    now += 125
    board.beatOnce(now)
  }
  const isRight = (at: string): void => {
    const { sampling } = fleet
    assert.isDefined(sampling)
    const { at: step } = sampling.step
    if (Live.fleet.value.at === step) {
      const { cells, ids } = Live.fleet.value
      assert.deepInclude(sampling.cells(undefined), { ids, cells }, at)
    }
  }
  let late: { readonly seen: Seen; readonly scope: Scope.Closeable } | undefined
  for (let round = 0; round < 5; round++) {
    const at = `seed ${seed}, round ${round}`
    for (let step = 0; step < 40; step++) {
      for (let n = whole(4); n > 0; n--) happen()
      beat()
      if (random() < 0.5) page.hear(random() < 0.5)
      isRight(at)
    }
    // It quietens: within three seconds everybody has everything.
    page.seen.unsent = 0
    for (let n = 0; n < 24; n++) {
      beat()
      page.hear(n === 0)
    }
    const { sampling } = fleet
    assert.isDefined(sampling)
    assert.strictEqual(Live.fleet.value.at, sampling.step.at, at)
    isRight(at)
    const window = new Window(view)
    window.refresh(sampling.members)
    const rows = window.shown.map((member) => rowOf(member))
    assert.deepStrictEqual(plain(page.rows), plain(rows), at)
    // Another that came late, and reads everything, misses no frame.
    if (late !== undefined) {
      assert.deepInclude(sampling.cells(undefined), { ids: late.seen.fleet.ids, cells: late.seen.fleet.cells }, at)
      assert.isNotEmpty(late.seen.rows)
      yield* Scope.close(late.scope, Exit.void)
    }
    const seen = new Seen()
    late = { seen, scope: yield* Scope.make() }
    yield* Scope.provide(board.join(seen.outlet), late.scope)
  }
  yield* Scope.close(scope, Exit.void)
  if (late !== undefined) yield* Scope.close(late.scope, Exit.void)
  return page
})

/** As JSON says it. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe("a page's copy", () => {
  it.effect("of cells and rows is the program's, in 12 random histories", () =>
    Effect.gen(function* () {
      let [asked, changed] = [0, 0]
      for (let seed = 1; seed <= 12; seed++) {
        const page = yield* campaign(seed)
        asked += page.asked
        changed += page.changed
      }
      // The histories are worth something only with changes that were sent, and some that were missed.
      assert.isAbove(asked, 12)
      assert.isAbove(changed, 400)
    })
  )
})
