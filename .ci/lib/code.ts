/**
 * House checks about what stands in the sources: time and chance come from
 * Effect, every public export is documented, no shortcuts, no giant files.
 */
import type { Check } from "./check.ts"
import { core, lineAt, type Module, modulesOf, nameOf, type Node, sources, walk } from "./tree.ts"

const at = (module: Module, node: Node, text: string): string =>
  `${module.path}:${lineAt(module.text, node.start)} ${text}`

// ------------------------------------------------------------ time and chance

const globals = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "console",
  "performance"
])

const members: Readonly<Record<string, ReadonlySet<string>>> = {
  Date: new Set(["now"]),
  Math: new Set(["random"]),
  globalThis: globals
}

/** A name that stands for itself, not a key or a member of something else. */
const isReference = (node: Node, parent: Node | undefined): boolean => {
  if (parent === undefined || parent["computed"] === true) return true
  if (parent.type === "MemberExpression") return parent["property"] !== node
  return parent["key"] !== node || parent["shorthand"] === true
}

const impurity = (node: Node, parent: Node | undefined): string | undefined => {
  if (node.type === "Identifier" && globals.has(nameOf(node)) && isReference(node, parent)) return nameOf(node)
  if (node.type === "MemberExpression") {
    const [object, property] = [nameOf(node["object"]), nameOf(node["property"])]
    return members[object]?.has(property) === true ? `${object}.${property}` : undefined
  }
  const isDate = nameOf(node["callee"]) === "Date" && (node["arguments"] as ReadonlyArray<unknown>).length === 0
  if (node.type === "NewExpression" && isDate) return "new Date()"
  return node.type === "CallExpression" && nameOf(node["callee"]) === "Date" ? "Date()" : undefined
}

const pureCore: Check = {
  name: "time, chance and output of the core come from Effect",
  complaints: (tree) =>
    modulesOf(tree, core).flatMap((module) => {
      const found: Array<string> = []
      walk(module.body, (node, parent) => {
        const name = impurity(node, parent)
        if (name !== undefined) found.push(at(module, node, `uses ${name}: take Clock, Random or a log from Effect`))
      })
      return found
    }),
  rejects: [
    "Date.now()",
    "new Date()",
    "Date()",
    "Math.random()",
    "setTimeout(() => {}, 1)",
    "setInterval",
    "setImmediate",
    "globalThis.setTimeout",
    "console.log(1)",
    "performance.now()",
    "{ console }"
  ].map((code) => ({ "packages/kharbranth/src/A.ts": `export const x = (${code})` })),
  accepts: [
    {
      "packages/kharbranth/src/A.ts": `// Date.now()\nexport const x = [new Date(5), "setTimeout", { console: 1 }, a.performance]`
    },
    { "packages/node/src/A.ts": `export const x = Date.now()` }
  ]
}

// -------------------------------------------------------------- documentation

/** The JSDoc directly above an offset. */
const docAbove = (module: Module, offset: number): string | undefined => {
  const above = module.comments.filter((comment) => comment.end <= offset)
  for (const comment of above.toReversed()) {
    const between = module.text.slice(comment.end, offset).replaceAll(/\/\/.*$/gm, "")
    if (between.trim() !== "") return undefined
    if (comment.type === "Block" && comment.value.startsWith("*")) return comment.value
  }
  return undefined
}

interface Export {
  readonly name: string
  readonly node: Node
}

const declaredNames = (declaration: Node): ReadonlyArray<string> =>
  declaration.type === "VariableDeclaration"
    ? (declaration["declarations"] as ReadonlyArray<Node>).map((item) => nameOf(item["id"]))
    : [nameOf(declaration["id"])]

/** Each exported name with the statement that should carry its documentation. */
const exportsOf = (module: Module): ReadonlyArray<Export> => {
  const declaring = (name: string): ReadonlyArray<Export> =>
    module.body
      .filter((node) => node.type.endsWith("Declaration") && node.type !== "ImportDeclaration")
      .filter((node) => declaredNames(node).includes(name))
      .map((node) => ({ name, node }))
  return module.body.flatMap((node): ReadonlyArray<Export> => {
    if (node.type === "ExportDefaultDeclaration") return [{ name: "default", node }]
    if (node.type !== "ExportNamedDeclaration") return []
    const declaration = node["declaration"] as Node | null
    if (declaration !== null) return declaredNames(declaration).map((name) => ({ name, node }))
    const from = node["source"] as { readonly value: string } | null
    // What another public module exports is documented there.
    if (from !== null && !from.value.includes("/internal/")) return []
    const specifiers = node["specifiers"] as ReadonlyArray<Node>
    return specifiers.flatMap((specifier) => {
      const name = nameOf(specifier["exported"])
      const elsewhere = from === null ? declaring(nameOf(specifier["local"])) : [{ name, node }]
      return [{ name, node: specifier }].concat(elsewhere)
    })
  })
}

