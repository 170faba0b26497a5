/**
 * Checks of what people read: pages stay short, sentences too, words that a
 * native speaker would not choose do not occur, and every link leads to a page
 * and a heading that exist.
 */
import { posix } from "node:path"
import type { Check } from "./check.ts"
import { lineAt, modulesOf, type Tree } from "./tree.ts"

/** A document that people read from top to bottom: no generated results, no changesets. */
const page =
  /^(?:README|CONTRIBUTING|packages\/[^/]+\/(?:README|AGENTS)|packages\/[^/]+\/guide\/[\w-]+|scratchpad\/README)\.md$/

export const pages = (tree: Tree): ReadonlyArray<readonly [path: string, text: string]> =>
  [...tree].filter(([path]) => page.test(path))

const blank = (text: string): string => text.replaceAll(/[^\n]/g, " ")

/** The same text with code, front matter and comments blanked, every line in its place. */
export const withoutCode = (text: string): string =>
  text.replace(/^---\n[\s\S]*?\n---\n/, blank).replaceAll(/^[ \t]*```[\s\S]*?^[ \t]*```|<!--[\s\S]*?-->/gm, blank)

/** One line of prose as it is read: links by their text, code as one word. */
const spoken = (line: string): string =>
  line
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/`[^`]*`/g, "Code")
    .replaceAll(/<[^>]+>|[*_]{1,2}/g, "")

/** Paragraphs and list items, each on one line. Tables and headings are no sentences. */
export const paragraphs = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let open = false
  for (const line of withoutCode(text).split("\n")) {
    const item = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(line)?.[1]
    if (/^\s*$|^\s*\||^#|^\s*</.test(line)) open = false
    else if (item !== undefined || !open) {
      found.push(spoken(item ?? line))
      open = true
    } else found[found.length - 1] += ` ${spoken(line).trim()}`
  }
  return found
}

const abbreviations = /\b(?:e\.g|i\.e|vs|etc|No)\.(?=\s)/g

/** A sentence ends at a full stop, a question, an exclamation, or a colon or semicolon that a clause could follow alone. */
export const sentences = (text: string): ReadonlyArray<string> =>
  paragraphs(text)
    .flatMap((paragraph) =>
      paragraph.replaceAll(abbreviations, "as").split(/(?<=[.!?][)"”*]?)\s+(?=["“(*]?[\p{Lu}\d])/u)
    )
    .filter((sentence) => /\p{L}/u.test(sentence))

export const wordsIn = (sentence: string): number => sentence.match(/[\p{L}\p{N}][\p{L}\p{N}'’.,/@-]*/gu)?.length ?? 0

const mostLines = 150
const mostWords = 22
const longestSentence = 45

const shortPages: Check = {
  name: `a page has at most ${mostLines} lines`,
  complaints: (tree) =>
    pages(tree)
      .map(([path, text]) => [path, text.trimEnd().split("\n").length] as const)
      .filter(([, lines]) => lines > mostLines)
      .map(([path, lines]) => `${path} has ${lines} lines`),
  rejects: [{ "packages/a/guide/b.md": "x\n".repeat(mostLines + 1) }],
  accepts: [{ "packages/a/guide/b.md": "x\n".repeat(mostLines) }, { "packages/a/RESULTS.md": "x\n".repeat(500) }]
}

const shortSentences: Check = {
  name: `sentences average at most ${mostWords} words, and none has more than ${longestSentence}`,
  complaints: (tree) =>
    pages(tree).flatMap(([path, text]) => {
      const lengths = sentences(text).map((sentence) => [wordsIn(sentence), sentence] as const)
      const average = lengths.reduce((sum, [words]) => sum + words, 0) / Math.max(1, lengths.length)
      const long = lengths
        .filter(([words]) => words > longestSentence)
        .map(([words, sentence]) => `${path}: a sentence of ${words} words: ${sentence}`)
      return average > mostWords ? long.concat(`${path}: ${average.toFixed(1)} words a sentence`) : long
    }),
  rejects: [
    { "README.md": `A ${"very ".repeat(mostWords)}long one. A ${"very ".repeat(mostWords)}long one.` },
    { "README.md": `Short. Short. Short. A ${"very ".repeat(longestSentence)}long one.` },
    { "README.md": `- one that goes ${"on and ".repeat(12)}\n  ${"on and ".repeat(12)}` }
  ],
  accepts: [
    { "README.md": `A short one. Very ${"very ".repeat(mostWords)}long.\n\n\`\`\`ts\n${"a ".repeat(99)}\n\`\`\`` }
  ]
}

