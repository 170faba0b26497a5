/**
 * Runs the checks that keep the house: first each check against its own
 * samples, to show that it bites, then against the repository.
 */
import { runCheck } from "./lib/check.ts"
import { codeChecks } from "./lib/code.ts"
import { importChecks } from "./lib/imports.ts"
import { roomChecks } from "./lib/rooms.ts"
import { readTree } from "./lib/tree.ts"
import { workspaceChecks } from "./lib/workspace.ts"

const tree = readTree(new URL("..", import.meta.url).pathname)
const checks = [...importChecks, ...roomChecks, ...codeChecks, ...workspaceChecks]

const failed = checks.filter((check) => !runCheck(check, tree)).length

const samples = checks.reduce((sum, check) => sum + check.rejects.length, 0)
console.log(
  `${checks.length - failed} of ${checks.length} house checks hold; ${samples} bad samples were tried on them`
)
process.exitCode = failed === 0 ? 0 : 1
