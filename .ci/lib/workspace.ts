/**
 * House checks about the repository itself: what may lie at the top, what a
 * committed file or the lockfile may name, what a test file must begin with,
 * where documents may point.
 */
import { matchesGlob, posix } from "node:path"
import type { Check, Sample } from "./check.ts"
import { lineAt, type Tree } from "./tree.ts"

const matches = (tree: Tree, path: RegExp, pattern: RegExp, say: (match: string) => string): ReadonlyArray<string> =>
  [...tree]
    .filter(([name]) => path.test(name))
    .flatMap(([name, text]) =>
      [...text.matchAll(pattern)].map((match) => `${name}:${lineAt(text, match.index)} ${say(match[0])}`)
    )

const absolute = (...parts: ReadonlyArray<string>): string => ["", ...parts].join("/")

const noMachinePaths: Check = {
  name: "no machine paths",
  complaints: (tree) =>
    matches(
      tree,
      /./,
      /(?<![\w.)}\]*-])\/(?:work|home|Users|root)\/\w[\w./-]*/g,
      (path) => `names a path of one machine: ${path}`
    ),
  rejects: [
    { "README.md": `see ${absolute("work", "main", "x")}` },
    { "packages/node/test/A.test.ts": `const a = "${absolute("home", "ann", "x")}"` }
  ],
  accepts: [{ "README.md": `see wss://feed.example${absolute("home", "x")} and packages${absolute("work", "x")}` }]
}

const portableLockfile: Check = {
  name: "the lockfile names no registry host",
  complaints: (tree) =>
    matches(
      tree,
      /^pnpm-lock\.yaml$/,
      /^(?!\s*(?:deprecated|specifier):).*(?:https?:\/\/|\btarball:|\bresolved\b).*$/gm,
      (line) => line.trim()
    ),
  rejects: [
    { "pnpm-lock.yaml": `    resolution: {integrity: sha512-a, tarball: x.tgz}` },
    { "pnpm-lock.yaml": `    resolution: {url: https://registry.example/x.tgz}` }
  ],
  accepts: [
    { "pnpm-lock.yaml": `  a@1:\n    resolution: {integrity: sha512-a}\n    deprecated: see https://x.example` }
  ]
}

const call = (name: string): Sample => ({ "packages/node/test/A.test.ts": `// A.\nit.effect${name}("a", () => a)` })

const noFocus: Check = {
  name: "no test is focused, skipped or left to do",
  complaints: (tree) =>
    matches(
      tree,
      /^packages\/[^/]+\/(?:test|typetest)\/.*\.ts$/,
      /\b(?:it|test|describe|layer|effect|live|prop|each)\.(?:only|skip|todo)\b/g,
      (found) => found
    ),
  rejects: [call(".only"), call(".skip"), call(".todo")],
  accepts: [call(""), call(".each")]
}

