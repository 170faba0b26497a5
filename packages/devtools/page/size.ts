/** What the page weighs: what it adds to the Effect functions that it uses, and all that a browser loads. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { isWithinBudget } from "../../../.ci/lib/size.ts"
import { build, compact, folder } from "./build.ts"

/** With the charts, the styles and Effect; what the script adds to Effect has its budget in `budget.json`. */
const maxAll = 130_000

const within = await isWithinBudget({
  folder: import.meta.dirname,
  foreign: ["effect/*"],
  over: "its Effect functions",
  bundling: compact,
  never: /effect\/(src|dist)\/Schema\w*\./
})

await build()
let all = 0
for (const file of await readdir(folder)) all += gzipSync(await readFile(join(folder, file)), { level: 9 }).length
console.log(`${all <= maxAll ? "ok  " : "OVER"} all files: ${all} bytes of ${maxAll}`)

process.exitCode = within && all <= maxAll ? 0 : 1
