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

/** Prints what is wrong under a check's name. Returns whether nothing is. */
export const report = (name: string, faults: ReadonlyArray<string>): boolean => {
  const holds = faults.length === 0
  console.log(`${holds ? "ok  " : "FAIL"} ${name}`)
  for (const fault of faults) console.log(`       ${fault}`)
  return holds
}

/** Tries a check on its own samples, then on the repository, and reports both. */
export const runCheck = (check: Check, tree: Tree): boolean =>
  report(check.name, [...failedSamples(check), ...check.complaints(tree)])

/** The check's own samples that it judges wrongly. */
const failedSamples = (check: Check): ReadonlyArray<string> => [
  ...check.rejects.flatMap((sample) =>
    check.complaints(new Map(Object.entries(sample))).length > 0
      ? []
      : [`does not bite: it let pass ${JSON.stringify(sample)}`]
  ),
  ...check.accepts.flatMap((sample) =>
    check.complaints(new Map(Object.entries(sample))).map((text) => `refused a good sample: ${text}`)
  )
]
