/**
 * Renders the public modules as pages. Names of a signature and links of the
 * JSDoc lead to the exports that they mean; what cannot be resolved is a fault.
 */
import { posix } from "node:path"
import { slug } from "../../../.ci/lib/prose.ts"
import type { Export, Module, Package } from "./modules.ts"
import { addressOf, folded, type Page } from "./pages.ts"

/** A module's page, and the anchors of its exports. */
interface Place {
  readonly module: Module
  readonly owner: Package
  readonly slug: string
  readonly categories: ReadonlyArray<readonly [category: string, exports: ReadonlyArray<Export>]>
  readonly anchors: ReadonlyMap<string, string>
}

export interface Reference {
  readonly pages: ReadonlyArray<Page & { readonly group: string }>
  readonly faults: ReadonlyArray<string>
}

const kebab = (name: string): string => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()

const slugOf = (owner: Package, module: Module): string =>
  `reference/${owner.folder}/${module.file
    .replace(/\.d\.ts$/, "")
    .split("/")
    .map(kebab)
    .join("/")}`

const titled = (category: string): string => category.slice(0, 1).toUpperCase() + category.slice(1)

const placeOf = (owner: Package, module: Module): Place => {
  const byCategory = Map.groupBy(module.exports, ({ doc }) => doc.category)
  const categories = [...byCategory].toSorted(([a], [b]) => a.localeCompare(b))
  // Anchors in the order of the headings, as the site numbers equal ones.
  const seen = new Map<string, number>()
  const anchors = new Map<string, string>()
  const anchorOf = (heading: string): string => {
    const plain = slug(heading)
    const again = seen.get(plain) ?? 0
    seen.set(plain, again + 1)
    return again === 0 ? plain : `${plain}-${again}`
  }
  for (const [category, exports] of categories) {
    anchorOf(titled(category))
    for (const { name } of exports) anchors.set(name, anchorOf(name))
  }
  return { module, owner, slug: slugOf(owner, module), categories, anchors }
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("{", "&#123;")

const keywords = new Set(
  "as class const declare extends function in infer interface keyof new readonly type typeof unique".split(" ")
)

const token = /(\/\*\*[\s\S]*?\*\/|\/\/[^\n]*)|("(?:[^"\\]|\\.)*")|([A-Za-z_$][\w$]*(?:\.[A-Z][\w$]*)?)/g

export const render = (packages: ReadonlyArray<Package>, base: string): Reference => {
  const faults: Array<string> = []
  const places = packages.flatMap((owner) => owner.modules.map((module) => placeOf(owner, module)))
  const byEntry = new Map(places.map((place) => [place.module.entry, place]))
  const byFile = new Map(places.map((place) => [`${place.owner.folder}/${place.module.file}`, place]))

  const addressIn = (place: Place, name: string): string | undefined => {
    const anchor = place.anchors.get(name)
    return anchor === undefined ? undefined : `${addressOf(place.slug, base)}#${anchor}`
  }

  const placeAt = (from: Place, specifier: string): Place | undefined =>
    specifier.startsWith(".")
      ? byFile.get(
          `${from.owner.folder}/${posix.join(posix.dirname(from.module.file), specifier).replace(/\.ts$/, ".d.ts")}`
        )
      : byEntry.get(specifier)

  /** Where a name of a module leads: an address, `undefined` for what is not ours, or a fault. */
  const addressOfName = (from: Place, name: string): string | undefined => {
    const [first = "", second] = name.split(".")
    const own = addressIn(from, first)
    if (own !== undefined) return own
    const imported = from.module.imports.get(first)
    if (imported !== undefined) {
      const [specifier, original] = imported
      if (specifier.includes("/internal/")) faults.push(`${from.module.entry} shows the internal name ${name}`)
      const place = placeAt(from, specifier)
      if (place === undefined) return undefined
      const wanted = original === "*" ? second : original
      return wanted === undefined ? addressOf(place.slug, base) : addressIn(place, wanted)
    }
    if (from.module.hidden.has(first) && /^[A-Z]/.test(first))
      faults.push(`${from.module.entry} shows ${first}, which it does not export`)
    return undefined
  }

  const linked = (from: Place, { name: self, signature }: Export): string => {
    let html = ""
    let last = 0
    for (const match of signature.matchAll(token)) {
      const [text, comment, string, name] = match
      html += escaped(signature.slice(last, match.index))
      last = match.index + text.length
      if (comment !== undefined) html += `<span class="comment">${escaped(comment)}</span>`
      else if (string !== undefined) html += `<span class="string">${escaped(string)}</span>`
      else if (keywords.has(name ?? "")) html += `<span class="keyword">${text}</span>`
      else {
        const address = name === self ? undefined : addressOfName(from, name ?? "")
        html += address === undefined ? escaped(text) : `<a href="${address}">${escaped(text)}</a>`
      }
    }
    html += escaped(signature.slice(last))
    // A blank line would end the HTML block in Markdown.
    return `<pre class="signature"><code>${html.replaceAll("\n\n", "\n&#8203;\n")}</code></pre>`
  }

  const resolved = (from: Place, where: string, text: string): string =>
    text.replaceAll(/\{@link\s+([\w.]+)[^}]*\}/g, (_, name: string) => {
      const [first = "", second = ""] = name.split(".")
      const sibling = from.owner.modules.find((module) => module.name === first)
      const address =
        addressIn(from, first) ?? (sibling === undefined ? undefined : addressIn(placeOf(from.owner, sibling), second))
      if (address === undefined) faults.push(`${where} links to ${name}, which is not there`)
      return `[\`${name}\`](${address ?? ""})`
    })

  const example = (text: string): string => (text.includes("```") ? text : `\`\`\`ts\n${text}\n\`\`\``)

  const section = (place: Place, found: Export): string => {
    const where = `${place.module.entry} ${found.name}`
    if (!/[.!?](?:\s|$)/.test(found.doc.text)) faults.push(`${where} has no sentence`)
    if (found.doc.category === "") faults.push(`${where} has no category`)
    return [
      `### ${found.name}`,
      linked(place, found),
      resolved(place, where, found.doc.text),
      ...found.doc.examples.map((text) => folded(example(text)))
    ].join("\n\n")
  }

  const pages = places
    .filter(({ module }) => module.exports.length > 0)
    .map((place) => {
      const { categories, module, owner } = place
      if (module.doc.text === "") faults.push(`${module.entry} does not say what it is`)
      const body = [
        `\`\`\`ts\nimport * as ${module.name} from "${module.entry}"\n\`\`\``,
        resolved(place, module.entry, module.doc.text),
        ...module.doc.examples.map((text) => folded(example(text))),
        ...categories.flatMap(([category, exports]) =>
          [`## ${titled(category)}`].concat(exports.map((found) => section(place, found)))
        )
      ]
      return {
        slug: place.slug,
        title: module.name,
        description: module.doc.text.split(/(?<=\.)\s/)[0]?.replaceAll(/[\n`]/g, " ") ?? "",
        // The guide's pages come before those of the reference in the search.
        body: `<div data-pagefind-weight="0.2">\n\n${body.join("\n\n")}\n\n</div>\n`,
        group: owner.name
      }
    })
  return { pages, faults: [...new Set(faults)] }
}
