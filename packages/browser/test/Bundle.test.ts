/**
 * Proves that the package is plain ES modules which a bundler for pages takes as
 * they are and shakes: nothing of Node is asked for (the bundler refuses its
 * modules), the barrel brings only the module that is named, a module only what
 * is used of it, and what is imported and not used leaves nothing at all.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Esbuild from "esbuild"

const bundle = async (contents: string) => {
  const { metafile, outputFiles } = await Esbuild.build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "browser",
    minify: true,
    write: false,
    metafile: true,
    logLevel: "silent"
  })
  const kept = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
  )
  return {
    size: outputFiles.reduce((sum, { contents }) => sum + contents.length, 0),
    /** The modules of this package that are left, by their names. */
    modules: kept.flatMap((path) => /^src\/(.+)\.ts$/.exec(path.replace(/^.*packages\/browser\//, ""))?.[1] ?? []),
    hasSchema: kept.some((path) => /effect\/(?:src|dist)\/Schema\w*\./.test(path))
  }
}

const entries = ["", "/BrowserTransport", "/PageLifecycle", "/SharedTransport"].map(
  (module) => `@kharbranth/browser${module}`
)

describe("the package in a bundler for pages", () => {
  for (const entry of entries) {
    it(`${entry} - needs nothing of Node, and leaves nothing where it is not used`, async () => {
      const used = await bundle(`import * as All from "${entry}"\nglobalThis.all = All`)
      assert.isAbove(used.modules.length, 2)
      const unused = await bundle(`import * as All from "${entry}"`)
      assert.deepStrictEqual([unused.modules, unused.size], [[], 0])
    })
  }

  it("the transport through the barrel - brings neither sharing nor the page's life", async () => {
    const { hasSchema, modules } = await bundle(
      `import { BrowserTransport } from "@kharbranth/browser"\nglobalThis.layer = BrowserTransport.layer()`
    )
    assert.include(modules, "internal/link/socketLink")
    assert.deepStrictEqual(
      modules.filter((module) => /shared|SharedTransport|PageLifecycle|pageEvents/.test(module)),
      []
    )
    assert.isFalse(hasSchema)
  })

  it("the transport by itself - brings neither streams nor diagnosis", async () => {
    const { modules } = await bundle(
      `import { layer } from "@kharbranth/browser/BrowserTransport"\nglobalThis.layer = layer()`
    )
    assert.include(modules, "internal/link/socketLink")
    assert.notIncludeMembers(modules, ["internal/link/streamLink"])
    assert.notIncludeMembers(modules, ["internal/link/diagnosis"])
  })

  it("the page's life through the barrel - brings no transport", async () => {
    const { hasSchema, modules } = await bundle(
      `import { PageLifecycle } from "@kharbranth/browser"\nglobalThis.layer = PageLifecycle.layer()`
    )
    assert.include(modules, "internal/page/pageEvents")
    assert.deepStrictEqual(
      modules.filter((module) => /Transport|Link|shared/.test(module)),
      []
    )
    assert.isFalse(hasSchema)
  })
})
