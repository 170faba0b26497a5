/** Numbers that look random and depend on a seed and a lane alone, so that one seed gives one market. */

/** Folds two integers into one that looks random. */
export const mix = (a: number, b: number): number => {
  let z = (Math.imul(a | 0, 0x9e3779b1) ^ Math.imul((b | 0) + 0x7f4a7c15, 0x85ebca6b)) >>> 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}

/** Folds a text into an integer. */
export const hash = (text: string): number => {
  let sum = 0
  for (let at = 0; at < text.length; at++) sum = mix(sum, text.charCodeAt(at))
  return sum
}

export class Random {
  private state: number

  constructor(seed: number, lane: string) {
    this.state = mix(seed, hash(lane))
  }

  /** A number in [0, 1). */
  next(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0
    return mix(this.state, 0) / 0x1_0000_0000
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  /** A waiting time with this mean. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean
  }
}

const lattice = (seed: number, at: number): number => mix(seed, at) / 0x8000_0000 - 1

/** A smooth curve through one random height in [-1, 1] for every integer. */
export const noise = (seed: number, at: number): number => {
  const left = Math.floor(at)
  const part = at - left
  const ease = part * part * (3 - 2 * part)
  return lattice(seed, left) * (1 - ease) + lattice(seed, left + 1) * ease
}
