/**
 * Packs every public package as it would be published and judges the tarballs:
 * publint, are-the-types-wrong, then a project that has nothing but them and
 * their peers: each public entry is imported by plain node and type-checked
 * with the strictest settings a user may have. `--keep` leaves the project.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { entriesOf, type Manifest } from "./lib/entries.ts"

const root = new URL("..", import.meta.url).pathname
const place = mkdtempSync(join(tmpdir(), "kharbranth-pack-"))
const consumer = join(place, "consumer")
const faults: Array<string> = []
let passed = 0

interface Outcome {
  readonly ok: boolean
  readonly output: string
}

const run = (cwd: string, command: string, args: ReadonlyArray<string>): Outcome => {
  const done = spawnSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  return { ok: done.status === 0, output: `${done.stdout ?? ""}${done.stderr ?? ""}${done.error?.message ?? ""}` }
}

const tool = (name: string): string => join(root, "node_modules", ".bin", name)

const expect = (what: string, outcome: Outcome): boolean => {
  console.log(`${outcome.ok ? "ok  " : "FAIL"} ${what}`)
  if (outcome.ok) passed += 1
  else faults.push(`${what}\n${outcome.output}`)
  return outcome.ok
}

const read = (path: string): Manifest => JSON.parse(readFileSync(path, "utf8")) as Manifest

/** An incremental build leaves the output of files that are gone. */
const dropStale = (folder: string): void => {
  const dist = join(root, folder, "dist")
  if (!existsSync(dist)) return
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    const source = join(root, folder, "src", file.replace(/\.(?:js|d\.ts)(?:\.map)?$/, ".ts"))
    if (!existsSync(source)) rmSync(join(dist, file), { recursive: true, force: true })
  }
}

interface Packed {
  readonly manifest: Manifest
  readonly tarball: string
}

const pack = (folder: string): ReadonlyArray<Packed> => {
  const manifest = read(join(root, folder, "package.json"))
  if (manifest.private === true) return []
  dropStale(folder)
  const into = join(place, folder.replaceAll("/", "-"))
  mkdirSync(into)
  const packed = run(join(root, folder), "npx", ["-y", "pnpm@12", "pack", "--pack-destination", into])
  if (!expect(`${manifest.name}: packs`, packed)) return []
  const tarball = readdirSync(into).map((name) => join(into, name))[0] ?? ""
  expect(`${manifest.name}: publint`, run(root, tool("publint"), [tarball, "--strict"]))
  expect(`${manifest.name}: types resolve`, run(root, tool("attw"), [tarball, "--profile", "esm-only", "--no-emoji"]))
  return [{ manifest, tarball }]
}

/** The workspace's own choice of versions stands in for a user's. */
const peersOf = (packed: ReadonlyArray<Packed>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    packed.flatMap(({ manifest }) =>
      Object.entries(manifest.peerDependencies ?? {}).filter(([name]) => !/^(?:kharbranth$|@kharbranth\/)/.test(name))
    )
  )

const install = (packed: ReadonlyArray<Packed>): boolean => {
  mkdirSync(consumer)
  const tarballs = Object.fromEntries(packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]))
  const manifest = {
    name: "consumer",
    private: true,
    type: "module",
    dependencies: { ...peersOf(packed), ...tarballs },
    devDependencies: { "@types/node": "^24.0.0", "@types/ws": "^8.18.2" }
  }
  writeFileSync(join(consumer, "package.json"), JSON.stringify(manifest, null, 2))
  return expect("the tarballs install together", run(consumer, "npm", ["install", "--no-audit", "--no-fund"]))
}

const load = (specifier: string): Outcome =>
  run(consumer, process.execPath, ["--input-type=module", "--eval", `await import(${JSON.stringify(specifier)})`])

const strictest = {
  compilerOptions: {
    target: "ES2022",
    lib: ["ES2023", "DOM", "DOM.AsyncIterable"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: ["node"]
  },
  files: ["all.ts"]
}

const tsc = (code: string, config: object, more: ReadonlyArray<string> = []): Outcome => {
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify(config))
  writeFileSync(join(consumer, "all.ts"), code)
  return run(consumer, process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", ".", ...more])
}

const typeCheck = (code: string): Outcome => tsc(code, strictest)

const importing = (entries: ReadonlyArray<string>): string =>
  entries.map((entry, index) => `import * as m${index} from "${entry}"\nvoid m${index}`).join("\n")

/** As in a page's project: no declaration of Node is loaded, not even one that a package's own declarations ask for. */
const typeCheckForPage = (code: string): Outcome => {
  const { compilerOptions, files } = strictest
  const { ok, output } = tsc(code, { compilerOptions: { ...compilerOptions, types: [] }, files }, ["--listFiles"])
  const lines = output.split("\n").filter((line) => line.includes("@types/node/") || /error TS/.test(line))
  return { ok: ok && lines.length === 0, output: lines.join("\n") }
}

const refusal = (specifier: string): Outcome => {
  const { ok, output } = load(specifier)
  return { ok: !ok && output.includes("ERR_PACKAGE_PATH_NOT_EXPORTED"), output: `it was not refused\n${output}` }
}

/** One module of each internal folder, named as a trespasser would. */
const internalsOf = (manifest: Manifest, files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const modules = files.filter((file) => /^dist\/(?:.+\/)?internal\/.+\.js$/.test(file))
  const folders = new Map(modules.map((file) => [file.slice(0, file.lastIndexOf("/")), file]))
  return [...folders.values()].map((file) => `${manifest.name}/${file.slice("dist/".length, -".js".length)}`)
}

const judge = (packed: ReadonlyArray<Packed>): void => {
  const entries: Array<string> = []
  const internals: Array<string> = []
  for (const { manifest } of packed) {
    const home = join(consumer, "node_modules", manifest.name)
    const files = readdirSync(home, { recursive: true, encoding: "utf8" })
    for (const file of ["README.md", "LICENSE"]) {
      expect(`${manifest.name}: carries ${file}`, { ok: existsSync(join(home, file)), output: "not in the tarball" })
    }
    entries.push(...entriesOf(read(join(home, "package.json")), files))
    internals.push(...internalsOf(manifest, files))
  }
  for (const entry of entries) expect(`import "${entry}"`, load(entry))
  for (const internal of internals) expect(`"${internal}" stays closed`, refusal(internal))
  expect(`${entries.length} entries type-check with skipLibCheck off`, typeCheck(importing(entries)))
  const inPages = entries.filter((entry) => /^(?:kharbranth|@kharbranth\/browser)(?:\/(?!testing\/)|$)/.test(entry))
  expect(`${inPages.length} entries for pages need no types of Node`, typeCheckForPage(importing(inPages)))
  expect("the check for pages sees Node's types", {
    ok: !typeCheckForPage(`import * as fs from "node:fs"\nvoid fs`).ok,
    output: "a module of Node was accepted"
  })
  const wrong = typeCheck(`import * as Message from "kharbranth/Message"\nexport const a: number = Message.text("a")`)
  expect("the type check sees the packages' types", {
    ok: !wrong.ok && /TS2322/.test(wrong.output),
    output: wrong.output
  })
}

if (
  expect(
    "builds",
    run(root, process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b", "tsconfig.packages.json"])
  )
) {
  const packed = readdirSync(join(root, "packages"))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .flatMap(pack)
  if (install(packed)) judge(packed)
}

for (const fault of faults) console.log(`\nFAIL ${fault}`)
console.log(`${passed} passed, ${faults.length} failed`)
if (process.argv.includes("--keep")) console.log(place)
else rmSync(place, { recursive: true, force: true })
process.exitCode = faults.length === 0 ? 0 : 1
