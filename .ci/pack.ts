/**
 * Packs every public package as it would be published and judges the tarballs:
 * publint, are-the-types-wrong, links; then projects that have nothing but them
 * and their peers, installed by npm, pnpm and Bun, and a page built by Vite. Each
 * public entry is imported by Node 24, Node 22 and Bun, and type-checked with the
 * strictest settings a user may have and with each kind of module resolution.
 * `--keep` leaves the projects, `--into <folder>` says where they stand.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { entriesOf, type Manifest } from "./lib/entries.ts"
import { deadLinks, filesOf, type Outcome, publicFolders, readManifest, run, stage, stagedIn } from "./lib/staging.ts"

const root = new URL("..", import.meta.url).pathname
const into = process.argv.indexOf("--into")
const place = into < 0 ? mkdtempSync(join(tmpdir(), "kharbranth-pack-")) : (process.argv[into + 1] ?? "")
const consumer = join(place, "consumer")
const faults: Array<string> = []
let passed = 0

const tool = (name: string): string => join(root, "node_modules", ".bin", name)

const expect = (what: string, outcome: Outcome): boolean => {
  console.log(`${outcome.ok ? "ok  " : "FAIL"} ${what}`)
  if (outcome.ok) passed += 1
  else faults.push(`${what}\n${outcome.output}`)
  return outcome.ok
}

interface Packed {
  readonly manifest: Manifest
  readonly tarball: string
}

const pack = (folder: string): ReadonlyArray<Packed> => {
  const manifest = readManifest(join(root, folder))
  if (!expect(`${manifest.name}: packs`, stage(root, folder, place))) return []
  const home = stagedIn(place, folder)
  const into = dirname(home)
  const tarball = join(into, readdirSync(into).find((name) => name.endsWith(".tgz")) ?? "")
  expect(`${manifest.name}: publint`, run(root, tool("publint"), [tarball, "--strict"]))
  expect(`${manifest.name}: types resolve`, run(root, tool("attw"), [tarball, "--profile", "esm-only", "--no-emoji"]))
  if (manifest.files?.includes("dist/page/*") === true)
    expect(`${manifest.name}: has its page`, {
      ok: existsSync(join(home, "dist/page/index.html")),
      output: "dist/page/index.html is missing: `pnpm prepare` builds it"
    })
  const dead = deadLinks(home)
  expect(`${manifest.name}: its links lead somewhere`, { ok: dead.length === 0, output: dead.join("\n") })
  return [{ manifest, tarball }]
}

/** The workspace's own choice of versions stands in for a user's. */
const peersOf = (packed: ReadonlyArray<Packed>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    packed.flatMap(({ manifest }) =>
      Object.entries(manifest.peerDependencies ?? {}).filter(([name]) => !/^(?:kharbranth$|@kharbranth\/)/.test(name))
    )
  )

/** What a user's package.json says who has all packages. */
const consumerOf = (packed: ReadonlyArray<Packed>): object => {
  const tarballs = Object.fromEntries(packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]))
  return {
    name: "consumer",
    private: true,
    type: "module",
    dependencies: { ...peersOf(packed), ...tarballs },
    devDependencies: { "@types/node": "^24.0.0", "@types/ws": "^8.18.2" }
  }
}

const writeConsumer = (folder: string, packed: ReadonlyArray<Packed>): void => {
  mkdirSync(folder)
  writeFileSync(join(folder, "package.json"), JSON.stringify(consumerOf(packed), null, 2))
}

const install = (packed: ReadonlyArray<Packed>): boolean => {
  writeConsumer(consumer, packed)
  return expect("npm installs the tarballs together", run(consumer, "npm", ["install", "--no-audit", "--no-fund"]))
}

/** Imports each in one process of plain node. Returns the code of the error of each, empty where there was none. */
const load = (specifiers: ReadonlyArray<string>): ReadonlyArray<string> => {
  const code = `const codes = []
    for (const specifier of ${JSON.stringify(specifiers)}) {
      codes.push(await import(specifier).then(() => "", (error) => error.code ?? String(error)))
    }
    console.log(JSON.stringify(codes))
    process.exit()`
  const { ok, output } = run(consumer, process.execPath, ["--input-type=module", "--eval", code])
  const printed = output.trimEnd().split("\n").at(-1) ?? ""
  return ok ? (JSON.parse(printed) as ReadonlyArray<string>) : specifiers.map(() => output)
}

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

