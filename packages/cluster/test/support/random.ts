/** Numbers that look random and depend on the seed alone, so that a failing history can be replayed. */

export interface Random {
  (): number
  readonly below: (limit: number) => number
  readonly pick: <A>(from: ReadonlyArray<A>) => A
  /** Each with this chance. */
  readonly some: <A>(from: ReadonlyArray<A>, chance: number) => Array<A>
}

export const randomOf = (seed: number): Random => {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return Object.assign(next, {
    below,
    pick: <A>(from: ReadonlyArray<A>) => from[below(from.length)]!,
    some: <A>(from: ReadonlyArray<A>, chance: number) => from.filter(() => next() < chance)
  })
}
