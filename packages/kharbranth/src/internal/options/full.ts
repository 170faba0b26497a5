/**
 * The checks of options in full: names, words, kinds and ranges, from the table.
 * `checks.ts` is this module, except in a page's production build: see `light.ts`.
 */
import { type Check, invalid, type Path } from "../model/check.ts"
import { find, type Finding, fits } from "./find.ts"
import { type Fields, isObject, name, object, type Shape } from "./shapes.ts"
import * as Table from "./table.ts"

/** The first thing that is wrong with a value. */
export const check = (connection: string, path: Path, shape: Shape, value: unknown): Check => {
  const found: Array<Finding> = []
  find(shape, value, path, found)
  const [first] = found
  return first && invalid(connection, first.path.length === 0 ? ["options"] : first.path, first.issue)
}

/** The name and the options of a connection. */
const named =
  (shape: Shape) =>
  (connection: string, options: unknown): Check =>
    check(name.is(connection) ? connection : "", ["name"], name, connection) ?? check(connection, [], shape, options)

/** What `make` was given. */
export const connection: (name: string, options: unknown) => Check = named(object(Table.connection))

/** What a manager was given. */
export const managed: (name: string, options: unknown) => Check = named(object(Table.managed))

const allPolicies = object(Table.policies)

/** What the function of `update` returned. */
export const policies = (connection: string, policies: unknown): Check => check(connection, [], allPolicies, policies)

/** A connection names `compression` only where its transport leaves the choice. */
export const compression = (connection: string, given: boolean | undefined, isChoice = false): Check =>
  given === undefined || isChoice
    ? undefined
    : invalid(connection, ["compression"], "this transport leaves no choice: leave the option out")

const flat =
  (fields: Fields) =>
  (connection: string, options: object | undefined): Check =>
    options === undefined || (isObject(options) && fits(fields, options))
      ? undefined
      : check(connection, [], object(fields), options)

/** What is said of one message. */
export const send: (connection: string, options: object | undefined) => Check = flat(Table.send)

/** What `restart` and `rotate` were given. */
export const restart: (connection: string, options: object | undefined) => Check = flat(Table.restart)

/** What `broadcast` was given. */
export const broadcast: (connection: string, options: object | undefined) => Check = flat(Table.broadcast)

export const outbox = object(Table.outbox)
export const inbox = object(Table.inbox)
