/** Checks of options: what is wrong, and where. They name the place and never a value of the user's. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** Where an option is, as keys. */
export type Path = ReadonlyArray<string | number>

/** What is wrong with an option, and what would be right. */
export interface Issue {
  readonly path: Path
  readonly issue: string
}

export type Issues = ReadonlyArray<Issue>

export const none: Issues = []

const unless = (isRight: boolean, path: Path, issue: string): Issues => (isRight ? none : [{ path, issue }])

export const wholeNumber = (path: Path, value: number | undefined, least: number): Issues =>
  unless(
    value === undefined || (Number.isSafeInteger(value) && value >= least),
    path,
    `expected a whole number of at least ${least}`
  )

export const moreThanZero = (path: Path, value: number): Issues =>
  unless(value > 0 && value < Infinity, path, "expected a finite number above zero")

export const duration = (path: Path, input: Duration.Input | undefined): Issues => {
  const millis =
    input === undefined ? 1 : Option.getOrElse(Option.map(Duration.fromInput(input), Duration.toMillis), () => 0)
  return unless(
    millis > 0 && millis < Infinity,
    path,
    'expected a finite duration longer than zero, such as "10 seconds"'
  )
}

export const oneOf = (path: Path, value: unknown, choices: ReadonlyArray<unknown>): Issues =>
  unless(value === undefined || choices.includes(value), path, `expected one of: ${choices.map(String).join(", ")}`)

/** Names that nobody knows, such as one that is misspelt. */
export const names = (path: Path, given: object, known: ReadonlyArray<string>): Issues =>
  Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => ({ path: [...path, name], issue: `there is no such option, only: ${known.join(", ")}` }))
