/** Which page is shown. It is the address's hash, so that the browser's own "back" works. */
import { signal } from "@preact/signals"

export type Route =
  | { readonly page: "fleet" }
  | { readonly page: "connection"; readonly id: number }
  | { readonly page: "budget" }
  /** A file's recordings, or one of them. */
  | { readonly page: "file"; readonly index: number | undefined }

const read = (hash: string): Route => {
  const [, page, number] = /^#(connection|budget|file)(?:=(\d+))?$/.exec(hash) ?? []
  const index = number === undefined ? undefined : Number(number)
  if (page === "budget") return { page }
  if (page === "file") return { page, index }
  return page === "connection" && index !== undefined ? { page, id: index } : { page: "fleet" }
}

const write = (route: Route): string => {
  if (route.page === "connection") return `#connection=${route.id}`
  if (route.page === "file") return route.index === undefined ? "#file" : `#file=${route.index}`
  return route.page === "budget" ? "#budget" : "#"
}

export const route = signal<Route>(read(location.hash))

addEventListener("hashchange", () => (route.value = read(location.hash)))

export const go = (to: Route): void => {
  const hash = write(to)
  if (hash !== (location.hash || "#")) location.hash = hash
}

export const hrefOf = write

/** Where "back" leads from a page, without regard to how one came there. */
export const above = (from: Route): Route =>
  from.page === "file" && from.index !== undefined ? { page: "file", index: undefined } : { page: "fleet" }
