/**
 * Proves that a reader on a real NATS follows names through a `kill -9` of the
 * process that owns them, in a fleet of real processes with a real Postgres: a `Gap`
 * with cause `OwnerLost`, then what the next owner receives, nothing twice.
 * Where this machine lacks a server, one test says so by name, and loudly.
 */
import { assert, describe, it } from "@effect/vitest"
import * as FleetBus from "@kharbranth/cluster/FleetBus"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Inbox from "kharbranth/Inbox"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { type WebSocket, WebSocketServer } from "ws"
import { freePort } from "../../cluster/test/support/ports.ts"
import { PostgresServer, programs } from "../../cluster/test/support/postgresServer.ts"
import * as NatsBus from "../src/NatsBus.ts"
import { type Config, feedOf } from "./rig/feed.ts"
import * as Nats from "./support/natsServer.ts"

const names = ["a", "b", "c", "d"]

interface Said {
  /** The server counts per name, over all sockets: what nobody had open is missing. */
  readonly n: number
  readonly holder: string
}

/** Sends every name the next number, ten times a second, on whatever socket is open for it. */
const feedServer = async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 })
  const open = new Map<WebSocket, { readonly name: string; readonly holder: string }>()
  server.on("connection", (socket, request) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "ws://feed")
    open.set(socket, { name: pathname.slice(1), holder: searchParams.get("holder") ?? "" })
    socket.on("close", () => open.delete(socket))
    socket.on("error", () => {})
  })
  let n = 0
  const timer = setInterval(() => {
    n++
    for (const [socket, { holder }] of open) socket.send(JSON.stringify({ n, holder } satisfies Said))
  }, 100)
  await once(server, "listening")
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      clearInterval(timer)
      for (const socket of server.clients) socket.terminate()
      server.close()
    }
  }
}

const start = async (config: Config): Promise<{ readonly process: ChildProcess; readonly holder: string }> => {
  const program = new URL("rig/runnerProcess.ts", import.meta.url).pathname
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, JSON.stringify(config)], {
    stdio: ["pipe", "pipe", "inherit"]
  })
  let text = ""
  child.stdout.on("data", (data: Buffer) => (text += data.toString()))
  for (let n = 0; n < 600; n++) {
    const holder = /joined (\S+)/.exec(text)?.[1]
    if (holder !== undefined) return { process: child, holder }
    if (child.exitCode !== null) break
    await sleep(50)
  }
  child.kill("SIGKILL")
  throw new Error(`a runner did not join: ${text}`)
}

const until = async (holds: () => boolean, what: string, seconds: number): Promise<void> => {
  for (let n = 0; n < seconds * 50; n++) {
    if (holds()) return
    await sleep(20)
  }
  throw new Error(`not within ${seconds} seconds: ${what}`)
}

const ofHolder = (log: ReadonlyArray<Inbox.Entry<unknown>>, holder: string): ReadonlyArray<number> =>
  log.flatMap((entry) => {
    if (entry._tag !== "Message") return []
    const said = entry.message as Said
    return said.holder === holder ? [said.n] : []
  })

const lacking = [
  ...(Nats.program === undefined ? ["nats-server"] : []),
  ...(programs === undefined ? ["postgresql"] : [])
]

if (lacking.length > 0) {
  const loud = `NO ${lacking.join(" AND NO ").toUpperCase()} ON THIS MACHINE: a killed owner is NOT tested on a real bus`
  it(loud, () => console.warn(`*** ${loud}. Install it: apt-get install ${lacking.join(" ")} ***`))
} else {
  describe("a reader on the bus", () => {
    it("follows names whose owner is killed, with a gap and without a double", { timeout: 120_000 }, async () => {
      const cleanup: Array<() => unknown> = []
      try {
        const feed = await feedServer()
        cleanup.push(feed.close)
        const nats = await Nats.NatsServer.create()
        cleanup.push(() => nats.remove())
        const database = await PostgresServer.create()
        cleanup.push(() => database.remove())
        const config = async (): Promise<Config> => ({
          fleet: {
            address: { host: "127.0.0.1", port: await freePort() },
            shards: 16,
            lockExpiry: "12 seconds",
            watchdog: "none"
          },
          database: database.url(),
          nats: nats.url,
          feed: feed.port,
          names
        })

        const logs = new Map(names.map((name) => [name, [] as Array<Inbox.Entry<unknown>>]))
        const Feed = feedOf(feed.port)
        const stopReading = Effect.runCallback(
          Effect.forEach(
            [...logs],
            ([name, log]) =>
              Stream.runForEach(FleetBus.subscribe(Feed, name), (entry) => Effect.sync(() => void log.push(entry))),
            { concurrency: "unbounded", discard: true }
          ).pipe(Effect.provide(NatsBus.layer({ connect: { servers: nats.url } })), Effect.scoped)
        )
        cleanup.push(() => stopReading())

        const first = await start(await config())
        cleanup.push(() => first.process.kill("SIGKILL"))
        await until(() => [...logs.values()].every((log) => ofHolder(log, first.holder).length > 5), "all names", 40)
        const second = await start(await config())
        cleanup.push(() => second.process.kill("SIGKILL"))

        const lastHolder = (log: ReadonlyArray<Inbox.Entry<unknown>>) => {
          const last = log.findLast((entry) => entry._tag === "Message")
          return (last?.message as Said | undefined)?.holder
        }
        const orphans = names.filter((name) => lastHolder(logs.get(name)!) === first.holder)
        assert.isNotEmpty(orphans, "nothing is left to the process that is killed")
        first.process.kill("SIGKILL")
        const killed = Date.now()
        await until(() => [...logs.values()].every((log) => ofHolder(log, second.holder).length > 5), "the next", 60)
        console.log(JSON.stringify({ killedToAllNamesReadElsewhere: Date.now() - killed }))

        for (const [name, log] of logs) {
          const numbers = log.flatMap((entry) => (entry._tag === "Message" ? [(entry.message as Said).n] : []))
          assert.deepStrictEqual(
            numbers,
            [...new Set(numbers)].toSorted((a, b) => a - b),
            `${name}: doubled, or out of order`
          )
          const at = log.findIndex(
            (entry) => entry._tag === "Message" && (entry.message as Said).holder === second.holder
          )
          const between = log.slice(0, at).toReversed()
          const until = between.findIndex(({ _tag }) => _tag === "Message")
          const gaps = between.slice(0, until).filter((entry) => entry._tag === "Gap")
          assert.isTrue(
            gaps.some(({ cause }) => cause._tag === "OwnerLost"),
            `${name}: no gap where its owner was killed`
          )
        }
      } finally {
        for (const step of cleanup.toReversed()) await step()
      }
    })
  })
}