/** Whose declarations do not hold under these options, whoever imports them: no change of ours would mend that. */
const wrongByThemselves = /^node_modules\/@nats-io\//

const typeCheckOfOurs = (code: string): Outcome => {
  const { ok, output } = typeCheck(code)
  const errors = output.split("\n").filter((line) => /error TS/.test(line))
  return { ok: ok || (errors.length > 0 && errors.every((line) => wrongByThemselves.test(line))), output }
}

const resolving = (moduleResolution: "node16" | "bundler"): object => ({
  ...strictest,
  compilerOptions: {
    ...strictest.compilerOptions,
    skipLibCheck: true,
    module: moduleResolution === "bundler" ? "ESNext" : "Node16",
    moduleResolution
  }
})

const importing = (entries: ReadonlyArray<string>): string =>
  entries.map((entry, index) => `import * as m${index} from "${entry}"\nvoid m${index}`).join("\n")

/** As in a page's project: no declaration of Node is loaded, not even one that a package's own declarations ask for. */
const typeCheckForPage = (code: string): Outcome => {
  const { compilerOptions, files } = strictest
  const { ok, output } = tsc(code, { compilerOptions: { ...compilerOptions, types: [] }, files }, ["--listFiles"])
  const lines = output.split("\n").filter((line) => line.includes("@types/node/") || /error TS/.test(line))
  return { ok: ok && lines.length === 0, output: lines.join("\n") }
}

/** Tools that only this check needs, so that nobody else installs them. */
const tools = { bun: "1.4.5", node: "22.19.0", vite: "8.4.0" }
const toolFolder = join(place, "tools")
const own = (name: string): string => join(toolFolder, "node_modules", ".bin", name)

/** Other runtimes and package managers: each imports every entry, in one process. */
const elsewhere = (packed: ReadonlyArray<Packed>, entries: ReadonlyArray<string>): void => {
  mkdirSync(toolFolder)
  const names = Object.entries(tools).map(([name, version]) => `${name}@${version}`)
  const got = run(toolFolder, "npm", ["install", "--no-audit", "--no-fund", "--prefix", toolFolder, ...names])
  if (!expect("Bun, Node 22 and Vite install", got)) return
  const code = entries.map((entry) => `await import(${JSON.stringify(entry)})`).join("\n")
  const importAll = (what: string, folder: string, command: string, args: ReadonlyArray<string>): void => {
    writeFileSync(join(folder, "all.mjs"), code)
    expect(what, run(folder, command, [...args, "all.mjs"]))
  }
  importAll("Node 22 imports every entry", consumer, own("node"), [])
  const byPnpm = join(place, "by-pnpm")
  writeConsumer(byPnpm, packed)
  if (expect("pnpm installs the tarballs together", run(byPnpm, "npx", ["-y", "pnpm@12", "install"]))) {
    importAll("every entry can be imported where pnpm installed it", byPnpm, process.execPath, [])
  }
  const byBun = join(place, "by-bun")
  writeConsumer(byBun, packed)
  if (expect("Bun installs the tarballs together", run(byBun, own("bun"), ["install"]))) {
    importAll("Bun imports every entry", byBun, own("bun"), [])
  }
}

/** The first program of the README, pasted as it stands. */
const readme = (): void => {
  const text = readFileSync(join(root, "README.md"), "utf8")
  const [, code = ""] = /^```ts\n([\s\S]*?)^```/m.exec(text) ?? []
  const [, printed = ""] = /^```text\n([\s\S]*?)^```/m.exec(text) ?? []
  writeFileSync(join(consumer, "first.mts"), code)
  const { ok, output } = run(consumer, own("node"), ["first.mts"])
  const said = printed.trim().split("\n")
  expect("the README's first program prints what it says", {
    ok: ok && said.length > 1 && said.every((line) => output.includes(`: ${line}\n`)),
    output
  })
}

