/**
 * Reads what a package exports from its compiled declarations: for each public
 * module its own words, and for each export its signature and its JSDoc. A name
 * that a reader may not import, or an export without a sentence, is a fault.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, posix } from "node:path"
import { parseSync } from "oxc-parser"

export interface Doc {
  readonly text: string
  readonly category: string
  readonly examples: ReadonlyArray<string>
}

export interface Export {
  readonly name: string
  readonly kind: "class" | "const" | "function" | "interface" | "type"
  readonly signature: string
  readonly doc: Doc
}

export interface Module {
  /** What a program imports, such as `kharbranth/Codec`. */
  readonly entry: string
  readonly name: string
  /** The compiled file, relative to the package's `dist`. */
  readonly file: string
  readonly doc: Doc
  readonly exports: ReadonlyArray<Export>
  /** Where names of other modules come from: local name to file and name there (`*` for all of it). */
  readonly imports: ReadonlyMap<string, readonly [specifier: string, name: string]>
  /** Names that are declared here and not exported. */
  readonly hidden: ReadonlySet<string>
}

export interface Package {
  readonly name: string
  readonly folder: string
  readonly modules: ReadonlyArray<Module>
}

interface Comment {
  readonly type: string
  readonly value: string
  readonly start: number
  readonly end: number
}

interface Declared {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly id?: { readonly name: string }
  readonly declarations?: ReadonlyArray<{ readonly id: { readonly name: string } }>
}

interface Statement extends Declared {
  readonly declaration?: Declared | null
  readonly source?: { readonly value: string } | null
  readonly specifiers?: ReadonlyArray<{
    readonly type: string
    readonly local: { readonly name?: string }
    readonly exported?: { readonly name?: string }
    readonly imported?: { readonly name?: string }
    readonly start: number
  }>
}

const withoutStars = (comment: string): string =>
  comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, ""))
    .join("\n")
    .trim()

/** A comment's prose, category and examples. */
const docOf = (comment: string | undefined): Doc => {
  // An empty line before makes sure that the first part is prose, even if there is none.
  const [text = "", ...tags] = `\n${withoutStars((comment ?? "").replace(/^\*/, ""))}`.split(/^(?=@[a-z])/m)
  const of = (tag: string) =>
    tags.filter((part) => part.startsWith(`@${tag}`)).map((part) => part.slice(tag.length + 1).trim())
  return { text: text.trim(), category: of("category")[0] ?? "", examples: of("example") }
}

const kinds: Readonly<Record<string, Export["kind"]>> = {
  ClassDeclaration: "class",
  FunctionDeclaration: "function",
  TSDeclareFunction: "function",
  TSInterfaceDeclaration: "interface",
  TSTypeAliasDeclaration: "type",
  VariableDeclaration: "const"
}

const namesOf = (declared: Declared): ReadonlyArray<string> =>
  declared.declarations?.map(({ id }) => id.name) ?? (declared.id === undefined ? [] : [declared.id.name])

interface Source {
  readonly text: string
  readonly body: ReadonlyArray<Statement>
  readonly comments: ReadonlyArray<Comment>
}

const parse = (file: string): Source => {
  const text = readFileSync(file, "utf8")
  const { comments, errors, program } = parseSync(file, text, { sourceType: "module" })
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
  return { text, body: program.body as unknown as ReadonlyArray<Statement>, comments }
}

/** The JSDoc that stands right before an offset. */
const docBefore = ({ comments, text }: Source, offset: number): Doc => {
  const before = comments.findLast(({ end }) => end <= offset)
  const adjacent = before !== undefined && text.slice(before.end, offset).trim() === ""
  return docOf(adjacent && before.value.startsWith("*") ? before.value : undefined)
}

const signatureOf = (text: string): string =>
  text
    .replace(/^export /, "")
    .replace(/^declare /, "")
    .replaceAll(/^( {4})+/gm, (indent) => " ".repeat(indent.length / 2))
    .replace(/;$/, "")

/** Re-exported from a private file: the words and the signature are there. */
const followed = (file: string, specifier: string, name: string): Export | undefined => {
  const source = parse(posix.join(posix.dirname(file), specifier).replace(/\.ts$/, ".d.ts"))
  return exportsOf(source, file).find((found) => found.name === name)
}

/** A class shows what it extends in place of the compiler's own name for that, and an alias of a private type is opaque. */
const legible = (source: Source, signature: string): string => {
  const base = /\b(\w+_base)\b/.exec(signature)?.[1]
  const declared = source.body.find((statement) => base !== undefined && namesOf(statement).includes(base))
  if (base !== undefined && declared !== undefined) {
    const type = signatureOf(source.text.slice(declared.start, declared.end)).replace(/^const \w+: /, "")
    return signature.replace(base, type.replace(/^Failure</, "TaggedError<"))
  }
  const alias = /^(type \w+(?:<[^=]+>)?) = (\w+)\.\w+(?:<[^=]+>)?$/.exec(signature)
  const from = alias === null ? undefined : importsOf(source).get(alias[2] ?? "")
  return from?.[0].includes("/internal/") === true ? `${alias?.[1]} // opaque` : signature
}

