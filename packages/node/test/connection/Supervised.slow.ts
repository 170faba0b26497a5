// Proves a supervised connection against real faults on real sockets: a peer
// gone silent in either direction is noticed within interval and timeout and no
// tracked message is left without its outcome, an outage loses nothing
// silently, a killed, restarted or stopped server is survived with nothing
// acknowledged lost, a large message that drips in is not taken for death, and a
// reader that stalls is reported while the peer's death is still noticed.
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Inbox from "kharbranth/Inbox"
import { frame } from "../hostile/frames.ts"
import { ackServer, kill, logFile, readLog } from "../support/ackProcess.ts"
import { blackhole, type Dark } from "../support/blackhole.ts"
import { check } from "../support/history.ts"
import * as Ledger from "../support/ledger.ts"
import { hostile } from "../support/process.ts"
import { connect, every, hasEnded, isReady, record, timeout } from "../support/supervised.ts"
import { echo, serve } from "../support/wsServer.ts"

/** Timers of a busy machine are late; the benches hold the promise itself. */
const slack = 400

const noticedWithin = (every + timeout) * 1.1 + slack

/** How long a fault is left in place. */
const hold = (millis: number) => Effect.sleep(millis)

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setInterval(() => {
      if (!condition()) return
      clearInterval(timer)
      resume(Effect.void)
    }, 5)
    return Effect.sync(() => clearInterval(timer))
  })

const darkness = (dark: Dark) =>
  Effect.gen(function* () {
    const server = yield* serve(echo)
    const hole = yield* blackhole(server.port)
    const connection = yield* connect(`ws://127.0.0.1:${hole.port}`)
    const log = yield* record(connection)
    yield* Effect.forkScoped(Stream.runDrain(connection.stream))
    const before = yield* Effect.flatten(Connection.track(connection, "before"))
    hole.set(dark)
    const since = Date.now()
    const during = yield* Connection.track(connection, "during")
    const ended = yield* log.first(hasEnded)
    assert.strictEqual(ended.event._tag === "SessionEnded" ? ended.event.error._tag : "", "PongReceiveTimeout")
    assert.isAtMost(ended.at - since, noticedWithin)
    assert.deepStrictEqual(before, { _tag: "Confirmed", by: "pong" })
    assert.deepStrictEqual(yield* during, { _tag: "Unknown" })
    hole.set("none")
    yield* log.first(isReady, since)
    assert.deepStrictEqual((yield* Effect.flatten(Connection.track(connection, "after")))._tag, "Confirmed")
  })

