/**
 * A Postgres in a temporary folder, on loopback, as a user that is not root. It
 * needs the server's programs on this machine (`apt-get install postgresql`).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { delimiter, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort, takesConnections } from "./ports.ts"

const debian = "/usr/lib/postgresql"

const folders = (): ReadonlyArray<string> => [
  ...(existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, "bin")) : []),
  ...(process.env["PATH"] ?? "").split(delimiter)
]

/** Where the server's programs are; `undefined` where there are none. */
export const programs = folders().findLast((folder) => existsSync(join(folder, "initdb")))

/** Its own client; the name alone where no folder of the server has it. */
const psql =
  folders()
    .map((folder) => join(folder, "psql"))
    .find((file) => existsSync(file)) ?? "psql"

/** Postgres refuses to run as root; the package brings a user for it. */
export const identity = (): { readonly uid?: number; readonly gid?: number } => {
  if (userInfo().uid !== 0) return {}
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))
  return { uid: id("-u"), gid: id("-g") }
}

export class PostgresServer {
  readonly folder: string
  readonly port: number
  private readonly bin: string
  private readonly settings: ReadonlyArray<string>
  private process: ChildProcess | undefined
  /** Where this process ends before it has removed the server. */
  private readonly onExit = (): void => {
    this.process?.kill("SIGQUIT")
    rmSync(this.folder, { recursive: true, force: true })
  }

  private constructor(folder: string, port: number, bin: string, settings: ReadonlyArray<string>) {
    this.settings = settings
    this.folder = folder
    this.port = port
    this.bin = bin
    process.once("exit", this.onExit)
  }

  /** Makes an empty database and starts its server, with settings such as `"max_connections=200"`. */
  static async create(settings: ReadonlyArray<string> = []): Promise<PostgresServer> {
    if (programs === undefined) throw new Error("there is no Postgres on this machine")
    const folder = mkdtempSync(join(tmpdir(), "kharbranth-pg-"))
    const who = identity()
    if (who.uid !== undefined) chownSync(folder, who.uid, who.gid!)
    const server = new PostgresServer(folder, await freePort(), programs, settings)
    const init = ["-D", join(folder, "data"), "-A", "trust", "-U", "fleet", "-E", "UTF8", "--no-sync"]
    execFileSync(join(programs, "initdb"), init, { ...who, cwd: folder, stdio: "pipe" })
    await server.start()
    return server
  }

  /** Completes when it takes connections. */
  async start(): Promise<void> {
    const settings = [
      "listen_addresses=127.0.0.1",
      `unix_socket_directories=${this.folder}`,
      "fsync=off",
      "log_statement=none",
      ...this.settings
    ]
    const options = ["-D", join(this.folder, "data"), "-p", String(this.port)]
    this.process = spawn(join(this.bin, "postgres"), [...options, ...settings.flatMap((one) => ["-c", one])], {
      ...identity(),
      cwd: this.folder,
      stdio: "ignore"
    })
    for (let n = 0; n < 400; n++) {
      if (await takesConnections(this.port)) return
      await sleep(50)
    }
    throw new Error("Postgres did not start within 20 seconds")
  }

  /** As for a restart: ends every session first. */
  async stop(signal: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    const child = this.process
    this.process = undefined
    if (child === undefined || child.exitCode !== null) return
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve())
      child.kill(signal)
    })
  }

  async remove(): Promise<void> {
    // The fast way out, for there is nothing to keep.
    await this.stop("SIGQUIT")
    process.off("exit", this.onExit)
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** What a query answers, as text. */
  query(text: string): string {
    return execFileSync(psql, ["-X", "-A", "-t", "-d", this.url(), "-c", text], { encoding: "utf8" }).trim()
  }

  /** As the superuser, or as another role. */
  url(role = "fleet", port = this.port): string {
    return `postgres://${role}@127.0.0.1:${port}/postgres`
  }
}
