/**
 * Opens many connections against the url given as first argument: as many as
 * the second says, raw and through a manager in turns, and prints what that
 * took and what was left as one line of JSON. A process of its own, so that
 * nothing else counts.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import { readdirSync } from "node:fs"
import { WebSocket } from "ws"
import * as NodeTransport from "../../src/NodeTransport.ts"

const url = process.argv[2] ?? ""
const count = Number(process.argv[3])
const rounds = Number(process.argv[4] ?? 3)
/** As many dials at once as the manager's budget allows. */
const concurrent = 256

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = performance.now()
    const value = yield* effect
    return [performance.now() - before, value] as const
  })

const held = () => {
  const names = process.getActiveResourcesInfo().filter((name) => name !== "Immediate")
  return { resources: names.toSorted().join(), descriptors: readdirSync("/proc/self/fd").length }
}

/** Lets closed handles finish: until two looks agree, 50 turns apart. */
const settled = Effect.gen(function* () {
  let last = ""
  while (true) {
    for (let i = 0; i < 50; i++) yield* turn
    const now = JSON.stringify(held())
    if (now === last) return now
    last = now
  }
})

const openRaw = Effect.callback<ReadonlyArray<WebSocket>>((resume) => {
  const sockets: Array<WebSocket> = []
  let open = 0
  const next = () => {
    if (sockets.length === count) return
    const socket = new WebSocket(url, { perMessageDeflate: false })
    sockets.push(socket)
    socket.on("open", () => {
      next()
      if (++open === count) resume(Effect.succeed(sockets))
    })
  }
  for (let i = 0; i < concurrent; i++) next()
})

const raw = Effect.gen(function* () {
  const [millis, sockets] = yield* timed(openRaw)
  const gone = sockets.map((socket) => new Promise((resolve) => socket.on("close", resolve)))
  for (const socket of sockets) socket.close()
  yield* Effect.promise(() => Promise.all(gone))
  return millis
})

const name = (index: number) => `feed ${index}`

const openManaged = (manager: ConnectionManager.Manager) =>
  Effect.gen(function* () {
    for (let i = 0; i < count; i++) {
      yield* manager.connect(name(i), {
        target: url,
        codec: Codec.text,
        heartbeat: Heartbeat.ping({ every: "60 seconds" }),
        startup: "background"
      })
    }
    yield* manager.awaitReady()
  })

const fastest = (runs: number, effect: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    let best = Infinity
    for (let i = 0; i < runs; i++) best = Math.min(best, (yield* timed(effect))[0])
    return best
  })

/** Microseconds for one of each, over names spread over the whole; a change is a socket closed and one dialed. */
const costs = (manager: ConnectionManager.Manager) =>
  Effect.gen(function* () {
    const some = Array.from({ length: 2_000 }, (_, i) => name(Math.floor((i * 7_919) % count)))
    const each = (use: (name: string) => Effect.Effect<unknown, unknown>, names = some) =>
      Effect.map(
        fastest(
          5,
          Effect.gen(function* () {
            for (const one of names) yield* use(one)
          })
        ),
        (millis) => (millis * 1_000) / names.length
      )
    return {
      lookup: yield* each((name) => manager.get(name)),
      send: yield* each((name) => manager.send(name, "x")),
      change: yield* each((name) => Effect.andThen(manager.pause(name), manager.resume(name)), some.slice(0, 100))
    }
  })

const managed = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const manager = yield* ConnectionManager.make().pipe(Effect.provide(NodeTransport.layer), Scope.provide(scope))
  const [open] = yield* timed(openManaged(manager))
  const snapshot = yield* fastest(10, manager.snapshot)
  const cost = yield* costs(manager)
  yield* manager.awaitReady()
  const [close] = yield* timed(Scope.close(scope, Exit.void))
  return { open, snapshot, cost, close }
})

const program = Effect.gen(function* () {
  const results: Array<{ readonly raw: number; readonly managed: Effect.Success<typeof managed> }> = []
  // One round warms both up; it must not count.
  yield* raw
  yield* managed
  const before = yield* settled
  for (let i = 0; i < rounds; i++) results.push({ raw: yield* raw, managed: yield* managed })
  const after = yield* settled
  return { before, after, results }
})

const result = await Effect.runPromise(Effect.scoped(program))
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
