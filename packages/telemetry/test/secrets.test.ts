// Proves that no scrape, span or log line shows a secret: urls with passwords and tokens, headers, close reasons and
// payloads are planted in connections that fail in many ways, and searched for in everything that is exported.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { inspect } from "node:util"
import * as Telemetry from "../src/Telemetry.ts"
import { page } from "./support/scrape.ts"

const url = "wss://planted-user:planted-password@feed.example/path?token=planted-token"

const faults: Readonly<Record<string, Fault.Fault>> = {
  "a refused dial": Fault.refuse(),
  "a rejected upgrade": Fault.reject({ status: 401 }),
  "a hanging dial": Fault.hang(),
  "a reset": Fault.reset(),
  "muted pongs": Fault.mutePongs(),
  "a bad certificate": Fault.tlsFailure()
}

describe("no secret is exported", () => {
  for (const [name, fault] of Object.entries(faults)) {
    it.effect(`in ${name}`, () =>
      Effect.gen(function* () {
        const shown: Array<string> = []
        const logger = Logger.make((entry) => void shown.push(Logger.formatJson.log(entry), inspect(entry.message)))
        const spans: Array<Tracer.NativeSpan> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          }
        })
        const network = yield* TestNetwork.make()
        yield* network.serve(url, (peer) =>
          Effect.andThen(
            peer.send("planted-payload"),
            Effect.andThen(Effect.sleep("1 minute"), peer.close(4001, "planted-reason"))
          )
        )
        yield* Effect.gen(function* () {
          const connection = yield* Connection.make("feed", {
            target: { url, headers: { authorization: "Bearer planted-header" } },
            codec: Codec.text,
            reconnect: Reconnect.prompt,
            startup: "background"
          })
          yield* TestClock.adjust("90 seconds")
          yield* network.inject(fault)
          yield* Effect.forkChild(Effect.ignore(Connection.track(connection, "planted-message", { ttl: "1 second" })))
          yield* TestClock.adjust("2 minutes")
          shown.push(yield* page)
        }).pipe(
          Effect.scoped,
          Effect.provide(Telemetry.layer({ sessionLog: true, sessionSpan: true })),
          network.provide,
          Effect.provideService(Tracer.Tracer, tracer),
          Effect.provideService(References.MinimumLogLevel, "All"),
          Effect.provide(Layer.fresh(Logger.layer([logger]))),
          Effect.provideService(Metric.MetricRegistry, new Map())
        )
        const names = new Set(spans.map((span) => span.name))
        assert.deepStrictEqual([...names].toSorted(), ["kharbranth.dial", "kharbranth.session"])
        shown.push(
          inspect(
            spans.map((span) => [span.name, span.attributes, span.status, span.links]),
            { depth: 12 }
          )
        )
        assert.isAbove(shown.length, 10)
        for (const text of shown) assert.notMatch(text, /planted/)
        assert.match(shown.join("\n"), /session \d+ ended/)
      }).pipe(Effect.scoped)
    )
  }
})
