/**
 * What this package costs a page over the core: each app here is bundled
 * (minified, gzip), and so are the functions of Effect and the core that it uses,
 * alone. The difference is held against `budget.json`, whose limit only falls
 * towards the goal. Only what a page loads at once counts, without what is
 * fetched when it is needed; the names in `never` must not be in it.
 */
import * as Esbuild from "esbuild"
import { readFile } from "node:fs/promises"
import * as Path from "node:path"
import { gzipSync } from "node:zlib"

const folder = import.meta.dirname
const foreign = ["effect/*", "kharbranth/*"]
/** Codecs and transports that an app over JSON and WebSockets does not load. */
const never = [
  "@msgpack",
  "MessagePack",
  "LongPolling",
  "ServerSentEvents",
  "effect/src/Schema.",
  "effect/dist/Schema."
]

/** What waits for an `import()` is not loaded with the page. */
const fetchedLater: Esbuild.Plugin = {
  name: "fetched-later",
  setup: (build) => {
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === "dynamic-import" ? { path, external: true } : undefined
    )
  }
}

const bundle = (input: Esbuild.BuildOptions) =>
  Esbuild.build({
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "error",
    plugins: [fetchedLater],
    ...input,
    write: false,
    metafile: true
  })

const textOf = ({ outputFiles }: Awaited<ReturnType<typeof bundle>>) => outputFiles[0].text

/** An entry that keeps exactly the foreign functions that are left in an app once it is bundled and shaken. */
const foreignAlone = async (app: string) => {
  const built = await bundle({ entryPoints: [app], external: foreign, minifySyntax: true })
  const code = textOf(built)
  const kept: Array<string> = []
  const imports: Array<string> = []
  const found = [...code.matchAll(/^import \* as (\w+) from "([^"]+)";/gm)]
  for (const [index, [, alias, module]] of found.entries()) {
    const members = new Set([...code.matchAll(new RegExp(`\\b${alias}\\.(\\w+)`, "g"))].map(([, member]) => member))
    if (members.size === 0) continue
    imports.push(`import * as M${index} from "${module}"`)
    kept.push(...[...members].map((member) => `M${index}.${member}`))
  }
  for (const [index, [, names, module]] of [...code.matchAll(/^import \{ ([^}]+) \} from "([^"]+)";/gm)].entries()) {
    const locals = names.split(",").map((name, n) => [name.trim().split(" as ")[0], `N${index}_${n}`] as const)
    imports.push(`import { ${locals.map(([name, local]) => `${name} as ${local}`).join(", ")} } from "${module}"`)
    kept.push(...locals.map(([, local]) => local))
  }
  return `${imports.join("\n")}\nglobalThis.kept = [${kept.join(", ")}]`
}

const gzip = (text: string): number => gzipSync(text, { level: 9 }).length

const measure = async (name: string) => {
  const app = Path.join(folder, `${name}.ts`)
  const whole = await bundle({ entryPoints: [app], minify: true })
  const contents = await foreignAlone(app)
  const alone = await bundle({ stdin: { contents, resolveDir: folder, loader: "ts" }, minify: true })
  const modules = Object.values(whole.metafile.outputs).flatMap((output) => Object.keys(output.inputs))
  return {
    whole: gzip(textOf(whole)),
    alone: gzip(textOf(alone)),
    wrong: modules.filter((path) => never.some((name) => path.includes(name)))
  }
}

const budget: Record<string, { readonly maxGzip: number; readonly goal: number }> = JSON.parse(
  await readFile(Path.join(folder, "budget.json"), "utf8")
)
let within = true

for (const [name, { goal, maxGzip }] of Object.entries(budget)) {
  const { alone, whole, wrong } = await measure(name)
  const cost = whole - alone
  const fits = cost <= maxGzip && wrong.length === 0
  within &&= fits
  console.log(
    `${fits ? "ok  " : "OVER"} ${name}: ${cost} bytes of ${maxGzip} (goal ${goal}) over the core (whole ${whole}, the core and Effect alone ${alone})` +
      (wrong.length > 0 ? ` and it contains ${wrong.join(", ")}` : "")
  )
}

process.exitCode = within ? 0 : 1
