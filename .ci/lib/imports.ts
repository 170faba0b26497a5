/**
 * House checks about who may import whom: stable parts of Effect only, no
 * barrels, packages point downwards, no cycles.
 */
import { existsSync, readFileSync } from "node:fs"
import { builtinModules } from "node:module"
import type { Check } from "./check.ts"
import {
  circlesOf,
  core,
  type Module,
  modulesOf,
  nameOf,
  packageOf,
  sources,
  targetOf,
  type Tree,
  walk
} from "./tree.ts"

const at = (module: Module, line: number, text: string): string => `${module.path}:${line} ${text}`

// ---------------------------------------------------------------- stability

interface Stability {
  readonly header: string
  readonly unstable: ReadonlySet<string>
}

const declarations =
  /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:declare )?(?:abstract )?(?:const|function|class|interface|type|let|namespace) (\w+)/g

const tag = (comment: string): string => /@stability (\w+)/.exec(comment)?.[1] ?? "untagged"

const stabilities = new Map<string, Stability | undefined>()

/** Read from the published declarations, which carry the maintainers' tags. */
const stabilityOf = (specifier: string): Stability | undefined => {
  if (stabilities.has(specifier)) return stabilities.get(specifier)
  const file = new URL(`../../node_modules/effect/dist/${specifier.slice("effect/".length)}.d.ts`, import.meta.url)
  const text = existsSync(file) ? readFileSync(file, "utf8") : undefined
  const stability =
    text === undefined
      ? undefined
      : {
          header: tag(/\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? ""),
          unstable: new Set(
            [...text.matchAll(declarations)].flatMap(([, comment = "", name = ""]) =>
              ["unstable", "experimental"].includes(tag(comment)) ? [name] : []
            )
          )
        }
  stabilities.set(specifier, stability)
  return stability
}

const membersOf = (module: Module, namespace: string): ReadonlyArray<string> => {
  const members: Array<string> = []
  walk(module.body, (node) => {
    const [left, right] =
      node.type === "MemberExpression"
        ? [node["object"], node["property"]]
        : node.type === "TSQualifiedName"
          ? [node["left"], node["right"]]
          : []
    const member = nameOf(right)
    if (nameOf(left) === namespace && member !== "") members.push(member)
  })
  return members
}

const unstableImports = (module: Module): ReadonlyArray<string> =>
  module.imports.flatMap((found) => {
    if (!found.specifier.startsWith("effect/")) return []
    if (found.specifier.startsWith("effect/testing/")) {
      return module.path.includes("/src/testing/")
        ? []
        : [at(module, found.line, `imports ${found.specifier}: only testing/ may`)]
    }
    const stability = stabilityOf(found.specifier)
    if (stability === undefined)
      return [at(module, found.line, `imports ${found.specifier}, which Effect does not have`)]
    if (stability.header !== "stable") {
      return [at(module, found.line, `imports ${found.specifier}, which Effect tags ${stability.header}`)]
    }
    const used = found.namespace === undefined ? found.names : membersOf(module, found.namespace)
    return used
      .filter((name) => stability.unstable.has(name))
      .map((name) => at(module, found.line, `uses ${found.specifier} ${name}, which Effect does not call stable`))
  })

const stableEffect: Check = {
  name: "the core uses stable Effect only",
  complaints: (tree) =>
    modulesOf(tree, core)
      .filter((module) => !module.path.includes("/src/interop/"))
      .flatMap(unstableImports),
  rejects: [
    { "packages/kharbranth/src/A.ts": `import * as LayerMap from "effect/LayerMap"` },
    { "packages/kharbranth/src/A.ts": `import type * as Socket from "effect/socket/Socket"` },
    { "packages/kharbranth/src/A.ts": `import * as TestClock from "effect/testing/TestClock"` },
    { "packages/kharbranth/src/A.ts": `import * as M from "effect/Metric"\nexport const x = M.registerUnsafe` },
    { "packages/kharbranth/src/A.ts": `import * as Mailbox from "effect/Mailbox"` }
  ],
  accepts: [
    { "packages/kharbranth/src/A.ts": `import * as Stream from "effect/Stream"\nexport const x = Stream.empty` },
    { "packages/kharbranth/src/interop/A.ts": `import * as Socket from "effect/socket/Socket"` },
    { "packages/kharbranth/src/testing/A.ts": `import * as TestClock from "effect/testing/TestClock"` },
    { "packages/node/src/A.ts": `import * as Socket from "effect/socket/Socket"` }
  ]
}

// Modules that Effect may change in a minor: what stands on them names one minor as its peer.
const oneMinor = /^(?:~\d+\.\d+\.\d+|>=(\d+)\.(\d+)\.\d+ <(\d+)\.(\d+)\.0)$/

