/**
 * A page that Prometheus scrapes, on Effect's own exporter. Everything else in
 * Effect's registry of metrics is on it too.
 *
 * @since 0.1.0
 */
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import type { InvalidOptions } from "kharbranth/ConnectionError"
import { prometheusName } from "./Instruments.ts"
import * as Telemetry from "./Telemetry.ts"

/**
 * How connections are grouped, and where the page is.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Telemetry.Options {
  /** Default: `"/metrics"`. */
  readonly path?: HttpRouter.PathInput | undefined
}

/**
 * Adds the page to your own router. It is open to all who reach that router.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttp = (
  options: Options = {}
): Layer.Layer<Telemetry.Telemetry, InvalidOptions, HttpRouter.HttpRouter> =>
  Layer.merge(
    Telemetry.layer(options),
    PrometheusMetrics.layerHttp({ path: options.path, metricNameMapper: prometheusName })
  )

/**
 * Serves the page, and nothing else, on a server of its own.
 *
 * @example
 * ```ts
 * import * as Prometheus from "@kharbranth/telemetry/Prometheus"
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import * as Layer from "effect/Layer"
 * import { createServer } from "node:http"
 *
 * export const Metrics = Prometheus.layer().pipe(
 *   Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 9464 }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Telemetry.Telemetry, InvalidOptions, HttpServer.HttpServer> =>
  HttpRouter.serve(layerHttp(options), { disableLogger: true, disableListenLog: true })
