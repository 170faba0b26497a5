/**
 * Finds what is wrong with options: unknown names, and values of the wrong kind.
 * A finding says what is expected and what kind of value was given. It repeats
 * no text that was given: that may be a secret.
 */
import type { Path } from "../model/check.ts"
import { nearest } from "./nearest.ts"
import { type Fields, isObject, object, type Shape } from "./shapes.ts"

/** One fault. */
export interface Finding {
  readonly path: Path
  readonly issue: string
}

/** What kind of value this is. */
const described = (value: unknown): string => {
  switch (typeof value) {
    case "undefined":
      return "nothing"
    case "number":
    case "boolean":
    case "bigint":
      return String(value)
    case "string":
      return value === "" ? "an empty string" : "a string"
    case "object":
      return value === null ? "null" : Array.isArray(value) ? "an array" : "an object"
    default:
      return `a ${typeof value}`
  }
}

const asking = (name: string | undefined): string => (name === undefined ? "" : `; did you mean ${name}?`)

const wrongValue = ({ expected, words = [] }: Shape, value: unknown): string => {
  const word = typeof value === "string" ? nearest(value, words) : undefined
  return `expected ${expected}, got ${described(value)}${asking(word === undefined ? undefined : `"${word}"`)}`
}

const wrongName = (name: string, fields: Fields): string => {
  const right = Object.keys(fields)
  const near = nearest(name, right)
  return `no such option${near === undefined ? `; there are ${right.join(", ")}` : asking(near)}`
}

/** A name as a path shows it. One that is no plain word may hold anything: its place stands for it. */
const shown = (name: string, index: number): string | number => (/^\w{1,40}$/.test(name) ? name : index)

/** Looks at one value, and adds what is wrong with it and inside it. */
export const find = (shape: Shape, value: unknown, path: Path, found: Array<Finding>): void => {
  if (!shape.is(value)) return void found.push({ path, issue: wrongValue(shape, value) })
  for (const inside of shape.fields?.(value) ?? []) findIn(inside.fields, inside.value, path, found)
  if (shape.each === undefined || !Array.isArray(value)) return
  for (const [index, element] of value.entries()) find(shape.each, element, [...path, index], found)
}

const findIn = (fields: Fields, value: unknown, path: Path, found: Array<Finding>): void => {
  if (!isObject(value)) return void found.push({ path, issue: wrongValue(object(fields), value) })
  for (const [index, name] of Object.keys(value).entries()) {
    if (!Object.hasOwn(fields, name))
      found.push({ path: [...path, shown(name, index)], issue: wrongName(name, fields) })
  }
  for (const name of Object.keys(fields)) {
    const shape = fields[name]!
    const given = value[name]
    if (given !== undefined || shape.required === true) find(shape, given, [...path, name], found)
  }
}

/** Whether nothing is wrong with flat options, at the price of a look at each: messages pass here. */
export const fits = (fields: Fields, value: object): boolean => {
  const values = value as Readonly<Record<string, unknown>>
  for (const name in values) {
    const given = values[name]
    const shape = fields[name]
    if (shape === undefined || (given !== undefined && !shape.is(given))) return false
  }
  return true
}
