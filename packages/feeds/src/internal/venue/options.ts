/** What is wrong with the options of a venue, and with the numbers of its lines. */
import * as RateLimit from "kharbranth/RateLimit"
import type { Limits } from "../../Venue.ts"
import * as Check from "../kit/check.ts"

/** The options of an adapter beside those of all venues: their values, or what they are where any will do. */
export type Choices = Readonly<Record<string, ReadonlyArray<unknown> | "text" | "function">>

const numbers: Readonly<Record<keyof Limits, true>> = {
  send: true,
  dial: true,
  batch: true,
  perConnection: true,
  maxMessageSize: true,
  maxAge: true,
  firstData: true,
  rest: true
}

const types = { text: "string", function: "function" } as const

const choose = (name: string, value: unknown, choices: Choices[string]): Check.Issues => {
  if (typeof choices !== "string") return Check.oneOf([name], value, choices)
  const isRight = value === undefined || (typeof value === types[choices] && value !== "")
  return isRight ? Check.none : [{ path: [name], issue: `expected a ${choices}` }]
}

/** What an adapter was given that it does not know. */
export const issuesOf = (options: object, choices: Choices): Check.Issues => {
  const given = options as Readonly<Record<string, unknown>>
  return [
    ...Check.names([], options, ["limits", "target", ...Object.keys(choices)]),
    ...Check.names(["limits"], (given["limits"] as object | undefined) ?? {}, Object.keys(numbers)),
    ...Object.entries(choices).flatMap(([name, known]) => choose(name, given[name], known))
  ]
}

/** Numbers that no connection could live by. */
export const limitsIssues = (path: Check.Path, limits: Limits): Check.Issues => {
  const at = (...keys: Check.Path): Check.Path => [...path, ...keys]
  const { batch, dial, firstData, maxAge, maxMessageSize, perConnection, rest, send } = limits
  return [
    ...send.flatMap((limit, index) => RateLimit.make(limit).check("", at("send", index)) ?? []),
    ...Check.wholeNumber(at("dial", "limit"), dial.limit, 1),
    ...Check.duration(at("dial", "window"), dial.window),
    ...Check.wholeNumber(at("batch", "items"), batch.items, 1),
    ...Check.wholeNumber(at("batch", "bytes"), batch.bytes, 1),
    ...Check.wholeNumber(at("perConnection", "topics"), perConnection.topics, 1),
    ...Check.wholeNumber(at("perConnection", "characters"), perConnection.characters, 1),
    ...Check.wholeNumber(at("maxMessageSize"), maxMessageSize, 1),
    ...Check.duration(at("maxAge"), maxAge),
    ...Check.duration(at("firstData"), firstData),
    ...Check.moreThanZero(at("rest", "limit"), rest.limit),
    ...Check.duration(at("rest", "window"), rest.window),
    ...Check.moreThanZero(at("rest", "snapshot"), rest.snapshot)
  ]
}
