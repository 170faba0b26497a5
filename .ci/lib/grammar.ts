/**
 * What Harper, a grammar checker that runs offline, finds in a document. It is a
 * floor: what it lets pass may still be bad English.
 */
import { type Linter, LocalLinter } from "harper.js"
import { binary } from "harper.js/binary"
import { lineAt } from "./tree.ts"

/** Rules of taste, those that take code for words, and spelling, which cspell checks. */
const unused = [
  "ExpandMemoryShorthands",
  "ExpandMinimum",
  "ExpandTimeShorthands",
  "MassNouns",
  "OrthographicConsistency",
  "OxfordComma",
  "SentenceCapitalization",
  "SpellCheck",
  "SplitWords",
  "UseTitleCase"
]

/** Right as they stand: a rule, and the words around what it complains about. */
const accepted: ReadonlyArray<readonly [rule: string, text: string]> = [
  ["CompoundNouns", "data source"],
  ["CompoundNouns", "a proxy look alike from here"],
  ["DisjointPrefixes", "over growing ranges"],
  ["DisjointPrefixes", "waking up ends no healthy session"],
  ["Everyone", "every one, its likely cause"],
  ["HopHope", "the last hop says"],
  ["MergeWords", "30 s "],
  ["MissingPreposition", "Its commands are plain data"],
  ["MissingTo", "No venue was tried live"],
  ["MissingTo", "`connection.send` waits for Ready"],
  ["ModalBeAdjective", "can ping"],
  ["ModalBeAdjective", "cannot ping"],
  ["NounVerbConfusion", "an option's Effect resolves"],
  ["OneOfTheSingular", "one of the four `SendError`s"],
  ["Overall", "over all sessions"],
  ["Overall", "over all that a connection writes"],
  ["Overall", "works over all three transports"],
  ["PronounInflectionBe", "reading and sending by it are typed"],
  ["ThatThan", "how soon a leader that hangs is replaced"],
  ["ThisTypeOfThing", "does not take this kind of data"],
  ["WayTooAdjective", "on the way to Ready"],
  ["WrongNegative", "is deregistered"]
]

export const makeLinter = async (): Promise<Linter> => {
  const linter = new LocalLinter({ binary })
  await linter.setup()
  const rules = await linter.getDefaultLintConfig()
  await linter.setLintConfig({ ...rules, ...Object.fromEntries(unused.map((rule) => [rule, false])) })
  return linter
}

export const grammarFaults = async (linter: Linter, path: string, text: string): Promise<ReadonlyArray<string>> => {
  const found = Object.entries(await linter.organizedLints(text, { language: "markdown" }))
  // Harper counts characters, not code units.
  const characters = Array.from(text)
  return found.flatMap(([rule, lints]) =>
    lints.flatMap((lint) => {
      const { end, start } = lint.span()
      const around = characters
        .slice(Math.max(0, start - 60), end + 60)
        .join("")
        .replaceAll(/\s+/g, " ")
      if (accepted.some(([of, words]) => of === rule && around.includes(words))) return []
      const line = lineAt(text, characters.slice(0, start).join("").length)
      return [`${path}:${line} "${lint.get_problem_text()}": ${lint.message()} (${rule})`]
    })
  )
}
