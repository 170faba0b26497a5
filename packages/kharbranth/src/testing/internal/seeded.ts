/**
 * A small seeded generator of numbers. The network and the fault generator draw
 * from it, so that one seed gives one history.
 */

/** Numbers that look random and depend on the seed alone. */
export interface Seeded {
  /** A number in [0, 1). */
  next(): number
  /** A number in [from, to). */
  between(from: number, to: number): number
  /** One of several values. */
  pick<A>(values: readonly [A, ...Array<A>]): A
}

/** Starts a sequence. `lane` separates sequences that share a seed. */
export const make = (seed: number, lane = 0): Seeded => {
  let state = (Math.imul(seed | 0, 0x85ebca6b) ^ Math.imul(lane + 1, 0x27d4eb2f)) >>> 0
  // A Weyl sequence, scrambled by two multiply-and-fold rounds.
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 0x1_0000_0000
  }
  return {
    next,
    between: (from, to) => from + next() * (to - from),
    pick: (values) => values[Math.floor(next() * values.length)] ?? values[0]
  }
}
