// Proves that each fault does to a connection what its name says, lasts as long as it says, and concerns nobody else;
// that healing passes on what was held back; and that a transport without a dashboard is the transport itself.
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { Transport } from "kharbranth/Transport"
import { WebSocketServer } from "ws"
import * as Devtools from "../src/Devtools.ts"
import { CurrentFaults } from "../src/internal/faults/faults.ts"
import type { FaultName } from "../src/internal/wire/wire.ts"
import { rig } from "./support/rig.ts"
import { until } from "./support/server.ts"

const url = "wss://feed.example/"

const options = {
  target: url,
  codec: Codec.text,
  reconnect: Reconnect.prompt,
  heartbeat: Heartbeat.ping({ every: "20 seconds", timeout: "10 seconds" })
} as const

/** Two connections that a viewer may break, the first by its number. */
const broken = Effect.fnUntraced(function* (platform: "node" | "browser" = "node") {
  const network = yield* TestNetwork.make({ seed: 1, capabilities: platform === "browser" ? { pause: false } : {} })
  const server = yield* network.serve(url, TestNetwork.echo)
  yield* network.serve("wss://other.example/", TestNetwork.echo)
  const { look, provide, faults } = yield* rig({ faults: true })
  const transport = Layer.effectContext(Effect.map(network.provide(Transport), (real) => Context.make(Transport, real)))
  const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.provide(Devtools.faulty(transport)), network.provide, provide)
  const [one, two] = yield* within(
    Effect.all([
      Connection.make("one", options),
      Connection.make("two", { ...options, target: "wss://other.example/" })
    ])
  )
  const { say, seen } = yield* look
  let ask = 0
  const cause = Effect.fnUntraced(function* (
    fault: FaultName | "heal",
    where: { id: number } | { origin: string } = { id: 1 }
  ) {
    say({ t: "break", ask: ++ask, fault, where })
    yield* TestClock.adjust(0)
    const outcome = seen.last("outcome")
    assert.deepStrictEqual([outcome?.ask, outcome?.ok], [ask, true], outcome?.text)
    return outcome?.text ?? ""
  })
  return { network, server, one, two, cause, seen, faults }
})

const epochOf = (connection: Connection.Any) =>
  Effect.map(connection.state.get, (state) => (state._tag === "Connected" ? state.epoch : undefined))

describe("a fault", () => {
  it.effect("half-open: silence in both directions, until the connection notices", () =>
    Effect.gen(function* () {
      const { cause, one, seen, two } = yield* broken()
      assert.isTrue(seen.last("hello")?.faults)
      assert.match(yield* cause("half-open"), /^1 session went silent/)
      yield* one.send("unheard")
      yield* two.send("heard")
      assert.strictEqual(yield* two.receive, "heard")
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* epochOf(one), 1)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* epochOf(one), 2)
      assert.strictEqual(yield* epochOf(two), 1)
      yield* one.send("again")
      assert.strictEqual(yield* one.receive, "again")
    })
  )

  for (const platform of ["node", "browser"] as const) {
    it.effect(`half-open: healing delivers what was held back, in order (${platform})`, () =>
      Effect.gen(function* () {
        const { cause, one } = yield* broken(platform)
        yield* one.send("1")
        yield* cause("half-open")
        for (const text of ["2", "3", "4"]) yield* one.send(text)
        yield* TestClock.adjust("2 seconds")
        yield* cause("heal")
        const received: Array<string> = []
        for (let n = 0; n < 4; n++) received.push(yield* one.receive)
        assert.deepStrictEqual(received, ["1", "2", "3", "4"])
        assert.strictEqual(yield* epochOf(one), 1)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* epochOf(one), 1)
      })
    )
  }

  it.effect("half-open: what waits to be written is seen as unsent, and writing goes on when it has left", () =>
    Effect.gen(function* () {
      const { cause, one } = yield* broken()
      yield* cause("half-open")
      const text = "x".repeat(100_000)
      let sent = 0
      yield* Effect.forkScoped(
        Effect.forEach(Array.from({ length: 10 }), () =>
          Effect.andThen(
            one.send(text),
            Effect.sync(() => sent++)
          )
        )
      )
      yield* TestClock.adjust("1 second")
      assert.isBelow(sent, 5)
      yield* cause("heal")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(sent, 10)
    })
  )

  it.effect("cut: the session ends, and the next one works", () =>
    Effect.gen(function* () {
      const { cause, one, two } = yield* broken()
      assert.strictEqual(yield* cause("cut"), "1 session cut")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([yield* epochOf(one), yield* epochOf(two)], [2, 1])
    })
  )

  it.effect("1013: the session ends as the server would end it", () =>
    Effect.gen(function* () {
      const { cause, one, seen } = yield* broken()
      yield* cause("1013")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* epochOf(one), 2)
      assert.match(seen.rows[0]?.why ?? "", /1013/)
    })
  )

  it.effect("401: dials are refused until it is healed, and then a restart works", () =>
    Effect.gen(function* () {
      const { cause, one, two } = yield* broken()
      yield* cause("401")
      yield* TestClock.adjust("1 minute")
      const state = yield* one.state.get
      assert.strictEqual(state._tag, "Failed")
      if (state._tag === "Failed") assert.strictEqual(state.error._tag, "HandshakeRejected")
      yield* cause("heal")
      yield* one.restart()
      assert.strictEqual((yield* one.state.get)._tag, "Connected")
      assert.strictEqual(yield* epochOf(two), 1)
    })
  )

  it.effect("slow: everything takes longer, in order, dials too, until it is healed", () =>
    Effect.gen(function* () {
      const { cause, one } = yield* broken()
      yield* cause("slow")
      yield* one.send("1")
      yield* one.send("2")
      const received: Array<string> = []
      yield* Effect.forkScoped(Effect.forever(Effect.map(one.receive, (text) => received.push(text))))
      yield* TestClock.adjust("2900 millis")
      assert.deepStrictEqual(received, [])
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(received, ["1", "2"])
      yield* cause("cut")
      yield* TestClock.adjust("1400 millis")
      assert.strictEqual(yield* epochOf(one), undefined)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* epochOf(one), 2)
      yield* cause("heal")
      yield* one.send("3")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(received, ["1", "2", "3"])
    })
  )

  it.effect("concerns all connections of an origin, where that was asked for", () =>
    Effect.gen(function* () {
      const { cause, one, two } = yield* broken()
      assert.strictEqual(yield* cause("cut", { origin: "wss://other.example" }), "1 session cut")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([yield* epochOf(one), yield* epochOf(two)], [1, 2])
      assert.strictEqual(yield* cause("cut", { origin: "wss://nobody.example" }), "0 sessions cut")
    })
  )
})

