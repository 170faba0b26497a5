/** Writes what is made from the table of instruments: the dashboard and the rules. */
import { writeFileSync } from "node:fs"
import { dashboardFile } from "./dashboard.ts"
import { rulesFile } from "./rules.ts"

/** Each file of the package, and what it should hold. */
export const files: ReadonlyMap<string, () => string> = new Map([
  ["grafana/kharbranth.json", dashboardFile],
  ["prometheus/kharbranth.rules.yml", rulesFile]
])

if (import.meta.main) {
  for (const [path, text] of files) writeFileSync(new URL(`../${path}`, import.meta.url), text())
}
