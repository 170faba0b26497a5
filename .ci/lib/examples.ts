/**
 * Finds the examples in the documentation: every ```ts block of the JSDoc in
 * the packages' sources, of the READMEs and of the guides, and every program of
 * the scratchpad.
 */
import { lineAt, modulesOf, type Tree } from "./tree.ts"

export interface Example {
  /** Where it stands: `path:line`. */
  readonly origin: string
  /** The file it stands in. */
  readonly source: string
  readonly code: string
  /** False when its first line is `// no-run`: it is type-checked only. */
  readonly runs: boolean
}

const fence = /^([ \t]*)```ts[^\n]*\n([\s\S]*?)^[ \t]*```[ \t]*$/gm

/** Keeps the line count, so that an example's place in its file is known. */
const withoutStars = (comment: string): string => comment.replaceAll(/^[ \t]*\* ?/gm, "")

const examplesIn = (source: string, text: string, firstLine: number): ReadonlyArray<Example> =>
  [...text.matchAll(fence)].map((match) => {
    const code = match[2] ?? ""
    const origin = `${source}:${firstLine + lineAt(text, match.index) - 1}`
    return { origin, source, code, runs: !/^\s*\/\/ no-run\b/.test(code) }
  })

export const findExamples = (tree: Tree): ReadonlyArray<Example> => [
  ...modulesOf(tree, /^packages\/[^/]+\/src\//).flatMap((module) =>
    module.comments
      .filter((comment) => comment.type === "Block" && comment.value.startsWith("*"))
      .flatMap((comment) => examplesIn(module.path, withoutStars(comment.value), lineAt(module.text, comment.start)))
  ),
  ...[...tree]
    .filter(([path]) => /^(?:(?:packages\/[^/]+\/)?README|packages\/[^/]+\/guide\/[\w-]+)\.md$/.test(path))
    .flatMap(([path, text]) => examplesIn(path, text, 1)),
  ...[...tree]
    .filter(([path]) => /^scratchpad\/programs\/[\w-]+\.ts$/.test(path))
    .map(([path, code]) => ({ origin: path, source: path, code, runs: true }))
]