/** What to say instead. */
const unwelcome: ReadonlyArray<readonly [pattern: RegExp, better: string]> = [
  [/\banew\b/gi, "again"],
  [/\bof (?:its|their|your) own accord\b/gi, "by itself"],
  [/\bmeanwhile\b/gi, "in the meantime, or nothing"],
  [/\ball the same\b/gi, "still"],
  [/\bwhoever\b/gi, "the reader, your program, a caller"],
  [/\btells\b/gi, "reports, says, shows"],
  [/\bbrings\b/gi, "provides, comes with"],
  [/\bshall\b/gi, "should, must, or the present tense"],
  [/\b(\w+) \1\b/gi, "it once"]
]

/** Public modules, with all but their JSDoc blanked. */
export const docblocks = (tree: Tree): ReadonlyArray<readonly [path: string, text: string]> =>
  modulesOf(tree, /^packages\/(?!bench\/|site\/)[^/]+\/src\/(?!(?:.*\/)?internal\/)/).map(
    ({ comments, path, text }) => {
      const docs = comments.filter(({ type, value }) => type === "Block" && value.startsWith("*"))
      let prose = blank(text)
      for (const { end, start } of docs) prose = prose.slice(0, start) + text.slice(start, end) + prose.slice(end)
      return [path, prose]
    }
  )

const welcomeWords: Check = {
  name: "words that a native speaker would not choose do not occur",
  complaints: (tree) =>
    [...pages(tree), ...docblocks(tree)].flatMap(([path, text]) => {
      const prose = withoutCode(text).replaceAll(/`[^`\n]*`/g, blank)
      return unwelcome.flatMap(([pattern, better]) =>
        [...prose.matchAll(pattern)].map(
          (match) => `${path}:${lineAt(prose, match.index)} says "${match[0]}"; say ${better}`
        )
      )
    }),
  rejects: [
    { "README.md": "It is dialed anew." },
    { "packages/a/guide/b.md": "Whoever reads." },
    { "packages/a/guide/b.md": "Read the the page." },
    { "packages/a/src/B.ts": "/** It tells the state. */\nexport const b = 1" }
  ],
  accepts: [
    { "README.md": "It is dialed again. `anew`\n\n```ts\nconst tells = 1\n```" },
    { "packages/a/src/B.ts": "/** It is. */\nexport const tells = 1 // tells" }
  ]
}

/** The anchor that a heading gets, as GitHub and the site make it. */
export const slug = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-")

export const anchorsOf = (text: string): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, heading = ""] of withoutCode(text).matchAll(/^#{1,6}\s+(.*)$/gm)) {
    const plain = slug(heading)
    const again = seen.get(plain) ?? 0
    seen.set(plain, again + 1)
    anchors.add(again === 0 ? plain : `${plain}-${again}`)
  }
  return anchors
}

const link = /\]\((?!\w+:)([^)\s#]*)#([^)\s]+)\)/g

const anchorsHold: Check = {
  name: "every link to a heading finds it",
  complaints: (tree) =>
    [...tree]
      .filter(([path]) => path.endsWith(".md"))
      .flatMap(([path, text]) => {
        const prose = withoutCode(text)
        return [...prose.matchAll(link)]
          .filter(([, to = "", anchor = ""]) => {
            const target = to === "" ? text : tree.get(posix.join(posix.dirname(path), to))
            return target === undefined || !anchorsOf(target).has(anchor)
          })
          .map((match) => `${path}:${lineAt(prose, match.index)} ${match[0]}`)
      }),
  rejects: [
    { "README.md": "# A\n[b](#b)" },
    { "README.md": "[b](a.md#b)", "a.md": "# A" },
    { "README.md": "[b](gone.md#b)" }
  ],
  accepts: [{ "README.md": "[b](a.md#is-it-a-b) [c](#it-is--is-it)\n# It is – is it?", "a.md": "# Is it a `b`?" }]
}

export const proseChecks: ReadonlyArray<Check> = [shortPages, shortSentences, welcomeWords, anchorsHold]
