/** Figures of what a server saw. */

/** The value that so many percent do not exceed; 0 of nothing. */
export const percentile = (values: ReadonlyArray<number>, percent: number): number => {
  const sorted = [...values].toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0
}

export const most = (values: ReadonlyArray<number>): number => values.reduce((max, value) => Math.max(max, value), 0)

/** The most dials in any window of so many milliseconds. */
export const busiest = (dials: ReadonlyArray<number>, window: number): number => {
  const sorted = [...dials].toSorted((a, b) => a - b)
  let max = 0
  let first = 0
  for (let last = 0; last < sorted.length; last++) {
    while (sorted[last]! - sorted[first]! >= window) first++
    max = Math.max(max, last - first + 1)
  }
  return max
}
