/**
 * A fleet of real processes: one Postgres in a temporary folder, one server of
 * all feeds, and runners, each with its own way to the database.
 */
import type { Limit } from "kharbranth/DialBudget"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort } from "../../../cluster/test/support/ports.ts"
import { PostgresServer } from "../../../cluster/test/support/postgresServer.ts"
import type * as NodeFleet from "../../src/NodeFleet.ts"
import type { Heard } from "./feedKind.ts"
import { Remote } from "./ipc.ts"
import type { Verdict } from "./judge.ts"
import { Proxy } from "./proxy.ts"

/** What a runner is told when it starts. */
export interface RunnerConfig {
  readonly name: string
  readonly fleet: NodeFleet.Options
  readonly database: string
  /** The port of the server of feeds. */
  readonly feed: number
  /** Of a lease, in milliseconds. */
  readonly ttl: number
  /** How many dials all runners may make together. */
  readonly limit: Limit | undefined
  readonly handover: Options["handover"]
  readonly isQuiet: boolean
  /** Whether it is a fleet of one process, which needs no database. */
  readonly isAlone: boolean
}

export interface FeedConfig {
  readonly isQuiet: boolean
}

/** What a process is told that holds no name. */
export interface ClientConfig {
  readonly database: string
  readonly shards: number | undefined
}

/** An entry of a name as a client saw it. */
export interface SeenEntry {
  readonly tag: string
  readonly message?: unknown
  readonly cause?: string
}

/** What a runner says of itself. */
export interface RunnerStats {
  readonly holder: string
  readonly delivered: number
  /** Messages that its consumers got more than two seconds after they were sent. */
  readonly staleDelivered: number
  readonly gaps: number
  /** Milliseconds of CPU so far, and bytes of memory. */
  readonly cpu: number
  readonly memory: number
}

export interface Options {
  readonly names: number
  /** Of a lease, in milliseconds. */
  readonly ttl: number
  /** How long a name may be without a socket in a planned move (95 of 100), in milliseconds. */
  readonly moveBar: number
  readonly limit?: Limit | undefined
  /** How names move between processes that live. Default: `"breakFirst"`. */
  readonly handover?: "breakFirst" | "makeFirst" | undefined
  /** Nothing is sent to names, and nothing by them. Default: both sides send twice a second. */
  readonly isQuiet?: boolean | undefined
  /** Settings of Postgres. Default: none. */
  readonly database?: ReadonlyArray<string> | undefined
  readonly watchdog?: NodeFleet.Options["watchdog"]
  /** Default: that of a fleet. */
  readonly shards?: number | undefined
}

export interface Runner {
  readonly name: string
  readonly remote: Remote
  readonly proxy: Proxy
}

export class Rig {
  readonly options: Options
  readonly database: PostgresServer
  readonly runners = new Map<string, Runner>()
  /** Names that their owners said will have two sockets, since the last `forget`. */
  readonly overlapping = new Set<string>()
  /** What consumers got that ended since then. */
  private readonly ended: Array<Heard> = []
  private readonly folder: string
  private readonly feed: Remote
  private readonly feedPort: number
  private count = 0
  private readonly onExit = (): void => rmSync(this.folder, { recursive: true, force: true })

  private constructor(options: Options, folder: string, database: PostgresServer, feed: Remote, feedPort: number) {
    this.options = options
    this.folder = folder
    this.database = database
    this.feed = feed
    this.feedPort = feedPort
    process.once("exit", this.onExit)
  }

  static async create(options: Options): Promise<Rig> {
    const folder = mkdtempSync(join(tmpdir(), "kharbranth-fleet-"))
    const database = await PostgresServer.create(options.database)
    const config: FeedConfig = { isQuiet: options.isQuiet ?? false }
    const feed = new Remote(new URL("feedProcess.ts", import.meta.url), config, join(folder, "feed.log"))
    const port = await feed.ask<number>("port")
    if (port === undefined) throw new Error("the server of feeds did not start")
    return new Rig(options, folder, database, feed, port)
  }

  /** Starts a runner and waits until it has joined. */
  async join(over: Partial<Options> & { readonly isAlone?: boolean } = {}): Promise<Runner> {
    const { handover, isAlone = false, isQuiet = false, limit, shards, ttl, watchdog } = { ...this.options, ...over }
    const name = `runner-${++this.count}`
    const proxy = await Proxy.create(this.database.port)
    const config: RunnerConfig = {
      name,
      fleet: { address: { host: "127.0.0.1", port: await freePort() }, shards, watchdog },
      database: this.database.url("fleet", proxy.port),
      feed: this.feedPort,
      ttl,
      limit,
      handover,
      isAlone,
      isQuiet
    }
    const log = this.logOf(name)
    const remote = new Remote(new URL("runnerProcess.ts", import.meta.url), config, log, (notice, value) => {
      if (notice === "overlapping") for (const one of value as ReadonlyArray<string>) this.overlapping.add(one)
      if (notice === "heard") this.ended.push(value as Heard)
    })
    const runner = { name, remote, proxy }
    this.runners.set(name, runner)
    if ((await remote.ask("ready")) === undefined) throw new Error(`${name} ended: ${readFileSync(log, "utf8")}`)
    return runner
  }

