/** The order of the site: that of the guide's own index, then packages, then the reference. */
import { type Page, slugOf } from "./pages.ts"

export interface Item {
  readonly label: string
  readonly slug: string
}

export interface Group {
  readonly label: string
  readonly collapsed: boolean
  readonly items: ReadonlyArray<Item>
}

/** The path that the site is served under, with slashes at both ends. */
export const baseOf = (environment: Readonly<Record<string, string | undefined>>): string => {
  const base = environment["KHARBRANTH_BASE"] ?? "/"
  return base.endsWith("/") ? base : `${base}/`
}

/** The groups of the guide's index: a bold line, and the pages listed below it. */
const guideGroups = (index: string): ReadonlyArray<Group> =>
  index.split(/^(?=\*\*)/m).flatMap((part) => {
    const [, label] = /^\*\*(.*)\*\*/.exec(part) ?? []
    if (label === undefined) return []
    const items = [...part.matchAll(/^\d+\. \[([^\]]*)\]\(([\w-]+\.md)\)/gm)].map(([, words = "", file = ""]) => ({
      label: words,
      slug: slugOf(`packages/kharbranth/guide/${file}`) ?? ""
    }))
    return [{ label, collapsed: false, items }]
  })

export const sidebarOf = (
  index: string,
  pages: ReadonlyArray<Page>,
  reference: ReadonlyArray<Page & { readonly group: string }>
): ReadonlyArray<Group> => {
  const guide = guideGroups(index)
  const taken = new Set([...guide.flatMap(({ items }) => items).map(({ slug }) => slug), "index", "guide"])
  const rest = pages.filter(({ slug }) => !taken.has(slug)).toSorted((a, b) => a.slug.localeCompare(b.slug))
  const start = [
    { label: "Kharbranth", slug: "index" },
    { label: "Find it by what you see", slug: "guide" }
  ]
  const modules = Map.groupBy(reference, ({ group }) => group)
  return [
    { label: "Overview", collapsed: false, items: start },
    ...guide,
    { label: "Packages", collapsed: false, items: rest.map(({ slug, title }) => ({ label: title, slug })) },
    ...[...modules].map(([label, own]) => ({
      label: `Reference: ${label}`,
      collapsed: true,
      items: own.map(({ slug, title }) => ({ label: title, slug }))
    }))
  ]
}
