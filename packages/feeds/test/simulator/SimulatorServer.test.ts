/**
 * Proves that simulators work on real sockets: several venues at once, snapshots
 * over HTTP, a refused dial with its status, a cut, and nothing left open at the end.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"
import { WebSocket } from "ws"
import * as SimulatorServer from "../../src/simulator/SimulatorServer.ts"

/** A socket, the frames that it received, and a promise of its end. */
const open = (url: string, first?: string) => {
  const socket = new WebSocket(url)
  const frames: Array<string> = []
  const state = { socket, frames, status: 0, code: 0 }
  let wanted = { count: 0, done: () => {} }
  socket.on("open", () => first !== undefined && socket.send(first))
  socket.on("message", (data: Buffer) => {
    frames.push(data.toString())
    if (frames.length >= wanted.count) wanted.done()
  })
  socket.on("error", () => {})
  const ended = new Promise<void>((resolve) => {
    socket.on("unexpected-response", (_, response) => {
      state.status = response.statusCode ?? 0
      resolve()
    })
    socket.on("close", (code) => {
      state.code = code
      resolve()
    })
  })
  const some = (count: number) =>
    Effect.promise(() => new Promise<void>((done) => (frames.length >= count ? done() : (wanted = { count, done }))))
  return { state, some, ended: Effect.promise(() => ended) }
}

describe("SimulatorServer", () => {
  it.live("two venues stream at once, and end with their scope", () =>
    Effect.gen(function* () {
      const market = { assets: 2, updates: 50 }
      const sockets = yield* Effect.scoped(
        Effect.gen(function* () {
          const binance = yield* SimulatorServer.serve("binance-spot", { market })
          const kraken = yield* SimulatorServer.serve("kraken", { market })
          const sockets = [
            open(binance.rewrite("wss://stream.binance.com:9443/ws/btcusdt@depth@100ms")),
            open(
              kraken.rewrite("wss://ws.kraken.com/v2"),
              `{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}`
            )
          ]
          for (const socket of sockets) yield* socket.some(20)
          const url = binance.rewrite("https://api.binance.com/api/v3/depth?symbol=ETHUSDT&limit=10")
          const response = yield* Effect.promise(() => fetch(url))
          assert.strictEqual(response.status, 200)
          assert.match(yield* Effect.promise(() => response.text()), /^\{"lastUpdateId":\d+,"bids":\[\["/)
          assert.strictEqual(kraken.rewrite("wss://other.example/"), "wss://other.example/")
          return sockets
        })
      )
      for (const socket of sockets) yield* socket.ended
      assert.match(sockets[1]?.state.frames[0] ?? "", /"system":"online"/)
    })
  )

  it.live("a dial too many is refused with its status", () =>
    Effect.gen(function* () {
      const numbers = { dials: { limit: 1, window: 60_000, status: 429, ban: 60_000 } }
      const venue = yield* SimulatorServer.serve("kraken", { numbers })
      const url = venue.rewrite("wss://ws.kraken.com/v2")
      const first = open(url)
      yield* first.some(1)
      const second = open(url)
      yield* second.ended
      assert.strictEqual(second.state.status, 429)
      assert.strictEqual(venue.simulator.ledger.violations[0]?.rule, "dials")
    })
  )

  it.live("a cut ends the socket without a closing handshake", () =>
    Effect.gen(function* () {
      const venue = yield* SimulatorServer.serve("kraken")
      const socket = open(venue.rewrite("wss://ws.kraken.com/v2"))
      yield* socket.some(1)
      venue.simulator.inject({ fault: { _tag: "Cut" }, at: [0] })
      // What was injected goes out with the next thing that the venue does.
      yield* socket.ended
      assert.strictEqual(socket.state.code, 1006)
    })
  )

  it.live("a port that is taken is a typed failure", () =>
    Effect.gen(function* () {
      const { port } = yield* SimulatorServer.serve("kraken")
      const error = yield* Effect.flip(SimulatorServer.serve("okx", { port }))
      assert.strictEqual(error._tag, "CannotListen")
      assert.include(error.message, `127.0.0.1:${port}`)
    })
  )

  it.live("odd addresses are not found, and break nothing", () =>
    Effect.gen(function* () {
      const { port, rewrite } = yield* SimulatorServer.serve("kraken")
      for (const path of ["/", "//", "/%zz", "/ws.okx.com/ws/v5/public", "/ws.kraken.com"]) {
        const response = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}${path}`))
        assert.strictEqual(response.status, 404, path)
        const socket = open(`ws://127.0.0.1:${port}${path}`)
        yield* socket.ended
        assert.strictEqual(socket.state.status, 404, path)
      }
      yield* open(rewrite("wss://ws.kraken.com/v2")).some(1)
    })
  )

  it.live("a client that does not read is cut off before memory fills", () =>
    Effect.gen(function* () {
      const market = { assets: 1, levels: 5000, updates: 10 }
      const numbers = { inbound: undefined }
      const venue = yield* SimulatorServer.serve("coinbase", { market, numbers, unread: 1_000_000 })
      const socket = open(venue.rewrite("wss://advanced-trade-ws.coinbase.com"))
      yield* Effect.promise(() => new Promise((resolve) => socket.state.socket.once("open", resolve)))
      socket.state.socket.pause()
      const channel = `"product_ids":["BTC-USD"],"channel":"level2"}`
      for (let n = 0; n < 30; n++) {
        socket.state.socket.send(`{"type":"subscribe",${channel}`)
        socket.state.socket.send(`{"type":"unsubscribe",${channel}`)
      }
      yield* Effect.promise(() =>
        vi.waitFor(() => assert.property(venue.simulator.ledger.broken, "slow reader"), 20_000)
      )
      socket.state.socket.resume()
      yield* socket.ended
    })
  )
})
