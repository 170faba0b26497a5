/**
 * A package as it is published: what `pnpm pack` makes of its folder, with the
 * links of its documents and its address put right. In the repository a document
 * links to its neighbours; a tarball is alone.
 */
import { spawnSync, type StdioOptions } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import type { Manifest } from "./entries.ts"
import { anchorsOf, withoutCode } from "./prose.ts"

export interface Outcome {
  readonly ok: boolean
  readonly output: string
}

export const run = (
  cwd: string,
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Outcome => {
  const stdio: StdioOptions = ["ignore", "pipe", "pipe"]
  const done = spawnSync(command, args, { cwd, encoding: "utf8", stdio, env: { ...process.env, ...env } })
  return { ok: done.status === 0, output: `${done.stdout ?? ""}${done.stderr ?? ""}${done.error?.message ?? ""}` }
}

export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest

export const filesOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"))

/** The folders of the packages that are published. */
export const publicFolders = (root: string): ReadonlyArray<string> =>
  readdirSync(join(root, "packages"))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .filter((folder) => readManifest(join(root, folder)).private !== true)

/** Where `stage` puts what is to be published of a package. */
export const stagedIn = (where: string, folder: string): string => join(where, folder.replaceAll("/", "-"), "package")

/** The web address of the repository: `repository` in the package.json at the root. Undefined until there is one. */
export const addressOf = (root: string): string | undefined => {
  const { repository } = readManifest(root)
  return typeof repository === "string" ? repository : undefined
}

/** What links are rewritten by. */
interface Place {
  /** The package's folder in the repository: `packages/node`. */
  readonly folder: string
  /** Whether the tarball has such a file, by its path in the package. */
  readonly has: (file: string) => boolean
  /** The name of the package in a folder of the repository. */
  readonly nameOf: (folder: string) => string | undefined
  readonly address: string | undefined
}

const link = /(?<!!)\[([^\]]*)\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)/g

/** A document of the package, with the links that lead out of its tarball leading somewhere that exists. */
export const alone = (file: string, text: string, { address, folder, has, nameOf }: Place): string => {
  const prose = withoutCode(text)
  return text.replaceAll(link, (whole, label: string, to: string, anchor: string | undefined, offset: number) => {
    const target = posix.join(folder, posix.dirname(file), to)
    // In a block of code it is no link.
    if (!prose.startsWith(whole, offset) || has(posix.relative(folder, target))) return whole
    if (address !== undefined) return `[${label}](${address}/blob/main/${target}${anchor ?? ""})`
    const [, home = "", inside = target] = /^(packages\/[^/]+)\/(.+)$/.exec(target) ?? []
    const name = nameOf(home)
    if (name === undefined) return `${label} (\`${target}\` in the repository)`
    if (inside === "README.md") return `[${label}](https://www.npmjs.com/package/${name})`
    return `${label} (\`${inside}\` in \`${name}\`)`
  })
}

/** Links of a package's documents to files or headings that its tarball lacks. */
export const deadLinks = (home: string): ReadonlyArray<string> =>
  filesOf(home)
    .filter((file) => file.endsWith(".md") && !file.includes("node_modules/"))
    .flatMap((file) => {
      const text = readFileSync(join(home, file), "utf8")
      const links = withoutCode(text).matchAll(/\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]*))?\)/g)
      return [...links]
        .filter(([, to = "", anchor]) => {
          const path = to === "" ? file : posix.join(posix.dirname(file), to)
          if (path.startsWith("..") || !existsSync(join(home, path))) return true
          return anchor !== undefined && !anchorsOf(readFileSync(join(home, path), "utf8")).has(anchor)
        })
        .map(([whole]) => `${file}: ${whole}`)
    })

/** An incremental build leaves the output of files that are gone. A page has a build of its own, which begins afresh. */
const dropStale = (folder: string): void => {
  const dist = join(folder, "dist")
  if (!existsSync(dist)) return
  for (const file of filesOf(dist).filter((name) => !/^page(?:\/|$)/.test(name))) {
    const source = join(folder, "src", file.replace(/\.(?:js|d\.ts)(?:\.map)?$/, ".ts"))
    if (!existsSync(source)) rmSync(join(dist, file), { recursive: true, force: true })
  }
}

const addressed = (manifest: Manifest, folder: string, address: string): object => ({
  ...manifest,
  repository: { type: "git", url: `git+${address}.git`, directory: folder },
  homepage: `${address}/tree/main/${folder}#readme`,
  bugs: `${address}/issues`
})

/** Packs `folder`, below `root`; the folder and the tarball of what to publish stand beside each other in `where`. */
export const stage = (root: string, folder: string, where: string): Outcome => {
  const home = stagedIn(where, folder)
  const into = dirname(home)
  dropStale(join(root, folder))
  mkdirSync(into, { recursive: true })
  const packed = run(join(root, folder), "npx", ["-y", "pnpm@12", "pack", "--pack-destination", into])
  const tarball = packed.ok ? readdirSync(into).find((name) => name.endsWith(".tgz")) : undefined
  if (tarball === undefined) return packed
  const unpacked = run(into, "tar", ["-xzf", tarball])
  if (!unpacked.ok) return unpacked
  rmSync(join(into, tarball))

  const address = addressOf(root)
  const nameOf = (other: string) => {
    if (other === "" || !existsSync(join(root, other, "package.json"))) return undefined
    const manifest = readManifest(join(root, other))
    return manifest.private === true ? undefined : manifest.name
  }
  const place = { folder, has: (file: string) => existsSync(join(home, file)), nameOf, address }
  for (const file of filesOf(home).filter((name) => name.endsWith(".md"))) {
    writeFileSync(join(home, file), alone(file, readFileSync(join(home, file), "utf8"), place))
  }
  const manifest = readManifest(home)
  const finished = address === undefined ? manifest : addressed(manifest, folder, address)
  writeFileSync(join(home, "package.json"), `${JSON.stringify(finished, null, 2)}\n`)
  return run(into, "npm", ["pack", "./package"])
}
