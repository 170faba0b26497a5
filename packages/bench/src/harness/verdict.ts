/**
 * Figures against bars. A hard bar is missed only by a figure whose whole
 * interval is beyond it: what is inside may be the noise of the machine.
 */
import { type Bar, bars, type Lead, leads } from "../bars.ts"
import { type Figure, figure, intervalOf } from "./figures.ts"

const find = (figures: ReadonlyArray<Figure>, bench: string, label: string): Figure | undefined =>
  figures.find((figure) => figure.bench === bench && figure.label === label)

export const barOf = (figure: Figure): Bar | undefined =>
  bars.find(({ bench, label }) => bench === figure.bench && label === figure.label)

const holds = ({ better }: Bar, value: number, limit: number): boolean =>
  better === "more" ? value >= limit : value <= limit

/** Whether at least one end of the interval is on the right side of the hard bar. */
const mayHold = (bar: Bar, { rounds }: Figure): boolean => {
  const [low, high] = intervalOf(rounds)
  return holds(bar, bar.better === "more" ? high : low, bar.hard)
}

export const verdict = (figure: Figure): "" | "goal" | "holds" | "BELOW" => {
  const bar = barOf(figure)
  if (bar === undefined) return ""
  if (!mayHold(bar, figure)) return "BELOW"
  return bar.goal !== undefined && holds(bar, figure.value, bar.goal) ? "goal" : "holds"
}

/** Round by round: both are ratios to samples of the same round. */
const ratiosOf = (own: Figure, other: Figure): ReadonlyArray<number> =>
  own.rounds.map((value, round) => value / other.rounds[round]!)

const brokenLead = (figures: ReadonlyArray<Figure>, { bench, label, over, times }: Lead): ReadonlyArray<string> => {
  const own = find(figures, bench, label)
  if (own === undefined) return [`${bench}: "${label}" was not measured`]
  return over.flatMap((name) => {
    const other = find(figures, bench, name)
    if (other === undefined) return [`${bench}: "${name}" was not measured`]
    const ratio = figure(bench, label, ratiosOf(own, other))
    const [, high] = intervalOf(ratio.rounds)
    return high >= times ? [] : [`${bench}: "${label}" is ${ratio.value.toFixed(2)} times "${name}", not ${times}`]
  })
}

/** Every hard bar that does not hold, among the benches that ran; a bar that was not measured does not hold. */
export const complaints = (figures: ReadonlyArray<Figure>, ran: ReadonlySet<string>): ReadonlyArray<string> => [
  ...bars
    .filter(({ bench }) => ran.has(bench))
    .flatMap((bar) => {
      const figure = find(figures, bar.bench, bar.label)
      if (figure === undefined) return [`${bar.bench}: "${bar.label}" was not measured`]
      if (mayHold(bar, figure)) return []
      return [`${bar.bench}: "${bar.label}" is ${figure.value.toFixed(2)}, hard bar ${bar.hard}`]
    }),
  ...leads.filter(({ bench }) => ran.has(bench)).flatMap((lead) => brokenLead(figures, lead))
]
