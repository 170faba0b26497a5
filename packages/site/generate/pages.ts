/**
 * The documents of the repository as pages of the site: where each goes, and
 * how its links, pictures and code change on the way. No page exists twice;
 * what is written here is never committed.
 */
import { posix } from "node:path"

export interface Page {
  /** Its address below the site's base, without slashes at the ends. */
  readonly slug: string
  readonly title: string
  /** Its first sentence, for search engines and `llms.txt`. */
  readonly description: string
  /** Markdown without title. */
  readonly body: string
}

/** The documents that become pages, and their slugs. */
export const slugOf = (path: string): string | undefined => {
  if (path === "README.md") return "index"
  if (path === "CONTRIBUTING.md") return "contributing"
  if (path === "packages/bench/RESULTS.md") return "results"
  const guide = /^packages\/([^/]+)\/guide\/([\w-]+)\.md$/.exec(path)
  if (guide?.[1] === "kharbranth") return guide[2] === "README" ? "guide" : `guide/${guide[2]}`
  if (guide !== null) return `packages/${guide[1]}/${guide[2] === "README" ? "guide" : guide[2]}`
  const document = /^packages\/(?!site\/|bench\/)([^/]+)\/(README|PROTOCOL)\.md$/.exec(path)
  if (document === null) return undefined
  return document[2] === "README" ? `packages/${document[1]}` : `packages/${document[1]}/protocol`
}

export const addressOf = (slug: string, base: string): string => (slug === "index" ? base : `${base}${slug}/`)

/** A link to a page leads to its address, one to any other file of the repository loses its target. */
const relinked = (path: string, text: string, base: string): string =>
  text.replaceAll(
    /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\((?!\w+:|#|\/)([^)\s#]+)(#[^)\s]*)?\)/g,
    (_, image, words, to, anchor = "") => {
      const target = posix.normalize(posix.join(posix.dirname(path), to)).replace(/\/$/, "")
      if (image === "!") return `![${words}](${base}pictures/${posix.basename(target)})`
      const slug = slugOf(target) ?? slugOf(`${target}/README.md`)
      return slug === undefined ? words : `[${words}](${addressOf(slug, base)}${anchor})`
    }
  )

/** Both drawings of a picture, of which the page's theme shows one. */
const repictured = (text: string, base: string): string =>
  text.replaceAll(
    /<picture>\s*<source[^>]*srcset="pictures\/([\w-]+)-dark\.svg"[^>]*>\s*<img alt="([^"]*)"[^>]*>\s*<\/picture>/g,
    (_, name: string, alt: string) =>
      ["light", "dark"]
        .map((scheme) => `<img class="only-${scheme}" alt="${alt}" src="${base}pictures/${name}-${scheme}.svg" />`)
        .join("\n")
  )

/** Folds the imports at the beginning of an example. */
export const folded = (text: string): string =>
  text.replaceAll(/^```ts\n((?:import [^\n]*\n){3,})/gm, (_, imports: string) => {
    const lines = imports.split("\n").length - 1
    return `\`\`\`ts collapse={1-${lines}}\n${imports}`
  })

const plain = (markdown: string): string =>
  markdown
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[*_`]/g, "")
    .trim()

const firstParagraph = (body: string): string =>
  plain(body.split(/\n{2,}/).find((block) => /^[A-Z*[]/.test(block) && !block.startsWith("![")) ?? "").replaceAll(
    "\n",
    " "
  )

export const pageOf = (path: string, text: string, base: string): Page | undefined => {
  const slug = slugOf(path)
  if (slug === undefined) return undefined
  const [, title = path] = /^# (.*)$/m.exec(text) ?? []
  const body = text.replace(/^# .*\n+/m, "")
  return {
    slug,
    title: plain(title),
    description: firstParagraph(body),
    body: folded(repictured(relinked(path, body, base), base)).replaceAll("// no-run\n", "")
  }
}