/** What a docblock says before its tags: at least one sentence. */
const hasSentence = (doc: string): boolean =>
  /\w[^@]*[.:]/.test((/^[^]*?(?=\n\s*\*\s*@|$)/.exec(doc)?.[0] ?? "").replaceAll("*", ""))

const missingTags = (doc: string): ReadonlyArray<string> => [
  ...(hasSentence(doc) ? [] : ["no sentence"]),
  ...(/@since \d+\.\d+\.\d+/.test(doc) ? [] : ["no @since"]),
  ...(/@category [a-z]/.test(doc) ? [] : ["no lower-case @category"])
]

const undocumented = (module: Module): ReadonlyArray<string> => {
  const names = new Map<string, { node: Node; faults: ReadonlyArray<string> }>()
  for (const { name, node } of exportsOf(module)) {
    const doc = docAbove(module, node.start)
    const faults = doc === undefined ? ["no JSDoc"] : missingTags(doc)
    // Overloads, and a type beside its constructor, share one text.
    if (names.get(name)?.faults.length !== 0) names.set(name, { node, faults })
  }
  return [...names].flatMap(([name, { faults, node }]) =>
    faults.length === 0 ? [] : [at(module, node, `export ${name} has ${faults.join(", ")}`)]
  )
}

const documented: Check = {
  name: "every public export has a sentence, @since and @category",
  complaints: (tree) =>
    modulesOf(tree, sources)
      .filter((module) => !/\/internal\/|^packages\/(?:bench|site)\//.test(module.path))
      .flatMap(undocumented),
  rejects: [
    `export const a = 1`,
    `/** A.\n * @category models\n */\nexport const a = 1`,
    `/** A.\n * @since 0.1.0\n */\nexport interface A {}`,
    `/** A.\n * @since 0.1.0\n * @category Models */\nexport class A {}`,
    `// A. @since 0.1.0 @category models\nexport type A = 1`,
    `/**\n * @category models\n * @since 0.1.0\n */\nexport type A = 1`,
    `const a = 1\nexport { a }`,
    `export { a } from "./internal/a.ts"`,
    `/**\n * Header.\n * @since 0.1.0\n * @category x */\nimport "./B.ts"\nexport function f() {}`
  ].map((code) => ({ "packages/node/src/A.ts": code })),
  accepts: [
    `/** A.\n * @since 0.1.0\n * @category models\n */\nexport const a = 1`,
    `/** A.\n * @since 0.1.0\n * @category models */\nfunction f() {}\nexport { f }`,
    `/** A.\n * @since 0.1.0\n * @category models */\nexport function f(a: 1): 1\nexport function f(a: 1) { return a }`,
    `export * as Message from "./Message.ts"`
  ].map((code) => ({ "packages/node/src/A.ts": code }))
}

// ------------------------------------------------------------------ shortcuts

const pragma = /(?:v8|c8|istanbul) ignore|@ts-(?:ignore|nocheck)/

const noShortcuts: Check = {
  name: "no any casts, no ts-ignore, no coverage pragmas in sources",
  complaints: (tree) =>
    modulesOf(tree, sources).flatMap((module) => {
      const found: Array<string> = []
      walk(module.body, (node) => {
        const type = (node["typeAnnotation"] as Node | undefined)?.type
        if (node.type === "TSAsExpression" && type === "TSAnyKeyword") found.push(at(module, node, "casts to any"))
      })
      for (const comment of module.comments.filter((comment) => pragma.test(comment.value))) {
        found.push(`${module.path}:${lineAt(module.text, comment.start)} ${pragma.exec(comment.value)?.[0]}`)
      }
      return found
    }),
  rejects: [
    `export const a = 1 as any`,
    `/* v8 ignore next */\nexport const a = 1`,
    `// @ts-ignore\nexport const a: 1 = 2`
  ].map((code) => ({ "packages/node/src/A.ts": code })),
  accepts: [{ "packages/node/src/A.ts": `export const a = 1 as number` }]
}

export const codeChecks: ReadonlyArray<Check> = [pureCore, documented, noShortcuts]
