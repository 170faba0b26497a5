/**
 * The real Prometheus: where it is, one that runs for as long as a scope lives,
 * in a folder of its own on loopback, and its `promtool`.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The folder of the programs, where they are not on the path. */
const folder = process.env["PROMETHEUS"]
const programOf = (name: string): string => (folder === undefined ? name : join(folder, name))

export const hasPrometheus = ["prometheus", "promtool"].every(
  (name) => spawnSync(programOf(name), ["--version"]).status === 0
)

if (!hasPrometheus) {
  process.stderr.write("\n*** No Prometheus here: the dashboard and the rules are NOT tried on it in this run. ***\n\n")
}

export const rulesPath = join(import.meta.dirname, "../../prometheus/kharbranth.rules.yml")

/** What promtool says; fails with its output when it is not content. */
export const promtool = (args: ReadonlyArray<string>, input?: string): string => {
  const { status, stderr, stdout } = spawnSync(programOf("promtool"), args, { input, encoding: "utf8" })
  if (status !== 0) throw new Error(`promtool ${args.join(" ")}: ${stdout}${stderr}`)
  return stdout + stderr
}

export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kharbranth-prometheus-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const configuration = (target: string): string =>
  JSON.stringify({
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [rulesPath],
    scrape_configs: [{ job_name: "demo", static_configs: [{ targets: [target] }] }]
  })

const exited = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => void child.once("exit", () => resolve()))

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [at: number, value: string]
}

export interface Prometheus {
  readonly query: (expr: string) => Effect.Effect<ReadonlyArray<Series>>
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data?: { readonly result: ReadonlyArray<Series> }
}

const ask = async (base: string, expr: string): Promise<ReadonlyArray<Series>> => {
  const response = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(expr)}`)
  const answer = (await response.json()) as Answer
  if (answer.data === undefined) throw new Error(`${expr}: ${answer.error}`)
  return answer.data.result
}

/** Scrapes a page each second, and evaluates our rules as often. */
export const scraping = (target: string): Effect.Effect<Prometheus, never, Scope.Scope> =>
  Effect.gen(function* () {
    const home = yield* temporaryFolder
    const port = yield* Effect.promise(freePort)
    const file = join(home, "prometheus.yml")
    writeFileSync(file, configuration(target))
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(home, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`
    ]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(programOf("prometheus"), args, { stdio: "ignore" })),
      (running) =>
        Effect.promise(() => {
          running.kill("SIGKILL")
          return exited(running)
        })
    )
    const base = `http://127.0.0.1:${port}`
    const isReady = Effect.promise(() =>
      fetch(`${base}/-/ready`).then(
        ({ ok }) => ok,
        () => false
      )
    )
    yield* eventually(isReady, "30 seconds")
    if (child.exitCode !== null) return yield* Effect.die(new Error(`prometheus ended with ${child.exitCode}`))
    return { query: (expr) => Effect.promise(() => ask(base, expr)) }
  })

/** Asks again until it holds. */
export const eventually = (holds: Effect.Effect<boolean>, within: `${number} seconds`): Effect.Effect<void> =>
  holds.pipe(
    Effect.flatMap((it) => (it ? Effect.void : Effect.andThen(Effect.sleep("200 millis"), Effect.fail("not yet")))),
    Effect.eventually,
    Effect.timeoutOption(within),
    Effect.asVoid
  )
