/**
 * Figures: how samples become ratios, and what a bench hands to the report.
 */

export interface Figure {
  readonly bench: string
  /** What was measured: unique within the bench, and the key of its bars. */
  readonly label: string
  /** The median. */
  readonly value: number
  /** Every round, in order. */
  readonly rounds: ReadonlyArray<number>
  readonly unit: string
  /**
   * The same ratio by elapsed time, where `rounds` are by CPU time: it should agree, unless the machine was busy with
   * other things or the server was the bottleneck.
   */
  readonly byClock?: number | undefined
  /** Where the peer does less than a supervised connection with a heartbeat and a typed stream. */
  readonly note?: string | undefined
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** How many of so many rounds the interval leaves out at either end, and the chance that the median is beyond one. */
const tailOf = (count: number): { readonly outside: number; readonly chance: number } => {
  let outside = 0
  let next = 0.5 ** count
  let chance = next
  while (true) {
    next = (next * (count - outside)) / (outside + 1)
    if (chance + next > 0.025) return { outside, chance }
    chance += next
    outside++
  }
}

/**
 * Where the true median lies, whatever the distribution: from one sorted sample
 * to the one as far from the other end, with 95 % confidence. Of fewer than six
 * rounds it has all, and they say less: see `confidenceOf`.
 */
export const intervalOf = (values: ReadonlyArray<number>): readonly [low: number, high: number] => {
  const sorted = values.toSorted((a, b) => a - b)
  const { outside } = tailOf(sorted.length)
  return [sorted[outside] ?? Number.NaN, sorted[sorted.length - 1 - outside] ?? Number.NaN]
}

/** How sure the interval of so many rounds is, in percent; at most 95. */
export const confidenceOf = (count: number): number => Math.min(95, Math.round(100 * (1 - 2 * tailOf(count).chance)))

export const figure = (
  bench: string,
  label: string,
  rounds: ReadonlyArray<number>,
  unit = "×",
  note?: string
): Figure => ({ bench, label, value: median(rounds), rounds, unit, note })

export interface Sample {
  readonly perSecond: number
  /** CPU time of the client for each message. */
  readonly cpuMicros: number
}

/** A subject to compare. */
export interface Contender {
  readonly label: string
  readonly run: () => Promise<Sample>
  readonly note?: string | undefined
}

/**
 * Runs baseline and contender in turn, A B A B …, and gives each contender's
 * ratio to the baseline sample right before it, by CPU time for each message;
 * the baseline's own spread comes first.
 */
export const interleaved = async (
  bench: string,
  rounds: number,
  baseline: Contender,
  contenders: ReadonlyArray<Contender>,
  unit: string
): Promise<ReadonlyArray<Figure>> => {
  const bases: Array<number> = []
  const ratios = contenders.map(() => ({ cpu: [] as Array<number>, clock: [] as Array<number> }))
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const base = await baseline.run()
      const sample = await contender.run()
      const cpu = base.cpuMicros / sample.cpuMicros
      const clock = sample.perSecond / base.perSecond
      bases.push(base.perSecond)
      ratios[index]!.cpu.push(cpu)
      ratios[index]!.clock.push(clock)
      const shown = `${cpu.toFixed(2)}, by the clock ${clock.toFixed(2)}`
      process.stderr.write(`${bench}: ${contender.label} ${shown} (${round + 1}/${rounds})\n`)
    }
  }
  return [
    figure(bench, baseline.label, bases, unit, baseline.note),
    ...contenders.map(({ label, note }, index) => ({
      ...figure(bench, label, ratios[index]!.cpu, "×", note),
      byClock: median(ratios[index]!.clock)
    }))
  ]
}
