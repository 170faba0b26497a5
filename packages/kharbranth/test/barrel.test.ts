/**
 * Proves the rule that the README gives for the barrel: it holds every public
 * module of the folder, apart from the three that come with `effect/Schema`, and
 * its namespaces are the modules themselves.
 */
import { assert, it } from "@effect/vitest"
import * as Barrel from "kharbranth"
import * as Connection from "kharbranth/Connection"
import { readdirSync, readFileSync } from "node:fs"

const folder = new URL("../src/", import.meta.url)
const modules = readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "index.ts")
const barrel = readFileSync(new URL("index.ts", folder), "utf8")

/** They come with Schema, which a page that takes the barrel would carry. */
const alone = ["CodecSchema.ts", "ConnectionManagerConfig.ts", "RequestsSchema.ts"]

it("the barrel holds every module but the three that come with Schema", () => {
  const held = [...barrel.matchAll(/export \* as (\w+) from "\.\/\1\.ts"/g)].map(([, name]) => `${name}.ts`)
  assert.deepStrictEqual([...held, ...alone].toSorted(), modules.toSorted())
  assert.strictEqual(Barrel.Connection, Connection)
})
