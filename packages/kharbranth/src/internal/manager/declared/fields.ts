/**
 * Reads the fields of a declaration and collects what is wrong with them, each
 * fault by its path and none with a value: it may be a secret.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { InvalidOptions } from "../../../ConnectionError.ts"
import { invalid, type Path } from "../../model/check.ts"

export type Fields = Readonly<Record<string, unknown>>

export const isFields = (u: unknown): u is Fields => typeof u === "object" && u !== null && !Array.isArray(u)

export class Reader {
  readonly faults: Array<InvalidOptions>
  readonly name: string
  private readonly path: Path
  private readonly fields: Fields

  constructor(name: string, path: Path, fields: Fields, faults: Array<InvalidOptions>) {
    this.name = name
    this.path = path
    this.fields = fields
    this.faults = faults
  }

  fault(path: Path, issue: string): undefined {
    this.faults.push(invalid(this.name, [...this.path, ...path], issue))
    return undefined
  }

  only(keys: ReadonlyArray<string>): void {
    for (const key of Object.keys(this.fields)) {
      if (!keys.includes(key)) this.fault([key], `no such option; there are ${keys.join(", ")}`)
    }
  }

  read<A>(key: string, expected: string, is: (u: unknown) => u is A): A | undefined {
    const value = this.fields[key]
    if (value === undefined || value === null) return undefined
    return is(value) ? value : this.fault([key], `expected ${expected}`)
  }

  choice<A>(key: string, choices: Readonly<Record<string, A>>): A | undefined {
    const names = Object.keys(choices)
    const expected = names.map((name) => `"${name}"`).join(" or ")
    const name = this.read(key, expected, (u): u is string => typeof u === "string" && names.includes(u))
    return name === undefined ? undefined : choices[name]
  }

  duration(key: string): Duration.Duration | undefined {
    const value = this.read(key, 'milliseconds, or a duration such as "10 seconds"', isDuration)
    return value === undefined ? undefined : Duration.fromInputUnsafe(value)
  }

  /** A duration that may be for ever. */
  lasting(key: string): Duration.Duration | undefined {
    return this.fields[key] === "Infinity" ? Duration.infinity : this.duration(key)
  }

  count(key: string, what = "a whole number above zero"): number | undefined {
    return this.read(key, what, isCount)
  }

  strings(key: string): ReadonlyArray<string> | undefined {
    return this.read(key, "an array of strings", isStrings)
  }

  isObject(key: string): boolean {
    return isFields(this.fields[key])
  }

  within(key: string): Reader | undefined {
    const value = this.read(key, "an object", isFields)
    return value === undefined ? undefined : this.at([key], value)
  }

  /** Readers of an object, or of every object of a list. */
  each(key: string): ReadonlyArray<Reader> | undefined {
    const value = this.fields[key]
    if (!Array.isArray(value)) return mapOne(this.within(key))
    const list = this.read(key, "an object, or a list of them", isList)
    return list?.map((fields, index) => this.at([key, index], fields))
  }

  /** Takes over what the check of a whole policy found, unless its fields have faults already. */
  checked(found: InvalidOptions | undefined, faultsBefore: number): void {
    if (found !== undefined && this.faults.length === faultsBefore) this.fault(found.path, found.issue)
  }

  private at(path: Path, fields: Fields): Reader {
    return new Reader(this.name, [...this.path, ...path], fields, this.faults)
  }
}

export const isString = (u: unknown): u is string => typeof u === "string"
export const isStrings = (u: unknown): u is ReadonlyArray<string> => Array.isArray(u) && u.every(isString)
const mapOne = (reader: Reader | undefined): ReadonlyArray<Reader> | undefined =>
  reader === undefined ? undefined : [reader]

const isList = (u: unknown): u is ReadonlyArray<Fields> => Array.isArray(u) && u.length > 0 && u.every(isFields)
export const isBoolean = (u: unknown): u is boolean => typeof u === "boolean"
export const isWhole = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 0
const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) > 0
export const isFinite = (u: unknown): u is number => Number.isFinite(u)
export const isUrl = (u: unknown): u is string | ReadonlyArray<string> => isString(u) || (isStrings(u) && u.length > 0)
export const isHeaders = (u: unknown): u is Readonly<Record<string, string>> =>
  isFields(u) && Object.values(u).every(isString)

export const isDuration = (u: unknown): u is Duration.Input => {
  const parsed = isString(u) || isFinite(u) ? Duration.fromInput(u as Duration.Input) : Option.none()
  return Option.isSome(parsed) && Duration.isFinite(parsed.value) && Duration.toMillis(parsed.value) > 0
}
