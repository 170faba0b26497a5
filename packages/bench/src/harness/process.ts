/**
 * The processes of a measurement: the server and each client on a core of its
 * own, where the system can pin them.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"

export const canPin: boolean = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0

const launch = (core: number, file: string, args: ReadonlyArray<string>): ChildProcess => {
  const url = new URL(`../${file}`, import.meta.url).pathname
  const command = [process.execPath, "--expose-gc", "--no-warnings", url, ...args]
  const [first = "", ...rest] = canPin ? ["taskset", "-c", String(core), ...command] : command
  return spawn(first, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"] })
}

const message = async <A>(child: ChildProcess, what: string): Promise<A> => {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${what} ended with ${code} before it answered`)
  })
  const [answer] = (await Promise.race([once(child, "message"), ended])) as [A]
  return answer
}

export interface Server {
  readonly port: number
  readonly tlsPort: number
  /** Stops reading and writing without closing anything. */
  readonly goDark: () => Promise<void>
  /** How many sockets it holds. */
  readonly sockets: () => Promise<number>
  /** When each dial came since this was last asked, in milliseconds. */
  readonly dials: () => Promise<ReadonlyArray<number>>
  readonly kill: () => Promise<void>
}

interface Answer {
  readonly sockets: number
  readonly dials: ReadonlyArray<number>
}

export const startServer = async (port = 0, file = "server/main.ts"): Promise<Server> => {
  const child = launch(0, file, [String(port)])
  const ready = await message<{ readonly port: number; readonly tlsPort: number }>(child, "the server")
  const ask = (text: string): Promise<Answer> => {
    child.send(text)
    return message<Answer>(child, "the server")
  }
  return {
    ...ready,
    goDark: async () => void (await ask("dark")),
    sockets: async () => (await ask("sockets")).sockets,
    dials: async () => (await ask("dials")).dials,
    kill: async () => {
      const gone = once(child, "exit")
      child.kill("SIGKILL")
      await gone
    }
  }
}

/** Runs a measurement against a server of its own. */
export const withServer = async <A>(use: (server: Server) => Promise<A>): Promise<A> => {
  const server = await startServer()
  try {
    return await use(server)
  } finally {
    await server.kill()
  }
}

/** One measurement in a fresh process: what the subject reports. */
export const runSubject = async <A>(kind: string, subject: string, params: unknown): Promise<A> => {
  const child = launch(1, "subjects/main.ts", [kind, subject, JSON.stringify(params)])
  const answer = await message<A>(child, `${kind}/${subject}`)
  const gone = child.exitCode === null ? once(child, "exit") : undefined
  child.kill("SIGKILL")
  await gone
  return answer
}
