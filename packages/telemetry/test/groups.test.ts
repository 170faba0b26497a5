// Proves how connections are grouped: by first tag and server or by your function, at most so many groups whatever
// comes, by name only on demand and at most so many, whose series go with the connection; that a connection which
// moves to another server is counted there from then on; and that names and values stay what they are on the page.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { Transport } from "kharbranth/Transport"
import * as Telemetry from "../src/Telemetry.ts"
import { page, scrape } from "./support/scrape.ts"

const url = "wss://echo.example/"

const measured = <E>(
  options: Telemetry.Options,
  use: (network: TestNetwork.TestNetwork) => Effect.Effect<unknown, E, Scope.Scope | Transport>
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    for (const host of [url, "wss://b.example:8443/"]) yield* network.serve(host, TestNetwork.echo)
    yield* use(network).pipe(Effect.scoped, Effect.provide(Telemetry.layer(options)), network.provide)
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()), Effect.scoped)

const groups = Effect.map(scrape, (found) => found.by("connections", "kharbranth_group"))

describe("groups", () => {
  it.effect("are first tags, or what your function says", () =>
    Effect.gen(function* () {
      const make = Effect.gen(function* () {
        yield* Connection.make("binance/btc", { target: url, tags: ["spot", "fast"] })
        yield* Connection.make("binance/eth", { target: url })
        return yield* groups
      })
      yield* measured({}, () => Effect.map(make, (found) => assert.deepStrictEqual(found, { default: 1, spot: 1 })))
      const group = ({ name }: { readonly name: string }) => name.split("/")[0] ?? ""
      yield* measured({ group }, () => Effect.map(make, (found) => assert.deepStrictEqual(found, { binance: 2 })))
    })
  )

  it.effect("are no more than allowed, whatever comes", () =>
    measured({ maxGroups: 3 }, () =>
      Effect.gen(function* () {
        for (let n = 0; n < 10; n++) yield* Connection.make(`feed ${n}`, { target: url, tags: [`tag ${n}`] })
        const found = yield* groups
        assert.deepStrictEqual(found, { "tag 0": 1, "tag 1": 1, "tag 2": 1, "other": 7 })
        const [other] = (yield* scrape).all("dials_total", { kharbranth_group: "other" })
        assert.notProperty(other?.labels, "server_address")
      })
    )
  )

  it.effect("have as many series for a hundred connections as for one", () =>
    Effect.gen(function* () {
      const lines = (count: number) => {
        let found = 0
        const counted = measured({}, () =>
          Effect.gen(function* () {
            for (let n = 0; n < count; n++) yield* Connection.make(`feed ${n}`, { target: url })
            found = (yield* page).split("\n").length
          })
        )
        return Effect.map(counted, () => found)
      }
      assert.strictEqual(yield* lines(100), yield* lines(1))
    })
  )

  it.effect("are single connections on demand, at most so many, and only while there are any", () =>
    measured({ perConnection: { max: 2 } }, () =>
      Effect.gen(function* () {
        const names = Effect.map(scrape, (found) => found.by("connections", "kharbranth_connection"))
        yield* Connection.make("a", { target: url })
        yield* Effect.scoped(
          Effect.gen(function* () {
            for (const name of ["b", "c", "d"]) yield* Connection.make(name, { target: url })
            assert.deepStrictEqual(yield* names, { a: 1, b: 1, other: 2 })
          })
        )
        assert.deepStrictEqual(yield* names, { a: 1 })
        assert.notInclude(yield* page, `kharbranth_connection="b"`)
        yield* Connection.make("e", { target: url })
        assert.deepStrictEqual(yield* names, { a: 1, e: 1 })
      })
    )
  )

  it.effect("of a single connection go when it moves to another server", () =>
    measured({ perConnection: { max: 2 } }, (network) =>
      Effect.gen(function* () {
        const target = { url: [url, "wss://b.example:8443/"] }
        yield* Connection.make("a", { target, reconnect: Reconnect.prompt })
        yield* network.inject(Fault.refuse({ host: "echo.example" }))
        yield* network.inject(Fault.reset({ host: "echo.example" }))
        for (let second = 0; second < 20; second++) yield* TestClock.adjust("1 second")
        const servers = (yield* scrape).all("connections").map(({ labels }) => labels["server_address"])
        assert.deepStrictEqual([...new Set(servers)], ["b.example"])
      })
    )
  )

  it.effect("follow a connection to another server, and leave there what it has counted", () =>
    measured({}, (network) =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("a", {
          target: { url: [url, "wss://b.example:8443/"] },
          codec: Codec.text,
          reconnect: Reconnect.prompt
        })
        const exchange = Effect.andThen(connection.send("hello"), connection.receive)
        yield* exchange
        const refuse = Fault.refuse({ host: "echo.example" })
        yield* network.inject(refuse)
        yield* network.inject(Fault.reset({ host: "echo.example" }))
        for (let second = 0; second < 20; second++) yield* TestClock.adjust("1 second")
        yield* exchange
        yield* exchange
        const found = yield* scrape
        assert.deepStrictEqual(found.by("connections", "server_address"), { "b.example": 1 })
        const sent = found.all("messages_total", { network_io_direction: "transmit" })
        assert.sameDeepMembers(
          sent.map(({ labels, value }) => [labels["server_address"], labels["server_port"], value]),
          [
            ["echo.example", "443", 1],
            ["b.example", "8443", 2]
          ]
        )
      })
    )
  )

  it.effect("may have any name", () =>
    measured({}, () =>
      Effect.gen(function* () {
        const name = `a "quoted" \\ name,\n of {two} lines`
        yield* Connection.make("a", { target: url, tags: [name] })
        const line = (yield* page).split("\n").find((one) => one.startsWith("kharbranth_connections{"))
        assert.include(line, String.raw`kharbranth_group="a \"quoted\" \\ name,\n of {two} lines"`)
      })
    )
  )
})
