/**
 * What this library costs a page: each app here is bundled (minified, gzip), and
 * so are the Effect functions that it uses, alone. The difference is held
 * against `budget.json`. With names as arguments, only those apps.
 */
import * as Esbuild from "esbuild"
import { readFile } from "node:fs/promises"
import * as Path from "node:path"
import { gzipSync } from "node:zlib"

const folder = import.meta.dirname

const bundle = (input: Esbuild.BuildOptions) =>
  Esbuild.build({
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "error",
    ...input,
    write: false,
    metafile: true
  })

const textOf = (result: Awaited<ReturnType<typeof bundle>>) => result.outputFiles.map((file) => file.text).join("")

/** An entry that keeps exactly the Effect functions that are left in an app once it is bundled and shaken. */
const effectAlone = async (app: string) => {
  const code = textOf(await bundle({ entryPoints: [app], external: ["effect/*"], minifySyntax: true }))
  const kept: Array<string> = []
  const imports: Array<string> = []
  for (const [index, [, alias, module]] of [
    ...code.matchAll(/^import \* as (\w+) from "(effect\/[\w/]+)";/gm)
  ].entries()) {
    const members = new Set([...code.matchAll(new RegExp(`\\b${alias}\\.(\\w+)`, "g"))].map(([, member]) => member))
    if (members.size === 0) continue
    imports.push(`import * as M${index} from "${module}"`)
    kept.push(...[...members].map((member) => `M${index}.${member}`))
  }
  return `${imports.join("\n")}\nglobalThis.kept = [${kept.join(", ")}]`
}

const measure = async (name: string) => {
  const app = Path.join(folder, `${name}.ts`)
  const whole = await bundle({ entryPoints: [app], minify: true })
  const alone = await bundle({
    stdin: { contents: await effectAlone(app), resolveDir: folder, loader: "ts" },
    minify: true
  })
  const gzip = (result: typeof whole) => gzipSync(textOf(result), { level: 9 }).length
  const modules = Object.values(whole.metafile.outputs).flatMap((output) => Object.keys(output.inputs))
  const schema = modules.filter((path) => /effect\/(src|dist)\/Schema\w*\./.test(path))
  return { name, whole: gzip(whole), alone: gzip(alone), cost: gzip(whole) - gzip(alone), schema }
}

const budget: Record<string, { readonly maxGzip: number }> = JSON.parse(
  await readFile(Path.join(folder, "budget.json"), "utf8")
)
const wanted = process.argv.slice(2)
let within = true

for (const [name, { maxGzip }] of Object.entries(budget)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const { alone, cost, schema, whole } = await measure(name)
  const fits = cost <= maxGzip && schema.length === 0
  within &&= fits
  console.log(
    `${fits ? "ok  " : "OVER"} ${name}: ${cost} bytes of ${maxGzip} (whole ${whole}, its Effect functions alone ${alone})` +
      (schema.length > 0 ? ` and Schema is in it: ${schema.join(", ")}` : "")
  )
}

process.exitCode = within ? 0 : 1
