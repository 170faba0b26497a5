/** What tests draw from one seed: numbers, and choices among values. */
import { chanceOf } from "../../src/testing/internal/chance.ts"

export interface Random {
  (): number
  readonly below: (limit: number) => number
  readonly pick: <A>(from: ReadonlyArray<A>) => A
  /** Each with this chance. */
  readonly some: <A>(from: ReadonlyArray<A>, chance: number) => Array<A>
}

export const randomOf = (seed: number): Random => {
  const next = chanceOf(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  return Object.assign(next, {
    below,
    pick: <A>(from: ReadonlyArray<A>) => from[below(from.length)]!,
    some: <A>(from: ReadonlyArray<A>, chance: number) => from.filter(() => next() < chance)
  })
}
