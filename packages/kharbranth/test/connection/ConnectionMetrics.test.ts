// Proves that `report` exports every figure that `metrics` has, under the connection's name, drops by their reason,
// and nothing that there is no figure for yet.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import * as ConnectionMetrics from "../../src/ConnectionMetrics.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"

const url = "wss://echo.example/"

/** What was reported, by name and labels. */
const reported = Effect.map(Metric.snapshot, (all) => {
  const gauges = all.filter((metric) => metric.type === "Gauge" && metric.id.startsWith("kharbranth_"))
  return Object.fromEntries(
    gauges.map(({ attributes, id, state }) => {
      const { connection, ...others } = attributes ?? {}
      assert.strictEqual(connection, "echo")
      return [[id.slice("kharbranth_".length), ...Object.values(others)].join(" "), (state as { value: number }).value]
    })
  )
})

describe("ConnectionMetrics", () => {
  it.effect("reports every figure, and drops by reason", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      const outbox = { whenDown: "drop" } as const
      const connection = yield* network.provide(
        Connection.make("echo", { target: url, codec: Codec.text, outbox, startup: "lazy" })
      )
      yield* ConnectionMetrics.report(connection)
      const before = yield* reported
      assert.deepStrictEqual([before["messages_in"], before["dials"]], [0, 0])
      for (const absent of ["rtt_millis", "rtt_p99_millis", "last_message_at_millis"])
        assert.notProperty(before, absent)

      yield* connection.restart()
      yield* connection.send("hello")
      yield* connection.send("you all")
      assert.strictEqual(yield* connection.receive, "hello")
      yield* Connection.ping(connection)
      yield* TestClock.adjust("3 seconds")
      yield* connection.pause
      yield* TestClock.adjust("1 second")
      for (const lost of ["a", "b"]) yield* connection.send(lost)
      yield* connection.resume
      yield* connection.awaitReady
      yield* TestClock.adjust("5 seconds")
      yield* ConnectionMetrics.report(connection)

      const { dropped, inbox, outbox: waiting, rtt, ...figures } = yield* Connection.metrics(connection)
      const { last, mean, p50, p99 } = rtt ?? assert.fail("there was a ping")
      assert.deepStrictEqual([figures.dials, figures.epoch, inbox.messages, dropped], [2, 2, 1, { down: 2 }])
      const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      const { lastMessageAt, uptime, ...plain } = figures
      const expected: Record<string, number | undefined> = {
        ...Object.fromEntries(Object.entries(plain).map(([name, value]) => [snake(name), value])),
        "uptime_millis": uptime,
        "last_message_at_millis": lastMessageAt,
        "rtt_millis": last,
        "rtt_mean_millis": mean,
        "rtt_p50_millis": p50,
        "rtt_p99_millis": p99,
        "outbox_messages": waiting.messages,
        "outbox_bytes": waiting.bytes,
        "outbox_oldest_age_millis": 0,
        "inbox_messages": inbox.messages,
        "inbox_bytes": inbox.bytes,
        "dropped down": 2
      }
      assert.deepStrictEqual<Record<string, number | undefined>>(yield* reported, expected)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()), Effect.scoped)
  )
})