const exportsOf = (source: Source, file: string): ReadonlyArray<Export> =>
  source.body.flatMap((statement) => {
    const { declaration, source: from, specifiers = [] } = statement
    if (statement.type !== "ExportNamedDeclaration") return []
    if (declaration !== undefined && declaration !== null) {
      const kind = kinds[declaration.type]
      if (kind === undefined) return []
      const signature = legible(source, signatureOf(source.text.slice(statement.start, statement.end)))
      return namesOf(declaration).map((name) => ({ name, kind, signature, doc: docBefore(source, statement.start) }))
    }
    return specifiers.flatMap((specifier) => {
      const name = specifier.exported?.name ?? ""
      const local = specifier.local.name ?? name
      const inner =
        from === undefined || from === null ? localExport(source, local, file) : followed(file, from.value, local)
      if (inner === undefined) return []
      const own = docBefore(source, specifier.start)
      return [{ ...inner, name, doc: own.text === "" ? inner.doc : own }]
    })
  })

/** `export { a as b }`: what `a` is in this file. */
const localExport = (source: Source, name: string, file: string): Export | undefined => {
  for (const statement of source.body) {
    const kind = kinds[statement.type]
    if (kind !== undefined && namesOf(statement).includes(name)) {
      const signature = legible(source, signatureOf(source.text.slice(statement.start, statement.end)))
      return { name, kind, signature, doc: docBefore(source, statement.start) }
    }
  }
  const imported = importsOf(source).get(name)
  return imported === undefined ? undefined : followed(file, imported[0], imported[1])
}

const importsOf = ({ body }: Source): Module["imports"] => {
  const imports = new Map<string, readonly [string, string]>()
  for (const { source, specifiers = [], type } of body) {
    if (type !== "ImportDeclaration" || source === undefined || source === null) continue
    for (const { imported, local } of specifiers) imports.set(local.name ?? "", [source.value, imported?.name ?? "*"])
  }
  return imports
}

/** Overloads of one name become one export. */
const merged = (exports: ReadonlyArray<Export>): ReadonlyArray<Export> => {
  const byName = new Map<string, Export>()
  for (const found of exports) {
    const known = byName.get(found.name)
    if (known === undefined) byName.set(found.name, found)
    else {
      byName.set(found.name, {
        ...known,
        signature: `${known.signature}\n\n${found.signature}`,
        doc: known.doc.text === "" ? found.doc : known.doc
      })
    }
  }
  return [...byName.values()]
}

const moduleOf = (dist: string, file: string, packageName: string): Module => {
  const source = parse(join(dist, file))
  const exports = merged(exportsOf(source, join(dist, file)))
  const exported = new Set(exports.map(({ name }) => name))
  const hidden = source.body.flatMap((statement) => (kinds[statement.type] === undefined ? [] : namesOf(statement)))
  const [first] = source.comments
  const name = posix.basename(file, ".d.ts")
  const isIndex = name === "index"
  return {
    entry: `${packageName}/${isIndex ? posix.dirname(file) : file.replace(/\.d\.ts$/, "")}`,
    name: isIndex ? posix.dirname(file) : name,
    file,
    doc: docOf(first?.value),
    exports,
    imports: importsOf(source),
    hidden: new Set(hidden.filter((name) => !exported.has(name)))
  }
}

/** Public folders of a package, as its `exports` name them. */
const foldersOf = (manifest: { readonly exports: Readonly<Record<string, string | null>> }): ReadonlyArray<string> =>
  Object.entries(manifest.exports).flatMap(([key, to]) => {
    const found = to === null ? null : /^\.\/(?:(\w+)\/)?\*$/.exec(key)
    return found === null ? [] : [found[1] ?? ""]
  })

export const readPackage = (root: string, folder: string): Package => {
  const home = join(root, "packages", folder)
  const manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8"))
  const dist = join(home, "dist")
  const files = foldersOf(manifest).flatMap((below) =>
    readdirSync(join(dist, below))
      .filter((file) => /^[A-Z]\w*\.d\.ts$/.test(file))
      .map((file) => posix.join(below, file))
  )
  if (manifest.exports["./testing"] !== undefined) {
    const listed = readdirSync(join(dist, "testing")).filter((file) => /^[A-Z]\w*\.d\.ts$/.test(file))
    files.push(...listed.map((file) => `testing/${file}`))
  }
  return { name: manifest.name, folder, modules: files.toSorted().map((file) => moduleOf(dist, file, manifest.name)) }
}
