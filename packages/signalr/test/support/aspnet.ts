/**
 * The ASP.NET Core hub server of `test/aspnet`, built once per version of its
 * sources (outside the tree) and started on a free loopback port. It ends with
 * the scope, and with this process whatever happens.
 */
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const project = join(import.meta.dirname, "..", "aspnet")
const environment = { ...process.env, DOTNET_NOLOGO: "1", DOTNET_CLI_TELEMETRY_OPTOUT: "1", HUB_STDIN: "1" }

/** Whether this machine can run the real server at all. */
export const hasDotnet = spawnSync("dotnet", ["--version"], { env: environment }).status === 0

if (!hasDotnet) {
  process.stderr.write("\n*** No `dotnet` here: nothing is tested against a real ASP.NET Core hub in this run. ***\n\n")
}

const version = (): string => {
  const hash = createHash("sha256")
  for (const name of readdirSync(project)
    .filter((name) => /\.(cs|csproj)$/.test(name))
    .toSorted()) {
    hash.update(name).update(readFileSync(join(project, name)))
  }
  return hash.digest("hex").slice(0, 16)
}

interface Built {
  readonly dll: string
  /** Whether it speaks MessagePack too. */
  readonly messagePack: boolean
}

const dotnet = (args: ReadonlyArray<string>): Promise<{ readonly status: number | null; readonly output: string }> =>
  new Promise((resolve, reject) => {
    const run = spawn("dotnet", args, { env: environment, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    run.stdout.on("data", (piece: Buffer) => (output += piece.toString()))
    run.stderr.on("data", (piece: Buffer) => (output += piece.toString()))
    run.once("error", reject)
    run.once("close", (status) => resolve({ status, output }))
  })

// A package that cannot be had: no source answers, or none has it.
const isMissingPackage = (output: string): boolean => /NU1(101|102|103|301)/.test(output)

const build = async (messagePack: boolean): Promise<Built> => {
  const home = join(tmpdir(), "kharbranth-aspnet")
  const done = join(home, `${version()}${messagePack ? "-messagepack" : ""}`)
  const dll = join(done, "HubServer.dll")
  if (existsSync(dll)) return { dll, messagePack }
  const scratch = join(home, `build-${process.pid}-${Date.now()}`)
  mkdirSync(scratch, { recursive: true })
  const args = ["build", project, "-c", "Release", "-v", "q", "--nologo", "--artifacts-path", scratch]
  const run = await dotnet(messagePack ? [...args, "-p:MessagePack=true"] : args)
  if (run.status !== 0) {
    rmSync(scratch, { recursive: true, force: true })
    if (!messagePack || !isMissingPackage(run.output)) throw new Error(`dotnet build failed:\n${run.output}`)
    process.stderr.write(
      "\n*** No package source: the ASP.NET Core hub is tested without MessagePack in this run. ***\n\n"
    )
    return build(false)
  }
  try {
    renameSync(join(scratch, "bin", "HubServer", "release"), done)
  } catch (cause) {
    // Another process finished the same build first.
    if (!existsSync(dll)) throw cause
  }
  rmSync(scratch, { recursive: true, force: true })
  return { dll, messagePack }
}

// Built while the module loads, before the clock of any hook or test runs: a cold build takes minutes.
const built = hasDotnet ? await build(true) : undefined

/** Whether the real server speaks MessagePack here. */
export const hasMessagePack = built?.messagePack === true

/** A running server. */
export interface AspNet {
  readonly url: string
  /** What the server saw: requests (with the place of their token), connections, notes of the hubs. */
  readonly journal: Effect.Effect<ReadonlyArray<string>>
  /** Cuts every open socket as a broken network would. */
  readonly drop: Effect.Effect<void>
  /** Begins a graceful shutdown. */
  readonly stop: Effect.Effect<void>
  /** A bearer token for `user` that is good for so many milliseconds. */
  readonly token: (user: string, ms: number) => Effect.Effect<string>
  /** Any control request, such as `POST /control/push?target=x&text=y`. */
  readonly control: (method: "GET" | "POST" | "DELETE", path: string) => Effect.Effect<string>
}

const exited = (server: ChildProcess): Promise<void> =>
  server.exitCode !== null || server.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => server.once("exit", () => resolve()))

const start = (): Promise<{ readonly server: ChildProcess; readonly url: string }> =>
  new Promise((resolve, reject) => {
    const server = spawn("dotnet", [built!.dll], { env: environment, stdio: ["pipe", "pipe", "pipe"] })
    let output = ""
    const read = (piece: Buffer) => {
      output += piece.toString()
      const port = /listening (\d+)/.exec(output)?.[1]
      if (port !== undefined) resolve({ server, url: `http://127.0.0.1:${port}` })
    }
    server.stdout.on("data", read)
    server.stderr.on("data", read)
    server.once("exit", () => reject(new Error(`the hub server ended: ${output}`)))
  })

/** Starts a server of its own for this scope. */
export const aspNet: Effect.Effect<AspNet, never, Scope> = Effect.acquireRelease(Effect.promise(start), ({ server }) =>
  Effect.promise(() => {
    server.stdin?.end()
    server.kill("SIGKILL")
    return exited(server)
  })
).pipe(
  Effect.map(({ url }) => {
    const control: AspNet["control"] = (method, path) =>
      Effect.promise(() => fetch(url + path, { method }).then((response) => response.text()))
    return {
      url,
      control,
      journal: Effect.map(control("GET", "/control/log"), (text) => JSON.parse(text) as ReadonlyArray<string>),
      drop: Effect.asVoid(control("POST", "/control/drop")),
      stop: Effect.asVoid(control("POST", "/control/stop")),
      token: (user, ms) => control("GET", `/control/token?user=${encodeURIComponent(user)}&ms=${ms}`)
    }
  })
)
