/**
 * Builds the page into `dist/page/`: `index.html`, and a script and a stylesheet
 * whose names carry the hash of their content. The charts are a script of their
 * own, which the page loads when it shows the first one. So is what reads files,
 * which loads once the page stands. That one and the main script are classic
 * ones, so that the page also opens from a folder, without a server.
 *
 * The same sources give the same bytes.
 *
 * The root's `prepare` runs it, so that a fresh clone has a page to serve. The
 * package's `prepack` runs it again, so that a published package never carries
 * a page older than its sources.
 */
import * as Esbuild from "esbuild"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"

const here = import.meta.dirname

export const folder = join(here, "../dist/page")

/**
 * What makes the script smaller than `tsconfig.json` would: elements are calls of
 * `h`, and fields are assigned where they have a value instead of declared.
 */
export const compact: Esbuild.BuildOptions = {
  jsx: "transform",
  jsxFactory: "h",
  jsxFragment: "Fragment",
  inject: [join(here, "elements.ts")],
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } }
}

const common: Esbuild.BuildOptions = {
  ...compact,
  absWorkingDir: here,
  outdir: folder,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  platform: "browser",
  target: "es2022",
  conditions: ["production"],
  legalComments: "none",
  logLevel: "error",
  metafile: true
}

const nameOf = (result: Esbuild.BuildResult, extension: string): string =>
  basename(Object.keys(result.metafile!.outputs).find((path) => path.endsWith(extension))!)

export const build = async (): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const charts = nameOf(await Esbuild.build({ ...common, entryPoints: ["one/charts.ts"], format: "esm" }), ".js")
  const reader = nameOf(await Esbuild.build({ ...common, entryPoints: ["file/reader.ts"], format: "iife" }), ".js")
  const main = await Esbuild.build({
    ...common,
    entryPoints: [
      { in: "main.ts", out: "page" },
      { in: "style/page.css", out: "page" }
    ],
    format: "iife",
    define: { CHARTS: JSON.stringify(`./${charts}`), READER: JSON.stringify(`./${reader}`) },
    external: [`./${charts}`]
  })
  const html = await readFile(join(here, "index.html"), "utf8")
  await writeFile(
    join(folder, "index.html"),
    html.replace("STYLE", nameOf(main, ".css")).replace("SCRIPT", nameOf(main, ".js"))
  )
}

if (import.meta.filename === process.argv[1]) {
  const began = performance.now()
  await build()
  console.log(`dist/page in ${Math.round(performance.now() - began)} ms`)
}
