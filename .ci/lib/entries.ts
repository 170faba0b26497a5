/**
 * What a published package lets in: the specifiers that its exports map and
 * its files make importable.
 */
export interface Manifest {
  readonly name: string
  readonly version?: string
  readonly private?: boolean
  readonly files?: ReadonlyArray<string>
  readonly repository?: unknown
  readonly exports: Readonly<Record<string, string | null>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const pattern = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replace("*", "(.+)")}$`)

/** `files` are the package's own, relative to its folder. */
export const entriesOf = (manifest: Manifest, files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const keys = Object.keys(manifest.exports)
  const closed = keys.filter((key) => manifest.exports[key] === null).map(pattern)
  const entries = keys.flatMap((key) => {
    const target = manifest.exports[key]
    if (typeof target !== "string" || !target.endsWith(".js")) return []
    return files.flatMap((file) => {
      const match = pattern(target).exec(`./${file.replaceAll("\\", "/")}`)
      return match === null ? [] : [key.replace("*", match[1] ?? "")]
    })
  })
  return [...new Set(entries)]
    .filter((entry) => !closed.some((refused) => refused.test(entry)))
    .map((entry) => manifest.name + entry.slice(1))
}
