/** The kinds of values that programs write down: words, names, functions, objects. */
import * as Schedule from "effect/Schedule"
import { duration, type Kind } from "./kinds.ts"

/** Names of options, and what each takes. */
export type Fields = Readonly<Record<string, Shape>>

/** A kind, with what there is to look at inside. */
export interface Shape extends Kind {
  /** What it means to leave the option out. Default: nothing is wrong. */
  readonly required?: boolean | undefined
  /** The words that are right, of which the nearest to a wrong one is shown. */
  readonly words?: ReadonlyArray<string> | undefined
  /** The objects of options that a value has, or stands for. */
  readonly fields?: ((value: unknown) => ReadonlyArray<Inside>) | undefined
  /** What each element of a list is. */
  readonly each?: Shape | undefined
}

/** What should be an object of options. */
export interface Inside {
  readonly fields: Fields
  readonly value: unknown
}

const typed = (type: string, expected: string): Shape => ({ expected, is: (value) => typeof value === type })

export const anything: Shape = { expected: "anything", is: () => true }
export const func: Shape = typed("function", "a function")
export const bool: Shape = typed("boolean", "true or false")
export const string: Shape = typed("string", "a string")
export const name: Shape = { expected: "a name", is: (value) => typeof value === "string" && value !== "" }
export const finite: Shape = { expected: "a finite number", is: Number.isFinite }

export const strings: Shape = {
  expected: "an array of strings",
  is: (value) => Array.isArray(value) && value.every((each) => typeof each === "string")
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const quoted = (word: string): string => `"${word}"`

export const either = (all: ReadonlyArray<string>): string =>
  all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`

/** One of these words. */
export const words = (...all: ReadonlyArray<string>): Shape => ({
  expected: either(all.map(quoted)),
  is: (value) => all.includes(value as string),
  words: all
})

/** An object with these options. */
export const object = (fields: Fields, expected = "an object"): Shape => ({
  expected,
  is: isObject,
  fields: (value) => [{ fields, value }]
})

export const required = (shape: Shape): Shape => ({ ...shape, required: true })

/** Of either kind; whatever is wrong inside is looked for in the first that fits. */
export const or = (...all: ReadonlyArray<Shape>): Shape => ({
  expected: either(all.map(({ expected }) => expected)),
  is: (value) => all.some((shape) => shape.is(value)),
  words: all.flatMap((shape) => shape.words ?? []),
  fields: (value) => all.find((shape) => shape.is(value))?.fields?.(value) ?? []
})

export const oneOrMany = (each: Shape): Shape => ({
  expected: `${each.expected}, or a list of them`,
  is: (value) => Array.isArray(value) || each.is(value),
  fields: (value) => (Array.isArray(value) ? [] : (each.fields?.(value) ?? [])),
  each
})

export const schedule: Shape = { expected: "a Schedule", is: Schedule.isSchedule }

export const every: Shape = or(duration, schedule)
