// Proves, against a model that sorts and filters everybody each time, that a viewer's window shows the right rows in
// the right order after any history of changes, and that totals and cells count everybody. `SEED=n RUNS=1` replays one.
import { assert, describe, it } from "@effect/vitest"
import { Fleet } from "../src/internal/fleet/fleet.ts"
import { Window } from "../src/internal/fleet/window.ts"
import { maxRows } from "../src/internal/wire/wire.ts"
import { zero } from "./support/figures.ts"
import { Scripted, stateBy } from "./support/scripted.ts"
import { histories } from "./windowModel.ts"

histories(60)

describe("the window", () => {
  it(`has at most ${maxRows} rows, whatever is asked for`, () => {
    const fleet = new Fleet({ now: () => 0, explain: () => undefined })
    for (let n = 0; n < 500; n++) fleet.observe(new Scripted(`feed ${n}`, [], stateBy(2, n), zero))
    const sampling = fleet.begin()
    const window = new Window({ sort: "epoch", descending: false, text: "", states: [], from: 100, to: 10_000 })
    window.refresh(sampling.members)
    assert.deepStrictEqual([window.shown.length, window.total], [maxRows, 500])
    fleet.end()
  })
})

describe("totals", () => {
  it("count gaps and losses since somebody looks, those of connections that ended too, for an hour at most", () => {
    let now = 0
    const fleet = new Fleet({ now: () => now, explain: () => undefined })
    const dropped = { overflow: 3, superseded: 100 }
    const one = new Scripted("one", [], stateBy(2, 1), { ...zero, gaps: { ConnectionDropped: 5 }, dropped })
    const listener = fleet.observe(one)
    fleet.observe(new Scripted("two", [], stateBy(2, 1), zero))
    const sampling = fleet.begin()
    assert.deepStrictEqual([sampling.totals().gaps, sampling.totals().losses], [0, 0])
    one.figures = {
      ...zero,
      gaps: { ConnectionDropped: 7 },
      dropped: { ...dropped, overflow: 4 },
      deliveries: { Unknown: 1 }
    }
    sampling.measure()
    assert.deepStrictEqual([sampling.totals().gaps, sampling.totals().losses], [2, 2])
    listener.ended()
    sampling.measure()
    assert.deepStrictEqual([sampling.totals().gaps, sampling.totals().losses], [2, 2])
    for (let minute = 0; minute < 70; minute++) {
      now += 60_000
      sampling.measure()
    }
    assert.deepStrictEqual([sampling.totals().gaps, sampling.totals().losses], [0, 0])
    fleet.end()
  })
})
