/** The page's files, as its build left them. They are few and small: all are held in memory. */
import * as Effect from "effect/Effect"
import { readdir, readFile } from "node:fs/promises"
import { extname } from "node:path"
import { DevtoolsError } from "../../DevtoolsError.ts"

export interface File {
  readonly type: string
  readonly body: Uint8Array
}

/** By path, such as `/index.html`. */
export type Page = ReadonlyMap<string, File>

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".woff2": "font/woff2"
}

/** The same from `src/internal/server/` and from `dist/internal/server/`. */
export const built = new URL("../../../dist/page/", import.meta.url)

const missing = (folder: URL): DevtoolsError =>
  new DevtoolsError({
    issue: `its page is missing in ${folder.pathname}. In a clone of the repository, build it with \`node packages/devtools/page/build.ts\`; a package from npm has it, so install that one again`
  })

const fileOf = async (folder: URL, name: string): Promise<readonly [string, File]> => {
  const body = await readFile(new URL(name, folder))
  return [`/${name}`, { type: types[extname(name)] ?? "application/octet-stream", body }]
}

const load = async (folder: URL): Promise<Page> => {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.flatMap((entry) => (entry.isFile() ? [entry.name] : []))
  return new Map(await Promise.all(names.map((name) => fileOf(folder, name))))
}

export const read = (folder: URL): Effect.Effect<Page, DevtoolsError> =>
  Effect.tryPromise({ try: () => load(folder), catch: () => missing(folder) }).pipe(
    Effect.filterOrFail(
      (page) => page.has("/index.html"),
      () => missing(folder)
    )
  )