const pageCode = `import { Effect, Stream } from "effect"
import { Codec, Connection } from "kharbranth"
import { BrowserTransport } from "@kharbranth/browser"

const program = Effect.gen(function* () {
  const prices = yield* Connection.make("prices", { target: "wss://prices.example/", codec: Codec.text })
  yield* Stream.runForEach(prices.stream, (text) => Effect.sync(() => (document.body.textContent = text)))
})
Effect.runFork(Effect.scoped(program).pipe(Effect.provide(BrowserTransport.layer())))
`

/** What only the checks in full say of options. */
const fullCheck = "did you mean"

const builtIn = (folder: string): string =>
  filesOf(join(consumer, folder))
    .filter((file) => file.endsWith(".js"))
    .map((file) => readFileSync(join(consumer, folder, file), "utf8"))
    .join("\n")

/** A page by Vite: it builds without a warning, and nothing of Node gets in. For production its checks are the light ones. */
const page = (): void => {
  writeFileSync(join(consumer, "index.html"), `<script type="module" src="/page.ts"></script>`)
  writeFileSync(join(consumer, "page.ts"), pageCode)
  const built = run(consumer, own("vite"), ["build", "--outDir", "page"])
  const warned = /externalized for browser compatibility|is not exported|warning/i.test(built.output)
  expect("Vite builds a page of the tarballs", { ok: built.ok && !warned, output: built.output })
  const carries = (folder: string): boolean => builtIn(folder).includes(fullCheck)
  expect("a page for production carries the light checks of options", { ok: !carries("page"), output: fullCheck })
  const developed = run(consumer, own("vite"), ["build", "--outDir", "developed"], { NODE_ENV: "development" })
  expect("a page in development carries all checks of options", {
    ok: developed.ok && carries("developed"),
    output: developed.output
  })
  expect("the page's program type-checks", tsc(pageCode, resolving("bundler")))
}

/** One module of each internal folder, named as a trespasser would. */
const internalsOf = (manifest: Manifest, files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const modules = files.filter((file) => /^dist\/(?:.+\/)?internal\/.+\.js$/.test(file))
  const folders = new Map(modules.map((file) => [file.slice(0, file.lastIndexOf("/")), file]))
  return [...folders.values()].map((file) => `${manifest.name}/${file.slice("dist/".length, -".js".length)}`)
}

/** What npm shows of a package, and what a program of its user's needs to know. */
const described = ["name", "version", "description", "keywords", "license", "engines"] as const

const judge = (packed: ReadonlyArray<Packed>): void => {
  const entries: Array<string> = []
  const internals: Array<string> = []
  for (const { manifest } of packed) {
    const home = join(consumer, "node_modules", manifest.name)
    const files = filesOf(home)
    const published = readManifest(home)
    for (const file of ["README.md", "LICENSE", "AGENTS.md"]) {
      expect(`${manifest.name}: carries ${file}`, { ok: existsSync(join(home, file)), output: "not in the tarball" })
    }
    const missing = described.filter((field) => !(field in published))
    expect(`${manifest.name}: says what it is`, { ok: missing.length === 0, output: `without ${missing.join()}` })
    entries.push(...entriesOf(published, files))
    internals.push(...internalsOf(manifest, files))
  }
  load(entries).forEach((code, index) => {
    expect(`import "${entries[index]}"`, { ok: code === "", output: code })
  })
  load(internals).forEach((code, index) => {
    const output = code === "" ? "it was not refused" : code
    expect(`"${internals[index]}" stays closed`, { ok: code === "ERR_PACKAGE_PATH_NOT_EXPORTED", output })
  })
  expect(`${entries.length} entries type-check with skipLibCheck off`, typeCheckOfOurs(importing(entries)))
  for (const resolution of ["node16", "bundler"] as const) {
    expect(`the entries type-check with moduleResolution ${resolution}`, tsc(importing(entries), resolving(resolution)))
  }
  elsewhere(packed, entries)
  readme()
  page()
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
  const packed = publicFolders(root).flatMap(pack)
  if (install(packed)) judge(packed)
}

for (const fault of faults) console.log(`\nFAIL ${fault}`)
console.log(`${passed} passed, ${faults.length} failed`)
if (process.argv.includes("--keep")) console.log(place)
else rmSync(place, { recursive: true, force: true })
process.exitCode = faults.length === 0 ? 0 : 1
