/** Finds links of built pages that lead nowhere: pages, files and anchors. */
import { existsSync, globSync, readFileSync } from "node:fs"
import { join, posix } from "node:path"

const decoded = (html: string): string => html.replaceAll("&amp;", "&").replaceAll("&#38;", "&")

const idsOf = (html: string): ReadonlySet<string> =>
  new Set([...html.matchAll(/\s(?:id|name)="([^"]+)"/g)].map(([, id = ""]) => decoded(id)))

export const deadLinks = (folder: string): ReadonlyArray<string> => {
  const files = globSync("**/*.html", { cwd: folder })
  const pages = new Map(files.map((file) => [`/${file}`, readFileSync(join(folder, file), "utf8")]))
  const ids = new Map([...pages].map(([path, html]) => [path, idsOf(html)]))
  return [...pages].flatMap(([path, html]) => {
    const found = [...html.matchAll(/\s(?:href|src)="([^"]+)"/g)].map(([, to = ""]) => decoded(to))
    return found
      .filter((to) => !/^(?:[a-z]+:|\/\/)/.test(to))
      .filter((to) => {
        const [target = "", anchor = ""] = to.split("#")
        const resolved = target === "" ? path : posix.join(target.startsWith("/") ? "/" : posix.dirname(path), target)
        const file = resolved.endsWith("/") ? `${resolved}index.html` : resolved
        if (!pages.has(file)) return !existsSync(join(folder, decodeURIComponent(file)))
        return anchor !== "" && ids.get(file)?.has(decodeURIComponent(anchor)) !== true
      })
      .map((to) => `${path} links to ${to}`)
  })
}
