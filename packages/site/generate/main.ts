/**
 * Writes the content of the site: the documents of the repository, the
 * reference, the pictures, and the two texts for language models. Run it before
 * Astro; what it writes is ignored by git.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { readTree } from "../../../.ci/lib/tree.ts"
import { readPackage } from "./modules.ts"
import { addressOf, type Page, pageOf } from "./pages.ts"
import { render } from "./reference.ts"
import { blindness } from "./samples.ts"
import { baseOf, type Group, sidebarOf } from "./sidebar.ts"

const root = new URL("../../../", import.meta.url).pathname
const here = new URL("../", import.meta.url).pathname
const content = join(here, "src/content/docs")
const assets = join(here, "public")
const base = baseOf(process.env)

const write = (file: string, text: string): void => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

const frontMatter = ({ description, title }: Page): string =>
  ["---", `title: ${JSON.stringify(title)}`, `description: ${JSON.stringify(description)}`, "---", ""].join("\n")

const writePage = (page: Page): void => write(join(content, `${page.slug}.md`), `${frontMatter(page)}\n${page.body}`)

rmSync(content, { recursive: true, force: true })
rmSync(assets, { recursive: true, force: true })

const tree = readTree(root)
const pages = [...tree].flatMap(([path, text]) => {
  const page = path.endsWith(".md") ? pageOf(path, text, base) : undefined
  return page === undefined ? [] : [page]
})
const packages = [
  "kharbranth",
  "node",
  "browser",
  "signalr",
  "feeds",
  "telemetry",
  "devtools",
  "cluster",
  "cluster-node",
  "cluster-nats"
].map((folder) => readPackage(root, folder))
const reference = render(packages, base)
const overview: Page = {
  slug: "reference",
  title: "Reference",
  description: "Every public module, and what it is for.",
  body: packages
    .map(({ name }) => {
      const own = reference.pages.filter(({ group }) => group === name)
      const rows = own.map(
        ({ description, slug, title }) =>
          `| [\`${title}\`](${addressOf(slug, base)}) | ${description.replaceAll("|", "\\|")} |`
      )
      return `## ${name}\n\n| module | |\n|---|---|\n${rows.join("\n")}\n`
    })
    .join("\n")
}

for (const page of [...pages, ...reference.pages, overview]) writePage(page)

const sidebar: ReadonlyArray<Group> = sidebarOf(
  tree.get("packages/kharbranth/guide/README.md") ?? "",
  pages,
  reference.pages
)
write(join(here, "src/sidebar.json"), JSON.stringify(sidebar))

cpSync(join(root, "packages/kharbranth/guide/pictures"), join(assets, "pictures"), { recursive: true })
cpSync(join(here, "src/favicon.svg"), join(assets, "favicon.svg"))

const listed = sidebar
  .slice(0, -1)
  .flatMap(({ items }) => items)
  .flatMap(({ slug }) => pages.find((page) => page.slug === slug) ?? [])
const lines = [...listed, overview].map(
  ({ description, slug, title }) => `- [${title}](${addressOf(slug, base)}): ${description}`
)
const intro = "# Kharbranth\n\n> WebSocket connections for Effect that outlive their sockets.\n\n"
write(join(assets, "llms.txt"), `${intro}${lines.join("\n")}\n`)
write(join(assets, "llms-full.txt"), `${intro}${listed.map(({ body, title }) => `# ${title}\n\n${body}`).join("\n\n")}`)

const faults = [...reference.faults, ...blindness()]
for (const fault of faults) console.log(`FAIL ${fault}`)
console.log(`${pages.length} documents, ${reference.pages.length} modules, ${faults.length} faults`)
process.exitCode = faults.length === 0 ? 0 : 1
