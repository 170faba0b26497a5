/**
 * What a bench is, and what it is given.
 */
import type { Figure } from "./figures.ts"

export interface Context {
  /** How many rounds of each measurement. */
  readonly rounds: number
  /** Shorter and smaller, to see whether everything runs. */
  readonly quick: boolean
}

export interface Bench {
  readonly name: string
  readonly title: string
  readonly run: (context: Context) => Promise<ReadonlyArray<Figure>>
}
