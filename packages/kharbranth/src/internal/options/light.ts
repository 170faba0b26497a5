/**
 * The checks of options that a page pays for: numbers and durations. Names, words
 * and kinds are as they were in development, where `full.ts` has looked at them.
 */
import { type Check, invalid, type Path } from "../model/check.ts"
import type * as Full from "./full.ts"
import type { Kind } from "./kinds.ts"
import * as Ranges from "./ranges.ts"

type Options = Readonly<Record<string, unknown>>

const check = (name: string, kinds: Readonly<Record<string, Kind>>, options: Options = {}, path: Path = []): Check => {
  for (const key in kinds) {
    const { expected, is } = kinds[key]!
    const value = options[key]
    if (value !== undefined && !is(value)) return invalid(name, [...path, key], `expected ${expected}`)
  }
  return undefined
}

export const connection: typeof Full.connection = (name, given) => {
  const { inbox, outbox, rotate, ...options } = given as Readonly<Record<string, Options>>
  return (
    check(name, Ranges.connection, options) ??
    check(name, Ranges.rotate, rotate, ["rotate"]) ??
    check(name, Ranges.inbox, inbox, ["inbox"]) ??
    check(name, Ranges.outbox, outbox, ["outbox"])
  )
}

export const policies: typeof Full.policies = connection

const nothing = (): undefined => undefined

export const compression: typeof Full.compression = nothing
export const send: typeof Full.send = nothing
export const restart: typeof Full.restart = nothing
export const broadcast: typeof Full.broadcast = nothing