describe("without a dashboard", () => {
  it.effect("a faulty transport is the transport itself", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const real = yield* network.provide(Transport)
      const faulty = Devtools.faulty(Layer.succeed(Transport, real))
      assert.strictEqual(yield* Effect.provide(Transport, faulty), real)
      const { look, provide } = yield* rig()
      assert.strictEqual(yield* Effect.provide(Transport, Layer.fresh(faulty)).pipe(provide), real)
      assert.isFalse((yield* look).seen.last("hello")?.faults)
    })
  )

  it.effect("a viewer is told what is missing", () =>
    Effect.gen(function* () {
      const { look } = yield* rig({ faults: true })
      const { say, seen } = yield* look
      say({ t: "break", ask: 1, fault: "cut", where: { id: 1 } })
      yield* TestClock.adjust(0)
      assert.match(seen.last("outcome")?.text ?? "", /Devtools\.faulty/)
    })
  )
})

describe("on real sockets", () => {
  it.live("a silence, a cut and a refusal are noticed and survived", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.callback<WebSocketServer>((resume) => {
          const made: WebSocketServer = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () =>
            resume(Effect.succeed(made))
          )
          made.on("connection", (socket) => socket.on("message", (data: Buffer) => socket.send(data.toString())))
        }),
        (made) =>
          Effect.sync(() => {
            for (const client of made.clients) client.terminate()
            made.close()
          })
      )
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const { faults, look, provide } = yield* rig({ faults: true })
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("real", {
          ...options,
          target: `ws://127.0.0.1:${port}/`,
          heartbeat: Heartbeat.ping({ every: "200 millis", timeout: "200 millis" })
        })
        const { seen } = yield* look
        const where = { origin: `ws://127.0.0.1:${port}` }
        const reaches = (epoch: number) =>
          until(() => {
            const state = connection.state.getUnsafe()
            return state._tag === "Connected" && state.epoch === epoch
          })
        faults?.cause("half-open", where)
        yield* reaches(2)
        faults?.cause("cut", where)
        yield* reaches(3)
        faults?.cause("401", where)
        yield* until(() => connection.state.getUnsafe()._tag === "Failed")
        faults?.cause("heal", where)
        yield* connection.restart()
        yield* connection.send("alive")
        assert.strictEqual(yield* connection.receive, "alive")
        yield* until(() => seen.rows[0]?.state === "Connected")
      }).pipe(Effect.scoped, Effect.provide(Devtools.faulty(NodeTransport.layer)), provide)
      assert.isDefined(CurrentFaults)
    })
  )
})
