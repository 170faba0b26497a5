/**
 * A NATS server on loopback, with a port of its own, in a temporary folder. It needs
 * the server's program on this machine (`apt-get install nats-server`).
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort, takesConnections } from "../../../cluster/test/support/ports.ts"

/** Where the server's program is; `undefined` where there is none. */
export const program = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin"]
  .map((folder) => join(folder, "nats-server"))
  .find((path) => existsSync(path))

export class NatsServer {
  readonly port: number
  private readonly folder: string
  private process: ChildProcess | undefined
  /** Where this process ends before it has removed the server. */
  private readonly onExit = (): void => {
    this.process?.kill("SIGKILL")
    rmSync(this.folder, { recursive: true, force: true })
  }

  private constructor(port: number, folder: string) {
    this.port = port
    this.folder = folder
    process.once("exit", this.onExit)
  }

  static async create(): Promise<NatsServer> {
    const folder = mkdtempSync(join(tmpdir(), "kharbranth-nats-"))
    const server = new NatsServer(await freePort(), folder)
    await server.start()
    return server
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  /** Completes when it takes connections. */
  async start(): Promise<void> {
    if (program === undefined) throw new Error("there is no nats-server on this machine")
    const options = ["-a", "127.0.0.1", "-p", String(this.port), "-P", join(this.folder, "pid")]
    this.process = spawn(program, options, { cwd: this.folder, stdio: "ignore" })
    for (let n = 0; n < 400; n++) {
      if (await takesConnections(this.port)) return
      await sleep(25)
    }
    throw new Error("nats-server did not start within 10 seconds")
  }

  /** As a machine that fails: nobody is told. */
  async stop(): Promise<void> {
    const child = this.process
    this.process = undefined
    if (child === undefined || child.exitCode !== null) return
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve())
      child.kill("SIGKILL")
    })
  }

  /** Stops running, with its sockets open, until it is resumed. */
  pause(): void {
    this.process?.kill("SIGSTOP")
  }

  resume(): void {
    this.process?.kill("SIGCONT")
  }

  async remove(): Promise<void> {
    await this.stop()
    process.off("exit", this.onExit)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
