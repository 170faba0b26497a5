// Proves the transport, and the tools the longer tests stand on, against dead
// networks and dead processes: a blackhole is invisible until it heals, `kill -9`
// is seen at once, a stopped process is not, and what was acknowledged before a
// kill is in the server's log.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blackhole } from "../support/blackhole.ts"
import { connect, type Recorder, recorder } from "../support/client.ts"
import { check, type ClientEntry, parseServerLog } from "../support/history.ts"
import { spawnScoped } from "../support/process.ts"
import { echo, nextMessage, serve } from "../support/wsServer.ts"

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
const turns = (n: number) => Effect.repeat(turn, { times: n })

const framesOf = (receiver: Recorder, n: number) => receiver.when(() => receiver.frames().length >= n)

const logFile = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kharbranth-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
).pipe(Effect.map((folder) => join(folder, "server.log")))

const ackServer = (file: string, port = "0") =>
  Effect.map(spawnScoped(new URL("../support/ackServer.ts", import.meta.url), file, port), ({ process, ready }) => ({
    process,
    port: ready,
    url: `ws://127.0.0.1:${ready}`
  }))

const exited = (child: { readonly process: { once(event: "exit", listener: () => void): unknown } }) =>
  Effect.callback<void>((resume) => void child.process.once("exit", () => resume(Effect.void)))

describe("Faults", () => {
  it.live("a blackhole towards us: writes arrive, answers wait for the healing, nothing ends", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const hole = yield* blackhole(server.port)
      const { link, receiver } = yield* connect(`ws://127.0.0.1:${hole.port}`)
      const { ws } = yield* server.peer()
      link.write(["before"])
      yield* framesOf(receiver, 1)
      hole.set("toClient")
      const mark = link.received()
      const arrived = nextMessage(ws)
      link.write(["during"])
      assert.strictEqual((yield* arrived)[0].toString(), "during")
      yield* turns(100)
      assert.strictEqual(link.received(), mark)
      assert.strictEqual(receiver.calls.length, 1)
      hole.set("none")
      yield* framesOf(receiver, 2)
      assert.deepStrictEqual(receiver.frames(), ["before", "during"])
    })
  )

  it.live("a blackhole towards the server: our writes do not arrive, its messages do", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const hole = yield* blackhole(server.port)
      const { link, receiver } = yield* connect(`ws://127.0.0.1:${hole.port}`)
      const { ws } = yield* server.peer()
      const got: Array<string> = []
      ws.on("message", (data: Buffer) => got.push(data.toString()))
      hole.set("toServer")
      link.write(["lost for now"])
      ws.send("still here")
      yield* framesOf(receiver, 1)
      yield* turns(100)
      assert.deepStrictEqual(got, [])
      hole.set("none")
      yield* framesOf(receiver, 2)
      assert.deepStrictEqual(receiver.frames(), ["still here", "lost for now"])
    })
  )

  it.live("a blackhole both ways: the server's death stays unseen, a new dial hangs until interrupted", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const hole = yield* blackhole(server.port)
      const { link, receiver } = yield* connect(`ws://127.0.0.1:${hole.port}`)
      const { ws } = yield* server.peer()
      hole.set("both")
      ws.close(1_012)
      link.write(["into the void"])
      yield* turns(100)
      assert.deepStrictEqual(receiver.calls, [])
      const second = yield* Effect.raceFirst(
        Effect.as(connect(`ws://127.0.0.1:${hole.port}`), "open"),
        Effect.as(Effect.repeat(turn, { until: () => hole.accepted() === 2 }).pipe(Effect.andThen(turns(100))), "hangs")
      )
      assert.strictEqual(second, "hangs")
      hole.set("none")
      assert.strictEqual((yield* receiver.end)._tag, "ConnectionClosed")
    })
  )

  it.live("a reset in the network ends the link", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const hole = yield* blackhole(server.port)
      const { receiver } = yield* connect(`ws://127.0.0.1:${hole.port}`)
      yield* server.peer()
      hole.reset()
      assert.strictEqual((yield* receiver.end)._tag, "ConnectionDropped")
    })
  )

  it.live(
    "kill -9 is seen at once; what was acknowledged is in the log; the next life continues it",
    () =>
      Effect.gen(function* () {
        const file = yield* logFile
        const first = yield* ackServer(file)
        const client: Array<ClientEntry> = []
        const receiver = recorder()
        const { link } = yield* connect(
          first.url,
          {},
          { proxy: false },
          {
            ...receiver,
            frame: (frame, size) => {
              client.push({ e: "outcome", n: Number(String(frame).slice(4)), outcome: "Confirmed", t: Date.now() })
              receiver.frame(frame, size)
            }
          }
        )
        client.push({ e: "open", epoch: 1, t: Date.now() })
        const total = 5_000
        for (let n = 1; n <= total; n++) {
          client.push({ e: "accepted", n, t: Date.now() })
          link.write([`${n}`])
        }
        yield* framesOf(receiver, 50)
        const dead = exited(first)
        first.process.kill("SIGKILL")
        yield* dead
        const error = yield* receiver.end
        client.push({ e: "close", epoch: 1, t: Date.now() })
        assert.include(["ConnectionDropped", "WriteError"], error._tag)
        const confirmed = new Set(client.flatMap((entry) => (entry.e === "outcome" ? [entry.n] : [])))
        assert.isAtLeast(confirmed.size, 50)
        for (let n = 1; n <= total; n++) {
          if (!confirmed.has(n)) client.push({ e: "outcome", n, outcome: "Unknown", t: Date.now() })
        }
        assert.deepStrictEqual(check({ client, server: parseServerLog(readFileSync(file, "utf8")) }), [])

        const second = yield* ackServer(file, first.port)
        const again = yield* connect(second.url)
        again.link.write([`${total + 1}`])
        yield* framesOf(again.receiver, 1)
        assert.deepStrictEqual(again.receiver.frames(), [`ack ${total + 1}`])
        assert.include(readFileSync(file, "utf8"), `"n":${total + 1},`)
      }),
    20_000
  )

  it.live(
    "a stopped server answers nothing and ends nothing; continued, it answers everything",
    () =>
      Effect.gen(function* () {
        const file = yield* logFile
        const server = yield* ackServer(file)
        const { link, receiver } = yield* connect(server.url)
        server.process.kill("SIGSTOP")
        link.write(["1", "2"])
        link.ping(new Uint8Array(1))
        yield* turns(200)
        assert.deepStrictEqual(receiver.calls, [])
        server.process.kill("SIGCONT")
        yield* receiver.when((calls) => calls.length === 3)
        assert.deepStrictEqual(receiver.frames(), ["ack 1", "ack 2"])
      }),
    20_000
  )
})
