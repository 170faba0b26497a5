/**
 * Publishes the packages, or with `--dry-run` shows that it could.
 *
 * A release has two steps. `changeset version` turns the waiting changesets into
 * versions and changelogs, and you commit that. Then this command builds and
 * judges the tarballs (`pack.ts`) and publishes them with provenance, the core first.
 * A dry run makes both steps in a clone of HEAD, up to what `npm publish --dry-run` says.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { addressOf, type Outcome, publicFolders, readManifest, run, stagedIn } from "./lib/staging.ts"

const root = new URL("..", import.meta.url).pathname
const isDry = process.argv.includes("--dry-run")
const place = mkdtempSync(join(tmpdir(), "kharbranth-release-"))

class Refused extends Error {}

/** Prints what holds; what does not ends the release. */
const demand = (what: string, ok: boolean, remedy: string): void => {
  if (!ok) throw new Refused(`${what}\n${remedy}`)
  console.log(`ok   ${what}`)
}

const done = (what: string, { ok, output }: Outcome): void => demand(what, ok, output)

const waiting = (home: string): ReadonlyArray<string> =>
  readdirSync(join(home, ".changeset")).filter((name) => name.endsWith(".md") && name !== "README.md")

/** HEAD, installed as in a workspace of its own: what is packed asks for the versions that it finds there. */
const clone = (): string => {
  const home = join(place, "repository")
  done("HEAD is cloned", run(root, "git", ["clone", "--quiet", root, home]))
  done("it is installed", run(home, "npx", ["-y", "pnpm@12", "install", "--frozen-lockfile", "--prefer-offline"]))
  if (waiting(home).length > 0) {
    done("changesets become versions", run(home, join(home, "node_modules/.bin/changeset"), ["version"]))
  }
  return home
}

/** What is published must have been decided, and be the same everywhere. */
const checkVersions = (home: string): string => {
  demand("no changeset waits", waiting(home).length === 0, "Run `changeset version` and commit what it writes.")
  const versions = new Set(publicFolders(home).map((folder) => readManifest(join(home, folder)).version))
  const [version = ""] = versions
  demand("all packages have one version", versions.size === 1, [...versions].join())
  for (const folder of publicFolders(home)) {
    const path = join(home, folder, "CHANGELOG.md")
    const isLogged = existsSync(path) && readFileSync(path, "utf8").includes(`\n## ${version}\n`)
    demand(`${folder}/CHANGELOG.md says what ${version} is`, isLogged, "Its changesets are missing.")
  }
  return version
}

/** The core first: the others name it as their peer. */
const inOrder = (folders: ReadonlyArray<string>): ReadonlyArray<string> =>
  folders.toSorted((a, b) => Number(b === "packages/kharbranth") - Number(a === "packages/kharbranth"))

const publish = (home: string, version: string): void => {
  const into = join(place, "packed")
  const judged = run(home, process.execPath, [join(home, ".ci/pack.ts"), "--keep", "--into", into])
  done("the tarballs are as they should be", judged)
  for (const folder of inOrder(publicFolders(home))) {
    const { name } = readManifest(join(home, folder))
    const options = ["--access", "public", ...(isDry ? ["--dry-run"] : ["--provenance"])]
    const published = run(place, "npm", ["publish", stagedIn(into, folder), ...options])
    done(`${name}@${version} ${isDry ? "can be" : "is"} published`, published)
  }
}

const release = (): void => {
  if (isDry) {
    const home = clone()
    publish(home, checkVersions(home))
    console.log("A dry run: nothing was published, and no file of yours was changed.")
    return
  }
  const remedy = 'npm\'s provenance names the repository. Put its address into package.json at the root: "repository".'
  demand("the repository has an address", addressOf(root) !== undefined, remedy)
  const { output } = run(root, "git", ["status", "--porcelain"])
  demand("everything is committed", output === "", output)
  publish(root, checkVersions(root))
  done("the versions are tagged", run(root, join(root, "node_modules/.bin/changeset"), ["tag"]))
}

try {
  release()
} catch (error) {
  if (!(error instanceof Refused)) throw error
  console.log(`FAIL ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(place, { recursive: true, force: true })
}
