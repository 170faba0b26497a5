/**
 * Where a value does not match its schema, in words without the value. Only what
 * brings Schema anyway imports this file: Schema doubles a browser bundle.
 */
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"

const deeper = (a: ReadonlyArray<PropertyKey>, b: ReadonlyArray<PropertyKey>) => (b.length > a.length ? b : a)

/** Where an issue is; in a union, where the branch failed that got furthest. */
const pathOf = (issue: SchemaIssue.Issue): ReadonlyArray<PropertyKey> => {
  switch (issue._tag) {
    case "Pointer":
      return [...issue.path, ...pathOf(issue.issue)]
    case "Filter":
    case "Encoding":
      return pathOf(issue.issue)
    case "Composite":
      return pathOf(issue.issues[0])
    case "AnyOf":
      return issue.issues.map(pathOf).reduce(deeper, [])
    default:
      return []
  }
}

const printed = (key: PropertyKey): string => `[${typeof key === "number" ? key : JSON.stringify(String(key))}]`

/** What went wrong, and at which field. A schema's own messages may quote the value; where it stands does not. */
export const issueOf = (doing: string, cause: unknown): string => {
  const path = Schema.isSchemaError(cause) ? pathOf(cause.issue) : []
  return path.length === 0 ? doing : `${doing} at ${path.map(printed).join("")}`
}