describe("Supervised", () => {
  it.live.each<Dark>(["both", "toServer", "toClient"])(
    "half-open, dark %s - noticed within interval and timeout, with every tracked message's outcome",
    darkness
  )

  it.live("a blackhole of four seconds loses nothing silently", () =>
    Effect.gen(function* () {
      const file = yield* logFile
      const server = yield* ackServer(file)
      const hole = yield* blackhole(server.port)
      const ledger = yield* Ledger.start(`ws://127.0.0.1:${hole.port}`)
      yield* until(() => ledger.confirmed() >= 50)
      const from = Date.now()
      hole.set("both")
      yield* hold(4_000)
      hole.set("none")
      const to = Date.now()
      yield* ledger.log.first(isReady, to)
      const confirmed = ledger.confirmed()
      yield* until(() => ledger.confirmed() >= confirmed + 50)
      yield* ledger.settle
      assert.isAbove(ledger.unknown(), 0, "the outage must have caught messages in flight")
      assert.isAtLeast(ledger.sent(), 150)
      assert.deepStrictEqual(check({ client: ledger.client, server: readLog(file), outages: [{ from, to }] }), [])
    })
  )

  it.live("kill -9 and restart, twice - back with the pending retry, nothing acknowledged lost", () =>
    Effect.gen(function* () {
      const file = yield* logFile
      let server = yield* ackServer(file)
      const ledger = yield* Ledger.start(server.url)
      for (let life = 0; life < 2; life++) {
        const confirmed = ledger.confirmed()
        yield* until(() => ledger.confirmed() >= confirmed + 50)
        yield* kill(server)
        yield* ledger.log.first((event) => event._tag === "RetryScheduled", Date.now() - 100)
        server = yield* ackServer(file, server.port)
        const back = Date.now()
        const pending = ledger.log.of("RetryScheduled").at(-1)
        const ready = yield* ledger.log.first(isReady, back)
        assert.isAtMost(ready.at - back, Duration.toMillis(pending?.delay ?? Duration.zero) + 50 + slack)
      }
      const confirmed = ledger.confirmed()
      yield* until(() => ledger.confirmed() >= confirmed + 50)
      yield* ledger.settle
      assert.deepStrictEqual(check({ client: ledger.client, server: readLog(file) }), [])
      assert.isAtLeast(ledger.confirmed(), 150)
    })
  )

  it.live("SIGSTOP for less than the detector's patience - the session survives", () =>
    Effect.gen(function* () {
      const server = yield* ackServer(yield* logFile)
      const patient = Heartbeat.ping({ every: 100, timeout: 5_000 })
      const ledger = yield* Ledger.start(server.url, { heartbeat: patient })
      yield* until(() => ledger.confirmed() >= 20)
      server.process.kill("SIGSTOP")
      yield* hold(1_000)
      server.process.kill("SIGCONT")
      const confirmed = ledger.confirmed()
      yield* until(() => ledger.confirmed() >= confirmed + 100)
      yield* ledger.settle
      assert.deepStrictEqual(ledger.log.of("SessionEnded"), [])
      assert.strictEqual(ledger.confirmed(), ledger.sent())
    })
  )

  it.live("SIGSTOP for longer - noticed, dialed again, and nothing acknowledged lost", () =>
    Effect.gen(function* () {
      const file = yield* logFile
      const server = yield* ackServer(file)
      const ledger = yield* Ledger.start(server.url)
      yield* until(() => ledger.confirmed() >= 20)
      server.process.kill("SIGSTOP")
      const stopped = Date.now()
      const ended = yield* ledger.log.first(hasEnded, stopped)
      assert.isAtMost(ended.at - stopped, noticedWithin)
      yield* hold(1_000)
      server.process.kill("SIGCONT")
      yield* ledger.log.first(isReady, Date.now())
      const confirmed = ledger.confirmed()
      yield* until(() => ledger.confirmed() >= confirmed + 50)
      yield* ledger.settle
      assert.deepStrictEqual(check({ client: ledger.client, server: readLog(file) }), [])
    })
  )

  it.live("a message of 1 MB that drips in for three timeouts is not taken for death", () =>
    Effect.gen(function* () {
      const size = 1_000_000
      const bytes = frame({ opcode: 1, payload: Buffer.alloc(size, "x") })
      const slices = 24
      const server = yield* serve(
        (ws, { socket }) => {
          let sent = 0
          const timer = setInterval(() => {
            const from = Math.floor((bytes.length * sent++) / slices)
            socket.write(bytes.subarray(from, Math.floor((bytes.length * sent) / slices)))
            if (sent === slices) clearInterval(timer)
          }, 50)
          ws.on("close", () => clearInterval(timer))
        },
        { autoPong: false }
      )
      const connection = yield* connect(server.url, { heartbeat: Heartbeat.ping({ every: 200, timeout: 400 }) })
      const log = yield* record(connection)
      const text = yield* connection.receive
      assert.strictEqual(text.length, size)
      assert.deepStrictEqual(log.of("SessionEnded"), [])
      assert.isAtLeast(log.of("ProbeSent").length, 3)
    })
  )

  it.live("a reader that stalls is reported after maxStall, and the overflow policy decides", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const connection = yield* connect(`${origin}/flood`, { inbox: { maxStall: 500 }, startup: "background" })
      const log = yield* record(connection)
      yield* connection.receive
      const read = Date.now()
      const stalled = yield* log.first((event) => event._tag === "ReaderStalled")
      assert.isAtMost(stalled.at - read, 500 + slack)
      const error = yield* Effect.flip(Stream.runDrain(connection.stream))
      assert.strictEqual(error._tag, "InboxOverflow")
    })
  )

  it.live("a peer that dies while our reader holds the socket back is still noticed", () =>
    Effect.gen(function* () {
      const server = yield* serve((ws) => {
        for (let i = 0; i < 20; i++) ws.send("x".repeat(4_096))
      })
      const hole = yield* blackhole(server.port)
      const connection = yield* connect(`ws://127.0.0.1:${hole.port}`, {
        inbox: { maxStall: 1_000, overflow: { shed: Inbox.dropNewest } },
        startup: "background"
      })
      const log = yield* record(connection)
      yield* log.first(isReady)
      hole.set("both")
      const since = Date.now()
      const ended = yield* log.first(hasEnded, since)
      assert.strictEqual(ended.event._tag === "SessionEnded" ? ended.event.error._tag : "", "PongReceiveTimeout")
      // the stall may last `maxStall`, and what it held back is a sign of life once more
      assert.isAtMost(ended.at - since, 1_000 + every + noticedWithin)
    })
  )
})
