/**
 * Type-checks and runs every example of the documentation, as a user would:
 * each as a module of its own beside all public packages. Five samples go
 * through the same path first, to show that a wrong example is caught.
 *
 * With arguments it looks only at files whose path contains one of them.
 */
import { spawn } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { type Example, findExamples } from "./lib/examples.ts"
import { readTree } from "./lib/tree.ts"

interface Outcome {
  readonly code: number
  readonly output: string
}

const root = new URL("..", import.meta.url).pathname
const folder = `${root}scratchpad/.examples`
const runLimit = 60_000

const run = (command: string, args: ReadonlyArray<string>): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, timeout: runLimit * 5, killSignal: "SIGKILL" })
    const output: Array<string> = []
    child.stdout.on("data", (data: Buffer) => output.push(data.toString()))
    child.stderr.on("data", (data: Buffer) => output.push(data.toString()))
    child.on("close", (code, signal) => resolve({ code: code ?? 1, output: output.join("") + (signal ?? "") }))
  })

const tsconfig = {
  extends: "../../tsconfig.base.json",
  include: ["*.ts"],
  compilerOptions: {
    rootDir: "../..",
    composite: false,
    declarationMap: false,
    incremental: false,
    noEmit: true,
    noUnusedLocals: false,
    types: ["node"]
  }
}

const fileOf = (index: number): string => `example${index}.ts`

const write = (examples: ReadonlyArray<Example>): void => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(tsconfig))
  writeFileSync(`${folder}/package.json`, JSON.stringify({ type: "module", private: true }))
  for (const [index, example] of examples.entries()) writeFileSync(`${folder}/${fileOf(index)}`, example.code)
}

/** Compiler complaints, by example. */
const typeErrors = async (examples: ReadonlyArray<Example>): Promise<ReadonlyArray<string>> => {
  const { code, output } = await run(process.execPath, [
    `${root}node_modules/typescript/bin/tsc`,
    "--pretty",
    "false",
    "-p",
    folder
  ])
  if (code === 0) return []
  const own = [...output.matchAll(/^\S*example(\d+)\.ts\((\d+),\d+\): (.*)$/gm)]
  if (own.length === 0) return [output]
  return own.map(([, index, line, text]) => `${examples[Number(index)]?.origin} (line ${line} of the example): ${text}`)
}

/** Runs the examples of one source file after another in one process. */
const runGroup = async (group: ReadonlyArray<readonly [number, Example]>): Promise<ReadonlyArray<string>> => {
  const outcome = await run(process.execPath, [
    "--input-type=module",
    "--eval",
    `const limit = setTimeout(() => { console.error("still running after ${runLimit} ms"); process.exit(1) }, ${runLimit})
    for (const [file, origin] of ${JSON.stringify(group.map(([index, { origin }]) => [fileOf(index), origin]))}) {
      await import("file://${folder}/" + file).catch((error) => { console.error(origin, error); process.exitCode = 1 })
    }
    limit.unref()`
  ])
  const [first] = group
  return outcome.code === 0 ? [] : [`${first?.[1].source}: an example failed when run\n${outcome.output}`]
}

const runAll = async (examples: ReadonlyArray<Example>): Promise<ReadonlyArray<string>> => {
  const runnable = [...examples.entries()].filter(([, example]) => example.runs)
  const groups = [...Map.groupBy(runnable, ([, example]) => example.source).values()]
  const faults: Array<string> = []
  const worker = async (): Promise<void> => {
    for (let group = groups.shift(); group !== undefined; group = groups.shift())
      faults.push(...(await runGroup(group)))
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return faults
}

const doc = (lines: ReadonlyArray<string>): string =>
  ["/**", ...["```ts", ...lines, "```"].map((line) => ` * ${line}`), " */", "export {}", ""].join("\n")

/** Extracted like the real ones; the first holds, each other must be caught. */
const samples = new Map([
  ["packages/sample/src/Right.ts", doc([`import { ok } from "node:assert"`, `ok(true)`])],
  ["packages/sample/src/Wrong.ts", doc([`import { strictEqual } from "node:assert"`, `strictEqual(1 + 1, 3)`])],
  ["packages/sample/src/Late.ts", doc([`export {}`, `Promise.reject(new Error("late"))`])],
  ["packages/sample/src/Type.ts", doc([`// no-run`, `export const a: string = 1`])],
  ["packages/sample/guide/Page.md", ["# A page", "```ts", `throw new Error("page")`, "```", ""].join("\n")]
])

const bites = async (): Promise<boolean> => {
  const examples = findExamples(samples)
  write(examples)
  const [types, runs] = [await typeErrors(examples), await runAll(examples)]
  const caught = (faults: ReadonlyArray<string>, names: ReadonlyArray<string>) =>
    faults.length === names.length && names.every((name) => faults.some((fault) => fault.includes(`/${name}.`)))
  return caught(types, ["Type"]) && caught(runs, ["Wrong", "Late", "Page"])
}

const bitten = await bites()
if (!bitten) console.log("FAIL the check of the examples does not catch its own wrong samples")

const wanted = process.argv.slice(2)
const isWanted = ({ source }: Example): boolean => wanted.length === 0 || wanted.some((part) => source.includes(part))
const examples = findExamples(readTree(root)).filter(isWanted)
write(examples)
const faults = [...(await typeErrors(examples)), ...(await runAll(examples))]
for (const fault of faults) console.log(`FAIL ${fault}`)
const ran = examples.filter((example) => example.runs).length
console.log(`${examples.length} examples type-checked, ${ran} of them run, ${faults.length} faults`)
rmSync(folder, { recursive: true, force: true })
process.exitCode = bitten && faults.length === 0 ? 0 : 1