  /** Several at the same time. */
  joinAll(count: number, over: Partial<Options> = {}): Promise<ReadonlyArray<Runner>> {
    return Promise.all(Array.from({ length: count }, () => this.join(over)))
  }

  /** Starts a process that holds no name. */
  async client(): Promise<Remote> {
    const config: ClientConfig = { database: this.database.url(), shards: this.options.shards }
    const log = this.logOf("client")
    const remote = new Remote(new URL("clientProcess.ts", import.meta.url), config, log)
    if ((await remote.ask("ready")) === undefined) throw new Error(`the client ended: ${readFileSync(log, "utf8")}`)
    return remote
  }

  get names(): ReadonlyArray<string> {
    return Array.from({ length: this.options.names }, (_, n) => `name-${n}`)
  }

  /** Lets the fleet keep all names open. */
  async want(): Promise<void> {
    await this.any().remote.ask("want", this.names)
  }

  any(): Runner {
    const found = [...this.runners.values()].find(({ remote }) => remote.isAlive)
    if (found === undefined) throw new Error("no runner lives")
    return found
  }

  /** Forgets a runner that ended. */
  async gone(runner: Runner): Promise<void> {
    await runner.remote.ended()
    runner.proxy.close()
    this.runners.delete(runner.name)
  }

  /** Sends it a signal that ends it, and waits until it has. */
  async end(runner: Runner, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    runner.remote.signal(signal)
    await this.gone(runner)
  }

  /** Forgets those that ended by themselves; returns what ended each. */
  async buryTheDead(): Promise<ReadonlyArray<string>> {
    const dead = this.dead()
    for (const runner of dead) await this.gone(runner)
    return dead.map(endOf)
  }

  private dead(): ReadonlyArray<Runner> {
    return [...this.runners.values()].filter(({ remote }) => !remote.isAlive)
  }

  /** Joins as many as are missing. */
  async fill(count: number, over: Partial<Options> = {}): Promise<void> {
    await this.joinAll(Math.max(0, count - this.runners.size), over)
  }

  stats(runner: Runner): Promise<RunnerStats | undefined> {
    return runner.remote.ask<RunnerStats>("stats")
  }

  async verdict(): Promise<Verdict> {
    const verdict = await this.feed.ask<Verdict>("verdict")
    if (verdict === undefined) throw new Error("the server of feeds ended")
    return verdict
  }

  /** What all consumers got that ended since the last `forget`, or go on. */
  async heard(): Promise<ReadonlyArray<Heard>> {
    const open = await Promise.all(
      [...this.runners.values()].map(({ remote }) => remote.ask<ReadonlyArray<Heard>>("heard"))
    )
    return [...this.ended, ...open.flatMap((heard) => heard ?? [])]
  }

  async forget(): Promise<void> {
    this.overlapping.clear()
    this.ended.length = 0
    await this.feed.ask("forget")
  }

  logOf(name: string): string {
    return join(this.folder, `${name}.log`)
  }

  /** Waits until something holds of what the server sees; the last verdict if it never does. */
  async until(what: string, holds: (verdict: Verdict) => boolean, seconds = 120): Promise<Verdict> {
    const end = Date.now() + seconds * 1000
    for (;;) {
      const verdict = await this.verdict()
      if (holds(verdict)) return verdict
      if (Date.now() > end) {
        const { doubles, open } = verdict
        throw new Error(`not within ${seconds} s: ${what}; open ${JSON.stringify(open)}, ${doubles.length} doubles`)
      }
      // Of many names a verdict is long.
      await sleep(Math.max(100, this.options.names / 20))
    }
  }

  /** Every name has one socket, and so many runners have some. One that ended unasked looks like one that holds nothing. */
  async settled(runners = this.runners.size, seconds = 120): Promise<Verdict> {
    return this.until(
      `all names are open at ${runners} runners`,
      ({ open }) => {
        const ended = this.dead().map((runner) => `${runner.name} by ${endOf(runner)}`)
        if (ended.length > 0)
          throw new Error(`ended unasked: ${ended.join(", ")}; a watchdog kills a process that starves`)
        return isWhole(open, this.options.names, runners)
      },
      seconds
    )
  }

  async remove(): Promise<void> {
    for (const { proxy, remote } of this.runners.values()) {
      await remote.kill()
      proxy.close()
    }
    await this.feed.kill()
    await this.database.remove()
    process.off("exit", this.onExit)
    this.onExit()
  }
}

const endOf = ({ remote: { process } }: Runner): string => process.signalCode ?? `exit code ${process.exitCode}`

export const isWhole = (open: Verdict["open"], names: number, runners: number): boolean => {
  const counts = Object.values(open)
  return counts.reduce((sum, count) => sum + count, 0) === names && counts.length === runners
}