const isOneMinor = (range: string): boolean => {
  const [whole, major, minor, nextMajor, nextMinor] = oneMinor.exec(range) ?? []
  if (whole === undefined || major === undefined) return whole !== undefined
  return major === nextMajor && Number(minor) + 1 === Number(nextMinor)
}

const effectPeerOf = (tree: Tree, name: string): string | undefined => {
  const manifest = JSON.parse(tree.get(`packages/${name}/package.json`) ?? "{}") as {
    readonly peerDependencies?: Readonly<Record<string, string>>
  }
  return manifest.peerDependencies?.["effect"]
}

const oneMinorPeer: Check = {
  name: "a package that uses unstable Effect names one minor of it as its peer",
  complaints: (tree) =>
    modulesOf(tree, sources)
      .filter((module) => !core.test(module.path) && !module.path.includes("/src/testing/"))
      .flatMap((module) => {
        const range = effectPeerOf(tree, packageOf(module.path))
        if (range === undefined || isOneMinor(range)) return []
        return unstableImports(module).map((complaint) => `${complaint}, and its peer is effect ${range}`)
      }),
  rejects: [
    {
      "packages/signalr/src/A.ts": `import * as HttpClient from "effect/http/HttpClient"`,
      "packages/signalr/package.json": `{"peerDependencies":{"effect":"^4.1.0"}}`
    },
    {
      "packages/signalr/src/A.ts": `import type * as HttpClient from "effect/http/HttpClient"`,
      "packages/signalr/package.json": `{"peerDependencies":{"effect":">=4.1.0 <4.3.0"}}`
    }
  ],
  accepts: [
    {
      "packages/signalr/src/A.ts": `import * as HttpClient from "effect/http/HttpClient"`,
      "packages/signalr/package.json": `{"peerDependencies":{"effect":">=4.1.0 <4.2.0"}}`
    },
    {
      "packages/signalr/src/A.ts": `import * as Effect from "effect/Effect"`,
      "packages/signalr/package.json": `{"peerDependencies":{"effect":"^4.1.0"}}`
    }
  ]
}

// ------------------------------------------------------------------ barrels

const noBarrel: Check = {
  name: "no source imports a barrel",
  complaints: (tree) =>
    modulesOf(tree, sources).flatMap((module) =>
      module.imports
        .filter((found) => /^(?:effect|kharbranth|@kharbranth\/[^/]+|@effect\/[^/]+)$/.test(found.specifier))
        .map((found) => at(module, found.line, `imports the barrel ${found.specifier}: import the module itself`))
    ),
  rejects: [
    { "packages/node/src/A.ts": `import { Effect } from "effect"` },
    { "packages/node/src/A.ts": `import type { Message } from "kharbranth"` }
  ],
  accepts: [{ "packages/node/src/A.ts": `import * as Effect from "effect/Effect"` }]
}

// -------------------------------------------------------------------- layers

/** Which workspace packages a package's sources may import. */
const below: Readonly<Record<string, ReadonlyArray<string>>> = {
  "kharbranth": [],
  "node": ["kharbranth"],
  "browser": ["kharbranth"],
  "signalr": ["kharbranth"],
  "feeds": ["kharbranth"],
  "telemetry": ["kharbranth"],
  "devtools": ["kharbranth"],
  "cluster": ["kharbranth"],
  "cluster-node": ["kharbranth", "cluster"],
  "cluster-nats": ["kharbranth", "cluster"],
  "bench": ["kharbranth", "node", "browser", "signalr", "feeds", "cluster"],
  "site": ["kharbranth"]
}

const builtins = new Set(builtinModules)

const isBuiltin = (specifier: string): boolean => specifier.startsWith("node:") || builtins.has(specifier)

const bareName = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

const declared = (tree: Tree, name: string): ReadonlyArray<string> => {
  const manifest: unknown = JSON.parse(tree.get(`packages/${name}/package.json`) ?? "{}")
  const { dependencies, peerDependencies } = manifest as Record<string, Record<string, string> | undefined>
  return [...Object.keys(dependencies ?? {}), ...Object.keys(peerDependencies ?? {})]
}

/** Whether a package's manifest has this name for a module of its own. */
const alias = (tree: Tree, name: string, specifier: string): boolean => {
  const manifest: unknown = JSON.parse(tree.get(`packages/${name}/package.json`) ?? "{}")
  return Object.hasOwn((manifest as { readonly imports?: object }).imports ?? {}, specifier)
}

