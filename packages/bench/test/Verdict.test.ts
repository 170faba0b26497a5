// Proves the judgement over measurements: medians, ratios taken between
// neighbours in an interleaved run, bars that bite on either side once the whole
// interval is beyond them, and that a bar which was not measured counts as broken.
import { assert, describe, it } from "@effect/vitest"
import { bars, leads } from "../src/bars.ts"
import { confidenceOf, type Figure, figure, interleaved, intervalOf, median } from "../src/harness/figures.ts"
import { complaints, verdict } from "../src/harness/verdict.ts"
import { mulberry32 } from "../../kharbranth/test/support/random.ts"

const bar = (label: string, value: number): Figure => figure("outbound", label, [value])

/** Every bar met exactly, every lead exactly kept. */
const exact = (bench: string): ReadonlyArray<Figure> => [
  ...bars.filter((bar) => bar.bench === bench).map(({ hard, label }) => figure(bench, label, [hard])),
  ...leads
    .filter((lead) => lead.bench === bench)
    .flatMap(({ label, over, times }) => {
      const own = bars.find((bar) => bar.bench === bench && bar.label === label)?.hard ?? 0
      return over.map((name) => figure(bench, name, [own / times]))
    })
]

describe("Verdict", () => {
  it("the median is the middle, or the mean of the two", () => {
    assert.strictEqual(median([9, 1, 5]), 5)
    assert.strictEqual(median([9, 1, 5, 3]), 4)
  })

  it("a contender is compared with the baseline sample right before it", async () => {
    const order: Array<string> = []
    let drift = 1
    const subject = (label: string, speed: number) => ({
      label,
      run: async () => {
        order.push(label)
        if (label === "base") drift *= 2
        // The clock would say the square: the judged figure is the CPU's.
        return { perSecond: speed ** 2 * drift, cpuMicros: 1 / (speed * drift) }
      }
    })
    const figures = await interleaved("b", 3, subject("base", 10), [subject("x", 20), subject("y", 5)], "/s")
    assert.strictEqual(order.join(" "), Array.from({ length: 3 }, () => "base x base y").join(" "))
    assert.deepStrictEqual(figures[1]?.rounds, [2, 2, 2])
    assert.deepStrictEqual(figures[2]?.rounds, [0.5, 0.5, 0.5])
    assert.strictEqual(figures[1]?.byClock, 4)
    assert.strictEqual(figures[2]?.byClock, 0.25)
  })

  it("a bar says whether it holds, and whether the goal is reached", () => {
    assert.strictEqual(verdict(bar("kharbranth, sink fed in arrays", 1.99)), "BELOW")
    assert.strictEqual(verdict(bar("kharbranth, sink fed in arrays", 2)), "holds")
    assert.strictEqual(verdict(bar("kharbranth, sink fed in arrays", 2.8)), "goal")
    assert.strictEqual(verdict(figure("latency", "kharbranth, p50", [1.13])), "BELOW")
    assert.strictEqual(verdict(figure("latency", "kharbranth, p50", [1.05])), "goal")
    assert.strictEqual(verdict(bar("partysocket", 0)), "")
  })

  it("an interval holds the true median in 95 of 100 cases, and says less of few rounds", () => {
    assert.deepStrictEqual(intervalOf([3]), [3, 3])
    assert.deepStrictEqual(intervalOf([5, 1, 4, 2, 3]), [1, 5])
    assert.deepStrictEqual([2, 3, 5, 6, 20].map(confidenceOf), [50, 75, 94, 95, 95])
    const random = mulberry32(7)
    for (const [rounds, atLeast] of [
      [5, 0.92],
      [6, 0.95],
      [9, 0.95],
      [15, 0.95]
    ] as const) {
      let held = 0
      for (let trial = 0; trial < 4_000; trial++) {
        const [low, high] = intervalOf(Array.from({ length: rounds }, () => random() ** 3))
        if (low <= 0.125 && high >= 0.125) held++
      }
      assert.isAtLeast(held / 4_000, atLeast - 0.01, `${rounds} rounds`)
      assert.isAtMost(held / 4_000, 0.985, `${rounds} rounds: wider than it need be`)
    }
  })

  it("a hard bar is missed only when the whole interval is beyond it", () => {
    const sink = (...rounds: ReadonlyArray<number>) => figure("outbound", "kharbranth, sink fed in arrays", rounds)
    assert.strictEqual(verdict(sink(1.7, 1.8, 1.9, 1.9, 1.95, 2.01)), "holds")
    assert.strictEqual(verdict(sink(1.7, 1.8, 1.9, 1.9, 1.95, 1.99)), "BELOW")
    const p50 = (...rounds: ReadonlyArray<number>) => figure("latency", "kharbranth, p50", rounds)
    assert.strictEqual(verdict(p50(1.1, 1.3, 1.3, 1.3, 1.3, 1.3)), "holds")
    assert.strictEqual(verdict(p50(1.13, 1.3, 1.3, 1.3, 1.3, 1.3)), "BELOW")
  })

  it("figures that meet every bar exactly pass, in every bench", () => {
    for (const bench of new Set(bars.map(({ bench }) => bench))) {
      assert.deepStrictEqual(complaints(exact(bench), new Set([bench])), [])
    }
  })

  it("one figure that is not there, not a number, or beyond its bar, fails", () => {
    for (const { bench, better, hard, label } of bars) {
      const without = exact(bench).filter((figure) => figure.label !== label)
      const broken = [undefined, Number.NaN, better === "more" ? hard - 0.01 : hard + 0.01]
      for (const value of broken) {
        const figures = value === undefined ? without : [...without, figure(bench, label, [value])]
        assert.isNotEmpty(complaints(figures, new Set([bench])), `${bench}: ${label} = ${value}`)
      }
    }
  })

  it("a lead that is lost, or a peer that was not measured, fails", () => {
    for (const { bench, label, over, times } of leads) {
      const own = bars.find((bar) => bar.bench === bench && bar.label === label)?.hard ?? 0
      for (const name of over) {
        const others = exact(bench).filter(({ label }) => label !== name)
        assert.isNotEmpty(complaints(others, new Set([bench])))
        assert.isNotEmpty(complaints([...others, figure(bench, name, [(own / times) * 1.01])], new Set([bench])))
      }
    }
  })

  it("benches that did not run are not judged", () => {
    assert.deepStrictEqual(complaints([], new Set()), [])
  })
})
