/**
 * The repository as data: a map from path to text, and modules parsed from it.
 * Checks see nothing else, so a sample of three lines is as good to them as
 * the real tree.
 */
import { execFileSync } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import { join, posix } from "node:path"
import { parseSync } from "oxc-parser"

export type Tree = ReadonlyMap<string, string>

export interface Import {
  readonly specifier: string
  readonly line: number
  /** Erased when the file is compiled. */
  readonly typeOnly: boolean
  /** Names taken one by one: `import { a } from`. */
  readonly names: ReadonlyArray<string>
  /** The name of `import * as Name from`. */
  readonly namespace: string | undefined
}

export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export interface Module {
  readonly path: string
  readonly text: string
  readonly body: ReadonlyArray<Node>
  readonly comments: ReadonlyArray<{ readonly type: string; readonly value: string; start: number; end: number }>
  readonly imports: ReadonlyArray<Import>
}

export const sources = /^packages\/[^/]+\/src\//
export const core = /^packages\/kharbranth\/src\//

/** The folder of the package that a path is in. */
export const packageOf = (path: string): string => path.split("/")[1] ?? ""

/** The file that a relative import means. */
export const targetOf = (module: Module, specifier: string): string => posix.join(posix.dirname(module.path), specifier)

/** Circles of imports, each from a file back to itself. Follows imports from each file to one that is on its own path. */
export const circlesOf = (
  modules: ReadonlyArray<Module>,
  importsOf: (module: Module) => ReadonlyArray<string>
): ReadonlyArray<ReadonlyArray<string>> => {
  const imports = new Map(modules.map((module) => [module.path, importsOf(module)]))
  const done = new Set<string>()
  const found: Array<ReadonlyArray<string>> = []
  const follow = (file: string, path: ReadonlyArray<string>): void => {
    const start = path.indexOf(file)
    if (start >= 0) found.push([...path.slice(start), file])
    if (start >= 0 || done.has(file)) return
    for (const target of imports.get(file) ?? []) follow(target, [...path, file])
    done.add(file)
  }
  for (const file of imports.keys()) follow(file, [])
  return found
}

/** The name of an identifier. */
export const nameOf = (value: unknown): string => (value as { readonly name?: string } | undefined)?.name ?? ""

const textual =
  /\.(?:ts|mts|cts|js|mjs|cjs|tsx|json|md|yaml|yml|sh|html|css|svg|cs|csproj|txt)$|(?:^|\/)[^/.]+$|(?:^|\/)\.[^/]+$/

/** What git tracks or would track below `root`, as text. */
export const readTree = (root: string): Tree => {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" })
  const tree = new Map<string, string>()
  for (const path of listed.split("\n").filter((path) => textual.test(path))) {
    const stat = statSync(join(root, path), { throwIfNoEntry: false })
    if (stat?.isFile() === true) tree.set(path, readFileSync(join(root, path), "utf8"))
  }
  return tree
}

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

const parse = (path: string, text: string): Module => {
  const result = parseSync(path, text, { sourceType: "module" })
  const broken = result.errors[0]
  if (broken !== undefined) throw new Error(`${path}: ${broken.message}`)
  const imports: Array<Import> = []
  for (const found of result.module.staticImports) {
    const names = found.entries.filter((entry) => entry.importName.kind === "Name")
    imports.push({
      specifier: found.moduleRequest.value,
      line: lineAt(text, found.start),
      typeOnly: found.entries.length > 0 && found.entries.every((entry) => entry.isType),
      names: names.flatMap((entry) => entry.importName.name ?? []),
      namespace: found.entries.find((entry) => entry.importName.kind === "NamespaceObject")?.localName.value
    })
  }
  for (const found of result.module.staticExports) {
    for (const entry of found.entries) {
      if (entry.moduleRequest === null) continue
      const names = entry.importName.kind === "Name" ? [entry.importName.name ?? ""] : []
      const line = lineAt(text, found.start)
      imports.push({ specifier: entry.moduleRequest.value, line, typeOnly: entry.isType, names, namespace: undefined })
    }
  }
  for (const found of result.module.dynamicImports) {
    const literal = /^["'](.*)["']$/.exec(text.slice(found.moduleRequest.start, found.moduleRequest.end))
    if (literal === null) continue
    const line = lineAt(text, found.start)
    imports.push({ specifier: literal[1] ?? "", line, typeOnly: false, names: [], namespace: undefined })
  }
  return { path, text, imports, comments: result.comments, body: result.program.body as unknown as Array<Node> }
}

const parsed = new Map<string, Module>()

/** The TypeScript modules whose path matches, parsed once. */
export const modulesOf = (tree: Tree, pattern: RegExp): ReadonlyArray<Module> =>
  [...tree]
    .filter(([path]) => pattern.test(path) && path.endsWith(".ts"))
    .map(([path, text]) => {
      const key = `${path}\n${text}`
      const module = parsed.get(key) ?? parse(path, text)
      parsed.set(key, module)
      return module
    })

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

/** Visits every node below `value`, with the node that holds it. */
export const walk = (value: unknown, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void => {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit, parent)
    return
  }
  if (!isNode(value)) return
  visit(value, parent)
  for (const key of Object.keys(value)) if (key !== "parent") walk(value[key], visit, value)
}
