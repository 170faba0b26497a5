/** Numbers that look random and depend on the seed alone, so that a failing run can be replayed. */
export const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}
