/**
 * Checks what people read: pages, sentences, words, links, spelling and grammar, in
 * documents and in the JSDoc of public modules. Each check is tried on its own
 * samples first, as those of the house are. Words that the dictionaries lack
 * are in `cspell.json`.
 */
import { spawnSync } from "node:child_process"
import { report, runCheck } from "./lib/check.ts"
import { grammarFaults, makeLinter } from "./lib/grammar.ts"
import { docblocks, pages, proseChecks } from "./lib/prose.ts"
import { readTree } from "./lib/tree.ts"

const root = new URL("..", import.meta.url).pathname

/** What cspell complains about in a text on its standard input, or in files. */
const misspelled = (files: ReadonlyArray<string>, input?: string): ReadonlyArray<string> => {
  const from = input === undefined ? files : ["stdin://sample.md"]
  const options = ["--no-progress", "--no-summary", "--no-color", "-c", ".ci/cspell.json", ...from]
  const { status, stderr, stdout } = spawnSync("node_modules/.bin/cspell", options, {
    cwd: root,
    input,
    encoding: "utf8"
  })
  const found = stdout.split("\n").filter((line) => line.includes("Unknown word"))
  return status !== 0 && found.length === 0 ? [`cspell failed: ${stderr}`] : found
}

const tree = readTree(root)
const spelling = [
  ...(misspelled([], "A mispelled word.\n").length === 1 ? [] : ["cspell does not bite"]),
  ...(misspelled([], "A `mispelled` word.\n\n```ts\nmispelled\n```\n").length === 0 ? [] : ["cspell reads code"]),
  ...misspelled([...pages(tree), ...docblocks(tree)].map(([path]) => path))
]

const linter = await makeLinter()
const wrong = await grammarFaults(linter, "sample.md", "This are an mistake.\n")
const grammar = wrong.length > 0 ? [] : ["Harper does not bite"]
for (const [path, text] of pages(tree)) grammar.push(...(await grammarFaults(linter, path, text)))

const results = [
  ...proseChecks.map((check) => runCheck(check, tree)),
  report("words are spelled right", spelling),
  report("grammar holds, as far as Harper sees", grammar)
]
process.exitCode = results.every((holds) => holds) ? 0 : 1