const misplaced = (tree: Tree, module: Module, specifier: string): string | undefined => {
  const own = packageOf(module.path)
  if (specifier.startsWith(".")) {
    const target = targetOf(module, specifier)
    // Tests may share a rig; sources may not reach out at all.
    if (module.path.includes("/test/") && target.includes("/test/support/")) return undefined
    return target.startsWith(`packages/${own}/`) ? undefined : `reaches out of its package with ${specifier}`
  }
  if (!sources.test(module.path)) return undefined
  if (specifier.startsWith("#")) {
    return alias(tree, own, specifier) ? undefined : `imports ${specifier}, which the manifest of ${own} does not name`
  }
  const sibling = /^(?:kharbranth|@kharbranth\/([^/]+))(?:\/|$)/.exec(specifier)
  if (sibling !== null) {
    const other = sibling[1] ?? "kharbranth"
    if (/\/internal(?:\/|$)/.test(specifier)) return `imports ${specifier}: internals are private to their package`
    if (other !== own && below[own]?.includes(other) !== true) return `imports ${specifier}: not below ${own}`
  }
  if (isBuiltin(specifier)) {
    return own === "kharbranth" || own === "browser" ? `imports ${specifier}: it must run anywhere` : undefined
  }
  if (own === "kharbranth" && bareName(specifier) !== "effect")
    return `imports ${specifier}: the core needs effect alone`
  if (own === "bench" || own === "site" || sibling?.[1] === own || bareName(specifier) === own) return undefined
  return declared(tree, own).includes(bareName(specifier))
    ? undefined
    : `imports ${specifier}, which is neither a dependency nor a peer of ${own}`
}

const signalrNeeds = { "packages/signalr/package.json": `{"peerDependencies":{"kharbranth":"*","effect":"*"}}` }

const layers: Check = {
  name: "packages point downwards and import what they declare",
  complaints: (tree) => [
    ...[...new Set([...tree.keys()].filter((path) => sources.test(path)).map(packageOf))]
      .filter((name) => below[name] === undefined)
      .map((name) => `packages/${name}: not on the map of packages in .ci/lib/imports.ts`),
    ...modulesOf(tree, /^packages\/[^/]+\/(?:src|test|typetest)\//).flatMap((module) =>
      module.imports.flatMap((found) => {
        const complaint = misplaced(tree, module, found.specifier)
        return complaint === undefined ? [] : [at(module, found.line, complaint)]
      })
    )
  ],
  rejects: [
    { "packages/kharbranth/src/A.ts": `import * as N from "@kharbranth/node/NodeTransport"` },
    { "packages/kharbranth/src/A.ts": `import { WebSocket } from "ws"` },
    { "packages/kharbranth/src/A.ts": `import { ok } from "node:assert"` },
    { "packages/signalr/src/A.ts": `import * as N from "@kharbranth/node/NodeTransport"`, ...signalrNeeds },
    { "packages/signalr/src/A.ts": `import "kharbranth/internal/outbox"`, ...signalrNeeds },
    { "packages/signalr/src/A.ts": `import "left-pad"`, ...signalrNeeds },
    { "packages/signalr/test/A.test.ts": `import "../../kharbranth/src/internal/outbox.ts"`, ...signalrNeeds },
    { "packages/attic/src/A.ts": `export {}` },
    {
      "packages/kharbranth/src/A.ts": `export * from "#b"`,
      "packages/kharbranth/package.json": `{"imports":{"#a":""}}`
    }
  ],
  accepts: [
    {
      "packages/signalr/src/A.ts": `import "kharbranth/Message"\nimport "./B.ts"\nimport "effect/Effect"`,
      ...signalrNeeds
    },
    { "packages/kharbranth/test/A.test.ts": `import "../src/internal/outbox.ts"` },
    {
      "packages/kharbranth/src/A.ts": `export * from "#a"`,
      "packages/kharbranth/package.json": `{"imports":{"#a":""}}`
    }
  ]
}

// -------------------------------------------------------------------- cycles

/** The files that a module needs when it runs. */
const neededBy = (module: Module): ReadonlyArray<string> =>
  module.imports
    .filter((found) => !found.typeOnly && found.specifier.startsWith("."))
    .map((found) => targetOf(module, found.specifier))

const noCycles: Check = {
  // Imports of types alone are erased, so they cannot make a module see another one half-made.
  name: "no import cycles",
  complaints: (tree) => circlesOf(modulesOf(tree, sources), neededBy).map((circle) => circle.join(" -> ")),
  rejects: [
    {
      "packages/node/src/A.ts": `import { b } from "./B.ts"\nexport const a = b`,
      "packages/node/src/B.ts": `export { c } from "./internal/c.ts"`,
      "packages/node/src/internal/c.ts": `import * as A from "../A.ts"\nexport const c = () => A.a`
    },
    { "packages/node/src/A.ts": `import "./A.ts"` }
  ],
  accepts: [
    {
      "packages/node/src/A.ts": `import { b } from "./B.ts"\nexport const a = b`,
      "packages/node/src/B.ts": `import type * as A from "./A.ts"\nexport const b = (a: typeof A) => a`
    }
  ]
}

export const importChecks: ReadonlyArray<Check> = [stableEffect, oneMinorPeer, noBarrel, layers, noCycles]
