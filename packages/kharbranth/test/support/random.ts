/**
 * Numbers that look random and depend on the seed alone, so that a failing
 * history can be replayed.
 */
export const randomOf = (seed: number): (() => number) => {
  let state = Math.imul(seed, 2_654_435_761) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}
