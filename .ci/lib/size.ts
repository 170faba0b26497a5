/**
 * What a package costs a page: each app of its `size` folder is bundled
 * (minified, gzip), and so are the foreign functions that it uses, alone. The
 * difference is held against the folder's `budget.json`.
 */
import * as Esbuild from "esbuild"
import { readFile } from "node:fs/promises"
import * as Path from "node:path"
import { gzipSync } from "node:zlib"

export interface Options {
  /** The package's folder of apps and their budget. */
  readonly folder: string
  /** Modules that a page pays for in any case, as esbuild's `external` names them. */
  readonly foreign: Array<string>
  /** What `foreign` is, in words. */
  readonly over: string
  /** No module of an app may have a path that matches; nothing of a fleet may be in any. */
  readonly never: RegExp
  /** How the apps are bundled, beyond the usual. */
  readonly bundling?: Esbuild.BuildOptions | undefined
  /** Only these apps. Default: all that have a budget. */
  readonly only?: ReadonlyArray<string> | undefined
}

/** A page pays nothing for many processes. */
const ofAFleet = /effect\/(src|dist)\/(cluster|rpc|sql)|\/cluster(-\w+)?\/(src|dist)\//

interface Budget {
  readonly maxGzip: number
  readonly goal?: number | undefined
  /** The same app by other means, whose whole bundle is shown beside. */
  readonly beside?: string | undefined
}

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
    // What bundlers take for production set by themselves; esbuild has to be told.
    conditions: ["production"],
    logLevel: "error",
    plugins: [fetchedLater],
    ...input,
    write: false,
    metafile: true
  })

const textOf = ({ outputFiles }: Awaited<ReturnType<typeof bundle>>) => outputFiles.map(({ text }) => text).join("")

/** An entry that keeps exactly the foreign functions that are left in an app once it is bundled and shaken. */
const foreignAlone = async (app: string, { bundling, foreign }: Options) => {
  const code = textOf(await bundle({ ...bundling, entryPoints: [app], external: foreign, minifySyntax: true }))
  const kept: Array<string> = []
  const imports: Array<string> = []
  for (const [index, [, alias, module]] of [...code.matchAll(/^import \* as (\w+) from "([^"]+)";/gm)].entries()) {
    const members = new Set([...code.matchAll(new RegExp(`\\b${alias}\\.(\\w+)`, "g"))].map(([, member]) => member))
    if (members.size === 0) continue
    imports.push(`import * as M${index} from "${module}"`)
    kept.push(...[...members].map((member) => `M${index}.${member}`))
  }
  for (const [index, [, names = "", module]] of [
    ...code.matchAll(/^import \{ ([^}]+) \} from "([^"]+)";/gm)
  ].entries()) {
    const locals = names.split(",").map((name, n) => [name.trim().split(" as ")[0], `N${index}_${n}`] as const)
    imports.push(`import { ${locals.map(([name, local]) => `${name} as ${local}`).join(", ")} } from "${module}"`)
    kept.push(...locals.map(([, local]) => local))
  }
  return `${imports.join("\n")}\nglobalThis.kept = [${kept.join(", ")}]`
}

const gzip = (text: string): number => gzipSync(text, { level: 9 }).length

const wholeOf = (name: string, { bundling, folder }: Options) =>
  bundle({ ...bundling, entryPoints: [Path.join(folder, `${name}.ts`)], minify: true })

const measure = async (name: string, options: Options) => {
  const { folder, never } = options
  const whole = await wholeOf(name, options)
  const contents = await foreignAlone(Path.join(folder, `${name}.ts`), options)
  const alone = await bundle({ stdin: { contents, resolveDir: folder, loader: "ts" }, minify: true })
  const modules = Object.values(whole.metafile.outputs).flatMap((output) => Object.keys(output.inputs))
  return {
    whole: gzip(textOf(whole)),
    alone: gzip(textOf(alone)),
    wrong: modules.filter((path) => never.test(path) || ofAFleet.test(path))
  }
}

/** Measures the apps, tells what each costs, and whether all are within their budgets. */
export const isWithinBudget = async (options: Options): Promise<boolean> => {
  const { folder, only = [], over } = options
  const budgets: Record<string, Budget> = JSON.parse(await readFile(Path.join(folder, "budget.json"), "utf8"))
  let within = true
  for (const [name, { beside, goal, maxGzip }] of Object.entries(budgets)) {
    if (only.length > 0 && !only.includes(name)) continue
    const { alone, whole, wrong } = await measure(name, options)
    const cost = whole - alone
    const fits = cost <= maxGzip && wrong.length === 0
    within &&= fits
    console.log(
      `${fits ? "ok  " : "OVER"} ${name}: ${cost} bytes of ${maxGzip}${goal === undefined ? "" : ` (goal ${goal})`} over ${over} (whole ${whole}, that alone ${alone})` +
        (wrong.length > 0 ? ` and it contains ${wrong.join(", ")}` : "")
    )
    if (beside === undefined) continue
    const other = gzip(textOf(await wholeOf(beside, options)))
    console.log(`     ${name} is ${whole - other} bytes more than ${beside} (whole ${other})`)
  }
  return within
}