const testsExplain: Check = {
  name: "every test file begins by saying what it proves",
  complaints: (tree) =>
    [...tree]
      .filter(
        ([path, text]) =>
          /^packages\/[^/]+\/(?:test|typetest)\/.*\.(?:test|slow|tst)\.ts$/.test(path) && !/^\/[/*]/.test(text)
      )
      .map(([path]) => `${path} does not begin with a comment`),
  rejects: [{ "packages/node/test/A.test.ts": `import "x"` }],
  accepts: [{ "packages/node/test/A.test.ts": `/**\n * Shows a.\n */` }, { "packages/node/test/support/a.ts": `a` }]
}

const allowedTop =
  /^(?:\.[^/]+|packages|scratchpad|package\.json|pnpm-workspace\.yaml|pnpm-lock\.yaml|tsconfig(?:\.\w+)?\.json|vitest\.workspace\.ts|README\.md|LICENSE|CONTRIBUTING\.md)$/

const tidyTop: Check = {
  name: "the top of the repository holds what it should",
  complaints: (tree) =>
    [...new Set([...tree.keys()].map((path) => path.split("/")[0] ?? ""))]
      .filter((name) => !allowedTop.test(name))
      .map((name) => `${name} does not belong at the top`),
  rejects: [{ "notes.md": "a" }, { "src/a.ts": "a" }],
  accepts: [{ ".ci/run": "a", "tsconfig.tests.json": "{}", "packages/node/src/a.ts": "a" }]
}

const reference = (name: string): string => `{ "references": [{ "path": "packages/${name}" }] }`

const allBuilt: Check = {
  name: "every package is part of the build",
  complaints: (tree) =>
    [...tree.keys()].flatMap((path) => {
      const name = /^packages\/([^/]+)\/tsconfig\.json$/.exec(path)?.[1]
      const listed = tree.get("tsconfig.packages.json")?.includes(`"packages/${name}"`)
      return name === undefined || name === "bench" || listed === true
        ? []
        : [`packages/${name} is missing from tsconfig.packages.json`]
    }),
  rejects: [{ "packages/node/tsconfig.json": "{}", "tsconfig.packages.json": reference("other") }],
  accepts: [{ "packages/node/tsconfig.json": "{}", "tsconfig.packages.json": reference("node") }]
}

const gated = (glob: string): Sample => ({ "vitest.workspace.ts": `{ "packages/kharbranth/src/${glob}": 100 }` })

const gatesGuard: Check = {
  // A gate whose file was renamed would pass for ever.
  name: "every coverage gate guards a file",
  complaints: (tree) =>
    [...(tree.get("vitest.workspace.ts") ?? "").matchAll(/"(packages\/[^"]+\.ts)": \d+/g)]
      .map(([, glob = ""]) => glob)
      .filter((glob) => ![...tree.keys()].some((path) => matchesGlob(path, glob)))
      .map((glob) => `no file matches the gate ${glob}`),
  rejects: [{ ...gated("Gone.ts"), "packages/kharbranth/src/A.ts": "" }],
  accepts: [{ ...gated("internal/a*.ts"), "packages/kharbranth/src/internal/about.ts": "" }]
}

const nodeOf = (root: string, checked: string): Sample => ({
  "package.json": `{ "devDependencies": { "node": "${root}" } }`,
  "pnpm-workspace.yaml": `nodeVersion: ${checked}\n`
})

const oneNode: Check = {
  // Scripts run on that Node. Checked against the one that started pnpm, each package would warn a newcomer.
  name: "engines are checked against the Node that the root brings",
  complaints: (tree) => {
    const brought = /"node": "(\d[\d.]*)"/.exec(tree.get("package.json") ?? "")?.[1]
    const checked = /^nodeVersion: (.*)$/m.exec(tree.get("pnpm-workspace.yaml") ?? "")?.[1]
    return brought === checked ? [] : [`the root brings Node ${brought}, and nodeVersion is ${checked}`]
  },
  rejects: [nodeOf("24.1.0", "24.2.0"), { ...nodeOf("24.1.0", ""), "pnpm-workspace.yaml": "packages: []\n" }],
  accepts: [nodeOf("24.1.0", "24.1.0")]
}

const link = /\]\((?!\w+:|#)([^)\s#]+)(?:#[^)]*)?\)/g

/** Prose only, with every line in its place. */
const withoutCode = (text: string): string =>
  text.replaceAll(/^```[\s\S]*?^```|`[^`\n]*`/gm, (code) => code.replaceAll(/[^\n]/g, ""))

const linksLead: Check = {
  name: "every link between documents leads somewhere",
  complaints: (tree) => {
    const places = new Set([...tree.keys()].flatMap(placesOf))
    const documents = new Map([...tree].map(([path, text]) => [path, withoutCode(text)]))
    return matches(documents, /\.md$/, link, (found) => found).filter((found) => {
      const [, from = "", to = ""] = /^(.*?):\d+ \]\(([^)#]+)/.exec(found) ?? []
      return !places.has(posix.join(posix.dirname(from), to).replace(/\/$/, ""))
    })
  },
  rejects: [{ "README.md": "see [a](b.md)" }, { "packages/a/guide/b.md": "[c](../guide/d.md#e)", "d.md": "" }],
  accepts: [
    {
      "packages/a/README.md": "[b](guide/b.md#c) [d](../a) [e](https://e.example) [f](#f)",
      "packages/a/guide/b.md": ""
    },
    { "README.md": "```ts\nf[0](a)\n```\nand `[a](b)`" }
  ]
}

/** A file, and every folder that it lies in. */
const placesOf = (path: string): ReadonlyArray<string> =>
  path.split("/").map((_, depth, parts) => parts.slice(0, depth + 1).join("/"))

export const workspaceChecks: ReadonlyArray<Check> = [
  noMachinePaths,
  portableLockfile,
  noFocus,
  testsExplain,
  tidyTop,
  allBuilt,
  oneNode,
  gatesGuard,
  linksLead
]
