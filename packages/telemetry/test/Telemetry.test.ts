// Proves what the instruments say of connections on a network in memory: states, dials by kind and failure, phases,
// sessions, outages, gaps, drops, deliveries and silence; that counters only rise, also when connections end; that
// figures are as of the scrape; and that nothing stays in the registry once the layer's scope is closed.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { Transport } from "kharbranth/Transport"
import * as Telemetry from "../src/Telemetry.ts"
import { scrape } from "./support/scrape.ts"

const url = "wss://echo.example/"

/** Runs with telemetry, a registry of its own, and an echo server. */
const measured = <E>(
  use: (network: TestNetwork.TestNetwork) => Effect.Effect<unknown, E, Scope.Scope | Transport | Telemetry.Telemetry>,
  options: Telemetry.Options = {}
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    yield* network.serve(url, TestNetwork.echo)
    yield* use(network).pipe(Effect.scoped, Effect.provide(Telemetry.layer(options)), network.provide)
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()), Effect.scoped)

const reconnect = Reconnect.prompt

describe("Telemetry", () => {
  it.effect("counts connections by state, as they are at the scrape", () =>
    measured(() =>
      Effect.gen(function* () {
        const first = yield* Connection.make("a", { target: url })
        yield* Connection.make("b", { target: url, startup: "lazy" })
        const states = () => Effect.map(scrape, (page) => page.by("connections", "kharbranth_state"))
        assert.deepStrictEqual(yield* states(), { connected: 1, disconnected: 1 })
        yield* first.pause
        // In the same turn as the scrape before it.
        assert.deepStrictEqual(yield* states(), { disconnected: 2 })
        assert.deepStrictEqual(yield* states(), { disconnected: 2 })
      })
    )
  )

  it.effect("counts dials by kind and failure, and times their phases", () =>
    measured((network) =>
      Effect.gen(function* () {
        const onOpen = () => Effect.sleep("2 seconds")
        const refuse = Fault.refuse()
        yield* network.inject(refuse)
        const connection = yield* Connection.make("a", { target: url, startup: "background", reconnect, onOpen })
        yield* TestClock.adjust("1 millis")
        yield* network.lift(refuse)
        yield* TestClock.adjust("10 seconds")
        yield* connection.awaitReady
        for (const mode of ["breakFirst", "makeFirst"] as const) {
          yield* Effect.forkChild(connection.restart({ mode }))
          yield* TestClock.adjust("10 seconds")
        }
        const page = yield* scrape
        const dials = page.all("dials_total").filter(({ value }) => value > 0)
        assert.sameDeepMembers(
          dials.map(({ labels, value }) => [labels["kharbranth_dial_kind"], labels["error_type"], value]),
          [
            ["first", "DialFailed", 1],
            ["first", undefined, 1],
            ["reconnect", undefined, 1],
            ["rotation", undefined, 1]
          ]
        )
        for (const kharbranth_phase of ["connect", "open", "ready"]) {
          assert.strictEqual(page.sum("dial_duration_seconds_count", { kharbranth_phase }), 3)
        }
        const open = page.sum("dial_duration_seconds_sum", { kharbranth_phase: "open" })
        assert.closeTo(open ?? 0, 6, 0.01)
        const connect = page.sum("dial_duration_seconds_sum", { kharbranth_phase: "connect" })
        const ready = page.sum("dial_duration_seconds_sum", { kharbranth_phase: "ready" })
        assert.closeTo(ready ?? 0, 6 + (connect ?? 0), 0.01)
        const times = page.all("dial_time_seconds_total")
        assert.includeMembers(
          times.map(({ labels }) => labels["kharbranth_phase"]),
          ["tcp", "http", "open"]
        )
        assert.closeTo(page.sum("dial_time_seconds_total", { kharbranth_phase: "open" }) ?? 0, 6, 0.01)
        assert.closeTo(page.sum("dial_time_seconds_total", {}) ?? 0, ready ?? 0, 0.05)
        assert.deepStrictEqual(page.all("dials_total")[0]?.labels, {
          kharbranth_group: "default",
          server_address: "echo.example",
          server_port: "443",
          kharbranth_dial_kind: "first"
        })
      })
    )
  )

  it.effect("times sessions and outages, and counts gaps by their cause", () =>
    measured((network) =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("a", { target: url, reconnect })
        yield* TestClock.adjust("100 seconds")
        const hang = Fault.hang()
        yield* network.inject(Fault.reset())
        yield* network.inject(hang)
        yield* TestClock.adjust("9 seconds")
        assert.isUndefined((yield* scrape).sum("outage_duration_seconds_count"))
        yield* network.lift(hang)
        yield* TestClock.adjust("30 seconds")
        yield* connection.awaitReady
        const page = yield* scrape
        assert.deepStrictEqual(page.by("gaps_total", "error_type"), { ConnectionDropped: 1 })
        assert.deepStrictEqual(page.by("session_duration_seconds_count", "error_type"), { ConnectionDropped: 1 })
        assert.closeTo(page.sum("session_duration_seconds_sum") ?? 0, 100, 0.1)
        assert.deepStrictEqual(page.by("outage_duration_seconds_count", "error_type"), { ConnectionDropped: 1 })
        const outage = page.sum("outage_duration_seconds_sum") ?? 0
        assert.isAtLeast(outage, 9)
        assert.isAtMost(outage, 30)

        // A rotation and a pause are no outages, and the session's end is not an error.
        yield* connection.restart({ mode: "makeFirst" })
        yield* TestClock.adjust("1 minute")
        yield* connection.pause
        yield* TestClock.adjust("1 hour")
        yield* connection.resume
        yield* connection.awaitReady
        const later = yield* scrape
        assert.strictEqual(later.sum("outage_duration_seconds_count"), 1)
        assert.deepStrictEqual(later.by("session_duration_seconds_count", "error_type"), {
          "ConnectionDropped": 1,
          "": 2
        })
      })
    )
  )

  it.effect("counts what passes, and keeps counting when connections end", () =>
    measured(() =>
      Effect.gen(function* () {
        const exchange = (name: string) =>
          Effect.gen(function* () {
            const { receive, send } = yield* Connection.make(name, { target: url, codec: Codec.text })
            yield* send("hello")
            yield* receive
          })
        yield* exchange("a")
        const totals = Effect.map(scrape, (page) => [
          page.by("messages_total", "network_io_direction"),
          page.by("io_bytes_total", "network_io_direction")
        ])
        const once = [
          { receive: 1, transmit: 1 },
          { receive: 5, transmit: 5 }
        ]
        assert.deepStrictEqual(yield* totals, once)
        assert.deepStrictEqual(yield* totals, once)
        yield* Effect.scoped(exchange("b"))
        assert.deepStrictEqual(yield* totals, [
          { receive: 2, transmit: 2 },
          { receive: 10, transmit: 10 }
        ])
        assert.strictEqual((yield* scrape).sum("connections"), 1)
      })
    )
  )

  it.effect("counts drops by place and reason, and deliveries by outcome", () =>
    measured(() =>
      Effect.gen(function* () {
        const connection = yield* Connection.make("a", { target: url, codec: Codec.text })
        yield* Effect.asVoid(Connection.track(connection, "arrives"))
        yield* TestClock.adjust("1 minute")
        yield* connection.pause
        yield* connection.send("nobody", { whenDown: "drop" })
        yield* Effect.asVoid(Connection.track(connection, "waits", { ttl: "5 seconds" }))
        const held = yield* scrape
        assert.strictEqual(held.sum("outbox_messages"), 1)
        assert.strictEqual(held.sum("outbox_size_bytes"), 5)
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual((yield* scrape).sum("outbox_age_seconds"), 3)
        yield* TestClock.adjust("3 seconds")
        const page = yield* scrape
        assert.deepStrictEqual(page.by("messages_dropped_total", "kharbranth_reason"), { down: 1, expired: 1 })
        assert.deepStrictEqual(page.by("messages_dropped_total", "kharbranth_where"), { outbox: 2 })
        assert.deepStrictEqual(page.by("deliveries_total", "kharbranth_outcome"), { confirmed: 1, expired: 1 })
        assert.strictEqual(page.sum("outbox_age_seconds"), 0)
      })
    )
  )

  it.effect("shows what waits for a reader, the longest silence, round trips and missed probes", () =>
    measured((network) =>
      Effect.gen(function* () {
        const chatty = yield* Connection.make("a", { target: url, codec: Codec.text, reconnect })
        yield* Connection.make("b", { target: url, reconnect })
        yield* TestClock.adjust("30 seconds")
        yield* chatty.send("hello")
        yield* TestClock.adjust("10 seconds")
        const page = yield* scrape
        assert.deepStrictEqual([page.sum("inbox_messages"), page.sum("inbox_size_bytes")], [1, 5])
        assert.closeTo(page.sum("silence_seconds") ?? 0, 40, 0.1)
        assert.isAtLeast(page.sum("rtt_seconds_count") ?? 0, 2)
        yield* network.inject(Fault.mutePongs())
        yield* TestClock.adjust("2 minutes")
        assert.isAtLeast((yield* scrape).sum("probes_missed_total") ?? 0, 2)
      })
    )
  )

  it.effect("exports a manager's budget", () =>
    measured((network) =>
      Effect.gen(function* () {
        const manager = yield* ConnectionManager.ConnectionManager
        const refuse = Fault.refuse()
        yield* network.inject(refuse)
        for (const name of ["a", "b", "c"]) {
          yield* manager.connect(name, { target: url, startup: "background", reconnect })
        }
        yield* TestClock.adjust("2 seconds")
        yield* scrape
        const page = yield* scrape
        assert.deepStrictEqual(page.by("budget_breaker", "kharbranth_key"), { "wss://echo.example": 1 })
        assert.isAtLeast(page.sum("budget_waiting") ?? 0, 1)
        yield* network.lift(refuse)
        for (let second = 0; second < 90; second++) yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* scrape).sum("budget_breaker"), 0)
        assert.strictEqual((yield* scrape).sum("budget_waiting"), 0)
      }).pipe(
        Effect.provide(
          Layer.provideMerge(
            Telemetry.layerManager,
            ConnectionManager.layer({ budget: { policy: { breaker: { failures: 2 } } } })
          )
        )
      )
    )
  )

  it.effect("exports topics by state, until their scope closes", () =>
    measured(() =>
      Effect.gen(function* () {
        const { watchSubscriptions } = yield* Telemetry.Telemetry
        const figures = Effect.succeed({ topics: 9, confirmed: 6, quarantined: 1 })
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* watchSubscriptions({ figures }, "prices")
            assert.deepStrictEqual((yield* scrape).by("subscriptions", "kharbranth_state"), {
              confirmed: 6,
              pending: 2,
              quarantined: 1
            })
          })
        )
        assert.isUndefined((yield* scrape).sum("subscriptions"))
      })
    )
  )

  it.effect("leaves nothing in the registry", () =>
    Effect.gen(function* () {
      const registry = new Map()
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("a", { target: url })
        yield* connection.restart()
        yield* scrape
        assert.isAbove(registry.size, 20)
      }).pipe(
        Effect.scoped,
        Effect.provide(Telemetry.layer()),
        network.provide,
        Effect.provideService(Metric.MetricRegistry, registry)
      )
      assert.strictEqual(registry.size, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("refuses options that make no sense", () =>
    Effect.gen(function* () {
      for (const options of [{ maxGroups: 0 }, { perConnection: { max: 1.5 } }]) {
        const error = yield* Effect.flip(Effect.provide(Effect.void, Telemetry.layer(options)))
        assert.strictEqual(error._tag, "InvalidOptions")
      }
    })
  )
})
