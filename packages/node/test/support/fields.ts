import { assert } from "@effect/vitest"

/** Asserts that an error has these fields, whatever else it has. */
export const assertFields = (actual: object, fields: Readonly<Record<string, unknown>>): void => {
  const found = Object.fromEntries(Object.keys(fields).map((key) => [key, Reflect.get(actual, key)]))
  assert.deepStrictEqual(found, fields)
}
