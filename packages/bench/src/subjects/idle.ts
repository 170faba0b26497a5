/**
 * Opens many connections, lets them idle, and closes them: time to open, heap
 * for each, CPU while they idle, and what is left afterwards.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import { setTimeout as pause } from "node:timers/promises"
import PartySocket from "partysocket/ws"
import { WebSocket as Ws } from "ws"
import * as Kharbranth from "./kharbranth.ts"
import { openRaw } from "./wires.ts"

export interface Params {
  readonly url: string
  readonly connections: number
  readonly heartbeatMillis: number
  readonly idleMillis: number
  /**
   * How many are opened before: the code, and what it keeps for itself, comes with the first, and the heap of a
   * connection is that of one more. Default: 0.
   */
  readonly warm?: number | undefined
  /** How long connections are open before their heap is measured. Default: 0. */
  readonly settleMillis?: number | undefined
}

export interface Result {
  readonly openMillis: number
  readonly openCpuMillis: number
  readonly heapKiB: number
  readonly rssKiB: number
  /** CPU seconds per second. */
  readonly cpu: number
  readonly closeMillis: number
  /** Sockets and timers still there after closing. */
  readonly left: number
}

interface Open {
  readonly close: () => Promise<void>
}

type OpenAll = (params: Params) => Promise<Open>

const concurrency = 256

export const openMany = async <A>(count: number, open: () => Promise<A>): Promise<ReadonlyArray<A>> => {
  const opened: Array<A> = []
  let started = 0
  const worker = async (): Promise<void> => {
    while (started < count) {
      started += 1
      opened.push(await open())
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return opened
}

const closed = (ws: Ws): Promise<void> =>
  new Promise((resolve) => {
    ws.once("close", () => resolve())
    ws.close()
  })

const rawOpen =
  (decorate: (ws: Ws, params: Params) => void): OpenAll =>
  async (params) => {
    const sockets = await openMany(params.connections, async () => {
      const ws = await openRaw(params.url)
      ws.on("message", () => undefined)
      decorate(ws, params)
      return ws
    })
    return { close: async () => void (await Promise.all(sockets.map(closed))) }
  }

/** The heartbeat that the documentation of `ws` shows: a timer a socket, a flag, terminate. */
const beat = (ws: Ws, { heartbeatMillis }: Params): void => {
  let alive = true
  ws.on("pong", () => {
    alive = true
  })
  const timer = setInterval(() => {
    if (!alive) return ws.terminate()
    alive = false
    ws.ping()
  }, heartbeatMillis)
  ws.on("close", () => clearInterval(timer))
}

const partysocket: OpenAll = async ({ connections, url }) => {
  const sockets = await openMany(
    connections,
    () =>
      new Promise<PartySocket>((resolve) => {
        const ws = new PartySocket(url, [], { WebSocket: Ws })
        ws.addEventListener("open", () => resolve(ws))
        ws.addEventListener("message", () => undefined)
      })
  )
  const close = async (): Promise<void> => {
    for (const ws of sockets) ws.close()
    await pause(1_000)
  }
  return { close }
}

const kharbranth =
  (use?: (connection: Kharbranth.Text) => Effect.Effect<void, unknown>, run = Kharbranth.run): OpenAll =>
  ({ connections, heartbeatMillis, settleMillis, url }) =>
    new Promise((resolve, reject) => {
      const heartbeat = Heartbeat.ping({ every: heartbeatMillis, timeout: heartbeatMillis })
      const reconnect = settleMillis === undefined ? undefined : Reconnect.make({ stableAfter: settleMillis / 2 })
      let finish = (): void => undefined
      const finished = new Promise<void>((done) => {
        finish = done
      })
      const program = Effect.gen(function* () {
        // closed all at once, as the peers are
        const scope = yield* Effect.acquireRelease(Scope.make("parallel"), (scope) => Scope.close(scope, Exit.void))
        const one = (index: number) => {
          const connected = Kharbranth.connect(url, { heartbeat, reconnect }, `bench-${index}`)
          return use === undefined
            ? Effect.asVoid(connected)
            : Effect.asVoid(Effect.flatMap(connected, (connection) => Effect.forkScoped(use(connection))))
        }
        // as many workers as the peers have
        let started = 0
        const worker = Effect.whileLoop({
          while: () => started < connections,
          body: () => one(started++),
          step: () => undefined
        })
        const workers = Effect.forEach(Array.from({ length: concurrency }), () => worker, {
          concurrency,
          discard: true
        })
        yield* Scope.provide(workers, scope)
        yield* Effect.callback<void>((go) => {
          const close = (): Promise<void> => {
            go(Effect.void)
            return finished
          }
          resolve({ close })
        })
      })
      run(program).then(finish, reject)
    })

const openers: Readonly<Record<string, OpenAll>> = {
  "raw ws": rawOpen(() => undefined),
  "raw ws with a ping timer": rawOpen(beat),
  partysocket,
  "kharbranth": kharbranth(),
  "kharbranth, recorded": kharbranth(undefined, Kharbranth.runRecorded),
  "kharbranth, a reader each": kharbranth(({ stream }) => Stream.runDrain(stream))
}

const memory = async (): Promise<NodeJS.MemoryUsage> => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await pause(50)
  }
  return process.memoryUsage()
}

const cpuWhile = async (millis: number): Promise<number> => {
  const before = process.cpuUsage()
  const started = performance.now()
  await pause(millis)
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1_000 / (performance.now() - started)
}

const timed = async <A>(work: () => Promise<A>) => {
  const before = process.cpuUsage()
  const started = performance.now()
  const value = await work()
  const used = process.cpuUsage(before)
  return { value, millis: performance.now() - started, cpuMillis: (used.user + used.system) / 1_000 }
}

/** Sockets and timers of this process. */
export const leftovers = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap" || kind === "Timeout").length

export const measure = async (subject: string, params: Params): Promise<Result> => {
  const settled = params.settleMillis ?? 0
  const warmed = await openers[subject]!({ ...params, connections: params.warm ?? 0 })
  await pause(settled)
  const before = await memory()
  const opened = await timed(() => openers[subject]!(params))
  await pause(settled)
  const after = await memory()
  const cpu = await cpuWhile(params.idleMillis)
  const closing = performance.now()
  await Promise.all([warmed.close(), opened.value.close()])
  const closeMillis = performance.now() - closing
  await new Promise((resolve) => setImmediate(resolve))
  const perConnection = (a: number, b: number): number => (a - b) / 1_024 / params.connections
  return {
    openMillis: opened.millis,
    openCpuMillis: opened.cpuMillis,
    heapKiB: perConnection(after.heapUsed, before.heapUsed),
    rssKiB: perConnection(after.rss, before.rss),
    cpu,
    closeMillis,
    left: leftovers()
  }
}
