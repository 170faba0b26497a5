// Proves what a collector is sent, decoded with the official protobufs: the instruments with units, kinds and groups,
// linked spans of dials, and the end of a session as a log record; in JSON and protobuf, with gzip and without; that
// what is refused for the moment (503, 429) is sent again; and that the rest is sent when the scope closes.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Connection from "kharbranth/Connection"
import * as Fault from "kharbranth/testing/Fault"
import * as Reconnect from "kharbranth/Reconnect"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Otlp from "../src/Otlp.ts"
import { collect } from "./support/collector.ts"

const url = "wss://feed.example/path?token=planted"

/** A connection that loses its session once; everything is sent when it is over. */
const program = (layer: ReturnType<typeof Otlp.layerJson>) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    yield* network.serve(url, TestNetwork.echo)
    yield* Effect.gen(function* () {
      const connection = yield* Connection.make("feed", { target: url, reconnect: Reconnect.prompt, tags: ["prices"] })
      yield* network.inject(Fault.reset())
      yield* connection.restart()
    }).pipe(
      Effect.scoped,
      Effect.provide(
        layer.pipe(Layer.provide(FetchHttpClient.layer), Layer.provideMerge(Layer.fresh(Logger.layer([]))))
      ),
      network.provide
    )
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()), Effect.scoped)

type Found = ReadonlyArray<any>

const allOf = (taken: ReadonlyArray<any>, resources: string, scopes: string, items: string): Found =>
  taken.flatMap((request) =>
    request[resources].flatMap((one: any) => one[scopes].flatMap((scope: any) => scope[items] ?? []))
  )

const attributesOf = (given: Found = []): Readonly<Record<string, unknown>> =>
  Object.fromEntries(given.map(({ key, value }) => [key, Object.values(value)[0]]))

const common = { sessionLog: true, resource: { serviceName: "desk" } } as const

const layers = { JSON: Otlp.layerJson, protobuf: Otlp.layerProtobuf }

describe("Otlp", () => {
  for (const [name, layer] of Object.entries(layers)) {
    for (const compression of ["none", "gzip"] as const) {
      it.live(`sends metrics, spans and logs as ${name}, compression ${compression}`, () =>
        Effect.gen(function* () {
          const collector = yield* collect()
          yield* program(layer({ ...common, compression, baseUrl: collector.baseUrl }))
          const [request] = collector.requests
          assert.strictEqual(request?.type, name === "JSON" ? "application/json" : "application/x-protobuf")
          assert.strictEqual(
            collector.requests.some(({ encoding }) => encoding === "gzip"),
            compression === "gzip"
          )

          const metrics = allOf(collector.taken("/v1/metrics"), "resourceMetrics", "scopeMetrics", "metrics")
          const named = (wanted: string) => metrics.find((metric) => metric.name === wanted)
          const dials = named("kharbranth.dials")
          assert.strictEqual(dials.unit, "{dial}")
          assert.isTrue(dials.sum.isMonotonic)
          const [first] = dials.sum.dataPoints
          assert.deepInclude(attributesOf(first.attributes), {
            "kharbranth.group": "prices",
            "server.address": "feed.example",
            "server.port": "443",
            "kharbranth.dial.kind": "first"
          })
          assert.strictEqual(first.asDouble, 1)
          const outages = named("kharbranth.outage.duration")
          assert.strictEqual(outages.unit, "s")
          assert.strictEqual(Number(outages.histogram.dataPoints[0].count), 1)

          const spans = allOf(collector.taken("/v1/traces"), "resourceSpans", "scopeSpans", "spans")
          const traced = spans.filter((span) => span.name === "kharbranth.dial")
          assert.isAtLeast(traced.length, 2)
          const later = traced.find((span) => attributesOf(span.attributes)["kharbranth.epoch"] === traced.length)
          assert.lengthOf(later.links, 1)

          const logs = allOf(collector.taken("/v1/logs"), "resourceLogs", "scopeLogs", "logRecords")
          const ends = logs.filter((log) => attributesOf(log.attributes)["event.name"] === "kharbranth.session.end")
          assert.isAtLeast(ends.length, 2)
          for (const { body } of collector.requests) assert.notInclude(body.toString("latin1"), "planted")
        })
      )
    }
  }

  it.live("sends again what is refused for the moment", () =>
    Effect.gen(function* () {
      const collector = yield* collect([503, 429])
      yield* program(Otlp.layerProtobuf({ ...common, baseUrl: collector.baseUrl, shutdownTimeout: "10 seconds" }))
      for (const path of ["/v1/metrics", "/v1/traces", "/v1/logs"]) {
        const sent = collector.requests.filter((one) => one.path === path)
        assert.deepStrictEqual(
          sent.slice(0, 3).map(({ status }) => status),
          [503, 429, 200],
          path
        )
        const [refused, , taken] = sent
        assert.isTrue(taken?.body.equals(refused!.body), path)
        assert.isNotEmpty(collector.taken(path))
      }
    })
  )
})
