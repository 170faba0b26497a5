/**
 * What a house check is: a name, a function from the tree to complaints, and
 * the samples that prove it bites.
 */
import type { Tree } from "./tree.ts"

export type Sample = Readonly<Record<string, string>>

export interface Check {
  readonly name: string
  readonly complaints: (tree: Tree) => ReadonlyArray<string>
  /** Each must draw at least one complaint. */
  readonly rejects: ReadonlyArray<Sample>
  /** Each must draw none. */
  readonly accepts: ReadonlyArray<Sample>
}

/** The check's own samples that it judges wrongly. */
export const failedSamples = (check: Check): ReadonlyArray<string> => [
  ...check.rejects.flatMap((sample) =>
    check.complaints(new Map(Object.entries(sample))).length > 0
      ? []
      : [`does not bite: it let pass ${JSON.stringify(sample)}`]
  ),
  ...check.accepts.flatMap((sample) =>
    check.complaints(new Map(Object.entries(sample))).map((text) => `refused a good sample: ${text}`)
  )
]
