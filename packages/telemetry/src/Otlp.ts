/**
 * Metrics, traces and logs sent to an OpenTelemetry collector, on Effect's own
 * exporters. They send batches, repeat what was refused for the moment (429 and
 * 5xx), and send the rest when their scope closes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Otlp from "effect/observability/Otlp"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import type { InvalidOptions } from "kharbranth/ConnectionError"
import * as Telemetry from "./Telemetry.ts"

/**
 * How connections are grouped, and the options of Effect's exporters: the
 * collector's `baseUrl`, `resource`, `headers`, `compression`, intervals.
 *
 * @category options
 * @since 0.1.0
 */
export type Options = Telemetry.Options & Parameters<typeof Otlp.layerJson>[0]

/**
 * The series of telemetry are gone by the time that the exporters' scope
 * closes, so they are sent before. Nothing waits longer than the exporters would.
 */
const flushAtTheEnd = ({ shutdownTimeout = "3 seconds" }: Options) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { flush } = yield* OtlpExporter.Flusher
      yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.interruptible(flush), shutdownTimeout))
    })
  )

const measured = (
  options: Options,
  exporters: ReturnType<typeof Otlp.layerJson>
): Layer.Layer<Telemetry.Telemetry | OtlpExporter.Flusher, InvalidOptions, HttpClient.HttpClient> =>
  flushAtTheEnd(options).pipe(Layer.provideMerge(Telemetry.layer(options)), Layer.provideMerge(exporters))

/**
 * Sends JSON.
 *
 * @example
 * ```ts
 * import * as Otlp from "@kharbranth/telemetry/Otlp"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * export const Observability = Otlp.layerJson({
 *   baseUrl: "http://127.0.0.1:4318",
 *   resource: { serviceName: "desk" },
 *   sessionLog: true
 * }).pipe(Layer.provide(FetchHttpClient.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerJson = (
  options: Options
): Layer.Layer<Telemetry.Telemetry | OtlpExporter.Flusher, InvalidOptions, HttpClient.HttpClient> =>
  measured(options, Otlp.layerJson(options))

/**
 * Sends protobuf, which is smaller.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerProtobuf = (
  options: Options
): Layer.Layer<Telemetry.Telemetry | OtlpExporter.Flusher, InvalidOptions, HttpClient.HttpClient> =>
  measured(options, Otlp.layerProtobuf(options))
